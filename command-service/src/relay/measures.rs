//! What the relay counts.

use events::Position;
use platform::metric_names;

pub(super) fn relayed(count: usize) {
    metrics::counter!(metric_names::RELAY_EVENTS_TOTAL).increment(count as u64);
}

pub(super) fn checkpoint(position: Position, head: Position) {
    metrics::gauge!(metric_names::RELAY_CHECKPOINT_POSITION).set(position.0 as f64);
    metrics::gauge!(metric_names::RELAY_LAG_EVENTS).set((head.0 - position.0) as f64);
}

pub(super) fn leads() {
    metrics::gauge!(metric_names::RELAY_LEADER).set(1.0);
}

/// The lag is the leader's to tell.
pub(super) fn follows() {
    metrics::gauge!(metric_names::RELAY_LEADER).set(0.0);
    metrics::gauge!(metric_names::RELAY_LAG_EVENTS).set(0.0);
}

pub(super) fn failed() {
    metrics::counter!(metric_names::RELAY_DELIVERY_FAILURES_TOTAL).increment(1);
}
