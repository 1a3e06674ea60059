//! Orders. An NDJSON row is the body of `POST /v1/orders`. A CSV row is one order line; the rows of an order have the same `external_ref` and
//! follow each other directly (see [`super::super::repeats`]). The first row contains the values of the order itself; the other rows repeat
//! them or leave them empty.

use std::borrow::Cow;

use chrono::DateTime;
use events::OrderId;
use platform::json;
use serde::Deserialize;
use serde_json::Value;

use super::super::import::StockEffect;
use super::super::row_commands::{Column, ColumnTarget, DocumentCommands, RowOrigin, RowRejection, ValueType};
use domain::command::Command;
use domain::order::place::PlaceOrder;
use domain::order::shortage::StockHandling;

pub(super) const COLUMNS: &str = "of the order: external_ref, currency, placed_at (an instant in RFC 3339 format; the order gets \
    an id with that instant), id, channel, customer_id, payment_due, on_shortage, discount, shipping, expected_total, note; \
    of the order line: sku, quantity, unit_price, line_discount, tax_rate, location";

pub(super) fn column(name: &str) -> Option<Column> {
    let line = |name: &str, form| Some(Column::new(ColumnTarget::Line, &[name], form));
    match name {
        "external_ref" | "currency" | "placed_at" | "id" | "channel" | "customer_id" | "payment_due"
        | "on_shortage" | "note" => Some(Column::text(name)),
        "discount" | "shipping" | "expected_total" => Some(Column::number(name)),
        "sku" | "location" => line(name, ValueType::Text),
        "quantity" | "unit_price" | "tax_rate" => line(name, ValueType::Number),
        "line_discount" => line("discount", ValueType::Number),
        _ => None,
    }
}

pub(super) fn plan(document: &[u8], origin: RowOrigin) -> Result<DocumentCommands, RowRejection> {
    let body = json::parse(document)?;
    let stock = match origin.stock {
        StockEffect::Enforce => StockHandling::Enforce,
        StockEffect::Force => StockHandling::Force,
        StockEffect::Skip => StockHandling::Skip,
    };
    Ok(DocumentCommands::One(Command::PlaceOrder(PlaceOrder { body, stock })))
}

/// The external reference of an order; other members are ignored.
#[derive(Deserialize)]
struct Named<'a> {
    #[serde(borrow)]
    external_ref: Option<Cow<'a, str>>,
}

pub(super) fn reference_of(document: &[u8]) -> Option<Cow<'_, str>> {
    serde_json::from_slice::<Named<'_>>(document).ok()?.external_ref
}

/// Derives the id from `placed_at`: the id of an order contains the instant of its placement.
pub(super) fn complete(mut document: Value, origin: RowOrigin) -> Result<Value, RowRejection> {
    let Some(order) = document.as_object_mut() else { return Ok(document) };
    let Some(placed_at) = order.remove("placed_at") else { return Ok(document) };
    if order.contains_key("id") {
        return Err(RowRejection::new(
            "invalid-body",
            "The id contains the instant of the placement. Send either id or placed_at, not both.",
        ));
    }
    let text = placed_at.as_str().unwrap_or_default();
    let Ok(instant) = DateTime::parse_from_rfc3339(text) else {
        let detail = "At placed_at: expected an instant in RFC 3339 format, such as 2024-06-01T12:00:00Z.";
        return Err(RowRejection::new("invalid-body", detail));
    };
    let id = OrderId::new(instant.to_utc(), origin.random());
    order.insert("id".to_owned(), Value::String(id.to_string()));
    Ok(document)
}
