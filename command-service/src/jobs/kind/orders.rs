//! Rows that are orders. A JSON row is the body of `POST /v1/orders`; in CSV a row is a line of an order, and the rows of one
//! order stand directly below each other with the same `external_ref` (see [`super::super::repeats`]). What is said of the
//! order itself stands on its first row, and on the others too or not at all.

use std::borrow::Cow;

use chrono::DateTime;
use events::OrderId;
use platform::json;
use serde::Deserialize;
use serde_json::Value;

use super::super::import::Stock;
use super::{Column, Form, Of, Origin, Plan, Refused};
use domain::command::order::StockHandling;
use domain::command::{Command, PlaceOrder};

pub(super) const COLUMNS: &str = "of the order: external_ref, currency, placed_at (an instant as RFC 3339 writes it; the order \
    gets an id of that instant), id, channel, customer_id, payment_due, on_shortage, discount, shipping, expected_total, note; \
    of its line: sku, quantity, unit_price, line_discount, tax_rate, location";

pub(super) fn column(name: &str) -> Option<Column> {
    let line = |name: &str, form| Some(Column::new(Of::Line, &[name], form));
    match name {
        "external_ref" | "currency" | "placed_at" | "id" | "channel" | "customer_id" | "payment_due"
        | "on_shortage" | "note" => Some(Column::text(name)),
        "discount" | "shipping" | "expected_total" => Some(Column::number(name)),
        "sku" | "location" => line(name, Form::Text),
        "quantity" | "unit_price" | "tax_rate" => line(name, Form::Number),
        "line_discount" => line("discount", Form::Number),
        _ => None,
    }
}

pub(super) fn plan(document: &[u8], origin: Origin) -> Result<Plan, Refused> {
    let body = json::parse(document)?;
    let stock = match origin.stock {
        Stock::Enforce => StockHandling::Enforce,
        Stock::Force => StockHandling::Force,
        Stock::Skip => StockHandling::Skip,
    };
    Ok(Plan::Do(Command::PlaceOrder(PlaceOrder { body, stock })))
}

/// The external reference of an order; all else in it is passed over.
#[derive(Deserialize)]
struct Named<'a> {
    #[serde(borrow)]
    external_ref: Option<Cow<'a, str>>,
}

pub(super) fn reference_of(document: &[u8]) -> Option<Cow<'_, str>> {
    serde_json::from_slice::<Named<'_>>(document).ok()?.external_ref
}

/// An order is placed at the instant that its id carries.
pub(super) fn complete(mut document: Value, origin: Origin) -> Result<Value, Refused> {
    let Some(order) = document.as_object_mut() else { return Ok(document) };
    let Some(placed_at) = order.remove("placed_at") else { return Ok(document) };
    if order.contains_key("id") {
        return Err(Refused::new(
            "invalid-body",
            "The id says when an order was placed: send id or placed_at, not both.",
        ));
    }
    let text = placed_at.as_str().unwrap_or_default();
    let Ok(instant) = DateTime::parse_from_rfc3339(text) else {
        let detail = "At placed_at: expected an instant as RFC 3339 writes it, such as 2024-06-01T12:00:00Z.";
        return Err(Refused::new("invalid-body", detail));
    };
    let id = OrderId::new(instant.to_utc(), origin.random());
    order.insert("id".to_owned(), Value::String(id.to_string()));
    Ok(document)
}
