//! What callers are told: an answer with its position, or a problem document that says what to do.

use axum::body::Body;
use axum::http::{HeaderName, HeaderValue, Response, StatusCode, header};
use axum::response::IntoResponse;
use events::{Category, OrderCode, Position, Version};
use platform::openapi::Header;
use platform::problem::Problem;
use schemars::JsonSchema;
use serde::Serialize;

use super::operation::{Effect, Refusal};
use crate::writer::answer::{Answer, Part};
use crate::writer::key::InvalidKey;
use crate::writer::{Reply, Shed};

const CONSISTENCY_TOKEN: HeaderName = HeaderName::from_static("consistency-token");
const IDEMPOTENT_REPLAYED: HeaderName = HeaderName::from_static("idempotent-replayed");
const APPLICATION_JSON: HeaderValue = HeaderValue::from_static("application/json");
const TRUE: HeaderValue = HeaderValue::from_static("true");

/// Seconds after which it makes sense to try again.
const RETRY_AFTER_SECONDS: u64 = 1;

/// What a command did.
#[derive(Serialize, JsonSchema)]
pub(super) struct Answered<'a> {
    /// Key of what the command addressed: an order's id, a product's SKU, SKU and location of stock.
    id: &'a str,
    /// The order's code, where the command gave one out.
    #[serde(skip_serializing_if = "Option::is_none")]
    code: Option<&'a OrderCode>,
    /// Version of what was addressed, after the command.
    version: Version,
    /// Position of the command's last event: a query with this `Consistency-Token` sees its effect.
    position: Position,
    /// The part of an order that the command made or moved.
    #[serde(flatten)]
    part: Part,
}

/// Headers of an answer.
pub(super) const HEADERS: [Header; 3] = [
    Header::always::<String>("ETag", "Version of what was addressed, for `If-Match`."),
    Header::always::<Position>("Consistency-Token", "As `position`: send it with a query that must see the effect."),
    Header::sometimes::<bool>("Idempotent-Replayed", "`true` where this is the answer of an earlier time."),
];

/// The same where something was made.
pub(super) const CREATED_HEADERS: [Header; 4] =
    [HEADERS[0], HEADERS[1], HEADERS[2], Header::always::<String>("Location", "Where the query-service shows it.")];

/// How any command may be refused, whatever the rules say.
pub(super) const REFUSALS: [Refusal; 7] = [
    (400, "idempotency-key-missing"),
    (400, "idempotency-key-invalid"),
    (422, "idempotency-key-reused"),
    (500, "unreadable"),
    (503, "overloaded"),
    (503, "starting"),
    (503, "outcome-unknown"),
];

/// The response to a command.
pub(super) fn response(reply: Reply, effect: Effect) -> axum::response::Response {
    match reply {
        Reply::Done { answer, replayed, state: _ } => done(&answer, replayed, effect),
        Reply::Would { answer, events: _ } => done(&answer, false, Effect::Changed),
        Reply::Rejected(rejection) => rejected(&rejection).into_response(),
        Reply::KeyReused => key_reused().into_response(),
        Reply::InFlight => in_flight().into_response(),
        Reply::Skipped => skipped().into_response(),
        Reply::Unreadable => unreadable().into_response(),
        Reply::Unknown => unknown().into_response(),
    }
}

/// The reply in one word, for metrics.
pub(super) fn outcome(reply: &Reply) -> &'static str {
    match reply {
        Reply::Done { replayed: false, .. } => "done",
        Reply::Done { replayed: true, .. } => "replayed",
        Reply::Rejected(rejection) => rejection.kind(),
        Reply::Would { .. } => "dry-run",
        Reply::KeyReused => "key-reused",
        Reply::InFlight => "in-flight",
        Reply::Skipped => "skipped",
        Reply::Unreadable => "unreadable",
        Reply::Unknown => "unknown",
    }
}

fn done(answer: &Answer, replayed: bool, effect: Effect) -> Response<Body> {
    let body = Answered {
        id: answer.stream.key(),
        code: answer.code.as_ref(),
        version: answer.version,
        position: answer.position,
        part: answer.part,
    };
    let json = serde_json::to_vec(&body).expect("an answer is plain data");
    let mut response = Response::new(Body::from(json));
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, APPLICATION_JSON);
    headers.insert(CONSISTENCY_TOKEN, HeaderValue::from(answer.position.0));
    insert(headers, header::ETAG, format!("\"{}\"", answer.version));
    if replayed {
        headers.insert(IDEMPOTENT_REPLAYED, TRUE);
    }
    if effect == Effect::Created {
        insert(headers, header::LOCATION, location(answer));
        *response.status_mut() = StatusCode::CREATED;
    }
    response
}

/// Says that this is the answer of an earlier time.
pub(super) fn replayed(mut response: Response<Body>) -> Response<Body> {
    response.headers_mut().insert(IDEMPOTENT_REPLAYED, TRUE);
    response
}

/// Where the query-service shows what the command made.
fn location(answer: &Answer) -> String {
    let key = answer.stream.key();
    match answer.stream.category() {
        Category::Order => format!("/v1/orders/{key}"),
        Category::Product => format!("/v1/products/{key}"),
        Category::Customer => format!("/v1/customers/{key}"),
        Category::Stock => format!("/v1/stock/{}", key.split('@').next().unwrap_or(key)),
        Category::Hold => format!("/v1/stock-holds/{key}"),
    }
}

fn insert(headers: &mut axum::http::HeaderMap, name: HeaderName, value: String) {
    if let Ok(value) = HeaderValue::try_from(value) {
        headers.insert(name, value);
    }
}

fn rejected(rejection: &crate::rejection::Rejection) -> Problem {
    let status = StatusCode::from_u16(rejection.status()).unwrap_or(StatusCode::CONFLICT);
    let mut problem = Problem::new(status, rejection.kind(), rejection.title()).detail(rejection.detail());
    for (key, value) in rejection.extensions() {
        problem = problem.with(key, value);
    }
    problem
}

pub(super) fn invalid_key(error: &InvalidKey) -> Problem {
    Problem::new(StatusCode::BAD_REQUEST, "idempotency-key-invalid", "The idempotency key is not usable")
        .detail(format!("{error}."))
}

pub(super) fn key_missing() -> Problem {
    Problem::new(StatusCode::BAD_REQUEST, "idempotency-key-missing", "An idempotency key is needed").detail(
        "Send the header Idempotency-Key with a fresh UUID per intended effect, and the same one when you repeat the request: \
         then it takes effect at most once.",
    )
}

pub(super) fn key_reused() -> Problem {
    Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "idempotency-key-reused", "The idempotency key was used before")
        .detail("This Idempotency-Key belongs to another command, which stands. Send this one with a key of its own.")
}

fn in_flight() -> Problem {
    Problem::new(StatusCode::CONFLICT, "idempotency-in-progress", "The same command is being decided")
        .detail(
            "A command with this Idempotency-Key is on its way. Repeat the request a little later to get its answer.",
        )
        .retry_after(RETRY_AFTER_SECONDS)
}

fn skipped() -> Problem {
    Problem::new(StatusCode::FAILED_DEPENDENCY, "skipped", "Another command of the group did not take effect")
        .detail("Nothing was done. Correct the command that was refused, then send the group again.")
}

pub(super) fn shed(shed: Shed) -> Problem {
    let (kind, title) = match shed {
        Shed::Full => ("overloaded", "Too many commands are waiting"),
        Shed::Closed => ("stopping", "This process stops"),
    };
    Problem::new(StatusCode::SERVICE_UNAVAILABLE, kind, title)
        .detail("Nothing was done. Repeat the request with the same Idempotency-Key after a short while.")
        .retry_after(RETRY_AFTER_SECONDS)
}

pub(super) fn starting() -> Problem {
    Problem::new(StatusCode::SERVICE_UNAVAILABLE, "starting", "The log cannot be reached yet")
        .detail("Nothing was done. Repeat the request with the same Idempotency-Key after a short while.")
        .retry_after(RETRY_AFTER_SECONDS)
}

fn unknown() -> Problem {
    Problem::new(StatusCode::SERVICE_UNAVAILABLE, "outcome-unknown", "The log did not answer in time")
        .detail(
            "The command took effect or did not. Repeat the request with the same Idempotency-Key: it takes effect once, \
             and the answer says what it did.",
        )
        .retry_after(RETRY_AFTER_SECONDS)
}

fn unreadable() -> Problem {
    Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "unreadable", "The command could not be decided")
        .detail("Nothing was done. What the command needs cannot be read or written; the service's log says why.")
}
