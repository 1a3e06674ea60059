//! Calendar units in a time zone: where quarter hours, hours, days, weeks and months begin. [`super::periods`] divides a range
//! of time into them.
//!
//! The rules of all time zones are compiled in (IANA time zone database), so the boundaries do not depend on the database
//! server. A day begins at the first instant of its date: it has 23, 24 or 25 hours, and where clocks skip midnight, it begins
//! later than 00:00.

use chrono::{
    DateTime, Datelike, Days, LocalResult, NaiveDate, NaiveDateTime, NaiveTime, TimeDelta, TimeZone, Timelike, Utc,
};
use chrono_tz::Tz;

/// Sums are kept by quarter of an hour, so no boundary of a report lies within one.
pub const QUARTER_HOUR: TimeDelta = TimeDelta::minutes(15);

/// Quarter hours in the longest time that clocks ever skipped: a whole day, when a country crossed the date line.
const SKIPPED_MAX: u32 = 25 * 4;

/// A calendar unit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Granularity {
    /// A quarter of an hour.
    QuarterHour,
    /// An hour of local time.
    Hour,
    /// A calendar day.
    Day,
    /// A week from Monday on (ISO 8601).
    Week,
    /// A calendar month.
    Month,
}

impl Granularity {
    /// The unit with this name in `group_by`.
    pub fn named(word: &str) -> Option<Granularity> {
        match word {
            "15min" => Some(Granularity::QuarterHour),
            "hour" => Some(Granularity::Hour),
            "day" => Some(Granularity::Day),
            "week" => Some(Granularity::Week),
            "month" => Some(Granularity::Month),
            _ => None,
        }
    }

    /// The first instant after `instant` at which a unit begins.
    pub fn next_start(self, instant: DateTime<Utc>, zone: Tz) -> DateTime<Utc> {
        match self {
            Granularity::QuarterHour => instant + QUARTER_HOUR,
            Granularity::Hour => next_hour(instant, zone),
            Granularity::Day => next_day(instant, zone, |_| true),
            Granularity::Week => next_day(instant, zone, |date| date.weekday() == chrono::Weekday::Mon),
            Granularity::Month => next_day(instant, zone, |date| date.day() == 1),
        }
    }
}

/// The first quarter hour in which the local clock shows another hour, or shows a full hour again because it was set back.
fn next_hour(instant: DateTime<Utc>, zone: Tz) -> DateTime<Utc> {
    let hour = |instant: DateTime<Utc>| {
        let local = instant.with_timezone(&zone);
        (local.date_naive(), local.hour())
    };
    let begins = hour(instant);
    let mut next = instant + QUARTER_HOUR;
    while hour(next) == begins && next.with_timezone(&zone).minute() != 0 {
        next += QUARTER_HOUR;
    }
    next
}

/// The first instant after `instant` of a date that `begins` accepts.
fn next_day(instant: DateTime<Utc>, zone: Tz, begins: impl Fn(NaiveDate) -> bool) -> DateTime<Utc> {
    let mut date = instant.with_timezone(&zone).date_naive();
    loop {
        date = date.checked_add_days(Days::new(1)).expect("ranges of reports end long before the last date");
        let start = day_start(date, zone);
        // A date that clocks skipped begins together with the next date.
        if begins(date) && start > instant {
            return start;
        }
    }
}

/// The first instant of a date in a time zone.
pub fn day_start(date: NaiveDate, zone: Tz) -> DateTime<Utc> {
    first_instant(date.and_time(NaiveTime::MIN), zone)
}

/// The first instant at which the local clock shows this time or, where clocks skip it, a later time.
fn first_instant(local: NaiveDateTime, zone: Tz) -> DateTime<Utc> {
    let times = (0..=SKIPPED_MAX).map(|quarters| local + QUARTER_HOUR * quarters as i32);
    let instants = times.filter_map(|time| match zone.from_local_datetime(&time) {
        LocalResult::Single(instant) | LocalResult::Ambiguous(instant, _) => Some(instant.to_utc()),
        LocalResult::None => None,
    });
    instants.into_iter().next().unwrap_or_else(|| local.and_utc())
}

#[cfg(test)]
mod tests {
    use chrono::Offset;
    use chrono_tz::TZ_VARIANTS;

    use super::*;

    fn zone(name: &str) -> Tz {
        name.parse().expect("a time zone")
    }

    fn date(text: &str) -> NaiveDate {
        text.parse().expect("a date")
    }

    fn hours_of(day: &str, name: &str) -> f64 {
        let (start, zone) = (day_start(date(day), zone(name)), zone(name));
        (Granularity::Day.next_start(start, zone) - start).num_minutes() as f64 / 60.0
    }

    fn starts(granularity: Granularity, day: &str, name: &str) -> Vec<String> {
        let (mut start, zone) = (day_start(date(day), zone(name)), zone(name));
        let end = Granularity::Day.next_start(start, zone);
        let mut starts = Vec::new();
        while start < end {
            starts.push(start.with_timezone(&zone).format("%H:%M%:z").to_string());
            start = granularity.next_start(start, zone);
        }
        starts
    }

    #[test]
    fn days_have_as_many_hours_as_the_clock_shows() {
        for (day, name, hours) in [
            ("2026-03-29", "Europe/Berlin", 23.0),
            ("2026-10-25", "Europe/Berlin", 25.0),
            ("2026-03-28", "Europe/Berlin", 24.0),
            ("2026-03-08", "America/New_York", 23.0),
            ("2026-11-01", "America/New_York", 25.0),
            ("2026-10-04", "Australia/Lord_Howe", 23.5),
            ("2026-04-05", "Australia/Lord_Howe", 24.5),
            ("2026-06-01", "Asia/Kathmandu", 24.0),
            // Clocks skipped midnight.
            ("2018-11-04", "America/Sao_Paulo", 23.0),
            // Clocks were set back at midnight.
            ("2018-02-17", "America/Sao_Paulo", 25.0),
            ("2026-11-01", "America/Havana", 25.0),
        ] {
            assert_eq!(hours_of(day, name), hours, "{day} {name}");
        }
    }

    #[test]
    fn a_day_begins_at_its_first_instant() {
        let start = |day: &str, name: &str| day_start(date(day), zone(name)).to_rfc3339();
        assert_eq!(start("2026-06-01", "Asia/Kathmandu"), "2026-05-31T18:15:00+00:00");
        assert_eq!(start("2026-06-01", "Asia/Kolkata"), "2026-05-31T18:30:00+00:00");
        assert_eq!(start("2018-11-04", "America/Sao_Paulo"), "2018-11-04T03:00:00+00:00", "01:00 local time");
        // Samoa had no 30 December 2011: that date and the next one begin together, and the day before is 24 hours long.
        assert_eq!(start("2011-12-30", "Pacific/Apia"), start("2011-12-31", "Pacific/Apia"));
        assert_eq!(hours_of("2011-12-29", "Pacific/Apia"), 24.0);
    }

    #[test]
    fn every_hour_that_the_clock_shows_is_an_hour() {
        assert_eq!(starts(Granularity::Hour, "2026-03-29", "Europe/Berlin").len(), 23);
        let autumn = starts(Granularity::Hour, "2026-10-25", "Europe/Berlin");
        assert_eq!((autumn.len(), &autumn[2..4]), (25, &["02:00+02:00".to_owned(), "02:00+01:00".to_owned()][..]));
        assert_eq!(starts(Granularity::Hour, "2026-06-01", "Asia/Kathmandu")[..2], ["00:00+05:45", "01:00+05:45"]);
        // The clock goes from 02:00 to 02:30: the hour from 02:00 on has 30 minutes.
        let half = starts(Granularity::Hour, "2026-10-04", "Australia/Lord_Howe");
        assert_eq!(half[1..4], ["01:00+10:30", "02:30+11:00", "03:00+11:00"]);
        // The clock goes from 02:00 back to 01:30: the hour from 01:00 on has 90 minutes.
        let half = starts(Granularity::Hour, "2026-04-05", "Australia/Lord_Howe");
        assert_eq!(half[1..3], ["01:00+11:00", "02:00+10:30"]);
    }

    #[test]
    fn weeks_begin_on_mondays_and_months_on_their_first_day() {
        let berlin = zone("Europe/Berlin");
        let instant = day_start(date("2026-03-25"), berlin);
        let next =
            |granularity: Granularity| granularity.next_start(instant, berlin).with_timezone(&berlin).to_rfc3339();
        assert_eq!(next(Granularity::Week), "2026-03-30T00:00:00+02:00");
        assert_eq!(next(Granularity::Month), "2026-04-01T00:00:00+02:00");
    }

    /// The reason why sums by quarter of an hour suffice for every time zone.
    #[test]
    fn offsets_of_all_time_zones_are_whole_quarter_hours_since_2000() {
        for zone in TZ_VARIANTS {
            for months in 0..50 * 12 {
                let day = date("2000-01-01").checked_add_months(chrono::Months::new(months)).expect("a date");
                let offset = zone.offset_from_utc_date(&day).fix().local_minus_utc();
                assert_eq!(offset % 900, 0, "{zone} {day}");
            }
        }
    }

    #[test]
    fn a_day_of_any_time_zone_follows_the_day_before_without_a_gap() {
        for zone in TZ_VARIANTS.iter().step_by(7) {
            let mut start = day_start(date("2023-01-01"), *zone);
            for _ in 0..800 {
                let next = Granularity::Day.next_start(start, *zone);
                let (first, last) = (next.with_timezone(zone), (next - QUARTER_HOUR).with_timezone(zone));
                assert!(last.date_naive() < first.date_naive(), "{zone} {first}");
                assert!(
                    (22..=26).contains(&(next - start).num_hours()) && next.timestamp() % 900 == 0,
                    "{zone} {first}"
                );
                start = next;
            }
        }
    }
}
