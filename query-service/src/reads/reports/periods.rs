//! The periods of a report: a range of time, divided into calendar units of a time zone, and the stored sums that a period
//! consists of. [`super::time_zone`] knows where units begin.
//!
//! Sums are stored by day in UTC and by shorter intervals. A day in UTC that lies within one period is read as a whole; a day in
//! which a period begins or ends is *divided*, and read by hours where these suffice, or by quarters of an hour.

use chrono::{DateTime, Duration, TimeDelta, Utc};
use chrono_tz::Tz;
use read_model::sales::{day_start as utc_day_start, hour_start};

use super::time_zone::Granularity;

/// A range of time and its periods.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Periods {
    /// The time zone of calendar units.
    pub zone: Tz,
    /// The starts of the periods; the first one is the start of the range, which may lie within a calendar unit.
    pub starts: Vec<DateTime<Utc>>,
    /// The end of the range, exclusive.
    pub end: DateTime<Utc>,
}

/// The stored sums of a range.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredSums {
    /// Start and end of the whole days (UTC) of the range; equal if there are none.
    pub days: (DateTime<Utc>, DateTime<Utc>),
    /// Starts of the divided days among them.
    pub divided: Vec<DateTime<Utc>>,
    /// Ranges that consist of divided days, as far as they belong to the range.
    pub parts: Vec<(DateTime<Utc>, DateTime<Utc>)>,
    /// Whether all periods begin and end at full hours in UTC, so that sums by hour suffice.
    pub are_hours: bool,
}

const DAY: TimeDelta = Duration::days(1);

impl Periods {
    /// Divides a range, which must not be empty, into calendar units; without a granularity, the range is one period.
    pub fn new(from: DateTime<Utc>, to: DateTime<Utc>, granularity: Option<Granularity>, zone: Tz) -> Periods {
        let next = |start: &DateTime<Utc>| granularity.map(|it| it.next_start(*start, zone)).filter(|next| *next < to);
        Periods { zone, starts: std::iter::successors(Some(from), next).collect(), end: to }
    }

    /// The start of the range.
    pub fn start(&self) -> DateTime<Utc> {
        self.starts.first().copied().unwrap_or(self.end)
    }

    /// The stored sums of the range.
    pub fn stored_sums(&self) -> StoredSums {
        let boundaries = || self.starts.iter().chain([&self.end]);
        let are_hours = boundaries().all(|at| hour_start(*at) == *at);
        let mut divided: Vec<_> = boundaries()
            .map(|at| (utc_day_start(*at), *at))
            .filter(|(day, at)| day != at)
            .map(|(day, _)| day)
            .collect();
        divided.dedup();
        let mut parts: Vec<(DateTime<Utc>, DateTime<Utc>)> = Vec::new();
        for day in &divided {
            let (start, end) = ((*day).max(self.start()), (*day + DAY).min(self.end));
            match parts.last_mut() {
                Some(last) if last.1 == start => last.1 = end,
                _ => parts.push((start, end)),
            }
        }
        // The first day is divided if the range begins within it, so it is never read as a whole.
        StoredSums { days: (utc_day_start(self.start()), self.end), divided, parts, are_hours }
    }
}

impl StoredSums {
    /// Whether a day of the range is read as a whole.
    pub fn has_whole_days(&self) -> bool {
        let (start, end) = self.days;
        // A day that the range ends in is divided; it counts as a day here.
        let days = (end - start + DAY - TimeDelta::nanoseconds(1)).num_days();
        days > self.divided.len() as i64
    }
}

#[cfg(test)]
mod tests {
    use super::super::time_zone::QUARTER_HOUR;
    use super::*;

    fn at(text: &str) -> DateTime<Utc> {
        text.parse().expect("RFC 3339")
    }

    fn periods(from: &str, to: &str, granularity: Option<Granularity>, zone: &str) -> Periods {
        Periods::new(at(from), at(to), granularity, zone.parse().expect("a time zone"))
    }

    #[test]
    fn the_first_and_the_last_period_end_with_the_range() {
        let periods = periods("2026-03-28T10:00:00Z", "2026-03-30T12:00:00Z", Some(Granularity::Day), "Europe/Berlin");
        let starts = ["2026-03-28T10:00:00Z", "2026-03-28T23:00:00Z", "2026-03-29T22:00:00Z"].map(at);
        assert_eq!((periods.starts.as_slice(), periods.end), (&starts[..], at("2026-03-30T12:00:00Z")));
        assert_eq!(periods.starts.len(), 3);
    }

    #[test]
    fn whole_days_suffice_where_periods_begin_at_midnight_in_utc() {
        for zone in ["UTC", "Africa/Abidjan", "Europe/London"] {
            let winter = periods("2026-01-01T00:00:00Z", "2026-02-01T00:00:00Z", Some(Granularity::Day), zone);
            let sums = winter.stored_sums();
            assert_eq!((sums.divided.len(), sums.parts.len()), (0, 0), "{zone}");
            assert!(sums.has_whole_days());
            assert_eq!(sums.days, (at("2026-01-01T00:00:00Z"), at("2026-02-01T00:00:00Z")));
        }
    }

    #[test]
    fn days_of_another_time_zone_are_one_range_of_hours() {
        let sums = periods("2026-06-01T04:00:00Z", "2026-07-01T04:00:00Z", Some(Granularity::Day), "America/New_York")
            .stored_sums();
        assert_eq!(sums.parts, [(at("2026-06-01T04:00:00Z"), at("2026-07-01T04:00:00Z"))]);
        assert_eq!((sums.divided.len(), sums.has_whole_days()), (31, false));
        assert!(sums.are_hours);
    }

    #[test]
    fn quarters_of_an_hour_are_read_only_where_periods_need_them() {
        for (to, zone, are_hours) in [
            ("2026-07-01T00:00:00Z", "Europe/Berlin", true),
            ("2026-07-01T00:15:00Z", "Europe/Berlin", false),
            ("2026-07-01T00:00:00Z", "Asia/Kolkata", false),
        ] {
            let periods = periods("2026-06-01T00:00:00Z", to, Some(Granularity::Day), zone);
            assert_eq!(periods.stored_sums().are_hours, are_hours, "{to} {zone}");
        }
    }

    #[test]
    fn months_of_another_time_zone_consist_mostly_of_whole_days() {
        let sums =
            periods("2026-06-01T04:00:00Z", "2026-08-01T04:00:00Z", Some(Granularity::Month), "America/New_York")
                .stored_sums();
        assert_eq!(
            sums.parts,
            [
                (at("2026-06-01T04:00:00Z"), at("2026-06-02T00:00:00Z")),
                (at("2026-07-01T00:00:00Z"), at("2026-07-02T00:00:00Z")),
                (at("2026-08-01T00:00:00Z"), at("2026-08-01T04:00:00Z")),
            ]
        );
    }

    /// Every quarter hour of the range is read exactly once, and a whole day belongs to one period.
    #[test]
    fn the_stored_sums_cover_the_range_exactly_once() {
        let zones =
            ["UTC", "Europe/Berlin", "America/New_York", "Asia/Kathmandu", "Australia/Lord_Howe", "Pacific/Apia"];
        let granularities =
            [None, Some(Granularity::Hour), Some(Granularity::Day), Some(Granularity::Week), Some(Granularity::Month)];
        for zone in zones {
            for granularity in granularities {
                let periods = periods("2026-03-20T10:15:00Z", "2026-05-03T21:45:00Z", granularity, zone);
                let sums = periods.stored_sums();
                let mut has_whole_days = false;
                let mut quarter = at("2026-03-19T00:00:00Z");
                while quarter < at("2026-05-05T00:00:00Z") {
                    let day = utc_day_start(quarter);
                    let is_whole = day >= sums.days.0 && day < sums.days.1 && !sums.divided.contains(&day);
                    has_whole_days |= is_whole;
                    let parts = sums.parts.iter().filter(|(start, end)| quarter >= *start && quarter < *end).count();
                    let is_in_range = quarter >= periods.start() && quarter < periods.end;
                    assert_eq!(
                        parts + usize::from(is_whole),
                        usize::from(is_in_range),
                        "{zone} {granularity:?} {quarter}"
                    );
                    let is_boundary = periods.starts.contains(&quarter) && quarter != day;
                    assert!(!is_whole || !is_boundary, "{zone} {granularity:?} {quarter}");
                    quarter += QUARTER_HOUR;
                }
                assert_eq!(sums.has_whole_days(), has_whole_days, "{zone} {granularity:?}");
            }
        }
    }
}
