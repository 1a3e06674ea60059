//! Metrics of exports. Every series exists from the start, so that the first failure has a rate.

use std::time::Duration;

use metrics::{Counter, Gauge, Histogram, counter, gauge, histogram};
use platform::metric_names::{
    QUERY_EXPORT_ROWS_TOTAL, QUERY_EXPORT_SECONDS, QUERY_EXPORTS_RUNNING, QUERY_EXPORTS_TOTAL,
};

/// The end of an attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// The file is complete.
    Complete,
    /// The export failed.
    Failed,
    /// The attempt failed, and another one follows.
    Retried,
    /// The export was deleted, or another worker took it over.
    Cancelled,
    /// The service was stopped; a worker continues.
    Released,
}

/// The metrics of a worker.
pub(super) struct Measures {
    endings: [Counter; 5],
    running: Gauge,
    rows: Counter,
    seconds: Histogram,
}

impl Ending {
    const ALL: [Ending; 5] = [Ending::Complete, Ending::Failed, Ending::Retried, Ending::Cancelled, Ending::Released];

    fn word(self) -> &'static str {
        match self {
            Ending::Complete => "complete",
            Ending::Failed => "failed",
            Ending::Retried => "retried",
            Ending::Cancelled => "cancelled",
            Ending::Released => "released",
        }
    }
}

impl Measures {
    pub(super) fn new() -> Measures {
        Measures {
            endings: Ending::ALL.map(|ending| counter!(QUERY_EXPORTS_TOTAL, "outcome" => ending.word())),
            running: gauge!(QUERY_EXPORTS_RUNNING),
            rows: counter!(QUERY_EXPORT_ROWS_TOTAL),
            seconds: histogram!(QUERY_EXPORT_SECONDS),
        }
    }

    pub(super) fn begin(&self) {
        self.running.increment(1.0);
    }

    pub(super) fn end(&self, ending: Ending, rows: u64, duration: Duration) {
        self.running.decrement(1.0);
        if let Some(at) = Ending::ALL.iter().position(|it| *it == ending) {
            self.endings[at].increment(1);
        }
        self.rows.increment(rows);
        self.seconds.record(duration.as_secs_f64());
    }
}
