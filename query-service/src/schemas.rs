//! `GET /v1/schemas/{type}/{version}`: the JSON Schema that `ce_dataschema` of a message names. Compiled in, so that it is
//! answered whatever the databases do.

use axum::body::Body;
use axum::http::{HeaderValue, header};
use axum::response::Response;
use events::schemas;
use platform::openapi::{Header, Operation, Parameter, Routes};
use platform::params::Path;
use platform::problem::Problem;
use schemars::JsonSchema;

use crate::answer::{digest, not_modified, tag};
use crate::asked::Asked;
use crate::problems;
use crate::serve::App;

const SCHEMA_JSON: HeaderValue = HeaderValue::from_static("application/schema+json");

/// What payloads of a version look like never changes, so every cache may keep the schema, for a year (RFC 8246).
const CACHE_CONTROL: HeaderValue = HeaderValue::from_static("public, max-age=31536000, immutable");

/// The type of an event, such as `OrderPlaced`.
#[derive(JsonSchema)]
#[schemars(inline)]
#[expect(dead_code, reason = "only its schema is used")]
struct EventType(#[schemars(regex(pattern = "^[A-Za-z]+$"))] String);

/// A version of its payload.
#[derive(JsonSchema)]
#[schemars(inline)]
#[expect(dead_code, reason = "only its schema is used")]
struct SchemaVersion(#[schemars(range(min = 1))] i16);

/// A JSON Schema (2020-12).
#[derive(JsonSchema)]
#[schemars(inline)]
#[expect(dead_code, reason = "only its schema is used")]
struct SchemaDocument(serde_json::Map<String, serde_json::Value>);

const HEADERS: [Header; 2] = [
    Header::always::<String>("ETag", "Names this representation."),
    Header::always::<String>("Cache-Control", "May be kept for a year without asking again."),
];

/// The query for a schema.
pub fn documents() -> Routes<App> {
    let show = Operation::new("show_event_schema", "Get the JSON Schema of an event payload")
        .paragraph(
            "Every message on Kafka names the schema of its payload in `ce_dataschema`: \
             `urn:order-platform:event:OrderPlaced:2` is `/v1/schemas/OrderPlaced/2`, and the schema's `$id`. Every version \
             that was ever written is here for good.",
        )
        .path::<(EventType, SchemaVersion)>()
        .takes([Parameter::header::<String>("If-None-Match", "An `ETag`; if it still holds, the answer is 304.")])
        .answers_as::<SchemaDocument>(200, "The schema (JSON Schema 2020-12).", "application/schema+json", &HEADERS)
        .answers_nothing(304, "The schema has not changed.", &HEADERS)
        .refuses([(400, "invalid-query"), (400, "invalid-consistency-token"), (404, "schema-not-found")]);
    Routes::about("schemas", "What the payloads of events look like.").get(
        "/v1/schemas/{type}/{version}",
        self::show,
        show,
    )
}

/// `GET /v1/schemas/{type}/{version}`
pub async fn show(Path((event_type, version)): Path<(String, String)>, asked: Asked) -> Result<Response, Problem> {
    let schema = find(&event_type, &version).ok_or_else(|| problems::schema_not_found(&event_type, &version))?;
    let etag = tag(format!("\"{}\"", digest(schema.as_bytes())));
    let mut response = match asked.holds(&etag) {
        true => not_modified(),
        false => Response::new(Body::from(schema)),
    };
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, SCHEMA_JSON);
    headers.insert(header::ETAG, etag);
    headers.insert(header::CACHE_CONTROL, CACHE_CONTROL);
    Ok(response)
}

/// A version is written in one way only: `2`, and neither `02` nor `+2`.
fn find(event_type: &str, version: &str) -> Option<&'static str> {
    let number: i16 = version.parse().ok()?;
    (number.to_string() == version).then(|| schemas::find(event_type, number))?
}
