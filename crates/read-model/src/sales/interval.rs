//! The intervals by which sales are added up: quarter hours, hours and days, in UTC.
//!
//! The offsets of all time zones in use are multiples of a quarter hour, so a day in any time zone consists of whole
//! quarter hours.

use chrono::{DateTime, TimeDelta, Utc};

/// Start of the quarter hour (UTC) that contains the instant.
pub fn quarter_hour_start(instant: DateTime<Utc>) -> DateTime<Utc> {
    start(instant, TimeDelta::minutes(15))
}

/// Start of the hour (UTC) that contains the instant.
pub fn hour_start(instant: DateTime<Utc>) -> DateTime<Utc> {
    start(instant, TimeDelta::hours(1))
}

/// Start of the day (UTC) that contains the instant.
pub fn day_start(instant: DateTime<Utc>) -> DateTime<Utc> {
    start(instant, TimeDelta::days(1))
}

fn start(instant: DateTime<Utc>, length: TimeDelta) -> DateTime<Utc> {
    let seconds = instant.timestamp().div_euclid(length.num_seconds()) * length.num_seconds();
    DateTime::from_timestamp(seconds, 0).unwrap_or(instant)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn at(text: &str) -> DateTime<Utc> {
        text.parse().unwrap()
    }

    #[test]
    fn an_interval_starts_at_a_quarter_hour_or_at_midnight() {
        assert_eq!(quarter_hour_start(at("2026-03-01T10:44:59.999Z")), at("2026-03-01T10:30:00Z"));
        assert_eq!(quarter_hour_start(at("2026-03-01T10:45:00Z")), at("2026-03-01T10:45:00Z"));
        assert_eq!(hour_start(at("2026-03-01T10:59:59.999Z")), at("2026-03-01T10:00:00Z"));
        assert_eq!(day_start(at("2026-03-01T23:59:59.999Z")), at("2026-03-01T00:00:00Z"));
        assert_eq!(day_start(at("1969-12-31T12:00:00Z")), at("1969-12-31T00:00:00Z"));
    }

    proptest! {
        #[test]
        fn an_interval_contains_its_instant(ms in -10_000_000_000_000i64..10_000_000_000_000) {
            let instant = DateTime::from_timestamp_millis(ms).unwrap();
            let (quarter, hour, day) = (quarter_hour_start(instant), hour_start(instant), day_start(instant));
            prop_assert!(quarter <= instant && instant < quarter + TimeDelta::minutes(15));
            prop_assert!(hour <= quarter && instant < hour + TimeDelta::hours(1));
            prop_assert!(day <= hour && instant < day + TimeDelta::days(1));
        }
    }
}
