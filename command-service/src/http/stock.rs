//! Commands to stock.

use serde_json::json;

use super::commands::Commands;
use super::operation::Operation;
use crate::command::{AdjustStock, Command, ReceiveStock};

pub(super) fn commands() -> Commands {
    Commands::to("stock", "Pieces of a SKU at a location.")
        .post(
            "/v1/stock/{sku}/{location}/receipts",
            Operation::new("receive_stock", "Takes in pieces")
                .creates()
                .needs_key()
                .refuses(&[(404, "unknown-product"), (422, "stock-limit"), (422, "instant-out-of-range")])
                .example(json!({ "quantity": 100, "reference": "delivery note 17" })),
            |(sku, location), body| Command::ReceiveStock(ReceiveStock { sku, location, body }),
        )
        .post(
            "/v1/stock/{sku}/{location}/adjustments",
            Operation::new("adjust_stock", "Corrects the count of pieces, by a difference or to a count")
                .creates()
                .needs_key()
                .refuses(&[
                    (404, "unknown-product"),
                    (409, "insufficient-stock"),
                    (412, "stale-expected"),
                    (422, "stock-limit"),
                    (422, "instant-out-of-range"),
                ])
                .example(json!({ "delta": -3, "reason": "broken", "expected": 100 })),
            |(sku, location), body| Command::AdjustStock(AdjustStock { sku, location, body }),
        )
}
