//! Commands to orders, their payments, fulfilments, returns and refunds. Those that change an order as such are in
//! [`order_changes`].

use platform::deprecation::Deprecation;
use serde_json::json;

use super::commands::Commands;
use super::operation::{Operation, Refusal};
use super::order_changes;
use domain::command::order::{CancelOrderBody, PlaceOrderBody, ReceiveReturnBody, StockHandling};
use domain::command::{
    CancelFulfilment, CancelOrder, Command, CreateFulfilment, DeliverFulfilment, PlaceOrder, ReceiveReturn,
    RecordPayment, RecordRefund, RejectReturn, RequestReturn, ShipFulfilment,
};

/// The field `shipping` of an order to place, one amount with tax, gives way to `shipping_lines`.
const SHIPPING: Deprecation = Deprecation {
    since: "@1796083200",
    sunset: "Wed, 01 Dec 2027 00:00:00 GMT",
    link: "</docs#/orders/place_order>; rel=\"deprecation\"; type=\"text/html\"",
};

/// What every command to an order may meet.
pub(super) const ORDER: &[Refusal] = &[(404, "unknown-order"), (409, "order-state"), (422, "instant-out-of-range")];
const FULFILMENT: &[Refusal] = &[(404, "unknown-fulfilment")];
const RETURN: &[Refusal] = &[(404, "unknown-return")];
const LINES: &[Refusal] = &[(422, "unknown-line"), (422, "quantity-exceeded")];

pub(super) fn commands() -> Commands {
    let orders = Commands::to("orders", "Orders, their payments, fulfilments, returns and refunds.");
    order_changes::commands(returns(fulfilments(payments(placing(orders)))))
}

fn placing(orders: Commands) -> Commands {
    orders
        .post(
            "/v1/orders",
            Operation::new("place_order", "Places an order and reserves its stock")
                .note(
                    "Either every line gets its stock or nothing happens, unless `on_shortage` says otherwise: `reject` takes \
                     only what is here, `backorder` promises what is not where the stock's policy allows it, `partial` takes \
                     what is here and leaves out the rest. If it is left out, the policy decides. The answer has the order's \
                     code; what was taken stands in the order.",
                )
                .note("`hold_id` takes a checkout hold over, with all that it keeps.")
                .creates()
                .needs_key()
                .refuses(&[
                    (409, "insufficient-stock"),
                    (409, "inactive-product"),
                    (409, "duplicate-order"),
                    (409, "duplicate-external-ref"),
                    (409, "hold-gone"),
                    (409, "customer-erased"),
                    (422, "exclusive-fields"),
                    (422, "unknown-product"),
                    (422, "price-missing"),
                    (422, "unknown-channel"),
                    (422, "wrong-currency"),
                    (422, "currency-withdrawn"),
                    (422, "total-mismatch"),
                    (422, "discount-exceeded"),
                    (422, "amount-overflow"),
                    (422, "instant-out-of-range"),
                ])
                .deprecates(|body: &PlaceOrderBody| body.shipping.is_some(), &SHIPPING)
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
            // The whole order is cancelled once; some of its pieces could be cancelled again.
            Operation::new("cancel_order", "Gives up pieces that are not shipped, or all of them")
                .needs_key_if(|body: &CancelOrderBody| body.lines.is_some(), "the body has `lines`")
                .refuses(ORDER)
                .refuses(LINES)
                .example(json!({ "reason": "changed her mind" })),
            |order_id, body| Command::CancelOrder(CancelOrder { order_id, body }),
        )
}

fn payments(orders: Commands) -> Commands {
    orders
        .post(
            "/v1/orders/{order_id}/payments",
            Operation::new("record_payment", "Record a payment")
                .creates()
                .needs_key()
                .refuses(ORDER)
                .refuses(&[
                    (404, "unknown-payment"),
                    (409, "duplicate-payment-reference"),
                    (422, "method-missing"),
                    (422, "amount-overflow"),
                    (422, "too-many-parts"),
                    (422, "order-too-large"),
                ])
                .example(json!({ "kind": "captured", "amount": 900, "method": "card" })),
            |order_id, body| Command::RecordPayment(RecordPayment { order_id, body }),
        )
        .post(
            "/v1/orders/{order_id}/refunds",
            Operation::new("record_refund", "Record a refund")
                .creates()
                .needs_key()
                .refuses(ORDER)
                .refuses(&[
                    (404, "unknown-payment"),
                    (404, "unknown-return"),
                    (422, "amount-exceeded"),
                    (422, "amount-overflow"),
                    (422, "exclusive-fields"),
                ])
                .example(json!({ "payment": 1, "amount": 450 })),
            |order_id, body| Command::RecordRefund(RecordRefund { order_id, body }),
        )
}

fn fulfilments(orders: Commands) -> Commands {
    orders
        .post(
            "/v1/orders/{order_id}/fulfilments",
            Operation::new("create_fulfilment", "Create a fulfilment: begin to pack units")
                .note(
                    "Packs units that are assigned to the order, and units on hand that are assigned to no order. Units that are \
                     assigned to other orders are not taken: 409 names the lines and how many units there are for them.",
                )
                .creates()
                .needs_key()
                .refuses(ORDER)
                .refuses(LINES)
                .refuses(&[
                    (409, "insufficient-stock"),
                    (422, "several-locations"),
                    (422, "wrong-location"),
                    (422, "too-many-parts"),
                    (422, "order-too-large"),
                ])
                .example(json!({ "lines": [{ "line": 1, "quantity": 2 }] })),
            |order_id, body| Command::CreateFulfilment(CreateFulfilment { order_id, body }),
        )
        .post(
            "/v1/orders/{order_id}/fulfilments/{fulfilment}/shipment",
            Operation::new("ship_fulfilment", "Says that packed pieces left")
                .refuses(ORDER)
                .refuses(FULFILMENT)
                .refuses(&[(409, "insufficient-stock")])
                .example(json!({ "carrier": "DHL", "tracking": "00340434161094021501" })),
            |(order_id, fulfilment), body| Command::ShipFulfilment(ShipFulfilment { order_id, fulfilment, body }),
        )
        .post(
            "/v1/orders/{order_id}/fulfilments/{fulfilment}/delivery",
            Operation::new("deliver_fulfilment", "Says that shipped pieces arrived")
                .refuses(ORDER)
                .refuses(FULFILMENT)
                .example(json!({})),
            |(order_id, fulfilment), body| Command::DeliverFulfilment(DeliverFulfilment { order_id, fulfilment, body }),
        )
        .post(
            "/v1/orders/{order_id}/fulfilments/{fulfilment}/cancellation",
            Operation::new("cancel_fulfilment", "Gives up packing")
                .refuses(ORDER)
                .refuses(FULFILMENT)
                .example(json!({})),
            |(order_id, fulfilment), body| Command::CancelFulfilment(CancelFulfilment { order_id, fulfilment, body }),
        )
}

fn returns(orders: Commands) -> Commands {
    orders
        .post(
            "/v1/orders/{order_id}/returns",
            Operation::new("request_return", "Asks to send pieces back")
                .creates()
                .needs_key()
                .refuses(ORDER)
                .refuses(LINES)
                .refuses(&[(422, "too-many-parts"), (422, "order-too-large")])
                .example(json!({ "reason": "too large", "lines": [{ "line": 1, "quantity": 1 }] })),
            |order_id, body| Command::RequestReturn(RequestReturn { order_id, body }),
        )
        .post(
            "/v1/orders/{order_id}/returns/{return}/receipt",
            // The whole return is received once; units of it could be received again.
            Operation::new("receive_return", "Receive returned units")
                .note(
                    "With `lines`, only the named units are received and the rest stays requested, for another receipt or a \
                     rejection; each unit has a `disposition` of its own. With `disposition` alone, everything that is still \
                     requested is received.",
                )
                .needs_key_if(|body: &ReceiveReturnBody| body.lines.is_some(), "the body has `lines`")
                .refuses(ORDER)
                .refuses(RETURN)
                .refuses(LINES)
                .refuses(&[(422, "order-too-large")])
                .example(json!({ "disposition": "restock" })),
            |(order_id, return_no), body| Command::ReceiveReturn(ReceiveReturn { order_id, return_no, body }),
        )
        .post(
            "/v1/orders/{order_id}/returns/{return}/rejection",
            Operation::new("reject_return", "Reject a return, or what was not received of it")
                .refuses(ORDER)
                .refuses(RETURN)
                .example(json!({ "reason": "worn" })),
            |(order_id, return_no), body| Command::RejectReturn(RejectReturn { order_id, return_no, body }),
        )
}
