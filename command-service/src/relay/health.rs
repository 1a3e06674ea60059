//! Health components of the relay.
//!
//! The command service stays ready without Kafka (reported by the [`sink`](super::sink)) and without a relay, but not if the log has
//! lost events.

use platform::health::{Component, Health};

use super::error::Error;

/// Whether the log contains all published events. A required component: events that are appended to a log that has lost events
/// may have to be removed again.
const LOG_TAIL: &str = "log-tail";

pub(super) struct RelayHealth {
    pub(super) relay: Component,
    health: Health,
}

impl RelayHealth {
    pub(super) fn new(health: Health) -> RelayHealth {
        RelayHealth { relay: health.optional("relay"), health }
    }

    /// Reports an error. The components log only the first of consecutive failures.
    pub(super) fn report(&self, error: &Error) {
        let reason = with_causes(error);
        if let Error::LostEvents(_) = error {
            self.health.component(LOG_TAIL).down(reason.clone());
        }
        self.relay.down(reason);
    }

    /// Reports that the log contains all published events.
    pub(super) fn log_is_complete(&self) {
        self.health.component(LOG_TAIL).up();
    }
}

/// An error with its causes, in one line.
pub(super) fn with_causes(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    text
}
