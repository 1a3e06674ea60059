//! Commands to stock.

use serde_json::json;

use super::commands::Commands;
use super::operation::Operation;
use domain::command::segment::NewLocation;
use domain::command::{AdjustStock, Command, ReceiveStock, SetStockPolicy, TransferStock};

pub(super) fn commands() -> Commands {
    Commands::to("stock", "Pieces of a SKU at a location.")
        .post(
            "/v1/stock/{sku}/{location}/receipts",
            Operation::new("receive_stock", "Takes in pieces")
                .creates()
                .needs_key()
                .refuses(&[(404, "unknown-product"), (422, "stock-limit"), (422, "instant-out-of-range")])
                .example(json!({ "quantity": 100, "reference": "delivery note 17" })),
            |(sku, NewLocation(location)), body| Command::ReceiveStock(ReceiveStock { sku, location, body }),
        )
        .post(
            "/v1/stock/{sku}/{location}/adjustments",
            Operation::new("adjust_stock", "Correct the units on hand, by a difference or to a count")
                .note(
                    "A count is a fact: it is recorded even where more units are reserved than were counted. Units that are \
                     reserved and missing then show as `shortage` of the stock, or as `backordered` on lines of orders.",
                )
                .creates()
                .needs_key()
                .refuses(&[
                    (404, "unknown-product"),
                    (409, "below-zero"),
                    (412, "stale-expected"),
                    (422, "stock-limit"),
                    (422, "instant-out-of-range"),
                ])
                .example(json!({ "delta": -3, "reason": "broken", "expected": 100 })),
            |(sku, NewLocation(location)), body| Command::AdjustStock(AdjustStock { sku, location, body }),
        )
        .put(
            "/v1/stock/{sku}/{location}/policy",
            Operation::new("set_stock_policy", "Says how pieces are promised")
                .note(
                    "`deny` refuses what is not there, `backorder` promises up to `limit` pieces beyond it, `untracked` counts \
                     nothing. `safety` pieces are never promised. All of it is replaced. A policy limits what is reserved from \
                     then on; what is reserved already stays.",
                )
                .refuses(&[(404, "unknown-product"), (422, "instant-out-of-range")])
                .example(json!({ "kind": "backorder", "limit": 20, "safety": 5 })),
            |(sku, NewLocation(location)), body| Command::SetStockPolicy(SetStockPolicy { sku, location, body }),
        )
        .post(
            "/v1/stock-transfers",
            Operation::new("transfer_stock", "Moves pieces to another location")
                .note("Only pieces that are neither promised nor kept back. The answer is about the stock that they leave.")
                .creates()
                .needs_key()
                .refuses(&[
                    (404, "unknown-product"),
                    (409, "insufficient-stock"),
                    (422, "same-location"),
                    (422, "stock-limit"),
                    (422, "instant-out-of-range"),
                ])
                .example(json!({ "sku": "LAMP", "from": "main", "to": "shop", "quantity": 5, "reference": "van 3" })),
            |(), body| Command::TransferStock(TransferStock { body }),
        )
}
