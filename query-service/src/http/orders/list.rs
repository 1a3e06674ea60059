//! `GET /v1/orders`: pages of order summaries, newest first, filtered. [`crate::reads::orders::list`] reads them.

use axum::extract::State;
use axum::http::{HeaderMap, Uri};
use axum::response::Response;
use chrono::{DateTime, Utc};
use events::order::progress::{FulfilmentStatus, Lifecycle, PaymentStatus, ReturnStatus};
use events::{ChannelCode, CustomerId, MAX_EXACT, OrderCode};
use platform::openapi::{Parameter, Routes};
use platform::problem::Problem;
use read_model::status::read;
use read_model::{OrderSummary, Projection};
use schemars::JsonSchema;
use uuid::Uuid;

use crate::http::app::App;
use crate::http::documentation::{self, Text};
use crate::http::page::PageRequest;
use crate::http::parameters::Parameters;
use crate::http::problems;
use crate::reads::orders::filter::{OrderFilter, first_id_at};
use crate::reads::orders::list::read_page;

const PARAMETERS: [&str; 15] = [
    "lifecycle",
    "payment",
    "owed[gte]",
    "fulfilment",
    "return",
    "returns",
    "channel",
    "customer_id",
    "tag",
    "external_ref",
    "code",
    "placed_at[gte]",
    "placed_at[lt]",
    "limit",
    "cursor",
];

// What a parameter must be, as problems say it.
const LIFECYCLES: &str = "one of open, completed, cancelled, expired";
const PAYMENTS: &str =
    "one of unpaid, authorized, partially_paid, paid, overpaid, partially_refunded, refunded, not_required";
const FULFILMENTS: &str = "one of unfulfilled, backordered, processing, partially_shipped, shipped, delivered, on_hold";
const RETURNS: &str = "one of none, requested, partially_returned, returned";
const NAME: &str = "1 to 64 of the characters A-Z a-z 0-9 . _ -";
const INSTANT: &str = "a time in the format of RFC 3339, such as 2026-01-31T00:00:00Z (send a + in it as %2B)";
const OWED: &str = "a whole number of minor units, at least 1";

/// An amount that the buyer owes, in minor units.
#[derive(JsonSchema)]
#[schemars(inline)]
#[expect(dead_code, reason = "only its schema is used")]
struct Owed(#[schemars(range(min = 1))] i64);

/// The route of lists of orders.
pub(in crate::http) fn routes() -> Routes<App> {
    let list = documentation::list::<OrderSummary>("list_orders", "List orders, newest first", filters())
        .paragraph("An order is listed if it matches all filters.");
    super::group().get("/v1/orders", self::list, list)
}

fn filters() -> [Parameter; 13] {
    [
        Parameter::query::<Lifecycle>("lifecycle", "Lifecycle status of the order."),
        Parameter::query::<PaymentStatus>("payment", "Payment status of the order."),
        Parameter::query::<Owed>(
            "owed[gte]",
            "Minimum amount that the buyer owes, in minor units; 1 lists every order on which money is owed.",
        ),
        Parameter::query::<FulfilmentStatus>("fulfilment", "Fulfilment status of the order."),
        Parameter::query::<ReturnStatus>("return", "Return status of the order."),
        Parameter::query::<ReturnStatus>("returns", "Alternative name of `return`; send only one of them."),
        Parameter::query::<ChannelCode>("channel", "Code of the sales channel through which the order was placed."),
        Parameter::query::<CustomerId>("customer_id", "Id of the customer to whom the order is assigned."),
        Parameter::query::<Text>("tag", "A tag of the order."),
        Parameter::query::<Text>("external_ref", "Reference of the order in another system."),
        Parameter::query::<OrderCode>("code", "Order code, such as SON000001."),
        Parameter::query::<DateTime<Utc>>("placed_at[gte]", "Earliest time at which the order was placed, inclusive."),
        Parameter::query::<DateTime<Utc>>("placed_at[lt]", "Latest time at which the order was placed, exclusive."),
    ]
}

async fn list(State(app): State<App>, uri: Uri, headers: HeaderMap) -> Result<Response, Problem> {
    let (request, parameters) = PageRequest::read(app, uri, &headers, &PARAMETERS)?;
    let filter = read_filter(&parameters)?;
    let after = request.after(|key| Uuid::from_slice(key).ok())?;
    let page = read_page(request.database(), request.consistency(), &filter, after, request.limit).await?;
    request.respond(Projection::ORDERS, &page)
}

fn read_filter(parameters: &Parameters) -> Result<OrderFilter, Problem> {
    let name_of_returns = if parameters.text("returns").is_some() { "returns" } else { "return" };
    if name_of_returns == "returns" && parameters.text("return").is_some() {
        return Err(problems::repeated_parameter("returns"));
    }
    Ok(OrderFilter {
        lifecycle: parameters.parsed("lifecycle", LIFECYCLES, |word| read(word))?,
        payment: parameters.parsed("payment", PAYMENTS, |word| read(word))?,
        owed: parameters.parsed("owed[gte]", OWED, owed)?,
        fulfilment: parameters.parsed("fulfilment", FULFILMENTS, |word| read(word))?,
        returns: parameters.parsed(name_of_returns, RETURNS, |word| read(word))?,
        channel: parameters.parsed("channel", NAME, |text| text.parse().ok())?,
        customer_id: parameters.parsed("customer_id", "a UUID version 7 with hyphens", |text| text.parse().ok())?,
        tag: parameters.label("tag")?,
        external_ref: parameters.label("external_ref")?,
        code: parameters.parsed("code", NAME, |text| text.parse().ok())?,
        first_id: parameters.parsed("placed_at[gte]", INSTANT, |text| instant(text).map(first_id_at))?,
        end_id: parameters.parsed("placed_at[lt]", INSTANT, |text| instant(text).map(first_id_at))?,
    })
}

fn owed(text: &str) -> Option<i64> {
    text.parse().ok().filter(|owed| (1..=MAX_EXACT).contains(owed))
}

/// Parses a time in the format of RFC 3339.
fn instant(text: &str) -> Option<DateTime<Utc>> {
    DateTime::parse_from_rfc3339(text).ok().map(|instant| instant.to_utc())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(query: &str) -> Result<OrderFilter, Problem> {
        let uri = format!("/v1/orders?{query}").parse().expect("a URI");
        read_filter(&Parameters::read(&uri, &PARAMETERS)?)
    }

    #[test]
    fn the_values_that_a_problem_lists_are_accepted() {
        let listed = |form: &'static str| form.trim_start_matches("one of ").split(", ");
        assert!(listed(LIFECYCLES).all(|word| read::<Lifecycle>(word).is_some()));
        assert!(listed(PAYMENTS).all(|word| read::<PaymentStatus>(word).is_some()));
        assert!(listed(FULFILMENTS).all(|word| read::<FulfilmentStatus>(word).is_some()));
        assert!(listed(RETURNS).all(|word| read::<ReturnStatus>(word).is_some()));
    }

    #[test]
    fn an_invalid_value_is_refused_with_the_valid_ones() {
        let problem = parse("lifecycle=opened").expect_err("no such status").to_json();
        assert_eq!(
            problem["detail"],
            "`lifecycle` is `opened`. It must be one of open, completed, cancelled, expired."
        );
        for wrong in ["placed_at[gte]=yesterday", "placed_at[lt]=2026-01-01", "placed_at[lt]=2026-01-01T00:00:00+01:00"]
        {
            assert_eq!(parse(wrong).expect_err(wrong).kind(), "invalid-query");
        }
        for name in PARAMETERS {
            let problem = parse(&format!("{name}=")).expect_err(name).to_json();
            assert_eq!(problem["detail"], format!("`{name}` is empty. Give it a value, or leave it out."));
        }
        let bare = "customer_id=0190163d8694739baea5966c26f8ad91";
        for wrong in ["channel=a%20b", "customer_id=7", "code=%00", "returns=none&return=none", "tag=%E2%80%8B", bare] {
            assert_eq!(parse(wrong).expect_err(wrong).kind(), "invalid-query");
        }
    }

    #[test]
    fn every_filter_is_parsed_from_its_parameter() {
        let id = |text: &str| instant(text).map(first_id_at);
        let filter = parse(
            "lifecycle=open&payment=paid&owed[gte]=1&fulfilment=on_hold&returns=requested&channel=web&tag=gift&code=SON000001\
             &placed_at[gte]=2026-01-01T00:00:00Z&placed_at[lt]=2026-02-01T00:00:00Z",
        );
        let filter = filter.expect("valid parameters");
        assert_eq!(filter.lifecycle, Some(Lifecycle::Open));
        assert_eq!(filter.payment, Some(PaymentStatus::Paid));
        assert_eq!(filter.owed, Some(1));
        assert_eq!(filter.fulfilment, Some(FulfilmentStatus::OnHold));
        assert_eq!(filter.returns, Some(ReturnStatus::Requested));
        assert_eq!(filter.channel, "web".parse().ok());
        assert_eq!(filter.tag.map(|tag| tag.canonical), Some("gift".to_owned()));
        assert_eq!(filter.code, "SON000001".parse().ok());
        assert_eq!(filter.first_id, id("2026-01-01T00:00:00Z"));
        assert_eq!(filter.end_id, id("2026-02-01T00:00:00Z"));
    }
}
