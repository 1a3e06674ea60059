//! Whether the log answers: for the health report, and for callers, who are refused at once while the log is down.
//!
//! One lost answer is not an outage: commands that wait are decided a moment later, after a restart of the database too. New
//! commands are refused when the log has not answered for as long as one statement may take; commands that were accepted
//! before are settled as always.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use platform::health::Component;

/// What the writer knows of the log's health. Cheap to clone; clones share.
#[derive(Clone)]
pub(super) struct LogHealth(Arc<Inner>);

struct Inner {
    health: Component,
    /// How long the log may be silent.
    limit: Duration,
    /// Mirrors `silent_since`, so that a command costs one atomic read.
    is_silent: AtomicBool,
    /// When what has no answer yet was asked first.
    silent_since: Mutex<Option<Instant>>,
}

impl LogHealth {
    /// Nothing is known yet.
    pub(super) fn new(health: Component, limit: Duration) -> LogHealth {
        let (is_silent, silent_since) = (AtomicBool::new(false), Mutex::new(None));
        LogHealth(Arc::new(Inner { health, limit, is_silent, silent_since }))
    }

    /// The log has answered.
    pub(super) fn up(&self) {
        if self.is_silent() {
            *self.silent_since() = None;
            self.0.is_silent.store(false, Ordering::Relaxed);
        }
        self.0.health.up();
    }

    /// What was asked at this instant has no answer, or none that is of any use.
    pub(super) fn down(&self, asked: Instant, reason: String) {
        self.silent_since().get_or_insert(asked);
        self.0.is_silent.store(true, Ordering::Relaxed);
        self.0.health.down(reason);
    }

    /// Whether the last answer got lost.
    pub(super) fn is_silent(&self) -> bool {
        self.0.is_silent.load(Ordering::Relaxed)
    }

    /// Whether the log has been silent for so long that commands are refused.
    pub(super) fn is_down(&self) -> bool {
        self.is_silent() && self.silent_since().is_some_and(|since| since.elapsed() >= self.0.limit)
    }

    fn silent_since(&self) -> MutexGuard<'_, Option<Instant>> {
        self.0.silent_since.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl std::fmt::Debug for LogHealth {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("LogHealth").field("is_silent", &self.is_silent()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use platform::health::Health;

    use super::*;

    #[test]
    fn the_log_is_down_once_what_was_asked_first_has_waited_too_long() {
        let health = Health::new();
        let log_health = LogHealth::new(health.component("log"), Duration::from_secs(60));
        let now = Instant::now();
        log_health.down(now, "cut off".to_owned());
        assert!(log_health.is_silent() && !log_health.is_down() && !health.is_ready());
        log_health.up();
        assert!(!log_health.is_silent() && health.is_ready());

        let Some(long_ago) = now.checked_sub(Duration::from_secs(60)) else { return };
        log_health.down(long_ago, "frozen".to_owned());
        log_health.down(now, "still frozen".to_owned());
        assert!(log_health.is_down(), "the first of a row of failures counts");
        log_health.up();
        assert!(!log_health.is_down());
    }
}
