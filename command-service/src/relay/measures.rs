//! Metrics of the relay.

use events::Position;
use platform::metric_names;

pub(super) fn published(count: usize) {
    metrics::counter!(metric_names::RELAY_EVENTS_TOTAL).increment(count as u64);
}

pub(super) fn checkpoint(position: Position, head: Position) {
    metrics::gauge!(metric_names::RELAY_CHECKPOINT_POSITION).set(position.0 as f64);
    metrics::gauge!(metric_names::RELAY_LAG_EVENTS).set((head.0 - position.0) as f64);
}

pub(super) fn is_leader() {
    metrics::gauge!(metric_names::RELAY_LEADER).set(1.0);
}

/// Only the leader reports the lag.
pub(super) fn is_standby() {
    metrics::gauge!(metric_names::RELAY_LEADER).set(0.0);
    metrics::gauge!(metric_names::RELAY_LAG_EVENTS).set(0.0);
}

pub(super) fn delivery_failed() {
    metrics::counter!(metric_names::RELAY_DELIVERY_FAILURES_TOTAL).increment(1);
}
