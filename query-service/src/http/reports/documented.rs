//! The names and the documentation of the parameters of reports. [`super::parameters`] parses them.

use events::{ChannelCode, Currency, Location};
use platform::openapi::Parameter;
use schemars::JsonSchema;

use crate::http::documentation::Text;
use crate::reads::reports::query::Dimension;
use crate::reads::reports::table::ReportType;

/// The parameters of all reports, in the order of the documentation.
const ALL: [&str; 11] =
    ["from", "to", "timezone", "group_by", "channel", "location", "currency", "as_of", "limit", "cursor", "format"];

/// The format of a response, for its schema.
#[derive(JsonSchema)]
#[schemars(inline, rename_all = "lowercase")]
#[expect(dead_code, reason = "only its schema is used")]
enum FormatWord {
    Json,
    Csv,
}

/// Maximum number of rows on a page.
#[derive(JsonSchema)]
#[schemars(inline)]
#[expect(dead_code, reason = "only its schema is used")]
struct Limit(#[schemars(range(min = 1, max = 1000))] u16);

/// Whether a report has a range; reports of sums since the first event have none.
pub(in crate::http) fn has_range(report: &ReportType) -> bool {
    report.columns.iter().any(|column| column.name == "period")
        || report.columns.iter().any(|column| column.name == "sku")
}

/// The names of the parameters of a report.
pub(super) fn names(report: &'static ReportType) -> Vec<&'static str> {
    let has = |column: &str| report.columns.iter().any(|it| it.name == column);
    let is_of = |name: &&str| match *name {
        "from" | "to" | "timezone" => has_range(report),
        "group_by" => has("period"),
        "channel" => has("channel") || has("sku"),
        "location" | "currency" => has(name),
        "limit" | "cursor" => !report.page_key.is_empty(),
        _ => true,
    };
    ALL.into_iter().filter(is_of).collect()
}

/// The documentation of the parameters of a report.
pub(super) fn parameters(report: &'static ReportType) -> Vec<Parameter> {
    names(report).into_iter().filter_map(|name| parameter(report, name)).collect()
}

fn parameter(report: &'static ReportType, name: &str) -> Option<Parameter> {
    let grouped_by = match report.dimensions {
        [Dimension::Channel] => {
            "A calendar unit and dimensions, separated by a comma: one of 15min, hour, day, week (from Monday on) and month, and \
             channel. `day` by default; without a unit, the range is one period. The longest range is 31 days by 15min, 92 days \
             by hour, 800 days by day and 3,660 days otherwise."
        }
        [Dimension::Location] => {
            "A calendar unit and dimensions, separated by a comma: one of 15min, hour, day, week (from Monday on) and month, and \
             location. `day` by default; without a unit, the range is one period. The longest range is 31 days by 15min, 92 days \
             by hour, 800 days by day and 3,660 days otherwise."
        }
        _ => {
            "A calendar unit and dimensions, separated by commas: one of 15min, hour, day, week (from Monday on) and month, and \
             channel and location. `day` by default; without a unit, the range is one period. The longest range is 31 days by \
             15min, 92 days by hour, 800 days by day and 3,660 days otherwise."
        }
    };
    Some(match name {
        "from" => Parameter::query::<Text>(
            "from",
            "Start of the range, inclusive: a date, which means the start of this day in the time zone, or a time (RFC 3339) at a \
             full quarter of an hour.",
        )
        .required(),
        "to" => Parameter::query::<Text>("to", "End of the range, exclusive, in the same form as `from`.").required(),
        "timezone" => Parameter::query::<Text>(
            "timezone",
            "Time zone in which days, weeks and months begin (IANA time zone database); UTC by default.",
        ),
        "group_by" => Parameter::query::<Text>("group_by", grouped_by),
        "channel" => Parameter::query::<ChannelCode>("channel", "Only orders of this sales channel."),
        "location" => Parameter::query::<Location>("location", "Only stock at this location."),
        "currency" => Parameter::query::<Currency>("currency", "Only amounts in this currency (ISO 4217)."),
        "as_of" => Parameter::query::<Text>(
            "as_of",
            "Position in the log, or time of recording in the format of RFC 3339, that the report shows: one of the last 100,000 \
             positions. Without it, the report shows the present.",
        ),
        "limit" => Parameter::query::<Limit>("limit", "Maximum number of rows on the page; 100 by default."),
        "cursor" => Parameter::query::<Text>(
            "cursor",
            "`next_cursor` of the previous page. A cursor is valid only with the same filters.",
        ),
        "format" => Parameter::query::<FormatWord>(
            "format",
            "Format of the response. Without it, `Accept: text/csv` requests CSV, and JSON is the default. In CSV, names that look \
             like a formula of a spreadsheet begin with an apostrophe.",
        ),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::reads::reports::customers::CUSTOMERS;
    use crate::reads::reports::fulfilment::FULFILMENT;
    use crate::reads::reports::products::PRODUCTS;
    use crate::reads::reports::sales::SALES;
    use crate::reads::reports::stock::STOCK;

    #[test]
    fn each_report_has_its_own_parameters() {
        assert_eq!(names(&SALES), ["from", "to", "timezone", "group_by", "channel", "currency", "as_of", "format"]);
        assert_eq!(
            names(&PRODUCTS),
            ["from", "to", "timezone", "channel", "currency", "as_of", "limit", "cursor", "format"]
        );
        assert_eq!(names(&CUSTOMERS), ["currency", "as_of", "limit", "cursor", "format"]);
        assert_eq!(
            names(&FULFILMENT),
            ["from", "to", "timezone", "group_by", "channel", "location", "as_of", "format"]
        );
        assert_eq!(names(&STOCK), ["from", "to", "timezone", "group_by", "location", "as_of", "format"]);
        assert!([&SALES, &PRODUCTS, &CUSTOMERS].iter().all(|report| parameters(report).len() == names(report).len()));
    }
}
