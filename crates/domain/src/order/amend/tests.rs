//! Tests of amending an order.

use events::order::pricing::Pricing;
use events::order::progress::Lifecycle;
use events::order::{LineChange, OrderAmended, OrderEvent, ShippingLine};
use events::product::{ProductEvent, ProductPriceChanged};
use events::stock::StockPolicy;
use events::{Minor, StreamId};
use serde_json::{Value, json};

use crate::command::Command;
use crate::order::OrderCommand;
use crate::rejection::{AllowedCommand, LowLine, Obstacle, OrderState, Rejection, ShortLine, Unfit, UnfitLine};
use crate::tests::past::{
    address, addresses_changed, body, cancelled, discontinued, left, lines_cancelled, main, of_order, order_id,
    order_placed, packed, placed, policy, product, received, released, released_beyond, reserved, reserved_beyond,
    shipped, sku, taxed, words,
};
use crate::tests::scenario::{Past, given};

fn amend(json: Value) -> Command {
    Command::Order(order_id(), OrderCommand::AmendOrder { body: body(json) })
}

fn change(line: u32, quantity: u32) -> Command {
    amend(json!({ "change": [{ "line": line, "quantity": quantity }] }))
}

fn line(line: u32, quantity: u32) -> LineChange {
    let (total, pricing) = (Minor(450 * i64::from(quantity)), taxed(0));
    let (discount, tax, with_cancelled) = (Minor::ZERO, Minor::ZERO, false);
    LineChange { line, quantity, discount, tax, total, pricing, with_cancelled, backordered: 0 }
}

fn amended(changed: Vec<LineChange>, total: i64) -> OrderAmended {
    let (added, shipping_lines, reason) = (vec![], None, None);
    OrderAmended { added, changed, shipping_lines, shipping: Minor::ZERO, total: Minor(total), reason }
}

fn happened(amended: OrderAmended) -> Vec<Past> {
    of_order(OrderEvent::Amended(amended))
}

/// An order of two units of A and one unit of B, and three more units of A on hand.
fn ordered() -> Vec<Past> {
    [product("A"), product("B"), placed([("A", 2), ("B", 1)]), received("A", 3)].concat()
}

#[test]
fn a_line_grows_and_shrinks_with_its_stock() {
    given([ordered()]).when(change(1, 5)).then([happened(amended(vec![line(1, 5)], 2700)), reserved("A", 3)]);
    given([ordered()]).when(change(1, 1)).then([happened(amended(vec![line(1, 1)], 900)), released("A", 1)]);
    given([ordered()]).when(change(1, 2)).then_nothing();
}

#[test]
fn a_line_does_not_grow_beyond_what_is_there() {
    let short = ShortLine { line: Some(1), sku: sku("A"), location: main(), requested: 4, available: 3 };
    given([ordered()]).when(change(1, 6)).then_rejected(Rejection::InsufficientStock(vec![short]));
    let backorder = policy("A", StockPolicy::Backorder { limit: 1 }, 0);
    let grown = LineChange { backordered: 1, ..line(1, 6) };
    given([ordered(), backorder])
        .when(change(1, 6))
        .then([happened(amended(vec![grown], 3150)), reserved_beyond("A", 4, 1)]);
    let partly = amend(json!({ "change": [{ "line": 1, "quantity": 9 }], "on_shortage": "partial" }));
    given([ordered()]).when(partly).then([happened(amended(vec![line(1, 5)], 2700)), reserved("A", 3)]);
}

#[test]
fn what_lines_give_up_is_there_for_those_that_want_more() {
    let past = [product("A"), placed([("A", 2), ("A", 3)])];
    let swap = amend(json!({ "change": [{ "line": 1, "quantity": 4 }, { "line": 2, "quantity": 1 }] }));
    given(past).when(swap).then([
        happened(amended(vec![line(1, 4), line(2, 1)], 2250)),
        released("A", 2),
        reserved("A", 2),
    ]);
}

#[test]
fn a_line_is_taken_out_once() {
    let remove = || amend(json!({ "remove": [2] }));
    let gone = || happened(amended(vec![line(2, 0)], 900));
    given([ordered()]).when(remove()).then([gone(), released("B", 1)]);
    given([ordered(), gone(), released("B", 1)]).when(remove()).then_nothing();
    let unknown = Rejection::UnknownLines { lines: vec![2], last: 2 };
    given([ordered(), gone(), released("B", 1)]).when(change(2, 1)).then_rejected(unknown);
}

#[test]
fn cancelled_units_stay_cancelled() {
    let released_units = [lines_cancelled([(1, 1, 1)]), released("A", 1)].concat();
    let with_one_cancelled = |quantity, total| LineChange { total: Minor(total), ..line(1, quantity) };
    given([ordered(), released_units.clone()]).when(change(1, 1)).then_nothing();
    given([ordered(), released_units.clone()])
        .when(change(1, 2))
        .then([happened(amended(vec![with_one_cancelled(3, 900)], 1350)), reserved("A", 1)]);
    let remove = amend(json!({ "remove": [1] }));
    given([ordered(), released_units])
        .when(remove)
        .then([happened(amended(vec![with_one_cancelled(1, 0)], 450)), released("A", 1)]);
}

#[test]
fn what_is_packed_or_shipped_stays() {
    let past = || [ordered(), packed(1, [(1, 1)]), shipped(1), left("A", 1), packed(2, [(2, 1)])].concat();
    let below = Rejection::BelowFulfilled(vec![LowLine { line: 2, requested: 0, least: 1 }]);
    given([past()]).when(amend(json!({ "remove": [2] }))).then_rejected(below);
    given([past()]).when(change(1, 1)).then([happened(amended(vec![line(1, 1)], 900)), released("A", 1)]);
}

#[test]
fn a_new_line_has_the_price_of_the_day_or_its_own() {
    let dearer = ProductPriceChanged { currency: "GBP".parse().unwrap(), price: Minor(500) };
    let dearer = vec![(StreamId::product(&sku("A")), ProductEvent::PriceChanged(dearer).into())];
    let add = amend(json!({ "add": [
        { "sku": "A", "quantity": 1 },
        { "sku": "A", "quantity": 2, "unit_price": 100, "discount": 10, "tax_rate": 200_000 },
    ] }));
    let mut lines = order_placed([("A", 2), ("B", 1), ("A", 1), ("A", 2)]).lines.split_off(2);
    (lines[0].unit_price, lines[0].total) = (Minor(500), Minor(500));
    (lines[1].unit_price, lines[1].discount, lines[1].tax, lines[1].total) =
        (Minor(100), Minor(10), Minor(38), Minor(228));
    lines[1].pricing = Pricing { line_discount: Minor(10), discount_quantity: 2, ..taxed(200_000) };
    let expected = OrderAmended { added: lines, ..amended(vec![], 2078) };
    given([ordered(), dearer]).when(add).then([happened(expected), reserved("A", 3)]);
}

#[test]
fn a_product_that_cannot_be_sold_is_not_added() {
    let add = |text: &str| amend(json!({ "add": [{ "sku": text, "quantity": 1 }] }));
    let unfit = |text: &str, problem| Rejection::UnfitProducts(vec![UnfitLine { line: 3, sku: sku(text), problem }]);
    given([ordered()]).when(add("X")).then_rejected(unfit("X", Unfit::UnknownProduct));
    given([ordered(), discontinued("A")]).when(add("A")).then_rejected(unfit("A", Unfit::InactiveProduct));
    given([ordered(), discontinued("A")])
        .when(change(1, 3))
        .then([happened(amended(vec![line(1, 3)], 1800)), reserved("A", 1)]);
}

/// An order of two units of A at 450, with a discount of 100 and 20 % tax.
fn discounted() -> Vec<Past> {
    let mut order = order_placed([("A", 2)]);
    let line = &mut order.lines[0];
    (line.discount, line.tax, line.total) = (Minor(100), Minor(160), Minor(960));
    line.pricing = half_off();
    order.total = Minor(960);
    [product("A"), of_order(OrderEvent::Placed(order)), received("A", 9), reserved("A", 2)].concat()
}

fn half_off() -> Pricing {
    Pricing { line_discount: Minor(100), discount_quantity: 2, ..taxed(200_000) }
}

fn priced(quantity: u32, pricing: Pricing, [discount, tax, total]: [i64; 3]) -> LineChange {
    let (discount, tax, total) = (Minor(discount), Minor(tax), Minor(total));
    LineChange { discount, tax, total, pricing, ..line(1, quantity) }
}

#[test]
fn each_unit_keeps_its_price_its_share_of_the_discount_and_the_tax_rate() {
    let grown = priced(3, half_off(), [150, 240, 1440]);
    given([discounted()]).when(change(1, 3)).then([happened(amended(vec![grown], 1440)), reserved("A", 1)]);
    let said = amend(json!({ "change": [{ "line": 1, "discount": 300, "tax_rate": 100_000 }] }));
    let pricing = Pricing { line_discount: Minor(300), ..half_off() };
    let changed = priced(2, Pricing { tax_rate: Some(100_000), ..pricing }, [300, 60, 660]);
    given([discounted()]).when(said).then([happened(amended(vec![changed], 660))]);
    let exceeded = Rejection::DiscountExceeded { line: Some(1), discount: Minor(901), worth: Minor(900) };
    given([discounted()]).when(amend(json!({ "change": [{ "line": 1, "discount": 901 }] }))).then_rejected(exceeded);
}

#[test]
fn the_old_quantity_has_the_old_amounts() {
    let shrunk = happened(amended(vec![priced(1, half_off(), [50, 80, 480])], 480));
    let restored = happened(amended(vec![priced(2, half_off(), [100, 160, 960])], 960));
    given([discounted(), shrunk, released("A", 1)]).when(change(1, 2)).then([restored, reserved("A", 1)]);
}

#[test]
fn a_discount_and_an_expected_total_are_for_the_units_that_are_not_cancelled() {
    let past = || [ordered(), lines_cancelled([(1, 1, 1)]), released("A", 1)].concat();
    let discount = amend(json!({ "change": [{ "line": 1, "quantity": 1, "discount": 100 }], "expected_total": 800 }));
    let pricing = Pricing { line_discount: Minor(100), discount_quantity: 1, ..taxed(0) };
    let changed = LineChange { quantity: 2, ..priced(1, pricing, [100, 0, 350]) };
    given([past()]).when(discount).then([happened(amended(vec![changed], 800))]);
    let mismatch = Rejection::TotalMismatch { expected: Minor(1800), total: Minor(1350) };
    let shown = amend(json!({ "change": [{ "line": 1, "quantity": 2 }], "expected_total": 1800 }));
    given([past()]).when(shown).then_rejected(mismatch);
}

#[test]
fn shipping_is_what_is_said_last() {
    let ship = |lines: Value| amend(json!({ "shipping_lines": lines }));
    let post = ShippingLine {
        name: "Post".into(),
        amount: Minor(400),
        tax_rate: Some(200_000),
        tax: Minor(80),
        total: Minor(480),
    };
    let with_post =
        || OrderAmended { shipping_lines: Some(vec![post.clone()]), shipping: Minor(480), ..amended(vec![], 1830) };
    let line = json!([{ "name": "Post", "amount": 400, "tax_rate": 200_000 }]);
    given([ordered()]).when(ship(line.clone())).then([happened(with_post())]);
    given([ordered(), happened(with_post())]).when(ship(line)).then_nothing();
    let free = OrderAmended { shipping_lines: Some(vec![]), ..amended(vec![], 1350) };
    given([ordered(), happened(with_post())]).when(ship(json!([]))).then([happened(free)]);
    given([ordered()]).when(ship(json!([]))).then_nothing();
}

#[test]
fn addresses_change_along_while_nothing_is_shipped() {
    let both = || amend(json!({ "change": [{ "line": 1, "quantity": 1 }], "shipping_address": address("Leeds") }));
    given([ordered()]).when(both()).then([
        happened(amended(vec![line(1, 1)], 900)),
        addresses_changed(Some("Leeds"), None),
        released("A", 1),
    ]);
    let gone = [packed(1, [(2, 1)]), shipped(1), left("B", 1)].concat();
    let (lifecycle, obstacle) = (Lifecycle::Open, Obstacle::SomeShipped);
    let allowed = words(&[
        AllowedCommand::to_order("record_payment"),
        AllowedCommand::to_order("create_fulfilment"),
        AllowedCommand::to_order("cancel_order"),
        AllowedCommand::to_order("request_return"),
        AllowedCommand::to_order("amend_order"),
        AllowedCommand::to_order("hold_order"),
    ]);
    given([ordered(), gone]).when(both()).then_rejected(Rejection::OrderState(OrderState {
        lifecycle,
        obstacle,
        allowed,
    }));
}

#[test]
fn a_total_that_the_buyer_did_not_see_is_refused() {
    let amend = |expected: i64| amend(json!({ "change": [{ "line": 1, "quantity": 3 }], "expected_total": expected }));
    let mismatch = Rejection::TotalMismatch { expected: Minor(1799), total: Minor(1800) };
    given([ordered()]).when(amend(1799)).then_rejected(mismatch);
    given([ordered()]).when(amend(1800)).then([happened(amended(vec![line(1, 3)], 1800)), reserved("A", 1)]);
}

#[test]
fn what_makes_no_sense_is_refused() {
    let twice = amend(json!({ "change": [{ "line": 1, "quantity": 1 }], "remove": [1, 2] }));
    given([ordered()]).when(twice).then_rejected(Rejection::RepeatedLines(vec![1]));
    given([ordered()]).when(change(3, 1)).then_rejected(Rejection::UnknownLines { lines: vec![3], last: 2 });
    given([ordered()]).when(amend(json!({ "remove": [1, 2] }))).then_rejected(Rejection::NothingLeft);
    given([ordered()]).when(amend(json!({}))).then_nothing();
    let line = json!({ "sku": "A", "quantity": 1 });
    let many = amend(json!({ "add": vec![line; 499], "on_shortage": "backorder" }));
    let backorder = policy("A", StockPolicy::Backorder { limit: 1000 }, 0);
    given([ordered(), backorder]).when(many).then_rejected(Rejection::TooManyLines { lines: 501, limit: 500 });
}

#[test]
fn a_line_that_moves_no_stock_goes_on_moving_none() {
    let mut order = order_placed([("A", 2)]);
    order.lines[0].untracked = true;
    let past = || [product("A"), of_order(OrderEvent::Placed(order.clone()))];
    given(past()).when(change(1, 9)).then([happened(amended(vec![line(1, 9)], 4050))]);
    given(past()).when(change(1, 1)).then([happened(amended(vec![line(1, 1)], 450))]);
}

#[test]
fn a_line_that_shrinks_gives_up_first_what_is_not_here() {
    let backorder = policy("A", StockPolicy::Backorder { limit: 5 }, 0);
    let mut order = order_placed([("A", 5)]);
    order.lines[0].backordered = 3;
    let past = || {
        [
            product("A"),
            backorder.clone(),
            received("A", 2),
            of_order(OrderEvent::Placed(order.clone())),
            reserved_beyond("A", 5, 3),
        ]
    };
    let shrunk = |quantity, backordered| LineChange { backordered, ..line(1, quantity) };
    given(past()).when(change(1, 4)).then([happened(amended(vec![shrunk(4, 2)], 1800)), released_beyond("A", 1, 1)]);
    given(past()).when(change(1, 1)).then([happened(amended(vec![shrunk(1, 0)], 450)), released_beyond("A", 4, 3)]);
}

#[test]
fn the_units_of_a_line_are_limited() {
    let mut order = order_placed([("A", 2)]);
    (order.lines[0].quantity, order.lines[0].untracked) = (u32::MAX, true);
    let past = [of_order(OrderEvent::Placed(order)), lines_cancelled([(1, u32::MAX - 1, 1)])];
    given(past).when(change(1, 2)).then_rejected(Rejection::AmountOverflow);
}

#[test]
fn only_open_orders_are_amended() {
    let past = [ordered(), lines_cancelled([(1, 2, 0), (2, 1, 0)]), cancelled()];
    let allowed = words(&[AllowedCommand::to_order("record_payment")]);
    let (lifecycle, obstacle) = (Lifecycle::Cancelled, Obstacle::Lifecycle);
    given(past).when(change(1, 1)).then_rejected(Rejection::OrderState(OrderState { lifecycle, obstacle, allowed }));
    given([]).when(change(1, 1)).then_rejected(Rejection::UnknownOrder(order_id()));
}
