//! Whether the log answers: for the health report, and for callers, whose commands are refused at once while the log is down.
//!
//! One lost response is not an outage: commands that wait are decided a moment later, for example after a restart of PostgreSQL.
//! New commands are refused when the log has not answered for as long as one statement may take. Commands that were accepted
//! before that get their replies as usual.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use platform::health::Component;

/// The health of the log, as the writer sees it. Cheap to clone; clones share it.
#[derive(Clone)]
pub(super) struct LogHealth(Arc<Inner>);

struct Inner {
    health: Component,
    /// How long the log may be silent before commands are refused.
    limit: Duration,
    /// Mirrors `silent_since`, so that a command costs one atomic read.
    is_silent: AtomicBool,
    /// Start of the first request that has no response yet.
    silent_since: Mutex<Option<Instant>>,
}

impl LogHealth {
    /// The log counts as available until a request fails.
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

    /// The request that started at this instant got no response, or an unusable one.
    pub(super) fn down(&self, started: Instant, reason: String) {
        self.silent_since().get_or_insert(started);
        self.0.is_silent.store(true, Ordering::Relaxed);
        self.0.health.down(reason);
    }

    /// Whether the last request got no response.
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
    fn the_log_is_down_once_its_first_unanswered_request_has_waited_too_long() {
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
        assert!(log_health.is_down(), "the first of consecutive failures counts");
        log_health.up();
        assert!(!log_health.is_down());
    }
}
