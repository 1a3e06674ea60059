//! When recurring exports run, in local time. A time of day that clocks skip (the begin of daylight saving time) is the end of the skipped
//! time; of a time that clocks show twice, the first one counts. So every period has exactly one occurrence.

use chrono::{
    DateTime, Datelike, Days, LocalResult, Months, NaiveDate, NaiveDateTime, NaiveTime, TimeDelta, TimeZone, Utc,
};
use chrono_tz::Tz;

use crate::reads::reports::time_zone::day_start;

/// Minutes in the longest time that clocks ever skipped: a whole day, when a country crossed the date line.
const SKIPPED_MAX: i64 = 25 * 60;

/// A calendar unit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Period {
    /// A day.
    Day,
    /// A week from Monday on (ISO 8601).
    Week,
    /// A month.
    Month,
}

/// A run of a recurring export.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Occurrence {
    /// When it runs.
    pub at: DateTime<Utc>,
    /// The begin of the period before it.
    pub from: DateTime<Utc>,
    /// The end of this period, exclusive.
    pub to: DateTime<Utc>,
}

impl Period {
    /// The first day of the period that contains a date.
    fn first_day(self, date: NaiveDate) -> Option<NaiveDate> {
        match self {
            Period::Day => Some(date),
            Period::Week => date.checked_sub_days(Days::new(date.weekday().num_days_from_monday().into())),
            Period::Month => date.with_day(1),
        }
    }

    /// The first day of the next period after one that begins on this date.
    fn after(self, first_day: NaiveDate) -> Option<NaiveDate> {
        match self {
            Period::Day => first_day.checked_add_days(Days::new(1)),
            Period::Week => first_day.checked_add_days(Days::new(7)),
            Period::Month => first_day.checked_add_months(Months::new(1)),
        }
    }

    /// The first day of the period before one that begins on this date.
    fn before(self, first_day: NaiveDate) -> Option<NaiveDate> {
        match self {
            Period::Day => first_day.checked_sub_days(Days::new(1)),
            Period::Week => first_day.checked_sub_days(Days::new(7)),
            Period::Month => first_day.checked_sub_months(Months::new(1)),
        }
    }
}

/// The last occurrence that is not after `now`.
pub fn last(period: Period, at: NaiveTime, zone: Tz, now: DateTime<Utc>) -> Option<Occurrence> {
    let current = period.first_day(now.with_timezone(&zone).date_naive())?;
    match of(period, current, at, zone)? {
        occurrence if occurrence.at <= now => Some(occurrence),
        _ => of(period, period.before(current)?, at, zone),
    }
}

/// The first occurrence after `now`.
pub fn next(period: Period, at: NaiveTime, zone: Tz, now: DateTime<Utc>) -> Option<Occurrence> {
    let current = period.first_day(now.with_timezone(&zone).date_naive())?;
    match of(period, current, at, zone)? {
        occurrence if occurrence.at > now => Some(occurrence),
        _ => of(period, period.after(current)?, at, zone),
    }
}

/// The occurrence on the first day of a period.
fn of(period: Period, first_day: NaiveDate, at: NaiveTime, zone: Tz) -> Option<Occurrence> {
    let (from, to) = (day_start(period.before(first_day)?, zone), day_start(first_day, zone));
    Some(Occurrence { at: first_instant(first_day.and_time(at), zone)?, from, to })
}

/// The first instant at which clocks show this time or, where they skip it, the first time after it.
fn first_instant(local: NaiveDateTime, zone: Tz) -> Option<DateTime<Utc>> {
    (0..=SKIPPED_MAX).find_map(|minutes| match zone.from_local_datetime(&(local + TimeDelta::minutes(minutes))) {
        LocalResult::Single(instant) | LocalResult::Ambiguous(instant, _) => Some(instant.to_utc()),
        LocalResult::None => None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const BERLIN: Tz = Tz::Europe__Berlin;

    fn at(text: &str) -> DateTime<Utc> {
        text.parse().expect("RFC 3339")
    }

    fn time(hour: u32, minute: u32) -> NaiveTime {
        NaiveTime::from_hms_opt(hour, minute, 0).expect("a time")
    }

    fn texts(occurrence: Option<Occurrence>) -> [String; 3] {
        let Occurrence { at, from, to } = occurrence.expect("an occurrence");
        [at, from, to].map(|instant| instant.format("%m-%dT%H:%M").to_string())
    }

    #[test]
    fn a_day_is_exported_on_the_next_day_at_the_local_time() {
        let last = |now: &str| texts(last(Period::Day, time(2, 30), BERLIN, at(now)));
        assert_eq!(last("2026-01-10T01:30:00Z"), ["01-10T01:30", "01-08T23:00", "01-09T23:00"]);
        assert_eq!(last("2026-01-10T01:29:59Z"), ["01-09T01:30", "01-07T23:00", "01-08T23:00"]);
    }

    #[test]
    fn a_time_that_clocks_skip_is_the_end_of_the_gap() {
        // Clocks are set from 02:00 to 03:00 on 29 March.
        let day = last(Period::Day, time(2, 30), BERLIN, at("2026-03-29T12:00:00Z"));
        assert_eq!(texts(day), ["03-29T01:00", "03-27T23:00", "03-28T23:00"]);
        let day_after = last(Period::Day, time(2, 30), BERLIN, at("2026-03-30T12:00:00Z"));
        assert_eq!(texts(day_after), ["03-30T00:30", "03-28T23:00", "03-29T22:00"], "a day of 23 hours");
    }

    #[test]
    fn of_a_time_that_clocks_show_twice_the_first_counts_and_only_once() {
        // Clocks are set from 03:00 back to 02:00 on 25 October: 02:30 is 00:30Z and 01:30Z.
        let first = texts(last(Period::Day, time(2, 30), BERLIN, at("2026-10-25T00:30:00Z")));
        assert_eq!(first, ["10-25T00:30", "10-23T22:00", "10-24T22:00"]);
        assert_eq!(texts(last(Period::Day, time(2, 30), BERLIN, at("2026-10-25T01:30:00Z"))), first);
        let next = next(Period::Day, time(2, 30), BERLIN, at("2026-10-25T00:30:00Z"));
        assert_eq!(texts(next), ["10-26T01:30", "10-24T22:00", "10-25T23:00"], "a day of 25 hours");
    }

    #[test]
    fn weeks_begin_on_monday_and_months_on_the_first() {
        let week = |now: &str| texts(last(Period::Week, time(6, 0), Tz::UTC, at(now)));
        assert_eq!(week("2026-06-07T23:00:00Z"), ["06-01T06:00", "05-25T00:00", "06-01T00:00"]);
        assert_eq!(week("2026-06-08T05:59:00Z"), ["06-01T06:00", "05-25T00:00", "06-01T00:00"]);
        assert_eq!(week("2026-06-08T06:00:00Z"), ["06-08T06:00", "06-01T00:00", "06-08T00:00"]);
        let month = |now: &str| texts(last(Period::Month, time(0, 0), BERLIN, at(now)));
        assert_eq!(month("2026-04-15T00:00:00Z"), ["03-31T22:00", "02-28T23:00", "03-31T22:00"]);
        let next = next(Period::Month, time(0, 0), BERLIN, at("2026-12-15T00:00:00Z"));
        assert_eq!(texts(next), ["12-31T23:00", "11-30T23:00", "12-31T23:00"]);
    }

    #[test]
    fn every_day_of_a_year_has_one_occurrence_in_every_zone() {
        for zone in [BERLIN, Tz::America__New_York, Tz::Australia__Lord_Howe, Tz::Asia__Kathmandu, Tz::UTC] {
            for at_time in [time(0, 0), time(2, 30), time(23, 59)] {
                let (mut now, mut count) = (at("2026-01-01T12:00:00Z"), 0);
                while now < at("2027-01-01T12:00:00Z") {
                    let following = next(Period::Day, at_time, zone, now).expect("an occurrence").at;
                    assert_eq!(last(Period::Day, at_time, zone, following).map(|it| it.at), Some(following));
                    assert!(following - now <= TimeDelta::hours(25));
                    (now, count) = (following, count + 1);
                }
                assert!((365..=366).contains(&count), "{zone} {count}");
            }
        }
    }
}
