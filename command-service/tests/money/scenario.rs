//! Random orders and the steps after their placement.

use proptest::prelude::*;
use serde_json::{Value, json};

/// The body of an order, the units on hand of the product of each line, and the steps after the placement.
#[derive(Debug, Clone)]
pub(crate) struct Scenario {
    pub(crate) order: Value,
    pub(crate) on_hand: Vec<u32>,
    pub(crate) steps: Vec<Step>,
}

/// A step of a scenario.
#[derive(Debug, Clone)]
pub(crate) enum Step {
    /// Amends the order with this body.
    Amend(Value),
    /// Cancels units of a line: number of the line, number of units.
    Cancel(u32, u32),
    /// Cancels all units that are not shipped.
    CancelRest,
    /// Fulfils, ships and delivers all remaining units.
    Deliver,
    /// Captures a percentage of the amount owed; more than 100 is an overpayment.
    Capture(i64),
    /// Refunds a percentage of the captured amount of a payment; more than the remaining amount is rejected.
    Refund { payment: u32, percent: i64, kind: Option<&'static str> },
    /// Returns a unit of a line and refunds this amount.
    Return { line: u32, amount: i64 },
    /// Completes the order if possible.
    Complete,
}

impl Scenario {
    pub(crate) fn then<const N: usize>(mut self, steps: [Step; N]) -> Scenario {
        self.steps.extend(steps);
        self
    }
}

/// An order of one line.
pub(crate) fn order_of(quantity: u32, unit_price: i64, discount: Option<i64>, tax_rate: u32) -> Scenario {
    let line = json!({
        "sku": "S0", "quantity": quantity, "unit_price": unit_price, "discount": discount, "tax_rate": tax_rate,
    });
    Scenario { order: json!({ "currency": "GBP", "lines": [line] }), on_hand: vec![1_000], steps: Vec::new() }
}

pub(crate) fn amend_quantity(line: u32, quantity: u32) -> Step {
    Step::Amend(json!({ "change": [{ "line": line, "quantity": quantity }] }))
}

pub(crate) fn cancel_units(line: u32, quantity: u32) -> Step {
    Step::Cancel(line, quantity)
}

pub(crate) fn scenario() -> impl Strategy<Value = Scenario> {
    let lines = prop::collection::vec((line(), on_hand()), 1..5);
    let discount = prop::option::weighted(0.4, 0i64..20_000);
    let order = (lines, discount, shipping_lines(), prop::bool::weighted(0.3));
    (order, prop::collection::vec(step(), 0..10)).prop_map(|((lines, discount, shipping_lines, is_partial), steps)| {
        let (mut lines, on_hand): (Vec<Value>, Vec<u32>) = lines.into_iter().unzip();
        for (number, line) in lines.iter_mut().enumerate() {
            line["sku"] = format!("S{number}").into();
        }
        let on_shortage = is_partial.then_some("partial");
        let order = json!({
            "currency": "GBP", "lines": lines, "discount": discount, "shipping_lines": shipping_lines,
            "on_shortage": on_shortage,
        });
        Scenario { order, on_hand, steps }
    })
}

fn line() -> impl Strategy<Value = Value> {
    let discount = prop::option::weighted(0.3, 0i64..=110);
    (1u32..20, unit_price(), discount, prop::option::of(tax_rate())).prop_map(
        |(quantity, unit_price, percent, tax_rate)| {
            let discount = percent.map(|percent| unit_price * i64::from(quantity) * percent / 100);
            json!({ "quantity": quantity, "unit_price": unit_price, "discount": discount, "tax_rate": tax_rate })
        },
    )
}

fn unit_price() -> impl Strategy<Value = i64> {
    prop_oneof![1 => 0i64..10, 3 => 50i64..10_000, 1 => 10_000i64..100_000_000]
}

/// Common tax rates, and random rates.
fn tax_rate() -> impl Strategy<Value = u32> {
    let common = vec![0, 50_000, 55_000, 70_000, 77_000, 81_000, 190_000, 200_000, 210_000, 255_000];
    prop_oneof![5 => prop::sample::select(common), 1 => 0u32..=1_000_000]
}

fn on_hand() -> impl Strategy<Value = u32> {
    prop_oneof![3 => Just(1_000u32), 1 => 0u32..20]
}

fn shipping_lines() -> impl Strategy<Value = Option<Vec<Value>>> {
    let line = (0i64..2_000, prop::option::of(tax_rate()))
        .prop_map(|(amount, tax_rate)| json!({ "name": "Post", "amount": amount, "tax_rate": tax_rate }));
    prop::option::of(prop::collection::vec(line, 0..3))
}

fn step() -> impl Strategy<Value = Step> {
    let kind = prop::sample::select(vec![None, Some("repayment"), Some("goodwill")]);
    prop_oneof![
        8 => amendment().prop_map(Step::Amend),
        4 => (1u32..5, 1u32..8).prop_map(|(line, quantity)| Step::Cancel(line, quantity)),
        1 => Just(Step::CancelRest),
        2 => Just(Step::Deliver),
        4 => prop::sample::select(vec![30i64, 50, 100, 100, 100, 150]).prop_map(Step::Capture),
        4 => (1u32..4, prop::sample::select(vec![10i64, 50, 100, 120]), kind)
            .prop_map(|(payment, percent, kind)| Step::Refund { payment, percent, kind }),
        2 => (1u32..5, 1i64..3_000).prop_map(|(line, amount)| Step::Return { line, amount }),
        2 => Just(Step::Complete),
    ]
}

fn amendment() -> impl Strategy<Value = Value> {
    let change = (1u32..5, prop::option::weighted(0.8, 1u32..25), prop::option::weighted(0.2, 0i64..3_000))
        .prop_flat_map(|change| (Just(change), prop::option::weighted(0.2, tax_rate())))
        .prop_map(|((line, quantity, discount), tax_rate)| {
            json!({ "change": [{ "line": line, "quantity": quantity, "discount": discount, "tax_rate": tax_rate }] })
        });
    let is_partial = prop::bool::weighted(0.2);
    let kinds = prop_oneof![
        6 => change,
        1 => (1u32..5).prop_map(|line| json!({ "remove": [line] })),
        2 => line().prop_map(|line| json!({ "add": [line] })),
        1 => shipping_lines().prop_map(|lines| json!({ "shipping_lines": lines })),
    ];
    (kinds, is_partial).prop_map(|(mut body, is_partial)| {
        body["on_shortage"] = json!(is_partial.then_some("partial"));
        body
    })
}
