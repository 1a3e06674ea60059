//! By which clock something is due: by the earlier one of this machine's and of the database's.
//!
//! What expires does so for good, and a clock that has jumped forward says so too early. Two machines do not jump together, so
//! something is due when both clocks say it is. With the usual difference (milliseconds under NTP) that costs nothing; where one
//! clock is ahead the other one goes on counting, and where one is behind everything is late by as much. A machine that runs both the
//! platform and PostgreSQL has one clock, which nothing here can check.

use chrono::{DateTime, TimeDelta, Utc};

/// Above what clocks differ by under NTP, and below what anybody would call early.
const DIFFERENCE_MAX: TimeDelta = TimeDelta::seconds(5);

/// Whether the warning has been given.
#[derive(Debug, Default)]
pub(super) struct Clocks {
    differ: bool,
}

impl Clocks {
    /// The instant to judge by. A difference that an operator has to know of is logged once, and so is its end.
    pub(super) fn earlier(&mut self, own: DateTime<Utc>, database: DateTime<Utc>) -> DateTime<Utc> {
        let ahead = own - database;
        let differ = ahead.abs() > DIFFERENCE_MAX;
        if differ != self.differ {
            self.differ = differ;
            let ahead_s = ahead.num_seconds();
            match differ {
                true => tracing::warn!(
                    clock.ahead_s = ahead_s,
                    "this machine's clock and the database's differ; what is due is judged by the earlier one"
                ),
                false => tracing::info!(clock.ahead_s = ahead_s, "this machine's clock and the database's agree again"),
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
    fn the_earlier_clock_counts_and_a_large_difference_is_noticed() {
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
