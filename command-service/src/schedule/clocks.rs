//! The clock of the schedule: the earlier of this machine's clock and the database's clock.
//!
//! An expiry cannot be undone, and a clock that jumps forward would cause it too early. Two machines do not jump at the same time, so a
//! command is due when it is due by both clocks. With the usual difference (milliseconds with NTP) this has no effect; if one clock is
//! ahead, the other clock counts, and if one clock is behind, commands are late by the difference. If the platform and PostgreSQL run
//! on one machine, there is only one clock, and a jump cannot be detected.

use chrono::{DateTime, TimeDelta, Utc};

/// Difference of clocks that is logged: larger than usual with NTP, and small enough that commands are not noticeably late.
const MAX_DIFFERENCE: TimeDelta = TimeDelta::seconds(5);

/// Compares the clocks, and remembers whether a difference was logged.
#[derive(Debug, Default)]
pub(super) struct Clocks {
    differ: bool,
}

impl Clocks {
    /// The earlier instant. A large difference is logged once, and its end is logged once.
    pub(super) fn earlier(&mut self, own: DateTime<Utc>, database: DateTime<Utc>) -> DateTime<Utc> {
        let ahead = own - database;
        let differ = ahead.abs() > MAX_DIFFERENCE;
        if differ != self.differ {
            self.differ = differ;
            let ahead_s = ahead.num_seconds();
            match differ {
                true => tracing::warn!(
                    clock.ahead_s = ahead_s,
                    "the clocks of this machine and of the database differ; scheduled commands are due by the earlier clock"
                ),
                false => tracing::info!(
                    clock.ahead_s = ahead_s,
                    "the clocks of this machine and of the database agree again"
                ),
            }
        }
        own.min(database)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> DateTime<Utc> {
        DateTime::UNIX_EPOCH + TimeDelta::seconds(seconds)
    }

    #[test]
    fn the_earlier_clock_counts_and_a_large_difference_is_detected() {
        let mut clocks = Clocks::default();
        for (own, database, earlier, differ) in [
            (100, 100, 100, false),
            (105, 100, 100, false),
            (3_700, 100, 100, true),
            (100, 3_700, 100, true),
            (200, 201, 200, false),
        ] {
            assert_eq!(clocks.earlier(at(own), at(database)), at(earlier));
            assert_eq!(clocks.differ, differ, "{own} and {database}");
        }
    }
}
