//! Health of this process: the state of each dependency and since when it lasts. Served by [`crate::admin`]. A worker holds a [`Component`]
//! and reports `up` or `down` after every attempt; only changes are logged.

mod component;
mod report;

pub use component::Component;
use component::Need;
pub use report::{ComponentReport, Report, Status};

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// The dependencies of a process. Clones share their state.
#[derive(Clone, Default)]
pub struct Health(Arc<Inner>);

#[derive(Default)]
struct Inner {
    components: Mutex<Vec<Component>>,
    draining: AtomicBool,
}

impl Health {
    /// Health of a process without dependencies.
    pub fn new() -> Self {
        Self::default()
    }

    /// Registers a required dependency. A name that is registered already returns the same component.
    pub fn component(&self, name: &'static str) -> Component {
        self.add(name, Need::Required)
    }

    /// Registers an optional dependency: if it is down, the process is degraded, but ready.
    pub fn optional(&self, name: &'static str) -> Component {
        self.add(name, Need::Optional)
    }

    /// Reports the process as not ready from now on, because it is shutting down.
    pub fn drain(&self) {
        self.0.draining.store(true, Ordering::Relaxed);
    }

    /// Whether requests should be sent to the process.
    pub fn is_ready(&self) -> bool {
        self.report().status.is_ready()
    }

    /// The state of the process and of all dependencies.
    pub fn report(&self) -> Report {
        let components = self.components().iter().map(Component::report).collect();
        Report::of(components, self.0.draining.load(Ordering::Relaxed))
    }

    fn add(&self, name: &'static str, need: Need) -> Component {
        let mut components = self.components();
        if let Some(known) = components.iter().find(|component| component.name() == name) {
            return known.clone();
        }
        let component = Component::starting(name, need);
        components.push(component.clone());
        component
    }

    fn components(&self) -> MutexGuard<'_, Vec<Component>> {
        self.0.components.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ready_when_everything_required_is_up() {
        let health = Health::new();
        let (postgres, kafka) = (health.component("postgres"), health.component("kafka"));
        assert_eq!(health.report().status, Status::Starting);
        postgres.up();
        assert_eq!(health.report().status, Status::Starting);
        kafka.up();
        assert_eq!(health.report().status, Status::Ready);
        postgres.down("connection refused");
        assert_eq!(health.report().status, Status::Down);
        assert!(!health.is_ready());
    }

    #[test]
    fn an_unavailable_optional_dependency_only_degrades() {
        let health = Health::new();
        health.component("postgres").up();
        health.optional("redis").down("timed out");
        assert_eq!(health.report().status, Status::Degraded);
        assert!(health.is_ready());
    }

    #[test]
    fn draining_is_not_ready() {
        let health = Health::new();
        health.component("postgres").up();
        health.drain();
        assert_eq!(health.report().status, Status::Draining);
        assert!(!health.is_ready());
    }

    #[test]
    fn a_name_identifies_one_component() {
        let health = Health::new();
        health.component("postgres").up();
        health.component("postgres").down("gone");
        assert_eq!(health.report().components.len(), 1);
        assert!(!health.is_ready());
    }
}
