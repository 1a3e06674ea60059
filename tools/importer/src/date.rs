//! Parses dates such as `12/1/10 8:26` (month/day/year). The file has local times without a time zone; they are read as UTC.

use chrono::{DateTime, NaiveDate, Utc};

/// Years of two digits are in this century; a year of four digits before it is an error in the file.
const CENTURY: i32 = 2000;

/// Parses `12/1/10 8:26` or `12/1/2010 8:26`.
pub(crate) fn parse(text: &str) -> Option<DateTime<Utc>> {
    let (date, time) = text.split_once(' ')?;
    let mut date = date.split('/');
    let (month, day, year) = (date.next()?, date.next()?, date.next()?);
    if date.next().is_some() {
        return None;
    }
    let (hour, minute) = time.split_once(':')?;
    let date = NaiveDate::from_ymd_opt(parse_year(year)?, number(month, 1..=2)?, number(day, 1..=2)?)?;
    Some(date.and_hms_opt(number(hour, 1..=2)?, number(minute, 2..=2)?, 0)?.and_utc())
}

fn parse_year(text: &str) -> Option<i32> {
    match text.len() {
        2 => Some(CENTURY + number(text, 2..=2)? as i32),
        _ => Some(number(text, 4..=4)? as i32).filter(|year| *year >= CENTURY),
    }
}

fn number(digits: &str, lengths: std::ops::RangeInclusive<usize>) -> Option<u32> {
    let plain = lengths.contains(&digits.len()) && digits.bytes().all(|b| b.is_ascii_digit());
    plain.then(|| digits.parse().ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_read_as_month_day_year_in_utc() {
        let utc = |text: &str| parse(text).map(|at| at.format("%Y-%m-%dT%H:%MZ").to_string());
        assert_eq!(utc("12/1/10 8:26").as_deref(), Some("2010-12-01T08:26Z"));
        assert_eq!(utc("3/31/11 23:59").as_deref(), Some("2011-03-31T23:59Z"));
        assert_eq!(utc("02/29/2012 00:00").as_deref(), Some("2012-02-29T00:00Z"));
    }

    #[test]
    fn text_that_is_not_a_date_is_rejected() {
        for bad in [
            "",
            "12/1/10",
            "13/1/10 8:26",
            "2/29/11 8:26",
            "12/1/10 24:00",
            "12/1/10 8:60",
            "12/1/1010 8:26",
            "1/2 8:26",
            "12/1/10 8:26:00",
            "2010-12-01 08:26",
            "12/1/10 8:2",
            "12/1/010 8:26",
            "+1/1/10 8:26",
            "1/1/10/1 8:26",
        ] {
            assert_eq!(parse(bad), None, "{bad}");
        }
    }
}
