//! Whether this process is well: its dependencies, each up or down and since when. Served by [`crate::admin`]; workers hold a
//! [`Component`] and say `up` or `down` as often as they like, only a change is logged.

mod component;
mod report;

pub use component::Component;
pub use report::{ComponentReport, Report, Status};

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// The dependencies of a process. Cheap to clone; clones share.
#[derive(Clone, Default)]
pub struct Health(Arc<Inner>);

#[derive(Default)]
struct Inner {
    components: Mutex<Vec<Component>>,
    draining: AtomicBool,
}

/// What a dependency that is down means for the process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Need {
    /// It cannot serve.
    Required,
    /// It serves slower or less.
    Optional,
}

impl Health {
    /// No dependencies yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// A dependency without which the process is not ready. The same name gives the same component.
    pub fn component(&self, name: &'static str) -> Component {
        self.add(name, Need::Required)
    }

    /// A dependency that the process can do without: down, it makes the process degraded, still ready.
    pub fn optional(&self, name: &'static str) -> Component {
        self.add(name, Need::Optional)
    }

    /// From now on not ready, whatever the dependencies do: the process is about to stop.
    pub fn drain(&self) {
        self.0.draining.store(true, Ordering::Relaxed);
    }

    /// Whether the process should be sent requests.
    pub fn is_ready(&self) -> bool {
        self.report().status.is_ready()
    }

    /// Everything there is to say.
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
    fn an_optional_dependency_degrades_only() {
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
    fn a_name_is_one_component() {
        let health = Health::new();
        health.component("postgres").up();
        health.component("postgres").down("gone");
        assert_eq!(health.report().components.len(), 1);
        assert!(!health.is_ready());
    }
}
