//! What the OpenAPI document says of every query alike: headers in and out, problems, pages. Each query says the rest beside
//! its handler, with [`document`] or [`list`].

use events::Position;
use platform::openapi::{Header, Info, Operation, Parameter};
use schemars::JsonSchema;

use crate::page::Listed;

/// What the document says of the service.
pub const INFO: Info = Info {
    title: "Orders: queries",
    description: "Reads what the projector made of the log. Send the `Consistency-Token` of a command's answer to see its \
                  effect, with `Prefer: wait=2` to wait for it. Amounts are whole numbers of minor units. Refusals are \
                  problem documents (RFC 9457); decide on their `type`.",
    version: env!("CARGO_PKG_VERSION"),
};

/// How any query may be refused.
const REFUSALS: [(u16, &str); 6] = [
    (400, "invalid-query"),
    (400, "invalid-consistency-token"),
    (503, "projection-lag"),
    (503, "database-down"),
    (503, "database-busy"),
    (503, "query-too-slow"),
];

/// A position as a header.
#[derive(JsonSchema)]
#[schemars(inline)]
#[expect(dead_code, reason = "only its schema is used")]
struct Token(#[schemars(range(min = 0))] i64);

/// Text that a parameter may have.
#[derive(JsonSchema)]
#[schemars(inline)]
#[expect(dead_code, reason = "only its schema is used")]
pub(crate) struct Text(#[schemars(length(min = 1, max = 512))] String);

/// Rows of a page.
#[derive(JsonSchema)]
#[schemars(inline)]
#[expect(dead_code, reason = "only its schema is used")]
struct Limit(#[schemars(range(min = 1, max = 200))] u16);

const ASKED: [Parameter; 3] = [
    Parameter::header::<Token>(
        "Consistency-Token",
        "The answer is not older than this position of the log. One that is far beyond the end of the log is refused with \
         `invalid-consistency-token`; one that is not applied yet, with `projection-lag`.",
    ),
    Parameter::header::<String>(
        "Prefer",
        "`wait=2`: waits so many seconds for that, unless too many wait already or it cannot be reached. Others are ignored \
         (RFC 7240).",
    ),
    Parameter::header::<String>("If-None-Match", "An `ETag`; if it still holds, the answer is 304 without a body."),
];

const PAGED: [Parameter; 2] = [
    Parameter::query::<Limit>("limit", "Rows of the page; 50 if left out."),
    Parameter::query::<Text>("cursor", "`next_cursor` of the page before; may only be used with the same filters."),
];

const HEADERS: [Header; 4] = [
    Header::always::<String>(
        "ETag",
        "Names this representation, byte for byte. A single document's begins with its version, and a command takes it as \
         `If-Match`.",
    ),
    Header::always::<String>("Cache-Control", "May be kept, and is asked for again whether it still holds."),
    Header::always::<Position>("Projection-Position", "The answer contains everything up to here."),
    Header::sometimes::<u64>(
        "Projection-Lag-Ms",
        "How long the oldest event that is not applied has waited; missing while that is unknown.",
    ),
];

const LIST_HEADERS: [Header; 5] = [
    HEADERS[0],
    HEADERS[1],
    HEADERS[2],
    HEADERS[3],
    Header::sometimes::<String>("Link", "The next page, with `rel=\"next\"` (RFC 8288)."),
];

/// A query for one document.
pub(crate) fn document<T: JsonSchema>(id: &'static str, summary: &'static str) -> Operation {
    Operation::new(id, summary)
        .takes(ASKED)
        .answers::<T>(200, "The document.", &HEADERS)
        .answers_nothing(304, "The one that you hold still holds.", &HEADERS)
        .refuses(REFUSALS)
}

/// A query for a page of a list; `filters` are its own parameters.
pub(crate) fn list<T: JsonSchema + 'static>(
    id: &'static str,
    summary: &'static str,
    filters: impl IntoIterator<Item = Parameter>,
) -> Operation {
    Operation::new(id, summary)
        .takes(filters)
        .takes(PAGED)
        .takes(ASKED)
        .answers::<Listed<'static, T>>(200, "A page.", &LIST_HEADERS)
        .answers_nothing(304, "The page that you hold still holds.", &HEADERS)
        .refuses(REFUSALS)
        .refuses([(400, "invalid-cursor")])
}

/// A filter of the address's own; an empty one is refused.
pub(crate) const fn filter<T: JsonSchema>(name: &'static str, description: &'static str) -> Parameter {
    Parameter::query::<T>(name, description)
}
