//! Random commands to a small shop: three products and one that does not exist, two locations, a few orders, stock
//! holds and customers. [`orders`] generates commands to orders, [`values`] generates the values in commands.

pub(crate) mod orders;
pub(crate) mod values;

use events::OrderId;
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::command::Command;
use crate::customer::CustomerCommand;
use crate::customer::register::RegisterCustomer;
use crate::customer::tests::emails;
use crate::customer::update::UpdateCustomer;
use crate::order::OrderCommand;
use crate::order::payment::record::RecordPayment;
use crate::order::shortage::OnShortage;
use crate::product::ProductCommand;
use crate::stock::StockCommand;
use crate::stock::adjust::Change;
use crate::stock::item::StockItem;
use crate::stock_hold::StockHoldCommand;
use crate::tests::commands::orders::{change_command, order_command};
use crate::tests::commands::values::*;
use crate::tests::past::body;

/// Whether a repeat of the command has no effect, because the command states a result that is already reached.
pub(crate) fn asks_for_a_state(command: &Command) -> bool {
    match command {
        Command::CreateProduct { .. } | Command::Product(..) | Command::StockHold(..) | Command::Customer(..) => true,
        Command::Stock(_, command) => match command {
            StockCommand::AdjustStock { body } => matches!(body.change, Change::To(_)),
            StockCommand::ReceiveStock { .. } => false,
            StockCommand::SetStockPolicy { .. }
            | StockCommand::AllocateStock { .. }
            | StockCommand::DeallocateStock { .. } => true,
        },
        Command::RegisterCustomer(command) => command.body.id.is_some(),
        Command::TransferStock { .. } | Command::HoldStock { .. } | Command::PlaceOrder(_) => false,
        Command::Order(_, command) => asks_for_an_orders_state(command),
    }
}

fn asks_for_an_orders_state(command: &OrderCommand) -> bool {
    match command {
        OrderCommand::ReceiveReturn { body, .. } => body.lines.is_none(),
        OrderCommand::AmendOrder { body } => body.add.is_none() && body.on_shortage != Some(OnShortage::Partial),
        OrderCommand::CreateFulfilment { body } => body.lines.is_none(),
        OrderCommand::CancelOrder { body } => body.lines.is_none(),
        OrderCommand::RecordPayment { body } => match body {
            RecordPayment::Voided { .. } => true,
            RecordPayment::Failed { payment, .. } => payment.is_some(),
            RecordPayment::Authorized { .. } | RecordPayment::Captured { .. } => false,
        },
        OrderCommand::RequestReturn { .. } | OrderCommand::RecordRefund { .. } | OrderCommand::AddNote { .. } => false,
        OrderCommand::ShipFulfilment { .. }
        | OrderCommand::DeliverFulfilment { .. }
        | OrderCommand::CancelFulfilment { .. }
        | OrderCommand::RejectReturn { .. }
        | OrderCommand::HoldOrder { .. }
        | OrderCommand::ReleaseOrder { .. }
        | OrderCommand::TagOrder { .. }
        | OrderCommand::ChangeAddresses { .. }
        | OrderCommand::AssignCustomer { .. }
        | OrderCommand::ErasePersonalData {}
        | OrderCommand::ExpireOrder {}
        | OrderCommand::CompleteOrder {} => true,
    }
}

pub(crate) fn any_command() -> impl Strategy<Value = Command> {
    prop_oneof![
        2 => product_command(),
        5 => stock_command(),
        6 => allocation_command(),
        5 => hold_command(),
        4 => customer_command(),
        30 => order_command(),
        14 => change_command(),
    ]
}

fn product_command() -> impl Strategy<Value = Command> {
    prop_oneof![
        2 => (sku(), price()).prop_map(|(sku, price)| {
            let body = body(json!({ "sku": sku, "name": "N", "prices": { "GBP": price } }));
            Command::CreateProduct { body }
        }),
        1 => (sku(), price()).prop_map(|(sku, price)| {
            let currency = "GBP".parse().unwrap();
            Command::Product(sku, ProductCommand::ChangePrice { currency, body: body(json!({ "price": price })) })
        }),
        1 => sku().prop_map(|sku| Command::Product(sku, ProductCommand::DiscontinueProduct { body: body(json!({})) })),
        4 => sku().prop_map(|sku| Command::Product(sku, ProductCommand::ReactivateProduct { body: body(json!({})) })),
        2 => (sku(), patch()).prop_map(|(sku, patch)| {
            Command::Product(sku, ProductCommand::UpdateProduct { body: body(patch) })
        }),
    ]
}

fn stock_command() -> impl Strategy<Value = Command> {
    let change = prop_oneof![
        (-20i64..20).prop_filter("a change", |delta| *delta != 0).prop_map(|delta| json!({ "delta": delta })),
        prop::sample::select(vec![-1_000_000_000i64, 1_000_000_000]).prop_map(|delta| json!({ "delta": delta })),
        (0i64..20).prop_map(|count| json!({ "count": count })),
    ];
    let expected = prop::option::weighted(0.2, 0i64..10);
    prop_oneof![
        4 => (sku(), location(), quantity()).prop_map(|(sku, location, quantity)| {
            Command::Stock(StockItem { sku, location }, StockCommand::ReceiveStock { body: body(json!({ "quantity": quantity * 5 % 1_000_001 + 1 })) })
        }),
        1 => (sku(), location(), change, expected).prop_map(|(sku, location, mut change, expected)| {
            change["reason"] = "stocktaking".into();
            change["expected"] = json!(expected);
            Command::Stock(StockItem { sku, location }, StockCommand::AdjustStock { body: body(change) })
        }),
        2 => (sku(), location(), policy()).prop_map(|(sku, location, policy)| {
            Command::Stock(StockItem { sku, location }, StockCommand::SetStockPolicy { body: body(policy) })
        }),
        2 => (sku(), location(), location(), quantity()).prop_map(|(sku, from, to, quantity)| {
            let body = body(json!({ "sku": sku, "from": from, "to": to, "quantity": quantity }));
            Command::TransferStock { body }
        }),
    ]
}

fn allocation_command() -> impl Strategy<Value = Command> {
    let orders = || prop::collection::vec(order_id(), 1..4);
    prop_oneof![
        (sku(), location(), orders()).prop_map(|(sku, location, orders)| {
            Command::Stock(StockItem { sku, location }, StockCommand::AllocateStock { orders: once_each(orders) })
        }),
        (sku(), location(), orders()).prop_map(|(sku, location, orders)| {
            Command::Stock(StockItem { sku, location }, StockCommand::DeallocateStock { orders: once_each(orders) })
        }),
    ]
}

fn once_each(mut orders: Vec<OrderId>) -> Vec<OrderId> {
    orders.sort();
    orders.dedup();
    orders
}

fn hold_command() -> impl Strategy<Value = Command> {
    let line = (sku(), quantity(), prop::option::of(location()))
        .prop_map(|(sku, quantity, location)| json!({ "sku": sku, "quantity": quantity, "location": location }));
    let ttl = prop::option::of(prop::sample::select(vec![1, 60, 86_400]));
    prop_oneof![
        3 => (prop::option::weighted(0.7, any_hold_id()), prop::collection::vec(line, 1..4), ttl).prop_map(|(id, lines, ttl)| {
            let body = body(json!({ "id": id, "lines": lines, "ttl_seconds": ttl }));
            Command::HoldStock { body }
        }),
        1 => any_hold_id().prop_map(|hold_id| Command::StockHold(hold_id, StockHoldCommand::ReleaseStockHold {})),
        2 => any_hold_id().prop_map(|hold_id| Command::StockHold(hold_id, StockHoldCommand::ExpireHold {})),
    ]
}

fn customer_command() -> impl Strategy<Value = Command> {
    prop_oneof![
        3 => (prop::option::of(any_customer_id()), email()).prop_map(|(id, email)| {
            let body = body(json!({ "id": id, "email": email, "name": "N" }));
            Command::RegisterCustomer(RegisterCustomer::new(body, &emails()))
        }),
        2 => (any_customer_id(), prop::option::of(email()), any::<bool>()).prop_map(|(id, email, is_nameless)| {
            let mut patch = json!({ "tags": ["t"] });
            if let Some(email) = email {
                patch["email"] = email.into();
            }
            if is_nameless {
                patch["name"] = Value::Null;
            }
            Command::Customer(id, CustomerCommand::UpdateCustomer(UpdateCustomer::new(body(patch), &emails())))
        }),
        1 => any_customer_id().prop_map(|customer_id| Command::Customer(customer_id, CustomerCommand::EraseCustomer {})),
    ]
}
