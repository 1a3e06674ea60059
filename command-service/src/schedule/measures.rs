//! What the schedule counts.

use platform::metric_names;

use super::plan::Kind;
use super::store::{Overdue, Standing};

pub(super) fn issued(kind: Kind, outcome: &'static str) {
    metrics::counter!(metric_names::SCHEDULE_ISSUED_TOTAL, "command" => kind.as_str(), "outcome" => outcome)
        .increment(1);
}

pub(super) fn overdue(overdue: Overdue) {
    metrics::gauge!(metric_names::SCHEDULE_DUE_ENTRIES).set(overdue.entries as f64);
    metrics::gauge!(metric_names::SCHEDULE_LATE_SECONDS).set(overdue.oldest.as_secs_f64());
}

pub(super) fn stands(standing: &Standing) {
    metrics::gauge!(metric_names::SCHEDULE_LAG_EVENTS).set(standing.lag() as f64);
}
