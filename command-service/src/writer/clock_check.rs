//! Warns when the clock of this instance is behind the time of the last event.
//!
//! The log never records an event earlier than the event before it ([`crate::log::append`]). After a clock was far ahead and was set
//! back, every event therefore gets the time of the last event until the clock has caught up: the order of events stays correct,
//! but their times do not say when they happened. No command is rejected for this; the operator is warned.

use chrono::{DateTime, TimeDelta, Utc};
use platform::metric_names;

/// More than the difference between clocks of instances that use NTP (milliseconds), and too short to matter for schedules and
/// reports.
const CLOCK_BEHIND_MAX: TimeDelta = TimeDelta::seconds(5);

/// Whether the warning has been given.
#[derive(Debug, Default)]
pub(super) struct ClockCheck {
    is_behind: bool,
}

impl ClockCheck {
    /// Compares the clock with the time at which a batch was recorded. Each change is logged once.
    pub(super) fn compare(&mut self, clock: DateTime<Utc>, recorded_at: DateTime<Utc>) {
        let behind = recorded_at - clock;
        metrics::gauge!(metric_names::WRITER_CLOCK_BEHIND_SECONDS).set(behind.as_seconds_f64());
        let is_behind = behind > CLOCK_BEHIND_MAX;
        if is_behind == self.is_behind {
            return;
        }
        self.is_behind = is_behind;
        let behind_s = behind.num_seconds();
        match is_behind {
            true => tracing::warn!(
                clock.behind_s = behind_s,
                event.recorded_at = %recorded_at,
                "the clock is behind the time of the last event; events are recorded at that time until the clock has caught up"
            ),
            false => tracing::info!("the clock has caught up with the time of the last event"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> DateTime<Utc> {
        DateTime::UNIX_EPOCH + TimeDelta::seconds(seconds)
    }

    #[test]
    fn a_clock_that_is_far_behind_is_noticed_until_it_has_caught_up() {
        let mut check = ClockCheck::default();
        for (clock, recorded_at, is_behind) in
            [(100, 100, false), (100, 105, false), (100, 106, true), (101, 106, false), (200, 200, false)]
        {
            check.compare(at(clock), at(recorded_at));
            assert_eq!(check.is_behind, is_behind, "at {clock}, recorded at {recorded_at}");
        }
    }
}
