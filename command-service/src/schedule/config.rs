//! Configuration of the schedule.

use std::time::Duration;

/// Configuration of the schedule.
#[derive(Debug, Clone)]
pub struct Config {
    /// Delays of commands whose instant is not in an event.
    pub delays: Delays,
    /// Interval at which the log is checked for new events: the maximum delay of a command that is due at once.
    pub poll: Duration,
    /// Maximum number of commands submitted at a time, so that scheduled commands do not delay other commands for long.
    pub batch: usize,
}

/// Delays of commands whose instant is not in an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Delays {
    /// From the last event that can complete an order to the completion of the order.
    pub complete_after: Duration,
    /// From the recording of an imported order whose payment deadline has passed to its expiry, so that its payments can be imported.
    pub history_grace: Duration,
}

impl Default for Config {
    fn default() -> Self {
        Config {
            delays: Delays { complete_after: Duration::ZERO, history_grace: Duration::from_secs(15 * 60) },
            poll: Duration::from_secs(1),
            batch: 100,
        }
    }
}
