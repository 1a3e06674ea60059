//! The problems that queries are refused with, so that their types stay in one list; the shell's own are in `platform`.
//!
//! | type | status | when |
//! |---|---|---|
//! | `invalid-query` | 400 | a parameter is unknown, given twice, empty, or has a wrong value |
//! | `invalid-cursor` | 400 | a cursor was not made here, or for another list or other filters |
//! | `invalid-order-key`, `invalid-sku`, `invalid-location` | 400 | the path names nothing that can exist |
//! | `invalid-consistency-token` | 400 | the header is not a position, or one far beyond the end of the log |
//! | `order-not-found`, `product-not-found`, `stock-not-found` | 404 | nothing is known by this name |
//! | `schema-not-found` | 404 | no event was ever written in this version of this type |
//! | `projection-lag` | 503 | the answer would be older than the token asks for |
//! | `database-down`, `database-busy`, `query-too-slow` | 503 | the databases do not bring the answer |
//! | `freshness-unknown` | 503 | no database has been seen yet |

use axum::http::StatusCode;
use events::Position;
use platform::problem::Problem;

use crate::asked::Wanted;
use crate::cursor::Refused;
use crate::database::{Failure, Freshness};

/// What was sent is repeated to this length.
const SHOWN_MAX_CHARS: usize = 80;

/// What was sent, fit to be repeated in a sentence.
pub fn shown(text: &str) -> String {
    platform::shown::shown(text, SHOWN_MAX_CHARS)
}

fn bad_request(kind: &'static str, title: &'static str, detail: String) -> Problem {
    Problem::new(StatusCode::BAD_REQUEST, kind, title).detail(detail)
}

/// There is no such parameter here.
pub fn unknown_parameter(name: &str, allowed: &[&str]) -> Problem {
    let advice = match allowed {
        [] => "This address takes no parameters.".to_owned(),
        _ => format!("Allowed are: {}.", allowed.join(", ")),
    };
    let detail = format!("There is no parameter `{}` here. {advice}", shown(name));
    bad_request("invalid-query", "A query parameter is wrong", detail).with("parameter", name).with("allowed", allowed)
}

/// A parameter came twice.
pub fn repeated_parameter(name: &str) -> Problem {
    let detail = format!("The parameter `{}` was given twice. Send it once.", shown(name));
    bad_request("invalid-query", "A query parameter is wrong", detail).with("parameter", name)
}

/// A parameter has no value. It would ask for everything, which nobody means who names a filter.
pub fn empty_parameter(name: &str) -> Problem {
    let detail = format!("`{}` is empty. Give it a value, or leave it out.", shown(name));
    bad_request("invalid-query", "A query parameter is wrong", detail).with("parameter", name)
}

/// A parameter's value is wrong; `form` completes "It must be …".
pub fn invalid_parameter(name: &str, value: &str, form: &str) -> Problem {
    let detail = format!("`{name}` is `{}`. It must be {form}.", shown(value));
    bad_request("invalid-query", "A query parameter is wrong", detail).with("parameter", name)
}

/// A cursor is not for this page.
pub fn invalid_cursor(refused: Refused) -> Problem {
    let why = match refused {
        Refused::Forged => "It is not a cursor of ours, or it was changed.",
        Refused::OtherList => {
            "It was made for another list or for other filters: only `limit` may change from page to page."
        }
    };
    let detail = format!("{why} Follow `next` of the page before, or leave the cursor out to begin anew.");
    bad_request("invalid-cursor", "The cursor cannot be used here", detail).with("parameter", "cursor")
}

/// The last part of the path is neither an order's id nor its code.
pub fn invalid_order_key(key: &str) -> Problem {
    let detail =
        format!("`{}` is neither an order's id (a UUID version 7) nor its code (such as SON000001).", shown(key));
    bad_request("invalid-order-key", "No order can have this key", detail)
}

/// A part of the path is no SKU.
pub fn invalid_sku(text: &str) -> Problem {
    bad_request("invalid-sku", "No product can have this SKU", name_form("SKU", text))
}

/// A part of the path is no location.
pub fn invalid_location(text: &str) -> Problem {
    bad_request("invalid-location", "No stock can lie at this location", name_form("location", text))
}

fn name_form(what: &str, text: &str) -> String {
    format!("`{}` is no {what}: it must be 1 to 64 of the characters A-Z a-z 0-9 . _ -", shown(text))
}

/// The header is not a position.
pub fn invalid_token(found: &str) -> Problem {
    let detail = format!(
        "Consistency-Token is `{}`. Send the one of a command's answer, a whole number, or leave it out.",
        shown(found)
    );
    bad_request("invalid-consistency-token", "The consistency token is wrong", detail)
}

/// The log will not reach the token before anybody stops waiting.
pub fn token_beyond_the_log(token: Position, end: Position) -> Problem {
    let detail = format!(
        "Consistency-Token is {token}, and the log ends at {end}. Send the one of a command's answer, or leave it out: one \
         from before the platform was restored is no longer of any use."
    );
    bad_request("invalid-consistency-token", "The consistency token is wrong", detail).with("head", end)
}

/// Nothing is known by this name.
pub fn not_found(kind: &'static str, title: &'static str, detail: String) -> Problem {
    Problem::new(StatusCode::NOT_FOUND, kind, title).detail(detail)
}

/// No event was ever written in this version of this type.
pub fn schema_not_found(event_type: &str, version: &str) -> Problem {
    let detail = format!(
        "No event was ever written as version `{}` of `{}`. Take both from `ce_dataschema` of a message: \
         urn:order-platform:event:OrderPlaced:2 is /v1/schemas/OrderPlaced/2.",
        shown(version),
        shown(event_type)
    );
    not_found("schema-not-found", "No such event schema", detail)
}

/// The answer would be older than wanted, and the wait is over; `freshness` is how new it would have been, where that was seen.
pub fn projection_lag(wanted: &Wanted, freshness: Option<&Freshness>) -> Problem {
    let advice = match wanted.wait.is_zero() {
        true => "Send Prefer: wait=2 to wait for it, or come back.",
        false => "Come back, or ask without Consistency-Token for the answer as it is.",
    };
    let contained = freshness.map(|freshness| freshness.contained().position);
    let upto = contained.map(|contained| format!(": it contains all up to {contained}")).unwrap_or_default();
    let problem =
        Problem::new(StatusCode::SERVICE_UNAVAILABLE, "projection-lag", "The answer would be older than you asked for")
            .detail(format!("Position {} is not in the answer yet{upto}. {advice}", wanted.position))
            .with("wanted", wanted.position)
            .with("waited_ms", u64::try_from(wanted.wait.as_millis()).unwrap_or(u64::MAX))
            .retry_after(1);
    match (contained, freshness) {
        (Some(contained), Some(freshness)) => {
            problem.with("applied", contained).with("relayed", freshness.relay.position)
        }
        (_, _) => problem,
    }
}

/// The databases did not bring the rows.
pub fn database(failure: &Failure) -> Problem {
    let unavailable =
        |kind, title, detail| Problem::new(StatusCode::SERVICE_UNAVAILABLE, kind, title).detail(detail).retry_after(1);
    match failure {
        Failure::Busy => unavailable(
            "database-busy",
            "Too many queries at once",
            "Every connection to the database is in use. Repeat the query after the time in Retry-After.",
        ),
        Failure::Slow => unavailable(
            "query-too-slow",
            "The query took too long",
            "It was broken off. Ask for less: a shorter range of placed_at, or fewer rows with limit.",
        ),
        Failure::Down | Failure::Unusable(_) | Failure::Unreached | Failure::Silent | Failure::BrokenOff(_) => {
            unavailable(
                "database-down",
                "The database cannot be reached",
                "Neither the replica nor the primary answers. Repeat the query after the time in Retry-After.",
            )
        }
        Failure::Died(_) | Failure::Fault(_) => {
            tracing::error!(error = failure.story(), "a statement failed");
            internal_problem()
        }
    }
}

/// A fault of ours.
pub fn internal(error: &dyn std::error::Error) -> Problem {
    tracing::error!(%error, "a query failed");
    internal_problem()
}

fn internal_problem() -> Problem {
    Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", "Something went wrong on our side")
        .detail("It is logged under the time of this answer.")
}

/// No database has been seen yet.
pub fn freshness_unknown() -> Problem {
    Problem::new(StatusCode::SERVICE_UNAVAILABLE, "freshness-unknown", "Nothing is known of the freshness")
        .detail("No database answers. Repeat the query after the time in Retry-After.")
        .retry_after(1)
}
