//! Months of tables that are partitioned by month of a time-ordered id (UUIDv7). A statement names the months that it reads as
//! literals, so that its plan, which is made once, contains only their partitions; otherwise a read would cost more with every
//! month.

use chrono::{DateTime, Datelike, Months, NaiveDate, NaiveTime, Utc};
use uuid::Uuid;

use crate::reads::database::statement::Statement;

/// Consecutive whole months, as a range of ids.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MonthRange {
    /// The first id of the first month; `None` for all months before the end.
    pub from: Option<Uuid>,
    /// The first id after the last month; `None` for all months from the beginning on.
    pub to: Option<Uuid>,
}

impl MonthRange {
    /// All months.
    pub const ALL: MonthRange = MonthRange { from: None, to: None };

    /// The month of an id.
    pub fn of(id: Uuid) -> MonthRange {
        let Some(first) = first_day(id) else { return MonthRange::ALL };
        MonthRange { from: Some(first_id(first)), to: first.checked_add_months(Months::new(1)).map(first_id) }
    }

    /// Ranges from the month of `newest` to the beginning, newest first: the month alone, because it fills most pages; the two
    /// months before; the rest of that year and the year before; all others. The ranges of a year end at the same months, so that
    /// statements for different months share their plans.
    pub fn backwards(newest: Uuid) -> [MonthRange; 4] {
        let month = MonthRange::of(newest);
        let first = first_day(newest).unwrap_or(NaiveDate::MAX);
        let before = first.checked_sub_months(Months::new(2)).unwrap_or(first);
        let year_before = NaiveDate::from_ymd_opt(before.year() - 1, 1, 1).unwrap_or(before);
        let (before, year_before) = (Some(first_id(before)), Some(first_id(year_before)));
        [
            month,
            MonthRange { from: before, to: month.from },
            MonthRange { from: year_before, to: before },
            MonthRange { from: None, to: year_before },
        ]
    }

    /// The same months and all later ones.
    pub fn and_later(self) -> MonthRange {
        MonthRange { to: None, ..self }
    }

    /// Whether the range contains an id that is not below `first`.
    pub fn reaches(self, first: Uuid) -> bool {
        self.to.is_none_or(|to| to > first)
    }

    /// Adds the condition that `column` is in these months.
    pub fn push(self, statement: &mut Statement, column: &'static str) {
        if let Some(from) = self.from {
            statement.push(" and ").push(column).push(" >= ").push_id(from);
        }
        if let Some(to) = self.to {
            statement.push(" and ").push(column).push(" < ").push_id(to);
        }
    }
}

/// The smallest possible id at `instant` or later: as `uuid_at` of the migrations, rounded up to whole milliseconds, because ids
/// have no finer resolution.
pub fn first_id_at(instant: DateTime<Utc>) -> Uuid {
    const MS_MAX: i64 = (1 << 48) - 1;
    let is_between = !instant.timestamp_subsec_nanos().is_multiple_of(1_000_000);
    match instant.timestamp_millis() + i64::from(is_between) {
        ms @ 0..=MS_MAX => Uuid::from_u128((ms as u128) << 80),
        ms if ms < 0 => Uuid::nil(),
        _ => Uuid::max(),
    }
}

fn first_id(day: NaiveDate) -> Uuid {
    first_id_at(day.and_time(NaiveTime::MIN).and_utc())
}

/// The first day of the month of an id, whose first 48 bits are milliseconds since 1970 (RFC 9562, 5.7).
fn first_day(id: Uuid) -> Option<NaiveDate> {
    let instant = DateTime::from_timestamp_millis(i64::try_from(id.as_u128() >> 80).ok()?)?;
    instant.date_naive().with_day(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(text: &str) -> Uuid {
        first_id_at(DateTime::parse_from_rfc3339(text).expect("RFC 3339").to_utc())
    }

    #[test]
    fn an_instant_becomes_the_first_id_that_is_not_before_it() {
        assert_eq!(id("2026-01-31T00:00:00Z").to_string(), "019c1159-7000-0000-0000-000000000000");
        assert_eq!(id("2026-01-31T01:00:00+01:00"), id("2026-01-31T00:00:00Z"));
        assert_eq!(id("2026-01-31T00:00:00.000001Z"), id("2026-01-31T00:00:00.001Z"));
        assert_eq!(id("1901-01-01T00:00:00Z"), Uuid::nil());
        assert_eq!(first_id_at(DateTime::<Utc>::MAX_UTC), Uuid::max());
    }

    #[test]
    fn the_month_of_an_id_ends_where_the_next_one_begins() {
        let december = MonthRange { from: Some(id("2026-12-01T00:00:00Z")), to: Some(id("2027-01-01T00:00:00Z")) };
        assert_eq!(MonthRange::of(id("2026-12-01T00:00:00Z")), december);
        assert_eq!(MonthRange::of(id("2026-12-31T23:59:59.999Z")), december);
        assert_eq!(MonthRange::of(Uuid::max()).to, Some(Uuid::max()));
    }

    #[test]
    fn the_ranges_backwards_are_adjacent_and_reach_the_beginning() {
        let starts = |newest: &str| {
            let ranges = MonthRange::backwards(id(newest));
            assert!(ranges.windows(2).all(|pair| pair[0].from == pair[1].to), "{ranges:?}");
            assert_eq!(ranges[0].to, MonthRange::of(id(newest)).to);
            ranges.into_iter().map(|range| range.from).collect::<Vec<_>>()
        };
        let expected = |dates: [&str; 3]| {
            dates.map(|date| Some(id(&format!("{date}T00:00:00Z")))).into_iter().chain([None]).collect::<Vec<_>>()
        };
        assert_eq!(starts("2026-11-15T12:00:00Z"), expected(["2026-11-01", "2026-09-01", "2025-01-01"]));
        assert_eq!(starts("2026-02-01T00:00:00Z"), expected(["2026-02-01", "2025-12-01", "2024-01-01"]));
        let end_of_time = MonthRange::backwards(Uuid::max());
        assert!(end_of_time.iter().all(|range| range.reaches(id("2026-01-01T00:00:00Z")) || range.to.is_some()));
    }
}
