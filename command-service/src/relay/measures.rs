//! What the relay counts.

use events::Position;

/// Events that Kafka has acknowledged.
const EVENTS: &str = "relay_events_total";
/// Position of the checkpoint.
const CHECKPOINT: &str = "relay_checkpoint_position";
/// Events between the checkpoint and the end of the log.
const LAG: &str = "relay_lag_events";
/// 1 while this instance relays.
const LEADER: &str = "relay_leader";
/// Times that the relay went back to its checkpoint because Kafka did not take an event.
const FAILURES: &str = "relay_delivery_failures_total";

pub(super) fn relayed(count: usize) {
    metrics::counter!(EVENTS).increment(count as u64);
}

pub(super) fn checkpoint(position: Position, head: Position) {
    metrics::gauge!(CHECKPOINT).set(position.0 as f64);
    metrics::gauge!(LAG).set((head.0 - position.0) as f64);
}

pub(super) fn leads() {
    metrics::gauge!(LEADER).set(1.0);
}

/// The lag is the leader's to tell.
pub(super) fn follows() {
    metrics::gauge!(LEADER).set(0.0);
    metrics::gauge!(LAG).set(0.0);
}

pub(super) fn failed() {
    metrics::counter!(FAILURES).increment(1);
}
