//! `GET /v1/schemas/{type}/{version}`: the JSON Schema that `ce_dataschema` of a message names. The schemas are compiled in, so
//! that they are available without any database.

use axum::body::Body;
use axum::http::{HeaderValue, header};
use axum::response::Response;
use events::schemas;
use platform::openapi::{Header, Operation, Parameter, Routes};
use platform::params::Path;
use platform::problem::Problem;
use schemars::JsonSchema;

use crate::http::app::App;
use crate::http::preconditions::Preconditions;
use crate::http::problem_types::{INVALID_CONSISTENCY_TOKEN, INVALID_QUERY, SCHEMA_NOT_FOUND};
use crate::http::problems;
use crate::http::respond::not_modified;
use crate::reads::representation::{digest, etag};

const SCHEMA_JSON: HeaderValue = HeaderValue::from_static("application/schema+json");

/// The schema of a version never changes, so every cache may keep it for a year (RFC 8246).
const CACHE_CONTROL: HeaderValue = HeaderValue::from_static("public, max-age=31536000, immutable");

/// Type of the event, such as `OrderPlaced`.
#[derive(JsonSchema)]
#[schemars(inline)]
#[expect(dead_code, reason = "only its schema is used")]
struct EventType(#[schemars(regex(pattern = "^[A-Za-z]+$"))] String);

/// Schema version of the payload.
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
    Header::always::<String>("ETag", "Identifies exactly this representation."),
    Header::always::<String>("Cache-Control", "The response may be stored and used for a year."),
];

/// The route of event schemas.
pub(super) fn routes() -> Routes<App> {
    let show = Operation::new("show_event_schema", "Get the JSON Schema of an event payload")
        .paragraph(
            "Every message on Kafka names the schema of its payload in `ce_dataschema`: \
             `urn:order-platform:event:OrderPlaced:2`, which is also the `$id` of the schema, is \
             `/v1/schemas/OrderPlaced/2`. Every schema version that was ever written stays available.",
        )
        .path::<(EventType, SchemaVersion)>()
        .takes([Parameter::header::<String>(
            "If-None-Match",
            "The `ETag` of an earlier response. If the schema has not changed, the response is 304.",
        )])
        .answers_as::<SchemaDocument>(200, "The schema (JSON Schema 2020-12).", "application/schema+json", &HEADERS)
        .answers_nothing(304, "The schema has not changed.", &HEADERS)
        .refuses([INVALID_QUERY.documented(), INVALID_CONSISTENCY_TOKEN.documented(), SCHEMA_NOT_FOUND.documented()]);
    Routes::about("schemas", "JSON Schemas of event payloads.").get("/v1/schemas/{type}/{version}", self::show, show)
}

async fn show(
    Path((event_type, version)): Path<(String, String)>,
    preconditions: Preconditions,
) -> Result<Response, Problem> {
    let schema = find(&event_type, &version).ok_or_else(|| problems::schema_not_found(&event_type, &version))?;
    let etag = etag(format!("\"{}\"", digest(schema.as_bytes())));
    let mut response = match preconditions.matches(&etag) {
        true => not_modified(),
        false => Response::new(Body::from(schema)),
    };
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, SCHEMA_JSON);
    headers.insert(header::ETAG, etag);
    headers.insert(header::CACHE_CONTROL, CACHE_CONTROL);
    Ok(response)
}

/// A version has one spelling only: `2`, and neither `02` nor `+2`.
fn find(event_type: &str, version: &str) -> Option<&'static str> {
    let number: i16 = version.parse().ok()?;
    (number.to_string() == version).then(|| schemas::find(event_type, number))?
}
