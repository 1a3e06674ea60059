//! Commands to stock holds: stock that is kept for a checkout.

use serde_json::json;

use super::command_operation::CommandOperation;
use super::command_routes::CommandRoutes;
use super::problem_types::*;
use domain::command::Command;
use domain::stock_hold::StockHoldCommand;

pub(super) fn commands() -> CommandRoutes {
    CommandRoutes::tagged("holds", "Stock holds: stock that is kept for a checkout for a limited time.")
        .post(
            "/v1/stock-holds",
            CommandOperation::new("hold_stock", "Hold stock for a checkout")
                .note(
                    "Either all lines are held or none is. Quantities of the same SKU at the same location are added. The units are not available \
                     to orders until the stock hold is released, expires, or is taken over by an order (`hold_id`).",
                )
                .creates()
                .requires_key()
                .rejections(&[
                    INSUFFICIENT_STOCK,
                    INACTIVE_PRODUCT,
                    DUPLICATE_HOLD,
                    PRODUCT_NOT_FOUND_IN_BODY,
                    INSTANT_OUT_OF_RANGE,
                ])
                .example(json!({ "lines": [{ "sku": "LAMP", "quantity": 2 }], "ttl_seconds": 600 })),
            |(), body| Command::HoldStock { body },
        )
        .delete(
            "/v1/stock-holds/{hold_id}",
            CommandOperation::new("release_stock_hold", "Release a stock hold")
                .rejections(&[UNKNOWN_HOLD, HOLD_GONE]),
            |hold_id| Command::StockHold(hold_id, StockHoldCommand::ReleaseStockHold {}),
        )
}
