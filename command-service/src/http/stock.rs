//! Commands to stock items: the stock of a SKU at a location.

use serde_json::json;

use super::command_operation::CommandOperation;
use super::command_routes::CommandRoutes;
use super::problem_types::*;
use domain::command::Command;
use domain::stock::StockCommand;
use domain::stock::item::StockItem;
use domain::value::segment::NewLocation;

pub(super) fn commands() -> CommandRoutes {
    CommandRoutes::tagged("stock", "Stock items: the stock of a SKU at a location, in units.")
        .post(
            "/v1/stock/{sku}/{location}/receipts",
            CommandOperation::new("receive_stock", "Record a stock receipt")
                .creates()
                .requires_key()
                .rejections(&[UNKNOWN_PRODUCT, STOCK_LIMIT, INSTANT_OUT_OF_RANGE])
                .example(json!({ "quantity": 100, "reference": "delivery note 17" })),
            |(sku, NewLocation(location)), body| Command::Stock(StockItem { sku, location }, StockCommand::ReceiveStock { body }),
        )
        .post(
            "/v1/stock/{sku}/{location}/adjustments",
            CommandOperation::new("adjust_stock", "Adjust stock")
                .note(
                    "Corrects the units on hand, by a difference (`delta`) or to a counted quantity (`count`). A count is recorded even if \
                     more units are reserved than were counted. The missing units then appear as `shortage` of the stock item or as \
                     `backordered` on order lines.",
                )
                .creates()
                .requires_key()
                .rejections(&[
                    UNKNOWN_PRODUCT,
                    BELOW_ZERO,
                    STALE_EXPECTED,
                    STOCK_LIMIT,
                    INSTANT_OUT_OF_RANGE,
                ])
                .example(json!({ "delta": -3, "reason": "broken", "expected": 100 })),
            |(sku, NewLocation(location)), body| Command::Stock(StockItem { sku, location }, StockCommand::AdjustStock { body }),
        )
        .put(
            "/v1/stock/{sku}/{location}/policy",
            CommandOperation::new("set_stock_policy", "Set the stock policy")
                .note(
                    "The policy defines which orders a stock item accepts. `deny`: only available units can be ordered. `backorder`: up \
                     to `limit` units more than available can be ordered. `untracked`: stock is not counted. `safety` units are never sold. \
                     The policy is replaced as a whole and applies to new reservations; existing reservations are not changed.",
                )
                .rejections(&[UNKNOWN_PRODUCT, INSTANT_OUT_OF_RANGE])
                .example(json!({ "kind": "backorder", "limit": 20, "safety": 5 })),
            |(sku, NewLocation(location)), body| Command::Stock(StockItem { sku, location }, StockCommand::SetStockPolicy { body }),
        )
        .post(
            "/v1/stock-transfers",
            CommandOperation::new("transfer_stock", "Transfer stock to another location")
                .note(
                    "Only units that are neither reserved nor part of the safety stock can be transferred. The response refers to the stock \
                     item at the source location.",
                )
                .creates()
                .requires_key()
                .rejections(&[
                    UNKNOWN_PRODUCT,
                    INSUFFICIENT_STOCK,
                    SAME_LOCATION,
                    STOCK_LIMIT,
                    INSTANT_OUT_OF_RANGE,
                ])
                .example(json!({ "sku": "LAMP", "from": "main", "to": "shop", "quantity": 5, "reference": "van 3" })),
            |(), body| Command::TransferStock { body },
        )
}
