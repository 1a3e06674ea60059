//! Rows that move stock: pieces that came in (`quantity`), or a correction by `delta` or to a `count` with its reason.

use events::{Location, Sku};
use platform::json;
use serde::Deserialize;
use serde_json::{Map, Value};

use super::{Column, Plan, Refused};
use domain::command::segment::NewLocation;
use domain::command::stock::{AdjustStockBody, ReceiveStockBody};
use domain::command::{AdjustStock, Command, ReceiveStock};

pub(super) const COLUMNS: &str = "sku, location (main if left out), one of quantity (pieces that came in), delta and count, reason, reference (of what came \
     in), expected, occurred_at";

pub(super) fn column(name: &str) -> Option<Column> {
    match name {
        "sku" | "location" | "reason" | "reference" | "occurred_at" => Some(Column::text(name)),
        "quantity" | "delta" | "count" | "expected" => Some(Column::number(name)),
        _ => None,
    }
}

/// A row: the path's parts of `POST /v1/stock/{sku}/{location}/receipts` and its body, or those of `/adjustments`.
#[derive(Deserialize)]
struct Document {
    sku: Sku,
    location: Option<NewLocation>,
    #[serde(flatten)]
    rest: Map<String, Value>,
}

pub(super) fn plan(document: &[u8]) -> Result<Plan, Refused> {
    let Document { sku, location, mut rest } = json::parse(document)?;
    let location = location.map_or_else(Location::main, |NewLocation(location)| location);
    if !rest.contains_key("quantity") {
        let body: AdjustStockBody = body(rest)?;
        return Ok(Plan::Do(Command::AdjustStock(AdjustStock { sku, location, body })));
    }
    // Why pieces came in is their reference: a receipt has no other reason.
    if let Some(reason) = rest.remove("reason") {
        rest.entry("reference").or_insert(reason);
    }
    let body: ReceiveStockBody = body(rest)?;
    Ok(Plan::Do(Command::ReceiveStock(ReceiveStock { sku, location, body })))
}

fn body<T: serde::de::DeserializeOwned>(members: Map<String, Value>) -> Result<T, Refused> {
    let json = serde_json::to_vec(&members).expect("parsed JSON can be written");
    Ok(json::parse(&json)?)
}
