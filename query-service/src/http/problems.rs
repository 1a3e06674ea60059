//! Problem responses: one constructor for each cause, and the mapping of errors of the read layer. Their types are in
//! [`super::problem_types`].

use events::Position;
use platform::problem::Problem;

use crate::http::cursor::CursorError;
use crate::http::problem_types::{
    CUSTOMER_NOT_FOUND, DATABASE_BUSY, DATABASE_DOWN, EMAIL_SEARCH_OFF, EVENTS_LOST, FRESHNESS_UNKNOWN, INTERNAL,
    INVALID_CONSISTENCY_TOKEN, INVALID_CURSOR, INVALID_CUSTOMER_ID, INVALID_LAST_EVENT_ID, INVALID_LOCATION,
    INVALID_ORDER_KEY, INVALID_QUERY, INVALID_SKU, INVALID_STOCK_HOLD_ID, ORDER_NOT_FOUND, POSITION_BEYOND_LOG,
    POSITION_TOO_OLD, PRODUCT_NOT_FOUND, PROJECTION_LAG, QUERY_TOO_SLOW, SCHEMA_NOT_FOUND, STOCK_HOLD_NOT_FOUND,
    STOCK_NOT_FOUND, STREAMS_ENDING, TOO_MANY_STREAMS,
};
use crate::reads::consistency::LOG_GROWTH_MAX;
use crate::reads::database::failure::Failure;
use crate::reads::error::{BeyondLog, Error, EventsLost, ProjectionLag, TooFarBack};
use crate::reads::moment::Moment;
use crate::reads::orders::OrderKey;
use crate::reads::reports::as_of::LATER_POSITIONS_MAX;

/// Input is repeated in a problem up to this length.
const SHOWN_MAX_CHARS: usize = 80;
/// Seconds in `Retry-After`.
const RETRY_AFTER_S: u64 = 1;

/// Advice to a client that does not find what it has just created.
const JUST_CREATED: &str = "If it was just created, send the Consistency-Token of that response and Prefer: wait=2.";

/// Input of the client, shortened and escaped so that it can be repeated in a sentence.
fn shown(text: &str) -> String {
    platform::shown::shown(text, SHOWN_MAX_CHARS)
}

/// The resource has no such query parameter.
pub(super) fn unknown_parameter(name: &str, allowed: &[&str]) -> Problem {
    let advice = match allowed {
        [] => "This resource takes no parameters.".to_owned(),
        _ => format!("Allowed are: {}.", allowed.join(", ")),
    };
    let detail = format!("There is no parameter `{}` here. {advice}", shown(name));
    INVALID_QUERY.problem(detail).with("parameter", name).with("allowed", allowed)
}

/// A query parameter was given twice.
pub(super) fn repeated_parameter(name: &str) -> Problem {
    let detail = format!("The parameter `{}` was given twice. Send it once.", shown(name));
    INVALID_QUERY.problem(detail).with("parameter", name)
}

/// A query parameter has no value. An empty filter would match everything, which is never intended.
pub(super) fn empty_parameter(name: &str) -> Problem {
    let detail = format!("`{}` is empty. Give it a value, or leave it out.", shown(name));
    INVALID_QUERY.problem(detail).with("parameter", name)
}

/// A query parameter without which the query means nothing is missing; `form` completes "It must be …".
pub(super) fn missing_parameter(name: &str, form: &str) -> Problem {
    INVALID_QUERY.problem(format!("`{name}` is missing. It must be {form}.")).with("parameter", name)
}

/// A query parameter has an invalid value; `form` completes "It must be …".
pub(super) fn invalid_parameter(name: &str, value: &str, form: &str) -> Problem {
    let detail = format!("`{name}` is `{}`. It must be {form}.", shown(value));
    INVALID_QUERY.problem(detail).with("parameter", name)
}

/// A report has more rows than fit in one response.
pub(super) fn report_too_large(rows_max: usize) -> Problem {
    INVALID_QUERY.problem(format!(
        "The report has more than {rows_max} rows. Request a shorter range, a larger calendar unit or fewer dimensions in \
         `group_by`, or filter by channel, location or currency."
    ))
}

/// A cursor cannot be used for this page.
pub(super) fn invalid_cursor(error: CursorError) -> Problem {
    let reason = match error {
        CursorError::Forged => "The cursor was not issued by this service, or it was changed.",
        CursorError::OtherList => {
            "The cursor was issued for another list or for other filters: only `limit` may change from page to page."
        }
    };
    let detail = format!("{reason} Follow `next` of the previous page, or leave the cursor out to start again.");
    INVALID_CURSOR.problem(detail).with("parameter", "cursor")
}

/// The path has neither an order id nor an order code.
pub(super) fn invalid_order_key(key: &str) -> Problem {
    INVALID_ORDER_KEY.problem(format!(
        "`{}` is neither an order id (a UUID version 7) nor an order code (such as SON000001).",
        shown(key)
    ))
}

/// The path has an invalid SKU.
pub(super) fn invalid_sku(text: &str) -> Problem {
    INVALID_SKU.problem(name_form("a SKU", text))
}

/// The path has an invalid location.
pub(super) fn invalid_location(text: &str) -> Problem {
    INVALID_LOCATION.problem(name_form("a stock location", text))
}

/// The path has an invalid customer id.
pub(super) fn invalid_customer_id(text: &str) -> Problem {
    INVALID_CUSTOMER_ID.problem(id_form("a customer id", text))
}

/// The path has an invalid id of a stock hold.
pub(super) fn invalid_stock_hold_id(text: &str) -> Problem {
    INVALID_STOCK_HOLD_ID.problem(id_form("the id of a stock hold", text))
}

fn id_form(what: &str, text: &str) -> String {
    format!("`{}` is not {what}: it must be a UUID version 7 with hyphens.", shown(text))
}

fn name_form(what: &str, text: &str) -> String {
    format!("`{}` is not {what}: it must be 1 to 64 of the characters A-Z a-z 0-9 . _ -", shown(text))
}

/// `Consistency-Token` is not a position.
pub(super) fn invalid_token(found: &str) -> Problem {
    INVALID_CONSISTENCY_TOKEN.problem(format!(
        "Consistency-Token is `{}`. Send the token of a command's response, which is a whole number, or leave it out.",
        shown(found)
    ))
}

fn token_beyond_log(token: Position, end: Position) -> Problem {
    let detail = format!(
        "Consistency-Token is {token}, and the log ends at {end}. Send the token of a command's response, or leave it out. \
         A token from before the platform was restored is no longer valid."
    );
    INVALID_CONSISTENCY_TOKEN.problem(detail).with("head", end)
}

/// No order has this id or order code.
pub(super) fn order_not_found(key: &OrderKey) -> Problem {
    let key = key_text(key);
    ORDER_NOT_FOUND.problem(format!(
        "No order with {key} was found. If the order was just placed, send the Consistency-Token of that response and \
         Prefer: wait=2."
    ))
}

fn key_text(key: &OrderKey) -> String {
    match key {
        OrderKey::Id(id) => format!("id {id}"),
        OrderKey::Code(code) => format!("order code {code}"),
    }
}

/// The order did not exist at that moment.
pub(super) fn order_not_found_as_of(key: &OrderKey, moment: Moment) -> Problem {
    let (key, moment) = (
        key_text(key),
        match moment {
            Moment::Position(position) => format!("position {position} of the log"),
            Moment::Instant(instant) => instant.to_rfc3339_opts(chrono::SecondsFormat::AutoSi, true),
        },
    );
    ORDER_NOT_FOUND.problem(format!("No order with {key} existed at {moment}."))
}

/// No product has this SKU.
pub(super) fn product_not_found(sku: &events::Sku) -> Problem {
    PRODUCT_NOT_FOUND.problem(format!("No product with SKU {sku} was found."))
}

/// The SKU never had stock.
pub(super) fn stock_not_found(sku: &events::Sku) -> Problem {
    STOCK_NOT_FOUND.problem(format!("No stock of SKU {sku} was ever recorded."))
}

/// The SKU never had stock at this location.
pub(super) fn stock_not_found_at(sku: &events::Sku, location: &events::Location) -> Problem {
    STOCK_NOT_FOUND.problem(format!("No stock of SKU {sku} was ever recorded at location {location}."))
}

/// No customer has this id.
pub(super) fn customer_not_found(id: events::CustomerId) -> Problem {
    CUSTOMER_NOT_FOUND.problem(format!("No customer with id {id} was found. {JUST_CREATED}"))
}

/// The service has no key with which it could find e-mail addresses.
pub(super) fn email_search_off() -> Problem {
    EMAIL_SEARCH_OFF
        .problem("PERSONAL_INDEX_KEY is not set for this service. Set it to the value that the command service has.")
}

/// No stock hold has this id.
pub(super) fn stock_hold_not_found(id: events::StockHoldId) -> Problem {
    STOCK_HOLD_NOT_FOUND.problem(format!("No stock hold with id {id} was found. {JUST_CREATED}"))
}

/// No event was ever written with this type and schema version.
pub(super) fn schema_not_found(event_type: &str, version: &str) -> Problem {
    SCHEMA_NOT_FOUND.problem(format!(
        "No event was ever written with schema version `{}` of `{}`. Take both from `ce_dataschema` of a message: \
         urn:order-platform:event:OrderPlaced:2 is /v1/schemas/OrderPlaced/2.",
        shown(version),
        shown(event_type)
    ))
}

/// No database can be reached, so nothing is known of the freshness.
pub(super) fn freshness_unknown() -> Problem {
    FRESHNESS_UNKNOWN
        .problem("No database answers. Repeat the query after the time in Retry-After.")
        .retry_after(RETRY_AFTER_S)
}

/// Defects are logged where the read layer fails, once for all requests that share a load.
impl From<Error> for Problem {
    fn from(error: Error) -> Problem {
        match &error {
            Error::Database(failure) => database(failure),
            Error::ProjectionLag(lag) => projection_lag(lag),
            Error::TokenBeyondLog { token, end } => token_beyond_log(*token, *end),
            Error::BeyondLog(beyond) => beyond_log(*beyond),
            Error::TooFarBack(back) => too_far_back(*back),
            Error::EventsLost(lost) => events_lost(lost),
            Error::History(_) | Error::Document(_) => internal_problem(),
        }
    }
}

/// A position shortly beyond the end may exist in a moment, or in another database; one far beyond it cannot.
fn beyond_log(BeyondLog { position, end }: BeyondLog) -> Problem {
    if position.0 > end.0.saturating_add(LOG_GROWTH_MAX) {
        let detail =
            format!("The log ends at {end}, and position {position} was requested. Request a position of the log.");
        return POSITION_BEYOND_LOG.problem(detail).with("head", end);
    }
    let detail = format!(
        "The log, as far as it can be read now, ends at {end}, before position {position}. Repeat the request later."
    );
    PROJECTION_LAG.problem(detail).with("wanted", position).with("applied", end).retry_after(RETRY_AFTER_S)
}

fn too_far_back(TooFarBack { position, end }: TooFarBack) -> Problem {
    let first = end.0.saturating_sub(LATER_POSITIONS_MAX).max(0);
    let detail = format!(
        "Position {position} is too far back: the report can be requested as of position {first} or a later one, because the events \
         since then are read for it. Request a later position."
    );
    POSITION_TOO_OLD.problem(detail).with("first", first)
}

fn events_lost(lost: &EventsLost) -> Problem {
    let EventsLost { lost, last_kept, incarnation } = lost;
    let resume = last_kept.plus(1);
    EVENTS_LOST
        .problem(format!(
            "A failover lost events after position {last_kept}, and the log continues with other events at their positions. You \
             received events up to {}: discard those after {last_kept}, and continue with from={resume}.",
            lost.position
        ))
        .with("last_kept", last_kept)
        .with("resume_from", resume)
        .with("incarnation", incarnation)
}

/// The limit of open streams is reached.
pub(super) fn too_many_streams() -> Problem {
    TOO_MANY_STREAMS
        .problem("This instance has no capacity for another stream. Connect again after the time in Retry-After.")
        .retry_after(RETRY_AFTER_S)
}

/// The service is shutting down.
pub(super) fn streams_end() -> Problem {
    STREAMS_ENDING
        .problem("The service is shutting down and ends all streams. Connect again after the time in Retry-After.")
        .retry_after(RETRY_AFTER_S)
}

/// `Last-Event-ID` is not the id of an event.
pub(super) fn invalid_last_event_id(found: &str) -> Problem {
    INVALID_LAST_EVENT_ID.problem(format!(
        "Last-Event-ID is `{}`. Send the id of the last event that you received, or leave it out.",
        shown(found)
    ))
}

fn projection_lag(lag: &ProjectionLag) -> Problem {
    let advice = match lag.wait.is_zero() {
        true => "Send Prefer: wait=2 to wait for this position, or repeat the query later.",
        false => "Repeat the query later, or leave out Consistency-Token to receive older data.",
    };
    let upto = lag.reached.map(|reached| format!(": it contains every event up to {}", reached.contained));
    let detail =
        format!("The result does not contain position {} yet{}. {advice}", lag.required, upto.unwrap_or_default());
    let problem = PROJECTION_LAG
        .problem(detail)
        .with("wanted", lag.required)
        .with("waited_ms", u64::try_from(lag.wait.as_millis()).unwrap_or(u64::MAX))
        .retry_after(RETRY_AFTER_S);
    match lag.reached {
        Some(reached) => problem.with("applied", reached.contained).with("relayed", reached.relayed),
        None => problem,
    }
}

fn database(failure: &Failure) -> Problem {
    let problem = match failure {
        Failure::Busy => DATABASE_BUSY
            .problem("Every connection to the database is in use. Repeat the query after the time in Retry-After."),
        Failure::ReplicasBehind => PROJECTION_LAG
            .problem("No replica is close enough to the primary. Repeat the query after the time in Retry-After."),
        Failure::StatementTimeout => QUERY_TOO_SLOW
            .problem("The query was cancelled. Request less: a shorter range of time, or fewer rows with limit."),
        Failure::TableMissing(_) => DATABASE_DOWN.problem(
            "The tables of this query do not exist yet: the platform is being upgraded. Repeat the query after the time in \
             Retry-After.",
        ),
        Failure::Down
        | Failure::Unavailable(_)
        | Failure::ConnectTimeout
        | Failure::Unresponsive
        | Failure::CancelledByReplay(_) => DATABASE_DOWN
            .problem("Neither a replica nor the primary answers. Repeat the query after the time in Retry-After."),
        Failure::Panicked(_) | Failure::Defect(_) => return internal_problem(),
    };
    problem.retry_after(RETRY_AFTER_S)
}

/// A defect of this service.
pub(super) fn internal(error: &dyn std::error::Error) -> Problem {
    tracing::error!(%error, "a query failed");
    internal_problem()
}

fn internal_problem() -> Problem {
    INTERNAL.problem("The query failed because of a defect of this service. The cause is in its log, under the time of this response.")
}
