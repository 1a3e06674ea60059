//! Random commands to a small shop: three products and one that does not exist, two locations, a few orders, stock holds and customers.

use events::{CustomerId, HoldId, Location, OrderId, Sku};
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::command::Command;
use crate::customer::CustomerCommand;
use crate::customer::register::RegisterCustomer;
use crate::customer::tests::emails;
use crate::customer::update::UpdateCustomer;
use crate::order::OrderCommand;
use crate::order::payment::record::RecordPayment;
use crate::order::place::PlaceOrder;
use crate::order::shortage::{OnShortage, StockHandling};
use crate::product::ProductCommand;
use crate::stock::StockCommand;
use crate::stock::adjust::Change;
use crate::stock::item::StockItem;
use crate::stock_hold::StockHoldCommand;
use crate::tests::past::body;
use crate::tests::scenario::now;
use crate::value::amount::MAX_AMOUNT;

/// Whether a repeat finds everything so already.
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

fn order_command() -> impl Strategy<Value = Command> {
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

fn change_command() -> impl Strategy<Value = Command> {
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

fn amendment() -> impl Strategy<Value = Value> {
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

fn any_line() -> impl Strategy<Value = Value> {
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

fn shipping_lines() -> impl Strategy<Value = Option<Vec<Value>>> {
    let line =
        (price(), rate()).prop_map(|(amount, rate)| json!({ "name": "Post", "amount": amount, "tax_rate": rate }));
    prop::option::weighted(0.3, prop::collection::vec(line, 0..3))
}

fn on_shortage() -> impl Strategy<Value = Option<&'static str>> {
    prop::option::weighted(0.6, prop::sample::select(vec!["reject", "backorder", "partial"]))
}

fn handling() -> impl Strategy<Value = StockHandling> {
    use StockHandling::{Enforce, Force, Skip};
    prop_oneof![8 => Just(Enforce), 1 => Just(Force), 1 => Just(Skip)]
}

fn words() -> impl Strategy<Value = Vec<&'static str>> {
    prop::collection::vec(prop::sample::select(vec!["gift", "b2b", "late"]), 0..3)
}

fn address() -> impl Strategy<Value = Option<Value>> {
    let city = prop::sample::select(vec!["Leeds", "York"]);
    let address = city.prop_map(|city| json!({ "name": "Ada", "line1": "1 High St", "city": city, "country": "GB" }));
    prop::option::weighted(0.3, address)
}

/// The holds that stand in the shop.
pub(crate) fn hold_id(number: u8) -> HoldId {
    HoldId::new(now(), [number; 10])
}

/// Customers 1 and 2 are registered.
pub(crate) fn customer(number: u8) -> CustomerId {
    CustomerId::new(now(), [number; 10])
}

fn sku() -> impl Strategy<Value = Sku> {
    prop_oneof![20 => Just("A"), 12 => Just("B"), 8 => Just("C"), 1 => Just("X")].prop_map(|sku| sku.parse().unwrap())
}

fn location() -> impl Strategy<Value = Location> {
    prop_oneof![4 => Just("main"), 1 => Just("shop")].prop_map(|location| location.parse().unwrap())
}

/// The orders that most commands are to.
pub(crate) fn order_ids() -> [OrderId; 2] {
    [1, 2].map(|number| OrderId::new(now(), [number; 10]))
}

/// Eight of A, four of B, cheap enough to be paid at once; the second of these orders does not wait for it for ever.
pub(crate) fn order_of_12(id: OrderId) -> PlaceOrder {
    let lines =
        [("A", 8), ("B", 4)].map(|(sku, quantity)| json!({ "sku": sku, "quantity": quantity, "unit_price": 10 }));
    let due = (id == order_ids()[1]).then_some("2024-06-01T13:00:00Z");
    let order = json!({ "id": id, "currency": "GBP", "lines": lines, "payment_due": due });
    PlaceOrder { body: body(order), stock: StockHandling::Enforce }
}

fn order_id() -> impl Strategy<Value = OrderId> {
    let other = (3u8..9).prop_map(|number| OrderId::new(now(), [number; 10]));
    prop_oneof![8 => prop::sample::select(order_ids().to_vec()), 1 => other]
}

fn any_hold_id() -> impl Strategy<Value = HoldId> {
    (1u8..9).prop_map(hold_id)
}

fn any_customer_id() -> impl Strategy<Value = CustomerId> {
    (1u8..5).prop_map(customer)
}

/// Few, so that they are wanted by several; some differ in case only.
fn email() -> impl Strategy<Value = &'static str> {
    prop::sample::select(vec!["a@x", "A@X", "b@x", "c@x"])
}

fn policy() -> impl Strategy<Value = Value> {
    let safety = prop_oneof![3 => 0u32..10, 1 => Just(1_000_000_000)];
    let kind = prop_oneof![
        3 => Just(json!({ "kind": "deny" })),
        3 => (0u32..40).prop_map(|limit| json!({ "kind": "backorder", "limit": limit })),
        1 => Just(json!({ "kind": "untracked" })),
    ];
    (kind, safety).prop_map(|(mut policy, safety)| {
        policy["safety"] = safety.into();
        policy
    })
}

fn patch() -> impl Strategy<Value = Value> {
    prop::sample::select(vec![
        json!({}),
        json!({ "name": "M" }),
        json!({ "tax_class": "t", "tags": ["a", "b"] }),
        json!({ "tax_class": null, "attributes": { "x": "1", "y": null } }),
        json!({ "attributes": null, "tags": null }),
    ])
}

fn quantity() -> impl Strategy<Value = u32> {
    prop_oneof![60 => 1u32..5, 1 => Just(1_000_000)]
}

fn price() -> impl Strategy<Value = i64> {
    prop_oneof![60 => 0i64..1000, 1 => Just(MAX_AMOUNT)]
}

fn money() -> impl Strategy<Value = i64> {
    prop_oneof![60 => 1i64..2000, 1 => Just(MAX_AMOUNT)]
}

fn discount() -> impl Strategy<Value = Option<i64>> {
    prop::option::weighted(0.3, prop_oneof![60 => 0i64..200, 1 => Just(MAX_AMOUNT)])
}

fn rate() -> impl Strategy<Value = Option<u32>> {
    prop::option::of(0u32..=1_000_000)
}

/// Number of a payment, fulfilment or return.
fn part() -> impl Strategy<Value = u32> {
    prop_oneof![40 => Just(1), 30 => 2u32..5, 1 => Just(0), 1 => Just(u32::MAX)]
}

fn units() -> impl Strategy<Value = Vec<Value>> {
    let line = prop_oneof![40 => 1u32..3, 1 => Just(0), 1 => Just(u32::MAX)];
    let units = (line, quantity()).prop_map(|(line, quantity)| json!({ "line": line, "quantity": quantity }));
    prop::collection::vec(units, 1..3)
}

fn some_units() -> impl Strategy<Value = Option<Vec<Value>>> {
    prop::option::of(units())
}

fn carrier() -> impl Strategy<Value = Option<&'static str>> {
    prop::option::of(Just("DHL"))
}

fn disposition() -> impl Strategy<Value = &'static str> {
    prop_oneof![Just("restock"), Just("damaged"), Just("lost")]
}

fn payment() -> impl Strategy<Value = Value> {
    let method = prop::option::weighted(0.7, Just("card"));
    prop_oneof![
        2 => money().prop_map(|amount| json!({ "kind": "authorized", "amount": amount, "method": "card" })),
        4 => (prop::option::of(part()), money(), method).prop_map(|(payment, amount, method)| {
            json!({ "kind": "captured", "payment": payment, "amount": amount, "method": method })
        }),
        1 => part().prop_map(|payment| json!({ "kind": "voided", "payment": payment })),
        1 => prop::option::of(part()).prop_map(|payment| json!({ "kind": "failed", "payment": payment, "reason": "r" })),
    ]
}
