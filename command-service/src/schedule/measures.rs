//! Metrics of the schedule.

use platform::metric_names;

use super::command::ScheduledCommand;
use super::store::Checkpoint;
use super::store::due::Overdue;

pub(super) fn submitted(command: ScheduledCommand, outcome: &'static str) {
    metrics::counter!(metric_names::SCHEDULE_ISSUED_TOTAL, "command" => command.as_str(), "outcome" => outcome)
        .increment(1);
}

pub(super) fn overdue(overdue: Overdue) {
    metrics::gauge!(metric_names::SCHEDULE_DUE_ENTRIES).set(overdue.entries as f64);
    metrics::gauge!(metric_names::SCHEDULE_LATE_SECONDS).set(overdue.oldest.as_secs_f64());
}

pub(super) fn lag(checkpoint: &Checkpoint) {
    metrics::gauge!(metric_names::SCHEDULE_LAG_EVENTS).set(checkpoint.lag() as f64);
}
