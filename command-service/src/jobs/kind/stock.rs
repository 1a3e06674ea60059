//! Stock movements: a receipt (`quantity`), or an adjustment by `delta` or to a `count`, with a reason.

use events::{Location, Sku};
use platform::json;
use serde::Deserialize;
use serde_json::{Map, Value};

use super::super::row_commands::{Column, DocumentCommands, RowRejection};
use domain::command::Command;
use domain::stock::StockCommand;
use domain::stock::adjust::AdjustStock;
use domain::stock::item::StockItem;
use domain::stock::receive::ReceiveStock;
use domain::value::segment::NewLocation;

pub(super) const COLUMNS: &str = "sku, location (default: main), one of quantity (units received), delta and count, reason, reference (of a receipt), \
     expected, occurred_at";

pub(super) fn column(name: &str) -> Option<Column> {
    match name {
        "sku" | "location" | "reason" | "reference" | "occurred_at" => Some(Column::text(name)),
        "quantity" | "delta" | "count" | "expected" => Some(Column::number(name)),
        _ => None,
    }
}

/// A row: path variables and body of `POST /v1/stock/{sku}/{location}/receipts` or `/adjustments`.
#[derive(Deserialize)]
struct Document {
    sku: Sku,
    location: Option<NewLocation>,
    #[serde(flatten)]
    rest: Map<String, Value>,
}

pub(super) fn plan(document: &[u8]) -> Result<DocumentCommands, RowRejection> {
    let Document { sku, location, mut rest } = json::parse(document)?;
    let location = location.map_or_else(Location::main, |NewLocation(location)| location);
    if !rest.contains_key("quantity") {
        let body: AdjustStock = body(rest)?;
        return Ok(DocumentCommands::One(Command::Stock(
            StockItem { sku, location },
            StockCommand::AdjustStock { body },
        )));
    }
    // A receipt has a reference instead of a reason.
    if let Some(reason) = rest.remove("reason") {
        rest.entry("reference").or_insert(reason);
    }
    let body: ReceiveStock = body(rest)?;
    Ok(DocumentCommands::One(Command::Stock(StockItem { sku, location }, StockCommand::ReceiveStock { body })))
}

fn body<T: serde::de::DeserializeOwned>(members: Map<String, Value>) -> Result<T, RowRejection> {
    let json = serde_json::to_vec(&members).expect("parsed JSON can be serialised");
    Ok(json::parse(&json)?)
}
