//! One dependency of the process and its state. [`super::Health`] holds all of them.

use super::report::ComponentReport;
use crate::metric_names::DEPENDENCY_UP;
use chrono::{DateTime, Utc};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// A dependency. Clones share their state. Reporting `up` repeatedly costs one atomic read.
#[derive(Clone)]
pub struct Component(Arc<Inner>);

struct Inner {
    name: &'static str,
    need: Need,
    /// Copy of `state`, so that a worker can cheaply report `up` after every success.
    is_up: AtomicBool,
    state: Mutex<(State, DateTime<Utc>)>,
    /// Whether changes are logged and measured.
    is_reported: bool,
}

/// Effect of an unavailable dependency on the process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Need {
    /// The process is not ready.
    Required,
    /// The process is degraded, but ready.
    Optional,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum State {
    Starting,
    Up,
    Down { reason: String },
}

impl Component {
    pub(super) fn starting(name: &'static str, need: Need) -> Self {
        metrics::gauge!(DEPENDENCY_UP, "dependency" => name).set(0.0);
        Component::new(name, need, true)
    }

    /// A dependency of a command that ends with its first error: nobody asks for the health of its process, so changes are
    /// neither logged nor measured.
    pub fn unreported(name: &'static str) -> Self {
        Component::new(name, Need::Required, false)
    }

    fn new(name: &'static str, need: Need, is_reported: bool) -> Self {
        let state = Mutex::new((State::Starting, Utc::now()));
        Component(Arc::new(Inner { name, need, is_up: AtomicBool::new(false), state, is_reported }))
    }

    /// Reports that the dependency works.
    pub fn up(&self) {
        if self.0.is_up.load(Ordering::Relaxed) {
            return;
        }
        let mut state = self.state();
        if state.0 == State::Up {
            return;
        }
        *state = (State::Up, Utc::now());
        self.0.is_up.store(true, Ordering::Relaxed);
        if self.0.is_reported {
            metrics::gauge!(DEPENDENCY_UP, "dependency" => self.0.name).set(1.0);
            tracing::info!(dependency = self.0.name, "dependency is up");
        }
    }

    /// Reports that the dependency does not work. While it is down, a new reason replaces the previous one; only the first is logged.
    pub fn down(&self, reason: impl Into<String>) {
        let reason = reason.into();
        let mut state = self.state();
        if let State::Down { reason: known } = &mut state.0 {
            *known = reason;
            return;
        }
        if self.0.is_reported {
            tracing::warn!(dependency = self.0.name, reason, "dependency is down");
            metrics::gauge!(DEPENDENCY_UP, "dependency" => self.0.name).set(0.0);
        }
        *state = (State::Down { reason }, Utc::now());
        self.0.is_up.store(false, Ordering::Relaxed);
    }

    /// Whether the last report was `up`.
    pub fn is_up(&self) -> bool {
        self.0.is_up.load(Ordering::Relaxed)
    }

    /// Name of the dependency.
    pub fn name(&self) -> &'static str {
        self.0.name
    }

    pub(super) fn report(&self) -> ComponentReport {
        let (state, since) = self.state().clone();
        let (state, reason) = match state {
            State::Starting => ("starting", None),
            State::Up => ("up", None),
            State::Down { reason } => ("down", Some(reason)),
        };
        ComponentReport { name: self.0.name, required: self.0.need == Need::Required, state, reason, since }
    }

    fn state(&self) -> MutexGuard<'_, (State, DateTime<Utc>)> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn repeating_a_state_keeps_its_instant() {
        let component = Component::starting("kafka", Need::Required);
        component.down("refused");
        let first = component.report();
        component.down("timed out");
        let second = component.report();
        assert_eq!(second.since, first.since);
        assert_eq!(second.reason.as_deref(), Some("timed out"));
    }

    #[test]
    fn up_again_after_down_has_no_reason() {
        let component = Component::starting("kafka", Need::Optional);
        component.up();
        component.down("refused");
        component.up();
        assert!(component.is_up());
        assert_eq!((component.report().state, component.report().reason), ("up", None));
    }
}
