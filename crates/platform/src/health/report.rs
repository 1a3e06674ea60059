//! What `/health/ready` says, as a value.

use chrono::{DateTime, Utc};
use serde::Serialize;

/// The process as a whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    /// Everything is up.
    Ready,
    /// Everything required is up, something optional is not.
    Degraded,
    /// Something required was not up yet, and nothing required is known to be down.
    Starting,
    /// Something required is down.
    Down,
    /// About to stop.
    Draining,
}

impl Status {
    /// Whether to send requests.
    pub fn is_ready(self) -> bool {
        matches!(self, Status::Ready | Status::Degraded)
    }
}

/// The process and each of its dependencies.
#[derive(Debug, Clone, Serialize)]
pub struct Report {
    /// The process as a whole.
    pub status: Status,
    /// In the order in which they were registered.
    pub components: Vec<ComponentReport>,
}

/// One dependency.
#[derive(Debug, Clone, Serialize)]
pub struct ComponentReport {
    /// Its name.
    pub name: &'static str,
    /// Whether the process needs it to be ready.
    pub required: bool,
    /// `starting`, `up` or `down`.
    pub state: &'static str,
    /// Why it is down.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// When it entered this state.
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
