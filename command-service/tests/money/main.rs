//! The money of 10,000 random orders, with amendments, cancellations, returns, payments and refunds, is the same to the penny as in
//! an independent model in another language (`model.py`). Needs `python3`, nothing else.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod history;
mod model;
mod scenario;

use proptest::prelude::*;

use history::History;
use model::Model;
use scenario::scenario;

/// Orders that are priced and changed.
const ORDERS: u32 = 10_000;

#[test]
fn random_orders_cost_what_an_independent_model_says() {
    let model = Model::start();
    let config = ProptestConfig { cases: ORDERS, failure_persistence: None, ..ProptestConfig::default() };
    proptest!(config, |(scenario in scenario())| {
        let history = History::of(&scenario);
        let differences = model.differences(&history);
        prop_assert!(differences.is_empty(), "{differences:#?}\n{history:#}");
    });
}

/// The amounts of the model itself, worked out by hand: so that both cannot be wrong in the same way unseen.
#[test]
fn the_model_knows_orders_worked_out_by_hand() {
    let model = Model::start();
    let amend = |quantity: u32| scenario::amend_quantity(1, quantity);
    let one_lamp = scenario::order_of(1, 1999, None, 190_000);
    let seen = |scenario: &scenario::Scenario| {
        let history = History::of(scenario);
        assert_eq!(model.differences(&history), Vec::<String>::new());
        history.last_due()
    };
    // 1 unit at 1999 and 19 %, amended to 100: 199,900 and 37,981 of tax.
    assert_eq!(seen(&one_lamp.clone().then([amend(100)])), 237_881);
    // 100 units at 3 and 10 %, amended to 1 and back: 300 and 30 of tax.
    let cheap = scenario::order_of(100, 3, None, 100_000);
    assert_eq!(seen(&cheap.then([amend(1), amend(100)])), 330);
    // 30 off 100 units at 3, amended to 1 and back.
    assert_eq!(seen(&scenario::order_of(100, 3, Some(30), 0).then([amend(1), amend(100)])), 270);
    // 3 units at 333 less 1, 20 %: two ways to two units.
    let three = scenario::order_of(3, 333, Some(1), 200_000);
    assert_eq!(seen(&three.clone().then([scenario::cancel_units(1, 1)])), 798);
    assert_eq!(seen(&three.then([amend(2)])), 798);
}
