//! Compares the amounts of 10,000 random orders, with amendments, cancellations, returns, payments and refunds, with those of an
//! independent model in another language (`model.py`). Requires `python3`.

#![expect(clippy::unwrap_used, reason = "a test that cannot continue has failed")]

mod history;
mod model;
mod scenario;

use proptest::prelude::*;

use history::History;
use model::Model;
use scenario::scenario;

/// Number of random orders.
const ORDERS: u32 = 10_000;

#[test]
fn amounts_of_random_orders_equal_those_of_an_independent_model() {
    let model = Model::start();
    let config = ProptestConfig { cases: ORDERS, failure_persistence: None, ..ProptestConfig::default() };
    proptest!(config, |(scenario in scenario())| {
        let history = History::of(&scenario);
        let differences = model.differences(&history);
        prop_assert!(differences.is_empty(), "{differences:#?}\n{history:#}");
    });
}

/// Amounts that were computed by hand, so that an error that the platform and the model have in common is detected.
#[test]
fn amounts_equal_those_computed_by_hand() {
    let model = Model::start();
    let amend = |quantity: u32| scenario::amend_quantity(1, quantity);
    let one_lamp = scenario::order_of(1, 1999, None, 190_000);
    let due = |scenario: &scenario::Scenario| {
        let history = History::of(scenario);
        assert_eq!(model.differences(&history), Vec::<String>::new());
        history.last_due()
    };
    // 1 unit at 1999 and 19 %, amended to 100: 199,900 and 37,981 of tax.
    assert_eq!(due(&one_lamp.clone().then([amend(100)])), 237_881);
    // 100 units at 3 and 10 %, amended to 1 and back: 300 and 30 of tax.
    let cheap = scenario::order_of(100, 3, None, 100_000);
    assert_eq!(due(&cheap.then([amend(1), amend(100)])), 330);
    // A discount of 30 on 100 units at 3, amended to 1 and back.
    assert_eq!(due(&scenario::order_of(100, 3, Some(30), 0).then([amend(1), amend(100)])), 270);
    // 3 units at 333 with a discount of 1 and 20 %: two ways to two units.
    let three = scenario::order_of(3, 333, Some(1), 200_000);
    assert_eq!(due(&three.clone().then([scenario::cancel_units(1, 1)])), 798);
    assert_eq!(due(&three.then([amend(2)])), 798);
}
