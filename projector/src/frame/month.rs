//! A calendar month: tables are partitioned by month.

use std::str::FromStr;

use chrono::{DateTime, Datelike, Months, NaiveDate, Utc};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// A calendar month in UTC, as text such as `2026-12`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Month {
    first: NaiveDate,
}

/// A text is not a month such as `2026-11`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a month: write it as 2026-11")]
pub struct InvalidMonth(String);

impl Month {
    /// The month that contains an instant.
    pub fn of(instant: DateTime<Utc>) -> Month {
        Month::of_day(instant.date_naive())
    }

    /// The month that contains a day.
    pub fn of_day(day: NaiveDate) -> Month {
        Month { first: day.with_day(1).unwrap_or(day) }
    }

    /// The month that a table name such as `orders_2026_11` ends with.
    pub fn of_table(parent: &str, table: &str) -> Option<Month> {
        let (year, month) = table.strip_prefix(parent)?.strip_prefix('_')?.split_once('_')?;
        NaiveDate::from_ymd_opt(year.parse().ok()?, month.parse().ok()?, 1).map(|first| Month { first })
    }

    /// The first day of the month.
    pub fn first_day(self) -> NaiveDate {
        self.first
    }

    /// The first instant of the month.
    pub fn begin(self) -> DateTime<Utc> {
        self.first.and_time(chrono::NaiveTime::MIN).and_utc()
    }

    /// The month after this one.
    pub fn next(self) -> Month {
        Month { first: self.first.checked_add_months(Months::new(1)).unwrap_or(self.first) }
    }

    /// Name of the table with the rows of this month.
    pub fn table(self, parent: &str) -> String {
        format!("{parent}_{:04}_{:02}", self.first.year(), self.first.month())
    }
}

impl FromStr for Month {
    type Err = InvalidMonth;

    fn from_str(text: &str) -> Result<Month, InvalidMonth> {
        let digits = |part: &str, count| part.len() == count && part.bytes().all(|byte| byte.is_ascii_digit());
        let parts = text.split_once('-').filter(|(year, month)| digits(year, 4) && digits(month, 2));
        let first = parts.and_then(|(year, month)| NaiveDate::from_ymd_opt(year.parse().ok()?, month.parse().ok()?, 1));
        first.map(|first| Month { first }).ok_or_else(|| InvalidMonth(text.chars().take(20).collect()))
    }
}

impl TryFrom<String> for Month {
    type Error = InvalidMonth;

    fn try_from(text: String) -> Result<Month, InvalidMonth> {
        text.parse()
    }
}

impl From<Month> for String {
    fn from(month: Month) -> String {
        month.to_string()
    }
}

impl std::fmt::Display for Month {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:04}-{:02}", self.first.year(), self.first.month())
    }
}

/// The smallest time-ordered id of an instant: 48 bits of milliseconds, then zeros (RFC 9562, section 5.7).
pub fn first_id(instant: DateTime<Utc>) -> Uuid {
    Uuid::from_u128((instant.timestamp_millis().max(0) as u128) << 80)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn instant(text: &str) -> DateTime<Utc> {
        text.parse().unwrap()
    }

    #[test]
    fn a_month_begins_at_midnight_utc() {
        let december = Month::of(instant("2026-12-31T23:59:59.999Z"));
        assert_eq!((december.to_string(), december.table("orders")), ("2026-12".into(), "orders_2026_12".into()));
        assert_eq!(december.next().begin(), instant("2027-01-01T00:00:00Z"));
        assert_eq!(Month::of_table("orders", "orders_2026_12"), Some(december));
        assert_eq!(Month::of_table("orders", "orders_code"), None);
        assert_eq!("2026-12".parse(), Ok(december));
        for text in ["2026-13", "2026-1", "26-12", "2026-12-01", "", "december"] {
            assert_eq!(
                text.parse::<Month>().unwrap_err().to_string(),
                format!("`{text}` is not a month: write it as 2026-11")
            );
        }
    }

    #[test]
    fn a_month_is_written_with_four_digits_and_two() {
        assert_eq!("2026-08".parse(), Ok(Month::of(instant("2026-08-31T12:00:00Z"))));
        for wrong in ["2026-13", "2026-8", "202-08", "2026_08", "2026-08-01", "+026-08", "august", ""] {
            assert_eq!(wrong.parse::<Month>(), Err(InvalidMonth(wrong.to_owned())));
        }
    }

    #[test]
    fn the_first_id_of_an_instant_begins_with_its_milliseconds() {
        assert_eq!(first_id(instant("2026-11-01T00:00:00Z")).to_string(), "01a19467-e800-0000-0000-000000000000");
        assert_eq!(first_id(instant("1960-01-01T00:00:00Z")), Uuid::nil());
    }
}
