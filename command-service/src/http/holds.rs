//! Commands to holds.

use serde_json::json;

use super::commands::Commands;
use super::operation::Operation;
use domain::command::{Command, HoldStock, ReleaseStockHold};

pub(super) fn commands() -> Commands {
    Commands::to("holds", "Stock that is kept for a checkout.")
        .post(
            "/v1/stock-holds",
            Operation::new("hold_stock", "Keeps stock for some time")
                .note(
                    "All of the lines or none. Lines of one SKU at one location count together. What is held can be promised to \
                     nobody else, until the hold is released, its time is over, or an order takes it over (`hold_id`).",
                )
                .creates()
                .needs_key()
                .refuses(&[
                    (409, "insufficient-stock"),
                    (409, "inactive-product"),
                    (409, "duplicate-hold"),
                    (422, "unknown-product"),
                    (422, "instant-out-of-range"),
                ])
                .example(json!({ "lines": [{ "sku": "LAMP", "quantity": 2 }], "ttl_seconds": 600 })),
            |(), body| Command::HoldStock(HoldStock { body }),
        )
        .delete(
            "/v1/stock-holds/{hold_id}",
            Operation::new("release_stock_hold", "Gives a hold back before its time")
                .refuses(&[(404, "unknown-hold"), (409, "hold-gone")]),
            |hold_id| Command::ReleaseStockHold(ReleaseStockHold { hold_id }),
        )
}
