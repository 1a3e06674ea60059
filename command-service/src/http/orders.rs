//! Commands that place and cancel orders, and commands to their payments, refunds, fulfilments and returns. The commands that edit an
//! order are in [`super::order_edits`].

use platform::deprecation::Deprecation;
use platform::problem::ProblemType;
use serde_json::json;

use super::command_operation::CommandOperation;
use super::command_routes::CommandRoutes;
use super::problem_types::*;
use domain::command::Command;
use domain::order::OrderCommand;
use domain::order::place::PlaceOrder;
use domain::order::shortage::StockHandling;

/// Deprecation of the field `shipping` of `place_order` in favour of `shipping_lines`.
const SHIPPING: Deprecation = Deprecation {
    since: "@1796083200",
    sunset: "Wed, 01 Dec 2027 00:00:00 GMT",
    link: "</docs#/orders/place_order>; rel=\"deprecation\"; type=\"text/html\"",
};

/// Rejections of every command to an existing order.
pub(super) const ORDER: &[ProblemType] = &[UNKNOWN_ORDER, ORDER_STATE, INSTANT_OUT_OF_RANGE];
const FULFILMENT: &[ProblemType] = &[UNKNOWN_FULFILMENT];
const RETURN: &[ProblemType] = &[UNKNOWN_RETURN];
const LINES: &[ProblemType] = &[UNKNOWN_LINE, QUANTITY_EXCEEDED];

pub(super) fn commands() -> CommandRoutes {
    let orders = CommandRoutes::tagged("orders", "Orders with their payments, refunds, fulfilments and returns.");
    returns(fulfilments(payments(placing(orders))))
}

fn placing(orders: CommandRoutes) -> CommandRoutes {
    orders
        .post(
            "/v1/orders",
            CommandOperation::new("place_order", "Place an order")
                .note(
                    "Places an order and reserves its stock in the same commit. Either all lines are accepted or the order is \
                     rejected. `on_shortage` defines what happens to lines with insufficient stock: `reject` rejects the order, \
                     `backorder` accepts the missing units as backordered where the policy of the stock item allows it, `partial` \
                     reduces the quantities to the available units. Without `on_shortage`, the policy of each stock item decides. \
                     The response contains the order code; the order contains the accepted quantities.",
                )
                .note("With `hold_id`, the order takes over the stock of a stock hold, and the stock hold ends.")
                .creates()
                .requires_key()
                .rejections(&[
                    INSUFFICIENT_STOCK,
                    INACTIVE_PRODUCT,
                    DUPLICATE_ORDER,
                    DUPLICATE_EXTERNAL_REF,
                    HOLD_GONE,
                    ORDER_OF_ERASED_CUSTOMER,
                    EXCLUSIVE_FIELDS,
                    PRODUCT_NOT_FOUND_IN_BODY,
                    PRICE_MISSING,
                    UNKNOWN_CHANNEL,
                    WRONG_CURRENCY,
                    CURRENCY_WITHDRAWN,
                    TOTAL_MISMATCH,
                    DISCOUNT_EXCEEDED,
                    AMOUNT_OVERFLOW,
                    INSTANT_OUT_OF_RANGE,
                ])
                .deprecates(uses_shipping, &SHIPPING)
                .example(json!({
                    "currency": "GBP",
                    "lines": [{ "sku": "LAMP", "quantity": 2, "tax_rate": 200_000 }],
                    "shipping_lines": [{ "name": "Standard", "amount": 400, "tax_rate": 200_000 }],
                    "contact": { "name": "Ada Byron", "email": "ada@example.com" },
                    "tags": ["gift"],
                })),
            |(), body| Command::PlaceOrder(PlaceOrder { body, stock: StockHandling::Enforce }),
        )
        .post(
            "/v1/orders/{order_id}/cancellation",
            // A whole order can be cancelled only once; units of its lines can be cancelled repeatedly.
            CommandOperation::new("cancel_order", "Cancel order lines or a whole order")
                .note(
                    "With `lines`, cancels the given units, which must be neither packed nor shipped. Without `lines`, cancels all units that \
                     are not shipped, together with the fulfilments that are not shipped. The reserved stock of cancelled units is released.",
                )
                .requires_key_if(cancels_units, KEY_REQUIRED_WITH_LINES)
                .rejections(ORDER)
                .rejections(LINES)
                .example(json!({ "reason": "changed her mind" })),
            |order_id, body| Command::Order(order_id, OrderCommand::CancelOrder { body }),
        )
}

fn payments(orders: CommandRoutes) -> CommandRoutes {
    orders
        .post(
            "/v1/orders/{order_id}/payments",
            CommandOperation::new("record_payment", "Record a payment")
                .creates()
                .requires_key()
                .rejections(ORDER)
                .rejections(&[
                    UNKNOWN_PAYMENT,
                    DUPLICATE_PAYMENT_REFERENCE,
                    METHOD_MISSING,
                    AMOUNT_OVERFLOW,
                    TOO_MANY_PARTS,
                    ORDER_TOO_LARGE,
                ])
                .example(json!({ "kind": "captured", "amount": 900, "method": "card" })),
            |order_id, body| Command::Order(order_id, OrderCommand::RecordPayment { body }),
        )
        .post(
            "/v1/orders/{order_id}/refunds",
            CommandOperation::new("record_refund", "Record a refund")
                .creates()
                .requires_key()
                .rejections(ORDER)
                .rejections(&[UNKNOWN_PAYMENT, UNKNOWN_RETURN, AMOUNT_EXCEEDED, AMOUNT_OVERFLOW, EXCLUSIVE_FIELDS])
                .example(json!({ "payment": 1, "amount": 450 })),
            |order_id, body| Command::Order(order_id, OrderCommand::RecordRefund { body }),
        )
}

fn fulfilments(orders: CommandRoutes) -> CommandRoutes {
    orders
        .post(
            "/v1/orders/{order_id}/fulfilments",
            CommandOperation::new("create_fulfilment", "Create a fulfilment")
                .note(
                    "Starts packing units. A fulfilment contains units that are assigned to the order and unassigned units on hand, \
                     never units that are assigned to other orders: if there are too few, the response is 409 with the lines and \
                     the available quantities. Without `lines`, the fulfilment contains all unfulfilled units at the location.",
                )
                .creates()
                .requires_key()
                .rejections(ORDER)
                .rejections(LINES)
                .rejections(&[
                    INSUFFICIENT_STOCK,
                    SEVERAL_LOCATIONS,
                    WRONG_LOCATION,
                    TOO_MANY_PARTS,
                    ORDER_TOO_LARGE,
                ])
                .example(json!({ "lines": [{ "line": 1, "quantity": 2 }] })),
            |order_id, body| Command::Order(order_id, OrderCommand::CreateFulfilment { body }),
        )
        .post(
            "/v1/orders/{order_id}/fulfilments/{fulfilment}/shipment",
            CommandOperation::new("ship_fulfilment", "Mark a fulfilment as shipped")
                .rejections(ORDER)
                .rejections(FULFILMENT)
                .rejections(&[INSUFFICIENT_STOCK])
                .example(json!({ "carrier": "DHL", "tracking": "00340434161094021501" })),
            |(order_id, fulfilment), body| Command::Order(order_id, OrderCommand::ShipFulfilment { fulfilment, body }),
        )
        .post(
            "/v1/orders/{order_id}/fulfilments/{fulfilment}/delivery",
            CommandOperation::new("deliver_fulfilment", "Mark a fulfilment as delivered")
                .rejections(ORDER)
                .rejections(FULFILMENT)
                .example(json!({})),
            |(order_id, fulfilment), body| Command::Order(order_id, OrderCommand::DeliverFulfilment { fulfilment, body }),
        )
        .post(
            "/v1/orders/{order_id}/fulfilments/{fulfilment}/cancellation",
            CommandOperation::new("cancel_fulfilment", "Cancel a fulfilment")
                .rejections(ORDER)
                .rejections(FULFILMENT)
                .example(json!({})),
            |(order_id, fulfilment), body| Command::Order(order_id, OrderCommand::CancelFulfilment { fulfilment, body }),
        )
}

fn returns(orders: CommandRoutes) -> CommandRoutes {
    orders
        .post(
            "/v1/orders/{order_id}/returns",
            CommandOperation::new("request_return", "Request a return")
                .creates()
                .requires_key()
                .rejections(ORDER)
                .rejections(LINES)
                .rejections(&[TOO_MANY_PARTS, ORDER_TOO_LARGE])
                .example(json!({ "reason": "too large", "lines": [{ "line": 1, "quantity": 1 }] })),
            |order_id, body| Command::Order(order_id, OrderCommand::RequestReturn { body }),
        )
        .post(
            "/v1/orders/{order_id}/returns/{return}/receipt",
            // A whole return can be received only once; units of its lines can be received repeatedly.
            CommandOperation::new("receive_return", "Record the receipt of a return")
                .note(
                    "With `lines`, only the given units are received, each line with its own `disposition`; the other units stay \
                     requested until another receipt or a rejection. With `disposition` and no `lines`, all units that are still \
                     requested are received.",
                )
                .requires_key_if(receives_units, KEY_REQUIRED_WITH_LINES)
                .rejections(ORDER)
                .rejections(RETURN)
                .rejections(LINES)
                .rejections(&[ORDER_TOO_LARGE])
                .example(json!({ "disposition": "restock" })),
            |(order_id, return_no), body| Command::Order(order_id, OrderCommand::ReceiveReturn { return_no, body }),
        )
        .post(
            "/v1/orders/{order_id}/returns/{return}/rejection",
            CommandOperation::new("reject_return", "Reject a return")
                .rejections(ORDER)
                .rejections(RETURN)
                .example(json!({ "reason": "worn" })),
            |(order_id, return_no), body| Command::Order(order_id, OrderCommand::RejectReturn { return_no, body }),
        )
}

/// Description of `Idempotency-Key` where only a body with `lines` requires the key.
const KEY_REQUIRED_WITH_LINES: &str = "Required if the body has `lines`. Identifies the intended effect: send a new UUID for each intended effect and the same UUID with \
     every repeat of the request.";

fn uses_shipping(command: &Command) -> bool {
    matches!(command, Command::PlaceOrder(command) if command.body.shipping.is_some())
}

fn cancels_units(command: &Command) -> bool {
    matches!(command, Command::Order(_, OrderCommand::CancelOrder { body }) if body.lines.is_some())
}

fn receives_units(command: &Command) -> bool {
    matches!(command, Command::Order(_, OrderCommand::ReceiveReturn { body, .. }) if body.lines.is_some())
}
