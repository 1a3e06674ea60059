//! Random values of commands, and the ids of the orders, stock holds and customers of the small shop.

use events::{CustomerId, Location, OrderId, Sku, StockHoldId};
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::order::shortage::StockHandling;
use crate::tests::scenario::now;
use crate::value::amount::MAX_AMOUNT;

pub(crate) fn shipping_lines() -> impl Strategy<Value = Option<Vec<Value>>> {
    let line =
        (price(), rate()).prop_map(|(amount, rate)| json!({ "name": "Post", "amount": amount, "tax_rate": rate }));
    prop::option::weighted(0.3, prop::collection::vec(line, 0..3))
}

pub(crate) fn on_shortage() -> impl Strategy<Value = Option<&'static str>> {
    prop::option::weighted(0.6, prop::sample::select(vec!["reject", "backorder", "partial"]))
}

pub(crate) fn handling() -> impl Strategy<Value = StockHandling> {
    use StockHandling::{Enforce, Force, Skip};
    prop_oneof![8 => Just(Enforce), 1 => Just(Force), 1 => Just(Skip)]
}

pub(crate) fn words() -> impl Strategy<Value = Vec<&'static str>> {
    prop::collection::vec(prop::sample::select(vec!["gift", "b2b", "late"]), 0..3)
}

pub(crate) fn address() -> impl Strategy<Value = Option<Value>> {
    let city = prop::sample::select(vec!["Leeds", "York"]);
    let address = city.prop_map(|city| json!({ "name": "Ada", "line1": "1 High St", "city": city, "country": "GB" }));
    prop::option::weighted(0.3, address)
}

/// Ids of the stock holds of the shop.
pub(crate) fn hold_id(number: u8) -> StockHoldId {
    StockHoldId::new(now(), [number; 10])
}

/// Ids of customers; customers 1 and 2 are registered.
pub(crate) fn customer(number: u8) -> CustomerId {
    CustomerId::new(now(), [number; 10])
}

pub(crate) fn sku() -> impl Strategy<Value = Sku> {
    prop_oneof![20 => Just("A"), 12 => Just("B"), 8 => Just("C"), 1 => Just("X")].prop_map(|sku| sku.parse().unwrap())
}

pub(crate) fn location() -> impl Strategy<Value = Location> {
    prop_oneof![4 => Just("main"), 1 => Just("shop")].prop_map(|location| location.parse().unwrap())
}

/// The orders that most commands address.
pub(crate) fn order_ids() -> [OrderId; 2] {
    [1, 2].map(|number| OrderId::new(now(), [number; 10]))
}

pub(crate) fn order_id() -> impl Strategy<Value = OrderId> {
    let other = (3u8..9).prop_map(|number| OrderId::new(now(), [number; 10]));
    prop_oneof![8 => prop::sample::select(order_ids().to_vec()), 1 => other]
}

pub(crate) fn any_hold_id() -> impl Strategy<Value = StockHoldId> {
    (1u8..9).prop_map(hold_id)
}

pub(crate) fn any_customer_id() -> impl Strategy<Value = CustomerId> {
    (1u8..5).prop_map(customer)
}

/// Few e-mail addresses, so that several customers request the same address; two differ only in case.
pub(crate) fn email() -> impl Strategy<Value = &'static str> {
    prop::sample::select(vec!["a@x", "A@X", "b@x", "c@x"])
}

pub(crate) fn policy() -> impl Strategy<Value = Value> {
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

pub(crate) fn patch() -> impl Strategy<Value = Value> {
    prop::sample::select(vec![
        json!({}),
        json!({ "name": "M" }),
        json!({ "tax_class": "t", "tags": ["a", "b"] }),
        json!({ "tax_class": null, "attributes": { "x": "1", "y": null } }),
        json!({ "attributes": null, "tags": null }),
    ])
}

pub(crate) fn quantity() -> impl Strategy<Value = u32> {
    prop_oneof![60 => 1u32..5, 1 => Just(1_000_000)]
}

pub(crate) fn price() -> impl Strategy<Value = i64> {
    prop_oneof![60 => 0i64..1000, 1 => Just(MAX_AMOUNT)]
}

pub(crate) fn money() -> impl Strategy<Value = i64> {
    prop_oneof![60 => 1i64..2000, 1 => Just(MAX_AMOUNT)]
}

pub(crate) fn discount() -> impl Strategy<Value = Option<i64>> {
    prop::option::weighted(0.3, prop_oneof![60 => 0i64..200, 1 => Just(MAX_AMOUNT)])
}

pub(crate) fn rate() -> impl Strategy<Value = Option<u32>> {
    prop::option::of(0u32..=1_000_000)
}

/// Number of a payment, fulfilment or return.
pub(crate) fn part() -> impl Strategy<Value = u32> {
    prop_oneof![40 => Just(1), 30 => 2u32..5, 1 => Just(0), 1 => Just(u32::MAX)]
}

pub(crate) fn units() -> impl Strategy<Value = Vec<Value>> {
    let line = prop_oneof![40 => 1u32..3, 1 => Just(0), 1 => Just(u32::MAX)];
    let units = (line, quantity()).prop_map(|(line, quantity)| json!({ "line": line, "quantity": quantity }));
    prop::collection::vec(units, 1..3)
}

pub(crate) fn some_units() -> impl Strategy<Value = Option<Vec<Value>>> {
    prop::option::of(units())
}

pub(crate) fn carrier() -> impl Strategy<Value = Option<&'static str>> {
    prop::option::of(Just("DHL"))
}

pub(crate) fn disposition() -> impl Strategy<Value = &'static str> {
    prop_oneof![Just("restock"), Just("damaged"), Just("lost")]
}

pub(crate) fn payment() -> impl Strategy<Value = Value> {
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
