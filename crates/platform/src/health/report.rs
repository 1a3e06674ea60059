//! The content of `/health/ready`.

use chrono::{DateTime, Utc};
use serde::Serialize;

/// State of the process.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    /// All dependencies are up.
    Ready,
    /// All required dependencies are up; an optional dependency is not.
    Degraded,
    /// A required dependency has not been up yet, and no required dependency is down.
    Starting,
    /// A required dependency is down.
    Down,
    /// The process is shutting down.
    Draining,
}

impl Status {
    /// Whether requests should be sent to the process.
    pub fn is_ready(self) -> bool {
        matches!(self, Status::Ready | Status::Degraded)
    }
}

/// State of the process and of each dependency.
#[derive(Debug, Clone, Serialize)]
pub struct Report {
    /// State of the process.
    pub status: Status,
    /// The dependencies, in the order of their registration.
    pub components: Vec<ComponentReport>,
}

/// State of a dependency.
#[derive(Debug, Clone, Serialize)]
pub struct ComponentReport {
    /// Name of the dependency.
    pub name: &'static str,
    /// Whether the process is ready only while the dependency is up.
    pub required: bool,
    /// `starting`, `up` or `down`.
    pub state: &'static str,
    /// Reason for `down`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Instant of the last change of the state.
    pub since: DateTime<Utc>,
}

impl Report {
    pub(super) fn of(components: Vec<ComponentReport>, draining: bool) -> Self {
        let any =
            |required: bool, state: &str| components.iter().any(|it| it.required == required && it.state == state);
        let status = match draining {
            true => Status::Draining,
            false if any(true, "down") => Status::Down,
            false if any(true, "starting") => Status::Starting,
            false if any(false, "down") || any(false, "starting") => Status::Degraded,
            false => Status::Ready,
        };
        Report { status, components }
    }
}
