//! `GET /v1/orders/{id or order code}?include=`: an order with its customer and timeline in one response.
//! [`crate::reads::orders::together`] reads them.

use axum::response::Response;
use platform::problem::Problem;
use read_model::{CustomerDocument, OrderDocument, TimelineEntry};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::value::RawValue;

use crate::http::app::App;
use crate::http::parameters::Parameters;
use crate::http::preconditions::Preconditions;
use crate::http::problems;
use crate::http::respond::respond;
use crate::reads::orders::OrderKey;
use crate::reads::orders::together::{Parts, Together};
use crate::reads::representation::Representation;

const FORM: &str = "customer, timeline, or both separated by a comma";

/// An order with its customer and timeline.
#[derive(Serialize, JsonSchema)]
pub(super) struct OrderWithParts {
    /// The order.
    #[schemars(with = "OrderDocument")]
    order: Box<RawValue>,
    /// The customer of the order; missing for a guest order, and unless `include` contains `customer`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<CustomerDocument>")]
    customer: Option<Box<RawValue>>,
    /// The events of the order in sentences; missing unless `include` contains `timeline`.
    #[serde(skip_serializing_if = "Option::is_none")]
    timeline: Option<FirstEntries>,
}

/// The first entries of the timeline of an order, oldest first.
#[derive(Serialize, JsonSchema)]
struct FirstEntries {
    /// At most 200 entries.
    items: Vec<TimelineEntry>,
    /// The URI of the page with the next entries; missing if there are none.
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<String>,
}

/// The parts that a request includes.
pub(super) fn read(parameters: &Parameters) -> Result<Parts, Problem> {
    let parts = parameters.parsed("include", FORM, parse)?;
    parts.ok_or_else(|| problems::missing_parameter("include", FORM))
}

fn parse(text: &str) -> Option<Parts> {
    text.split(',').try_fold(Parts::default(), |parts, name| match name {
        "customer" if !parts.customer => Some(Parts { customer: true, ..parts }),
        "timeline" if !parts.timeline => Some(Parts { timeline: true, ..parts }),
        _ => None,
    })
}

/// Sends the order with its parts.
pub(super) async fn show(
    app: &App,
    key: &OrderKey,
    parts: Parts,
    preconditions: &Preconditions,
) -> Result<Response, Problem> {
    let found = app.reads.orders.find_together(key, parts, preconditions.consistency.as_ref()).await?;
    let found = found.ok_or_else(|| problems::order_not_found(key))?;
    let next = next_entries(app, &found);
    let Together { order, customer, timeline, contained, .. } = found;
    let timeline = timeline.map(|items| FirstEntries { items, next });
    let body = OrderWithParts { order, customer, timeline };
    let json = serde_json::to_vec(&body).map_err(|error| problems::internal(&error))?;
    // A weak `ETag` of all parts; commands do not accept it as `If-Match`, because it is not the version of the order.
    let representation = Representation::page(json.into(), contained);
    Ok(respond(&representation, preconditions, app.reads.latest.lag_header_of_all(parts.projections())))
}

/// The URI of the page of the timeline after the entries in the response.
fn next_entries(app: &App, found: &Together) -> Option<String> {
    let path = format!("/v1/orders/{}/timeline", found.id);
    let last = found.timeline_next?.0.to_be_bytes();
    let cursor = app.cursor_key.seal(&format!("{path}\n"), &last);
    Some(format!("{path}?cursor={cursor}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_of_the_parts_can_be_included_once() {
        let both = Parts { customer: true, timeline: true };
        assert_eq!([parse("customer,timeline"), parse("timeline,customer")], [Some(both), Some(both)]);
        assert_eq!(parse("timeline"), Some(Parts { timeline: true, ..Parts::default() }));
        for wrong in ["", "stock", "customer,", "customer,customer", "Customer", "customer, timeline"] {
            assert_eq!(parse(wrong), None, "{wrong}");
        }
    }
}
