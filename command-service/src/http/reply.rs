//! What callers are told: an answer with its position, what would happen, or a problem document that says what to do
//! ([`super::problems`]).

use axum::body::Body;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Response, StatusCode, header};
use events::{Category, OrderCode, Position, Version, codec};
use platform::openapi::Header;
use platform::problem::Problem;
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::value::RawValue;

use super::asked::Preference;
use super::operation::Effect;
use super::problems;
use crate::writer::Reply;
use crate::writer::answer::{Answer, PartNumbers};
use domain::rules::NewEvent;
use domain::state::State;

const CONSISTENCY_TOKEN: HeaderName = HeaderName::from_static("consistency-token");
const IDEMPOTENT_REPLAYED: HeaderName = HeaderName::from_static("idempotent-replayed");
const PREFERENCE_APPLIED: HeaderName = HeaderName::from_static("preference-applied");
const APPLICATION_JSON: HeaderValue = HeaderValue::from_static("application/json");
const TRUE: HeaderValue = HeaderValue::from_static("true");

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
    part: PartNumbers,
    /// Assigned units that are not on hand; of stock, beside its `state`, where a count has shown that units are missing.
    #[serde(skip_serializing_if = "Option::is_none")]
    shortage: Option<i64>,
    /// What was addressed, after the command; where `Prefer: return=representation` asked for it and this is no repeat.
    #[serde(skip_serializing_if = "Option::is_none")]
    state: Option<&'a State>,
}

/// What a command would do.
#[derive(Serialize, JsonSchema)]
pub(super) struct Tried<'a> {
    /// Always `true`: nothing was done.
    dry_run: bool,
    /// What would be answered; `position` is where the log ends now.
    would: Answered<'a>,
    /// What would be written.
    events: Vec<WouldBe<'a>>,
}

/// An event that would be written.
#[derive(Serialize, JsonSchema)]
struct WouldBe<'a> {
    /// To what, such as `order-0190163d-8694-739b-aea5-966c26f8ad91`.
    stream: &'a str,
    /// What happens, such as `OrderPlaced`.
    r#type: &'static str,
    /// What is said of it; see the event's own JSON Schema.
    #[schemars(with = "serde_json::Map<String, serde_json::Value>")]
    data: Box<RawValue>,
}

/// Headers of an answer.
pub(super) const HEADERS: [Header; 4] = [
    Header::sometimes::<String>("ETag", "Version of what was addressed, for `If-Match`; not where nothing was done."),
    Header::sometimes::<Position>("Consistency-Token", "As `position`: send it with a query that must see the effect."),
    Header::sometimes::<bool>("Idempotent-Replayed", "`true` where this is the answer of an earlier time."),
    Header::sometimes::<String>("Preference-Applied", "What of `Prefer` was heeded (RFC 7240)."),
];

/// The same where something was made.
pub(super) const CREATED_HEADERS: [Header; 5] = [
    HEADERS[0],
    HEADERS[1],
    HEADERS[2],
    HEADERS[3],
    Header::always::<String>("Location", "Where the query-service shows it."),
];

/// A reply that is no problem.
pub(super) enum Told {
    /// It took effect.
    Done { answer: Answer, replayed: bool, state: Option<Box<State>> },
    /// It would.
    Would { answer: Answer, events: Vec<NewEvent> },
}

/// Tells answers from problems.
pub(super) fn tell(reply: Reply) -> Result<Told, Problem> {
    Err(match reply {
        Reply::Done { answer, replayed, state } => return Ok(Told::Done { answer, replayed, state }),
        Reply::Would { answer, events } => return Ok(Told::Would { answer, events }),
        Reply::Rejected(rejection) => problems::rejected(&rejection),
        Reply::KeyReused => problems::key_reused(),
        Reply::InFlight => problems::in_flight(),
        Reply::Skipped => problems::skipped(),
        Reply::Unreadable => problems::unreadable(),
        Reply::Unknown => problems::unknown(),
    })
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

impl Told {
    /// The status of its answer.
    pub(super) fn status(&self, effect: Effect) -> StatusCode {
        match (self, effect) {
            (Told::Done { .. }, Effect::Created) => StatusCode::CREATED,
            (Told::Done { .. }, Effect::Changed) | (Told::Would { .. }, _) => StatusCode::OK,
        }
    }

    /// The response to the command alone.
    pub(super) fn response(&self, effect: Effect, preference: Option<Preference>) -> Response<Body> {
        let mut response = Response::new(Body::from(self.json()));
        *response.status_mut() = self.status(effect);
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, APPLICATION_JSON);
        let Told::Done { answer, replayed, state } = self else { return response };
        headers.insert(CONSISTENCY_TOKEN, HeaderValue::from(answer.position.0));
        insert(headers, header::ETAG, format!("\"{}\"", answer.version));
        if *replayed {
            headers.insert(IDEMPOTENT_REPLAYED, TRUE);
        }
        if effect == Effect::Created {
            insert(headers, header::LOCATION, location(answer));
        }
        match preference {
            Some(Preference::Minimal) => insert(headers, PREFERENCE_APPLIED, "return=minimal".to_owned()),
            Some(Preference::Representation) if state.is_some() => {
                insert(headers, PREFERENCE_APPLIED, "return=representation".to_owned());
            }
            Some(Preference::Representation) | None => {}
        }
        response
    }

    fn json(&self) -> Vec<u8> {
        match self {
            Told::Done { answer, state, .. } => json(&Answered::of(answer, state.as_deref())),
            Told::Would { answer, events } => json(&Tried::of(answer, events)),
        }
    }
}

impl<'a> Answered<'a> {
    pub(super) fn of(answer: &'a Answer, state: Option<&'a State>) -> Self {
        Answered {
            id: answer.stream.key(),
            code: answer.code.as_ref(),
            version: answer.version,
            position: answer.position,
            part: answer.numbers,
            shortage: state.and_then(shortage),
            state,
        }
    }
}

impl<'a> Tried<'a> {
    pub(super) fn of(answer: &'a Answer, events: &'a [NewEvent]) -> Self {
        Tried { dry_run: true, would: Answered::of(answer, None), events: events.iter().map(WouldBe::of).collect() }
    }
}

impl<'a> WouldBe<'a> {
    fn of(new: &'a NewEvent) -> Self {
        let encoded = codec::encode(&new.event);
        let data = RawValue::from_string(encoded.payload).expect("the codec writes JSON");
        WouldBe { stream: new.stream.as_str(), r#type: encoded.event_type, data }
    }
}

fn shortage(state: &State) -> Option<i64> {
    match state {
        State::Stock(level) => Some(level.shortage()).filter(|shortage| *shortage > 0),
        State::Product(_) | State::Order(_) | State::Customer(_) | State::Email(_) | State::Hold(_) => None,
    }
}

fn json(document: &impl Serialize) -> Vec<u8> {
    serde_json::to_vec(document).expect("an answer is plain data with text keys")
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

fn insert(headers: &mut HeaderMap, name: HeaderName, value: String) {
    if let Ok(value) = HeaderValue::try_from(value) {
        headers.insert(name, value);
    }
}
