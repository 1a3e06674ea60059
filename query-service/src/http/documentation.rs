//! The part of the OpenAPI document that all queries share: headers, problems and pages. Each handler is documented beside it,
//! with [`document`] or [`list`].

use events::Position;
use platform::openapi::{Header, Info, Operation, Parameter};
use platform::problem::{ProblemType, types};
use schemars::JsonSchema;

use crate::http::page::PageBody;
use crate::http::problem_types::{
    DATABASE_BUSY, DATABASE_DOWN, EMAIL_SEARCH_OFF, INVALID_CONSISTENCY_TOKEN, INVALID_CURSOR, INVALID_QUERY,
    PROJECTION_LAG, QUERY_TOO_SLOW,
};
use crate::http::reports::body::ReportBody;

/// Title and description of the API.
pub const INFO: Info = Info {
    title: "Orders: queries",
    description: "Reads orders, customers, products and stock. Data appears here a moment after a command; to read the effect of a command, \
                  send the `Consistency-Token` of its response, and `Prefer: wait=2` to wait for it. Amounts are whole numbers \
                  of minor units. Errors are problem documents (RFC 9457); clients should decide on their `type`.",
    version: env!("CARGO_PKG_VERSION"),
};

/// The problems that every query may return.
const PROBLEMS: [(u16, &str); 6] = [
    INVALID_QUERY.documented(),
    INVALID_CONSISTENCY_TOKEN.documented(),
    PROJECTION_LAG.documented(),
    DATABASE_DOWN.documented(),
    DATABASE_BUSY.documented(),
    QUERY_TOO_SLOW.documented(),
];

/// The problems of request bodies.
const BODY_PROBLEMS: [ProblemType; 3] = [types::MALFORMED_JSON, types::CONTENT_TYPE, types::INVALID_BODY];
/// The problems of a database that is read.
pub(super) const DATABASE_PROBLEMS: [(u16, &str); 3] =
    [DATABASE_DOWN.documented(), DATABASE_BUSY.documented(), QUERY_TOO_SLOW.documented()];

/// A log position in a header.
#[derive(JsonSchema)]
#[schemars(inline)]
#[expect(dead_code, reason = "only its schema is used")]
struct Token(#[schemars(range(min = 0))] i64);

/// The text of a query parameter.
#[derive(JsonSchema)]
#[schemars(inline)]
#[expect(dead_code, reason = "only its schema is used")]
pub(super) struct Text(#[schemars(length(min = 1, max = 512))] String);

/// Text to search for.
#[derive(JsonSchema)]
#[schemars(inline)]
#[expect(dead_code, reason = "only its schema is used")]
pub(super) struct Searched(
    #[schemars(length(min = 2, max = 100), regex(pattern = r"^[A-Za-z0-9]{2,20}( [A-Za-z0-9]{2,20}){0,3}$"))] String,
);

/// Maximum number of rows on a page.
#[derive(JsonSchema)]
#[schemars(inline)]
#[expect(dead_code, reason = "only its schema is used")]
struct Limit(#[schemars(range(min = 1, max = 200))] u16);

const PRECONDITIONS: [Parameter; 3] = [
    Parameter::header::<Token>(
        "Consistency-Token",
        "The response must contain every event up to this position in the log. If the position is not available yet, the query \
         fails with `projection-lag`; a position far beyond the end of the log fails with `invalid-consistency-token`.",
    ),
    Parameter::header::<String>(
        "Prefer",
        "`wait=2` waits up to two seconds for the position in `Consistency-Token`, unless too many requests wait already or \
         waiting cannot help. Other preferences are ignored (RFC 7240).",
    ),
    Parameter::header::<String>(
        "If-None-Match",
        "The `ETag` of an earlier response. If the resource has not changed, the response is 304 without a body.",
    ),
];

/// The parameters of every list.
pub(super) const PAGING: [Parameter; 2] = [
    Parameter::query::<Limit>("limit", "Maximum number of rows on the page; 50 by default."),
    Parameter::query::<Text>(
        "cursor",
        "`next_cursor` of the previous page. A cursor is valid only with the same filters.",
    ),
];

const HEADERS: [Header; 4] = [
    Header::always::<String>(
        "ETag",
        "Identifies exactly this representation. The `ETag` of a single document begins with its version, and commands accept \
         it as `If-Match`.",
    ),
    Header::always::<String>(
        "Cache-Control",
        "The response may be stored and must be revalidated before each use. Products and prices may also be stored by shared \
         caches, for `s-maxage` seconds.",
    ),
    Header::always::<Position>(
        "Projection-Position",
        "The response contains every event up to this position in the log. Usable as `Consistency-Token`.",
    ),
    Header::sometimes::<u64>(
        "Projection-Lag-Ms",
        "Age of the oldest event that is not applied yet, in milliseconds; missing while the lag is unknown.",
    ),
];

const LIST_HEADERS: [Header; 5] = [
    HEADERS[0],
    HEADERS[1],
    HEADERS[2],
    HEADERS[3],
    Header::sometimes::<String>("Link", "The URI of the next page, with `rel=\"next\"` (RFC 8288)."),
];

/// A query for a single document.
pub(super) fn document<T: JsonSchema>(id: &'static str, summary: &'static str) -> Operation {
    Operation::new(id, summary)
        .takes(PRECONDITIONS)
        .answers::<T>(200, "The document.", &HEADERS)
        .answers_nothing(304, "The document has not changed.", &HEADERS)
        .refuses(PROBLEMS)
}

/// A query for a page of a list; `filters` are the parameters of this list.
pub(super) fn list<T: JsonSchema + 'static>(
    id: &'static str,
    summary: &'static str,
    filters: impl IntoIterator<Item = Parameter>,
) -> Operation {
    Operation::new(id, summary)
        .takes(filters)
        .takes(PAGING)
        .takes(PRECONDITIONS)
        .answers::<PageBody<'static, T>>(200, "A page of the list.", &LIST_HEADERS)
        .answers_nothing(304, "The page has not changed.", &HEADERS)
        .refuses(PROBLEMS)
        .refuses([INVALID_CURSOR.documented()])
}

/// A search whose result fits on one page.
pub(super) fn search<T: JsonSchema + 'static>(id: &'static str, summary: &'static str) -> Operation {
    Operation::new(id, summary)
        .takes([PRECONDITIONS[0].clone(), PRECONDITIONS[1].clone()])
        .answers::<PageBody<'static, T>>(200, "What was found; the list may be empty.", &HEADERS[2..])
        .refuses(PROBLEMS)
        .refuses(BODY_PROBLEMS)
        .refuses([EMAIL_SEARCH_OFF.documented()])
}

/// A query for a report with rows `R`; `parameters` are those of this report.
pub(super) fn report<R: JsonSchema>(
    id: &'static str,
    summary: &'static str,
    parameters: impl IntoIterator<Item = Parameter>,
) -> Operation {
    Operation::new(id, summary)
        .takes(parameters)
        .takes(PRECONDITIONS)
        .answers::<ReportBody<'static, R>>(200, "The report.", &LIST_HEADERS)
        .answers_as::<String>(200, "The rows of the report, with a header (RFC 4180).", "text/csv", &LIST_HEADERS)
        .answers_nothing(304, "The report has not changed.", &HEADERS)
        .refuses(PROBLEMS)
}
