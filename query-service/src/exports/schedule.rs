//! A recurring export: a query whose range of time is set anew for each occurrence. Never changes; deleted on request.

use chrono::{DateTime, NaiveTime, SecondsFormat, Utc};
use chrono_tz::Tz;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use uuid::Uuid;

use super::job::{Format, Job};
use super::jobs::id_at;
use super::occurrence::{self, Occurrence, Period};

/// The range that an export covers, and how often it runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(rename = "ExportRange")]
pub enum Range {
    /// Every day, the day before.
    PreviousDay,
    /// Every Monday, the week before.
    PreviousWeek,
    /// Every first day of a month, the month before.
    PreviousMonth,
}

/// The parameters of a list or report that a range sets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RangeParameters {
    /// `from`, `to` and, unless the query has it, `timezone`.
    Report,
    /// `placed_at[gte]` and `placed_at[lt]`.
    Orders,
    /// None: the list shows the present state.
    None,
}

/// A recurring export.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Schedule {
    /// Id of the schedule.
    pub id: Uuid,
    /// Path and query of the list or report, without its range.
    pub query: String,
    /// Format of the files.
    pub format: Format,
    /// The range, and how often.
    pub range: Range,
    /// The parameters that the range sets.
    pub sets: RangeParameters,
    /// Local time of day at which the exports begin.
    pub at: NaiveTime,
    /// The time zone of the range and of `at`.
    #[serde(with = "time_zone_name")]
    pub timezone: Tz,
    /// When the schedule was created.
    pub created_at: DateTime<Utc>,
}

/// A time zone as its name in the IANA database.
mod time_zone_name {
    use chrono_tz::Tz;
    use serde::de::{Deserialize, Deserializer, Error};
    use serde::ser::Serializer;

    pub(super) fn serialize<S: Serializer>(zone: &Tz, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(zone.name())
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Tz, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(D::Error::custom)
    }
}

impl Range {
    fn period(self) -> Period {
        match self {
            Range::PreviousDay => Period::Day,
            Range::PreviousWeek => Period::Week,
            Range::PreviousMonth => Period::Month,
        }
    }
}

impl Schedule {
    /// The last occurrence that is not after `now`; `None` before the first one.
    pub fn last(&self, now: DateTime<Utc>) -> Option<Occurrence> {
        let last = occurrence::last(self.range.period(), self.at, self.timezone, now);
        last.filter(|last| last.at > self.created_at)
    }

    /// The first occurrence after `now`.
    pub fn next(&self, now: DateTime<Utc>) -> Option<Occurrence> {
        occurrence::next(self.range.period(), self.at, self.timezone, now)
    }

    /// The export of an occurrence. Its id follows from both, so that several instances create one export.
    pub fn job(&self, occurrence: &Occurrence, now: DateTime<Utc>) -> Job {
        let digest = Sha256::digest(format!("{}\n{}", self.id, occurrence.at.to_rfc3339()));
        let mut rest = [0; 16];
        rest.copy_from_slice(&digest[..16]);
        Job {
            id: id_at(occurrence.at, u128::from_be_bytes(rest)),
            query: self.query_of(occurrence),
            format: self.format,
            created_at: now,
            key: None,
            schedule_id: Some(self.id),
        }
    }

    /// The query of an occurrence, with its range.
    pub fn query_of(&self, occurrence: &Occurrence) -> String {
        let text = |instant: DateTime<Utc>| instant.to_rfc3339_opts(SecondsFormat::Secs, true);
        let (from, to) = (text(occurrence.from), text(occurrence.to));
        let set = match self.sets {
            RangeParameters::None => return self.query.clone(),
            RangeParameters::Orders => format!("placed_at[gte]={from}&placed_at[lt]={to}"),
            RangeParameters::Report if self.has_time_zone() => format!("from={from}&to={to}"),
            // A plus sign, as in Etc/GMT+1, would mean a space.
            RangeParameters::Report => {
                format!("from={from}&to={to}&timezone={}", self.timezone.name().replace('+', "%2B"))
            }
        };
        let separator = match self.query.split_once('?') {
            None => "?",
            Some((_, "")) => "",
            Some(_) => "&",
        };
        format!("{}{separator}{set}", self.query)
    }

    fn has_time_zone(&self) -> bool {
        let parameters = self.query.split_once('?').map_or("", |(_, parameters)| parameters);
        parameters.split('&').any(|parameter| parameter.starts_with("timezone="))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> DateTime<Utc> {
        text.parse().expect("RFC 3339")
    }

    fn schedule(query: &str, sets: RangeParameters) -> Schedule {
        Schedule {
            id: Uuid::nil(),
            query: query.to_owned(),
            format: Format::Csv,
            range: Range::PreviousDay,
            sets,
            at: NaiveTime::from_hms_opt(2, 30, 0).expect("a time"),
            timezone: Tz::Europe__Berlin,
            created_at: at("2026-03-01T12:00:00Z"),
        }
    }

    #[test]
    fn the_range_is_added_to_the_query() {
        let report = schedule("/v1/reports/sales?group_by=hour", RangeParameters::Report);
        let occurrence = report.last(at("2026-03-30T12:00:00Z")).expect("an occurrence");
        assert_eq!(
            report.query_of(&occurrence),
            "/v1/reports/sales?group_by=hour&from=2026-03-28T23:00:00Z&to=2026-03-29T22:00:00Z&timezone=Europe/Berlin"
        );
        let in_utc = schedule("/v1/reports/sales?timezone=UTC", RangeParameters::Report);
        assert!(
            in_utc.query_of(&occurrence).ends_with("?timezone=UTC&from=2026-03-28T23:00:00Z&to=2026-03-29T22:00:00Z")
        );
        let orders = schedule("/v1/orders", RangeParameters::Orders);
        assert_eq!(
            orders.query_of(&occurrence),
            "/v1/orders?placed_at[gte]=2026-03-28T23:00:00Z&placed_at[lt]=2026-03-29T22:00:00Z"
        );
        assert_eq!(schedule("/v1/stock", RangeParameters::None).query_of(&occurrence), "/v1/stock");
    }

    #[test]
    fn an_occurrence_before_the_schedule_existed_does_not_run() {
        let schedule = schedule("/v1/stock", RangeParameters::None);
        assert_eq!(schedule.last(at("2026-03-02T01:29:00Z")), None);
        assert!(schedule.last(at("2026-03-02T01:30:00Z")).is_some());
        assert_eq!(schedule.next(at("2026-03-01T12:00:00Z")).map(|it| it.at), Some(at("2026-03-02T01:30:00Z")));
    }

    #[test]
    fn the_id_of_an_export_follows_from_the_schedule_and_the_occurrence() {
        let schedule = schedule("/v1/stock", RangeParameters::None);
        let of = |now: &str| schedule.job(&schedule.last(at(now)).expect("an occurrence"), at(now)).id;
        assert_eq!(of("2026-03-02T02:00:00Z"), of("2026-03-02T20:00:00Z"));
        assert_ne!(of("2026-03-02T02:00:00Z"), of("2026-03-03T02:00:00Z"));
        let other = Schedule { id: Uuid::max(), ..schedule.clone() };
        let occurrence = schedule.last(at("2026-03-02T02:00:00Z")).expect("an occurrence");
        assert_ne!(schedule.job(&occurrence, occurrence.at).id, other.job(&occurrence, occurrence.at).id);
        assert_eq!(schedule.job(&occurrence, occurrence.at).id.get_version_num(), 7);
    }
}
