//! The JSON body of a report.

use schemars::JsonSchema;
use serde::Serialize;

use crate::reads::reports::periods::Periods;
use crate::reads::reports::table::{ReportRow, ReportTable, ReportType};

/// A report.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Report_of_{R}")]
pub(in crate::http) struct ReportBody<'a, R> {
    /// Name of the report.
    report: &'static str,
    /// Start of the range, inclusive, in the time zone; missing for a report of sums since the first event.
    #[serde(skip_serializing_if = "Option::is_none")]
    from: Option<String>,
    /// End of the range, exclusive, in the time zone; missing for a report of sums since the first event.
    #[serde(skip_serializing_if = "Option::is_none")]
    to: Option<String>,
    /// Time zone of days, weeks and months (IANA); missing for a report of sums since the first event.
    #[serde(skip_serializing_if = "Option::is_none")]
    timezone: Option<&'static str>,
    /// What the rows are grouped by, besides the currency.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    group_by: Vec<&'a str>,
    /// The report contains every event up to this position in the log.
    position: i64,
    /// The rows of the report.
    rows: Vec<R>,
    /// The cursor of the next page; missing on the last page.
    #[serde(skip_serializing_if = "Option::is_none")]
    next_cursor: Option<&'a str>,
    /// The URI of the next page; missing on the last page.
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<&'a str>,
}

impl<'a> ReportBody<'a, ReportRow<'a>> {
    /// The body of a page, or of a whole report.
    pub(super) fn of(
        report: &'static ReportType,
        periods: Option<&Periods>,
        group_by: &'a [String],
        table: &'a ReportTable,
        next_cursor: Option<&'a str>,
        next: Option<&'a str>,
    ) -> ReportBody<'a, ReportRow<'a>> {
        let local =
            |instant: chrono::DateTime<chrono::Utc>, zone| instant.with_timezone::<chrono_tz::Tz>(zone).to_rfc3339();
        ReportBody {
            report: report.name,
            from: periods.map(|periods| local(periods.start(), &periods.zone)),
            to: periods.map(|periods| local(periods.end, &periods.zone)),
            timezone: periods.map(|periods| periods.zone.name()),
            group_by: group_by.iter().map(String::as_str).collect(),
            position: table.contained.position.0,
            rows: table.rows.iter().map(|cells| ReportRow { columns: report.columns, cells }).collect(),
            next_cursor,
            next,
        }
    }
}
