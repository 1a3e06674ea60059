//! Random commands to orders.

use events::OrderId;
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::command::Command;
use crate::order::OrderCommand;
use crate::order::place::PlaceOrder;
use crate::order::shortage::StockHandling;
use crate::tests::commands::values::*;
use crate::tests::past::body;

pub(crate) fn order_command() -> impl Strategy<Value = Command> {
    prop_oneof![
        4 => any_order().prop_map(Command::PlaceOrder),
        3 => (order_id(), payment()).prop_map(|(order_id, json)| {
            Command::Order(order_id, OrderCommand::RecordPayment { body: body(json) })
        }),
        3 => (order_id(), prop::option::of(location()), some_units()).prop_map(|(order_id, location, lines)| {
            let body = body(json!({ "location": location, "lines": lines }));
            Command::Order(order_id, OrderCommand::CreateFulfilment { body })
        }),
        4 => (order_id(), part(), carrier()).prop_map(|(order_id, fulfilment, carrier)| {
            Command::Order(order_id, OrderCommand::ShipFulfilment { fulfilment, body: body(json!({ "carrier": carrier })) })
        }),
        4 => (order_id(), part()).prop_map(|(order_id, fulfilment)| {
            Command::Order(order_id, OrderCommand::DeliverFulfilment { fulfilment, body: body(json!({})) })
        }),
        1 => (order_id(), part()).prop_map(|(order_id, fulfilment)| {
            Command::Order(order_id, OrderCommand::CancelFulfilment { fulfilment, body: body(json!({})) })
        }),
        1 => (order_id(), some_units()).prop_map(|(order_id, lines)| {
            Command::Order(order_id, OrderCommand::CancelOrder { body: body(json!({ "reason": "r", "lines": lines })) })
        }),
        2 => (order_id(), units()).prop_map(|(order_id, lines)| {
            Command::Order(order_id, OrderCommand::RequestReturn { body: body(json!({ "reason": "r", "lines": lines })) })
        }),
        2 => (order_id(), part(), disposition(), some_units()).prop_map(|(order_id, return_no, disposition, lines)| {
            let body = body(json!({ "disposition": disposition, "lines": lines }));
            Command::Order(order_id, OrderCommand::ReceiveReturn { return_no, body })
        }),
        1 => (order_id(), part()).prop_map(|(order_id, return_no)| {
            Command::Order(order_id, OrderCommand::RejectReturn { return_no, body: body(json!({ "reason": "r" })) })
        }),
        2 => (order_id(), part(), money(), prop::option::weighted(0.2, part())).prop_map(|(order_id, payment, amount, part)| {
            let body = body(json!({ "payment": payment, "amount": amount, "return": part }));
            Command::Order(order_id, OrderCommand::RecordRefund { body })
        }),
    ]
}

pub(crate) fn change_command() -> impl Strategy<Value = Command> {
    prop_oneof![
        6 => (order_id(), amendment()).prop_map(|(order_id, json)| {
            Command::Order(order_id, OrderCommand::AmendOrder { body: body(json) })
        }),
        1 => order_id().prop_map(|order_id| Command::Order(order_id, OrderCommand::HoldOrder { body: body(json!({ "reason": "r" })) })),
        3 => order_id().prop_map(|order_id| Command::Order(order_id, OrderCommand::ReleaseOrder { body: body(json!({})) })),
        1 => order_id().prop_map(|order_id| Command::Order(order_id, OrderCommand::AddNote { body: body(json!({ "note": "n" })) })),
        1 => (order_id(), words(), words()).prop_map(|(order_id, add, remove)| {
            Command::Order(order_id, OrderCommand::TagOrder { body: body(json!({ "add": add, "remove": remove })) })
        }),
        1 => (order_id(), address(), address()).prop_map(|(order_id, shipping, billing)| {
            let body = body(json!({ "shipping_address": shipping, "billing_address": billing }));
            Command::Order(order_id, OrderCommand::ChangeAddresses { body })
        }),
        1 => (order_id(), 1u8..4).prop_map(|(order_id, number)| {
            let body = body(json!({ "customer_id": customer(number) }));
            Command::Order(order_id, OrderCommand::AssignCustomer { body })
        }),
        1 => order_id().prop_map(|order_id| Command::Order(order_id, OrderCommand::ErasePersonalData {})),
        2 => order_id().prop_map(|order_id| Command::Order(order_id, OrderCommand::ExpireOrder {})),
        3 => order_id().prop_map(|order_id| Command::Order(order_id, OrderCommand::CompleteOrder {})),
    ]
}

pub(crate) fn amendment() -> impl Strategy<Value = Value> {
    let change = (1u32..4, prop::option::of(quantity()), discount(), rate());
    let change = change.prop_map(|(line, quantity, discount, tax_rate)| {
        json!({ "line": line, "quantity": quantity, "discount": discount, "tax_rate": tax_rate })
    });
    let add = prop::option::weighted(0.3, prop::collection::vec(any_line(), 1..3));
    let change = prop::option::weighted(0.7, prop::collection::vec(change, 1..3));
    let remove = prop::option::weighted(0.1, prop::collection::vec(1u32..4, 1..2));
    (add, change, remove, shipping_lines(), on_shortage(), address()).prop_map(
        |(add, change, remove, shipping_lines, on_shortage, shipping_address)| {
            json!({
                "add": add,
                "change": change,
                "remove": remove,
                "shipping_lines": shipping_lines,
                "on_shortage": on_shortage,
                "shipping_address": shipping_address,
            })
        },
    )
}

pub(crate) fn any_line() -> impl Strategy<Value = Value> {
    let line =
        (sku(), quantity(), prop::option::weighted(0.2, price()), discount(), rate(), prop::option::of(location()));
    line.prop_map(|(sku, quantity, unit_price, discount, tax_rate, location)| {
        json!({
            "sku": sku,
            "quantity": quantity,
            "unit_price": unit_price,
            "discount": discount,
            "tax_rate": tax_rate,
            "location": location,
        })
    })
}

pub(crate) fn any_order() -> impl Strategy<Value = PlaceOrder> {
    let sums = (discount(), prop::option::of(price()), shipping_lines());
    let terms =
        (on_shortage(), prop::option::weighted(0.1, 1u8..4), prop::option::weighted(0.5, Just("2024-06-01T13:00:00Z")));
    (prop::option::of(order_id()), prop::collection::vec(any_line(), 1..5), sums, terms, handling()).prop_map(
        |(id, lines, (discount, shipping, shipping_lines), (on_shortage, hold, payment_due), stock)| {
            let json = json!({
                "id": id,
                "currency": "GBP",
                "lines": lines,
                "discount": discount,
                "shipping": shipping.filter(|_| shipping_lines.is_none()),
                "shipping_lines": shipping_lines,
                "on_shortage": on_shortage,
                "hold_id": hold.map(hold_id),
                "payment_due": payment_due,
            });
            PlaceOrder { body: body(json), stock }
        },
    )
}

/// An order of eight units of A and four units of B, cheap enough for a single payment; the second order expires if
/// unpaid.
pub(crate) fn order_of_12(id: OrderId) -> PlaceOrder {
    let lines =
        [("A", 8), ("B", 4)].map(|(sku, quantity)| json!({ "sku": sku, "quantity": quantity, "unit_price": 10 }));
    let due = (id == order_ids()[1]).then_some("2024-06-01T13:00:00Z");
    let order = json!({ "id": id, "currency": "GBP", "lines": lines, "payment_due": due });
    PlaceOrder { body: body(order), stock: StockHandling::Enforce }
}
