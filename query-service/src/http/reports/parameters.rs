//! Parses the parameters of reports: range, time zone, grouping, filters, page and format.

use axum::http::{HeaderMap, Uri, header};
use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use chrono_tz::Tz;
use platform::problem::Problem;

use crate::http::app::App;
use crate::http::cursor::CursorError;
use crate::http::parameters::Parameters;
pub(in crate::http) use crate::http::reports::documented::has_range;
use crate::http::reports::documented::names;
use crate::http::{moment, problems};
use crate::reads::reports::cell::Cell;
use crate::reads::reports::periods::Periods;
use crate::reads::reports::query::{Dimension, ReportQuery};
use crate::reads::reports::table::ReportType;
use crate::reads::reports::time_zone::{Granularity, QUARTER_HOUR, day_start};

/// Rows of a page by default.
const LIMIT_DEFAULT: u16 = 100;
/// Rows of the largest page: about 200 KB.
const LIMIT_MAX: u16 = 1000;

/// Longest range by granularity, in days: a few thousand periods. The longest day has 25 hours, so each has a day to spare.
const DAYS_MAX: [(Option<Granularity>, i64); 6] = [
    (Some(Granularity::QuarterHour), 31),
    (Some(Granularity::Hour), 92),
    (Some(Granularity::Day), 800),
    (Some(Granularity::Week), 3660),
    (Some(Granularity::Month), 3660),
    (None, 3660),
];
/// No read model has events from before this year.
const FIRST_YEAR: i32 = 2000;
/// Long after any event, and long before calendars end.
const LAST_YEAR: i32 = 2200;

// What a parameter must be, as problems say it.
const INSTANT: &str = "a date such as 2026-01-31, which means the start of this day in the time zone, or a time in the format of \
    RFC 3339 at a full quarter of an hour, such as 2026-01-31T09:15:00Z (send a + in it as %2B), in the years 2000 to 2199";
/// What a time zone must be, as problems say it.
pub(in crate::http) const TIME_ZONE: &str =
    "the name of a time zone in the IANA database, such as Europe/Berlin or UTC (send a + in it as %2B)";
const NAME: &str = "1 to 64 of the characters A-Z a-z 0-9 . _ -";
const CURRENCY: &str = "a currency code (ISO 4217), such as GBP";
const FORMAT: &str = "json or csv";

/// The format of a response.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Format {
    /// JSON.
    Json,
    /// CSV (RFC 4180).
    Csv,
}

/// A request for a report.
pub(super) struct ReportRequest {
    /// What is requested.
    pub(super) query: ReportQuery,
    /// What rows are grouped by, as given or by default.
    pub(super) group_by: Vec<String>,
    /// The format of the response.
    pub(super) format: Format,
    /// The report and its filters. A cursor is valid for one scope.
    pub(super) scope: String,
}

impl ReportRequest {
    /// Parses a request.
    pub(super) fn read(
        report: &'static ReportType,
        app: &App,
        uri: &Uri,
        headers: &HeaderMap,
    ) -> Result<ReportRequest, Problem> {
        let parameters = Parameters::read(uri, &names(report))?;
        let scope = format!("{}\n{}", uri.path(), parameters.canonical(&["limit", "cursor", "format"]));
        let (query, group_by) = read_query(report, &parameters)?;
        let after = match parameters.text("cursor") {
            Some(cursor) => Some(app.cursor_key.open(&scope, cursor).map_err(problems::invalid_cursor)?),
            None => None,
        };
        let after = after.map(|key| decode_key(&key).ok_or_else(|| problems::invalid_cursor(CursorError::Forged)));
        let format = parameters.parsed("format", FORMAT, |word| match word {
            "json" => Some(Format::Json),
            "csv" => Some(Format::Csv),
            _ => None,
        })?;
        let format = format.unwrap_or_else(|| accepted(headers));
        Ok(ReportRequest { query: ReportQuery { after: after.transpose()?, ..query }, group_by, format, scope })
    }
}

/// Parses the query of a whole report, without a page and a format.
pub(in crate::http) fn read_whole(report: &'static ReportType, uri: &Uri) -> Result<ReportQuery, Problem> {
    let mut names = names(report);
    names.retain(|name| !["limit", "cursor", "format"].contains(name));
    let (query, _) = read_query(report, &Parameters::read(uri, &names)?)?;
    Ok(ReportQuery { limit: None, ..query })
}

/// The query without its place in the list, and what it is grouped by.
fn read_query(report: &'static ReportType, parameters: &Parameters) -> Result<(ReportQuery, Vec<String>), Problem> {
    let (granularity, by, group_by) = read_grouping(report, parameters)?;
    let limit = parameters.parsed("limit", &format!("a whole number from 1 to {LIMIT_MAX}"), |text| {
        let is_number = text.bytes().all(|b| b.is_ascii_digit());
        text.parse().ok().filter(|limit| is_number && (1..=LIMIT_MAX).contains(limit))
    })?;
    let query = ReportQuery {
        periods: has_range(report).then(|| read_periods(parameters, granularity)).transpose()?,
        by,
        channel: parameters.parsed("channel", NAME, |text| text.parse().ok())?,
        currency: parameters.parsed("currency", CURRENCY, |text| text.parse().ok())?,
        location: parameters.parsed("location", NAME, |text| text.parse().ok())?,
        limit: (!report.page_key.is_empty()).then(|| limit.unwrap_or(LIMIT_DEFAULT)),
        after: None,
        as_of: moment::read(parameters)?,
        later: None,
    };
    Ok((query, group_by))
}

type Grouping = (Option<Granularity>, Vec<Dimension>, Vec<String>);

fn read_grouping(report: &'static ReportType, parameters: &Parameters) -> Result<Grouping, Problem> {
    if !names(report).contains(&"group_by") {
        return Ok((None, Vec::new(), Vec::new()));
    }
    let given = parameters.text("group_by").unwrap_or("day");
    let dimensions = report.dimensions.iter().map(|dimension| dimension.word()).collect::<Vec<_>>().join(" or ");
    let form =
        format!("at most one of 15min, hour, day, week and month, and {dimensions}, each once and separated by commas");
    let refused = || problems::invalid_parameter("group_by", given, &form);
    let (mut granularity, mut by) = (None, Vec::new());
    for word in given.split(',') {
        let dimension = report.dimensions.iter().find(|it| it.word() == word && !by.contains(*it));
        match (Granularity::named(word), dimension) {
            (Some(unit), _) if granularity.is_none() => granularity = Some(unit),
            (None, Some(dimension)) => by.push(*dimension),
            _ => return Err(refused()),
        }
    }
    Ok((granularity, by, given.split(',').map(ToOwned::to_owned).collect()))
}

fn read_periods(parameters: &Parameters, granularity: Option<Granularity>) -> Result<Periods, Problem> {
    let zone = parameters.parsed("timezone", TIME_ZONE, |name| name.parse::<Tz>().ok())?.unwrap_or(Tz::UTC);
    let read = |name: &str| {
        let found = parameters.parsed(name, INSTANT, |text| instant(text, zone))?;
        found.ok_or_else(|| problems::missing_parameter(name, INSTANT))
    };
    let (from, to) = (read("from")?, read("to")?);
    let shown = parameters.text("to").unwrap_or_default();
    if to <= from {
        return Err(problems::invalid_parameter(
            "to",
            shown,
            "later than `from`; the range does not include `to` itself",
        ));
    }
    let days = DAYS_MAX.iter().find(|(unit, _)| *unit == granularity).map_or(0, |(_, days)| *days);
    if to - from > TimeDelta::days(days) + TimeDelta::hours(2) {
        let form = format!("at most {days} days after `from` with this `group_by`");
        return Err(problems::invalid_parameter("to", shown, &form));
    }
    Ok(Periods::new(from, to, granularity, zone))
}

/// Parses the start or the end of a range.
fn instant(text: &str, zone: Tz) -> Option<DateTime<Utc>> {
    let instant = match NaiveDate::parse_from_str(text, "%Y-%m-%d") {
        Ok(date) if text.len() == 10 => {
            let years = FIRST_YEAR..LAST_YEAR;
            years.contains(&chrono::Datelike::year(&date)).then(|| day_start(date, zone))?
        }
        _ => DateTime::parse_from_rfc3339(text).ok()?.to_utc(),
    };
    let is_aligned = instant.timestamp() % QUARTER_HOUR.num_seconds() == 0 && instant.timestamp_subsec_nanos() == 0;
    // Dates of other time zones begin on the last day of the year before.
    let years = FIRST_YEAR - 1..LAST_YEAR;
    (is_aligned && years.contains(&chrono::Datelike::year(&instant))).then_some(instant)
}

/// The format that the client prefers by `Accept` (RFC 9110, 12.5.1); JSON if it accepts anything or neither.
fn accepted(headers: &HeaderMap) -> Format {
    let quality = |media_type: &str| {
        let lines = headers.get_all(header::ACCEPT).iter().filter_map(|line| line.to_str().ok());
        let found = lines.flat_map(|line| line.split(',')).find_map(|range| {
            let mut parts = range.split(';').map(str::trim);
            parts.next().filter(|name| name.eq_ignore_ascii_case(media_type))?;
            let quality = parts.find_map(|it| it.strip_prefix("q=").or_else(|| it.strip_prefix("Q=")));
            Some(quality.map_or(1.0, |quality| quality.parse::<f32>().unwrap_or(0.0)))
        });
        found.unwrap_or(0.0)
    };
    if quality("text/csv") > quality("application/json") { Format::Csv } else { Format::Json }
}

/// The sort key of a row, for a cursor: its values as texts, one a line.
pub(super) fn encode_key(key: &[Cell]) -> Vec<u8> {
    key.iter().map(Cell::to_text).collect::<Vec<_>>().join("\n").into_bytes()
}

/// The sort key in a cursor: currency, net amount, and a name or an id.
fn decode_key(key: &[u8]) -> Option<Vec<Cell>> {
    let lines: Vec<&str> = std::str::from_utf8(key).ok()?.split('\n').collect();
    let [currency, net, name] = lines[..] else { return None };
    Some(vec![Cell::Text(currency.to_owned()), Cell::Number(net.parse().ok()?), Cell::Text(name.to_owned())])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::reads::reports::customers::CUSTOMERS;
    use crate::reads::reports::fulfilment::FULFILMENT;
    use crate::reads::reports::sales::SALES;

    fn parse(report: &'static ReportType, query: &str) -> Result<ReportQuery, Problem> {
        let uri = format!("/v1/reports/x?{query}").parse().expect("a URI");
        read_query(report, &Parameters::read(&uri, &names(report))?).map(|(query, _)| query)
    }

    fn starts(query: &str) -> (Vec<String>, String) {
        let periods = parse(&SALES, query).expect("a valid query").periods.expect("periods");
        let text = |instant: &DateTime<Utc>| instant.format("%m-%dT%H:%M").to_string();
        (periods.starts.iter().map(text).collect(), text(&periods.end))
    }

    #[test]
    fn dates_are_days_in_the_time_zone() {
        let (starts, end) = starts("from=2026-03-28&to=2026-03-31&timezone=Europe/Berlin");
        assert_eq!(starts, ["03-27T23:00", "03-28T23:00", "03-29T22:00"]);
        assert_eq!(end, "03-30T22:00");
    }

    #[test]
    fn a_range_may_begin_and_end_within_a_unit() {
        let (starts, end) = starts("from=2026-03-28T10:45:00Z&to=2026-03-28T13:15:00%2B01:00&group_by=channel,hour");
        assert_eq!(
            (starts, end),
            (vec!["03-28T10:45".to_owned(), "03-28T11:00".into(), "03-28T12:00".into()], "03-28T12:15".into())
        );
    }

    #[test]
    fn without_a_unit_the_range_is_one_period() {
        let query = parse(&SALES, "from=2020-01-01&to=2030-01-01&group_by=channel").expect("ten years");
        assert_eq!((query.periods.expect("periods").starts.len(), query.by), (1, vec![Dimension::Channel]));
        assert_eq!(
            parse(&FULFILMENT, "from=2026-01-01&to=2026-02-01&group_by=location,channel").expect("both").by.len(),
            2
        );
    }

    #[test]
    fn ranges_are_limited_by_granularity() {
        for (unit, longest, longer) in [
            ("15min", "2026-02-01", "2026-02-02"),
            ("hour", "2026-04-03", "2026-04-04"),
            ("day", "2028-03-11", "2028-03-12"),
            ("week", "2036-01-09", "2036-01-10"),
            ("month", "2036-01-09", "2036-01-10"),
            ("channel", "2036-01-09", "2036-01-10"),
        ] {
            let of =
                |to: &str| parse(&SALES, &format!("from=2026-01-01&to={to}&group_by={unit}&timezone=America/New_York"));
            assert!(of(longest).is_ok(), "{unit}");
            let problem = of(longer).expect_err(unit).to_json();
            assert!(problem["detail"].as_str().expect("a detail").contains("days after `from`"), "{problem}");
        }
    }

    #[test]
    fn invalid_values_are_refused() {
        let range = "from=2026-01-01&to=2026-02-01";
        for wrong in [
            "to=2026-02-01",
            "from=2026-01-01",
            "from=2026-01-01&to=2026-01-01",
            "from=2026-02-01&to=2026-01-01",
            "from=2026-02-30&to=2026-03-01",
            "from=2026-1-1&to=2026-02-01",
            "from=1999-12-31&to=2000-01-31",
            "from=2199-12-31&to=2200-01-01",
            "from=2026-01-01T00:05:00Z&to=2026-02-01",
            "from=2026-01-01T00:00:00.5Z&to=2026-02-01",
            "from=2026-01-01T00:00:00&to=2026-02-01",
            "from=yesterday&to=today",
            &format!("{range}&timezone=Berlin"),
            &format!("{range}&timezone=europe/berlin"),
            &format!("{range}&timezone=%2B02:00"),
            &format!("{range}&group_by=year"),
            &format!("{range}&group_by=day,week"),
            &format!("{range}&group_by=day,day"),
            &format!("{range}&group_by=day,"),
            &format!("{range}&group_by=channel,channel"),
            &format!("{range}&group_by=location"),
            &format!("{range}&channel=a%20b"),
            &format!("{range}&currency=gbp"),
            &format!("{range}&location=main"),
            &format!("{range}&as_of=0"),
            &format!("{range}&as_of=2026-01-01"),
            &format!("{range}&as_of=2200-01-01T00:00:00Z"),
        ] {
            assert_eq!(parse(&SALES, wrong).expect_err(wrong).kind(), "invalid-query", "{wrong}");
        }
        for wrong in ["limit=0", "limit=1001", "limit=%2B5", "from=2026-01-01", "group_by=day"] {
            assert_eq!(parse(&CUSTOMERS, wrong).expect_err(wrong).kind(), "invalid-query", "{wrong}");
        }
    }

    #[test]
    fn csv_is_requested_by_accept() {
        let of = |accept: &'static str| {
            accepted(&HeaderMap::from_iter([(header::ACCEPT, accept.parse().expect("a value"))]))
        };
        for csv in
            ["text/csv", "Text/CSV; header=present", "application/json;q=0.5, text/csv", "text/csv;q=0.9,*/*;q=0.1"]
        {
            assert_eq!(of(csv), Format::Csv, "{csv}");
        }
        for json in ["*/*", "application/json", "text/csv;q=0.5,application/json", "text/csv;q=0", "text/html"] {
            assert_eq!(of(json), Format::Json, "{json}");
        }
        assert_eq!(accepted(&HeaderMap::new()), Format::Json);
    }

    #[test]
    fn the_key_of_a_row_survives_a_cursor() {
        let key = vec![Cell::Text("GBP".into()), Cell::Number(-7), Cell::Text("MUG-1".into())];
        assert_eq!(decode_key(&encode_key(&key)), Some(key));
        assert_eq!(decode_key(b"GBP\nx\nMUG"), None);
    }
}
