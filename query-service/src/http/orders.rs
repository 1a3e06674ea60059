//! `GET /v1/orders/{id or order code}`: as it is, as it was ([`moment`]), or with its customer and timeline ([`with_parts`]). Lists of
//! orders are in [`list`], with their [`filters`]; the events of an order are in [`events`], and in sentences in [`timeline`].

mod as_of;
pub(super) mod events;
mod filters;
pub(super) mod list;
mod page_of_order;
pub(super) mod timeline;
mod with_parts;

use axum::extract::State;
use axum::http::{HeaderMap, Uri};
use axum::response::Response;
use platform::openapi::{Parameter, Routes};
use platform::params::Path;
use platform::problem::Problem;
use read_model::{OrderDocument, Projection};
use schemars::JsonSchema;
use uuid::Uuid;

use crate::http::app::App;
use crate::http::documentation::Text;
use crate::http::parameters::Parameters;
use crate::http::preconditions::Preconditions;
use crate::http::problem_types::{INVALID_ORDER_KEY, ORDER_NOT_FOUND, POSITION_BEYOND_LOG};
use crate::http::respond::respond;
use crate::http::{documentation, problems};
use crate::reads::orders::OrderKey;

/// Fewest digits at the end of an order code.
const CODE_DIGITS_MIN: usize = 6;
/// Characters of an order id: a UUID with hyphens.
const ID_CHARS: usize = 36;

/// Order id or order code.
#[derive(JsonSchema)]
#[schemars(inline)]
#[expect(dead_code, reason = "only its schema is used")]
struct IdOrCode(#[schemars(length(min = 6, max = 64), regex(pattern = r"^[A-Za-z0-9._-]+$"))] String);

const PARAMETERS: [&str; 2] = ["as_of", "include"];

/// What the route returns.
#[derive(JsonSchema)]
#[schemars(untagged, rename = "ShownOrder")]
#[expect(dead_code, reason = "only its schema is used")]
enum Shown {
    /// The order.
    Order(Box<OrderDocument>),
    /// With `include`: the order and its parts.
    WithParts(with_parts::OrderWithParts),
}

/// The route of single orders.
pub(super) fn routes() -> Routes<App> {
    let show = documentation::document::<Shown>("show_order", "Get an order by id or order code")
        .path::<IdOrCode>()
        .paragraph(
            "Contact, addresses, notes and reasons are left out once the personal data of the order, or of a customer to whom \
             the order is or was assigned, is erased. `personal_data_erased` is then true, and the `ETag` changes.",
        )
        .paragraph(
            "With `as_of`, the document is computed from the events of the order up to that moment, as it was shown then, but \
             without personal data that was erased since. With `include`, all parts come from one snapshot, \
             `Projection-Position` is that of the oldest part, and `Projection-Lag-Ms` that of the largest lag.",
        )
        .takes([
            Parameter::query::<Text>(
                "as_of",
                "Position in the log, or time of recording in the format of RFC 3339, at which the order is shown. Not together \
                 with `include`.",
            ),
            Parameter::query::<Text>("include", "Parts of the response, separated by commas: `customer`, `timeline`."),
        ])
        .refuses([
            INVALID_ORDER_KEY.documented(),
            ORDER_NOT_FOUND.documented(),
            POSITION_BEYOND_LOG.documented(),
        ]);
    group().get("/v1/orders/{key}", self::show, show)
}

fn group() -> Routes<App> {
    Routes::about("orders", "Orders with their payments, fulfilments and returns.")
}

async fn show(
    State(app): State<App>,
    Path(key): Path<String>,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let preconditions = Preconditions::read(&headers, app.wait_max)?;
    if uri.query().is_some_and(|query| !query.is_empty()) {
        let parameters = Parameters::read(&uri, &PARAMETERS)?;
        return show_with(&app, &parse_key(&key)?, &parameters, &preconditions).await;
    }
    let key = parse_key(&key)?;
    let found = app.reads.orders.find(&key, preconditions.consistency.as_ref()).await?;
    let order = found.ok_or_else(|| problems::order_not_found(&key))?;
    Ok(respond(&order, &preconditions, app.reads.latest.lag_header(Projection::ORDERS)))
}

async fn show_with(
    app: &App,
    key: &OrderKey,
    parameters: &Parameters,
    preconditions: &Preconditions,
) -> Result<Response, Problem> {
    match as_of::read(parameters)? {
        Some(moment) => as_of::show(app, key, moment, preconditions).await,
        None => with_parts::show(app, key, with_parts::read(parameters)?, preconditions).await,
    }
}

/// A UUID in its usual form is an id; everything else must be an order code: a prefix and at least six digits.
fn parse_key(text: &str) -> Result<OrderKey, Problem> {
    if text.len() == ID_CHARS && Uuid::try_parse(text).is_ok() {
        return text.parse().map(OrderKey::Id).map_err(|_| problems::invalid_order_key(text));
    }
    let digits = text.bytes().rev().take_while(u8::is_ascii_digit).count();
    let code = text.parse().ok().filter(|_| digits >= CODE_DIGITS_MIN);
    code.map(OrderKey::Code).ok_or_else(|| problems::invalid_order_key(text))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_an_id_or_an_order_code_or_refused() {
        let id = "0190b6d2-7e1a-7000-8000-0000000000ab";
        assert_eq!(parse_key(id).expect("an id"), OrderKey::Id(id.parse().expect("version 7")));
        assert_eq!(parse_key("SON000001").expect("a code"), OrderKey::Code("SON000001".parse().expect("a name")));
        let version_4 = "9f0d4f63-6b7c-4f70-a6f5-0a3c8cf0a0b1";
        for wrong in ["", "SON1", "son", "a b000001", "SON000001\0", version_4, &id[..35], &"1".repeat(65), "ü000001"]
        {
            assert_eq!(parse_key(wrong).expect_err(wrong).kind(), "invalid-order-key");
        }
    }
}
