//! Tests of placing an order.

mod channels;

use events::order::{OrderEvent, OrderPlaced, ShippingLine};
use events::stock::{StockEvent, StockReserved};
use events::{Event, Location, Minor, OrderId, StreamId};
use serde_json::{Value, json};

use crate::command::Command;
use crate::order::place::PlaceOrder;
use crate::rejection::{Rejection, ShortLine, Unfit, UnfitLine};
use crate::tests::commands::values::customer;
use crate::tests::past::{
    address, body, discontinued, main, of_order, order_id, order_placed, placed, product, received, reserved, sku,
};
use crate::tests::scenario::{Past, given, new_id, now};
use crate::value::amount::MAX_AMOUNT;

fn place(json: Value) -> Command {
    Command::PlaceOrder(PlaceOrder { body: body(json), stock: Default::default() })
}

/// A command to place an order with the id of these tests and these lines.
fn order(lines: Value) -> Command {
    place(json!({ "id": order_id(), "currency": "GBP", "lines": lines }))
}

fn shop() -> Vec<Past> {
    [product("A"), received("A", 10), product("B"), received("B", 5)].concat()
}

/// Quantity, discount, tax and total of each line, and the order's total.
fn sums(command: Command) -> (Vec<[i64; 4]>, i64) {
    let events = given([shop()]).when(command).0.expect("the order is placed");
    let Event::Order(OrderEvent::Placed(placed)) = &events[0].event else { panic!("the first event is the order") };
    let sums = |l: &events::order::Line| [i64::from(l.quantity), l.discount.0, l.tax.0, l.total.0];
    (placed.lines.iter().map(sums).collect(), placed.total.0)
}

#[test]
fn an_order_takes_names_and_prices_as_they_are_and_reserves_its_stock() {
    let command = order(json!([{ "sku": "A", "quantity": 2 }, { "sku": "B", "quantity": 1 }]));
    given([shop()]).when(command).then([
        of_order(OrderEvent::Placed(order_placed([("A", 2), ("B", 1)]))),
        reserved("A", 2),
        reserved("B", 1),
    ]);
}

#[test]
fn an_order_without_an_id_gets_one_and_the_next_code() {
    let command = place(json!({ "currency": "GBP", "lines": [{ "sku": "B", "quantity": 1 }] }));
    let events = given([shop(), placed([("A", 1)])]).when(command).0.expect("the order is placed");
    let Event::Order(OrderEvent::Placed(placed)) = &events[0].event else { panic!("the first event is the order") };
    assert_eq!((placed.order_id, placed.code.as_str()), (new_id(), "SON000002"));
}

#[test]
fn lines_of_one_stock_item_are_reserved_together() {
    let lines = [("A", 2), ("B", 1), ("A", 3)];
    let command = order(json!(lines.map(|(sku, quantity)| json!({ "sku": sku, "quantity": quantity }))));
    given([shop()]).when(command).then([
        of_order(OrderEvent::Placed(order_placed(lines))),
        reserved("A", 5),
        reserved("B", 1),
    ]);
}

#[test]
fn another_location_is_another_stock_item() {
    let attic: Location = "attic".parse().unwrap();
    let stream = StreamId::stock(&sku("A"), &attic);
    let reserved_there = StockReserved { order_id: order_id(), quantity: 1, backordered: Some(0) };
    let there = |event: StockEvent| vec![(stream.clone(), event.into())];
    let (_, received) = received("A", 1).remove(0);
    let mut expected = order_placed([("A", 2), ("A", 1)]);
    expected.lines[1].location = attic;
    let command = order(json!([{ "sku": "A", "quantity": 2 }, { "sku": "A", "quantity": 1, "location": "attic" }]));
    given([shop(), vec![(stream.clone(), received)]]).when(command).then([
        of_order(OrderEvent::Placed(expected)),
        reserved("A", 2),
        there(StockEvent::Reserved(reserved_there)),
    ]);
}

#[test]
fn every_short_line_is_named_with_what_is_left_for_it() {
    let short = |line, text: &str, requested, available| {
        let (line, sku, location) = (Some(line), sku(text), main());
        ShortLine { line, sku, location, requested, available }
    };
    let lines = [("A", 8), ("B", 6), ("A", 3), ("C", 1), ("A", 2)];
    let command = order(json!(lines.map(|(sku, quantity)| json!({ "sku": sku, "quantity": quantity }))));
    let shorts = vec![short(2, "B", 6, 5), short(3, "A", 3, 2), short(4, "C", 1, 0)];
    given([shop(), product("C")]).when(command).then_rejected(Rejection::InsufficientStock(shorts));
}

#[test]
fn reserved_units_are_not_available_to_other_orders() {
    let command = place(json!({ "currency": "GBP", "lines": [{ "sku": "A", "quantity": 1 }] }));
    let rejection = given([product("A"), placed([("A", 10)])]).when(command).rejection();
    assert_eq!(rejection.kind(), "insufficient-stock");
    assert_eq!(rejection.detail(), "Line 1 asks for 1 of A at main, 0 are available. Ask for less, or wait for stock.");
}

#[test]
fn every_line_that_cannot_be_sold_is_named() {
    let unfit = |line, text: &str, problem| UnfitLine { line, sku: sku(text), problem };
    let lines = ["X", "A", "B", "Y"].map(|sku| json!({ "sku": sku, "quantity": 1 }));
    let command = place(json!({ "currency": "GBP", "lines": lines }));
    given([shop(), discontinued("B")]).when(command).then_rejected(Rejection::UnfitProducts(vec![
        unfit(1, "X", Unfit::UnknownProduct),
        unfit(3, "B", Unfit::InactiveProduct),
        unfit(4, "Y", Unfit::UnknownProduct),
    ]));
}

#[test]
fn a_price_comes_from_the_product_or_from_the_line() {
    let in_euros = |line: Value| place(json!({ "id": order_id(), "currency": "EUR", "lines": [line] }));
    let missing = vec![UnfitLine { line: 1, sku: sku("A"), problem: Unfit::PriceMissing }];
    given([shop()])
        .when(in_euros(json!({ "sku": "A", "quantity": 1 })))
        .then_rejected(Rejection::UnfitProducts(missing));
    let (lines, total) = sums(in_euros(json!({ "sku": "A", "quantity": 2, "unit_price": 10 })));
    assert_eq!((lines, total), (vec![[2, 0, 0, 20]], 20));
}

#[test]
fn tax_is_on_what_is_left_after_discounts_and_rounds_half_even() {
    // 2 * 450 - 50 = 850; 17.5 % of 850 is 148.75, rounded to 149. 1 % of 450 is 4.5, rounded half to even to 4.
    let lines = json!([
        { "sku": "A", "quantity": 2, "discount": 50, "tax_rate": 175_000 },
        { "sku": "B", "quantity": 1, "tax_rate": 10_000 },
    ]);
    assert_eq!(sums(order(lines)), (vec![[2, 50, 149, 999], [1, 0, 4, 454]], 1453));
}

#[test]
fn an_orders_discount_is_spread_by_worth_and_sums_up() {
    let command = place(json!({
        "currency": "GBP",
        "lines": [{ "sku": "A", "quantity": 2 }, { "sku": "B", "quantity": 1 }, { "sku": "B", "quantity": 1, "unit_price": 0 }],
        "discount": 100,
        "shipping": 250,
        "expected_total": 1500,
    }));
    assert_eq!(sums(command), (vec![[2, 67, 0, 833], [1, 33, 0, 417], [1, 0, 0, 0]], 1500));
}

#[test]
fn a_discount_does_not_exceed_what_it_is_taken_off() {
    let exceeded = |line, discount| Rejection::DiscountExceeded { line, discount: Minor(discount), worth: Minor(450) };
    let line = order(json!([{ "sku": "A", "quantity": 1, "discount": 451 }]));
    given([shop()]).when(line).then_rejected(exceeded(Some(1), 451));
    let whole = place(json!({ "currency": "GBP", "lines": [{ "sku": "A", "quantity": 1 }], "discount": 451 }));
    given([shop()]).when(whole).then_rejected(exceeded(None, 451));
}

#[test]
fn a_total_that_the_buyer_did_not_see_is_refused() {
    let command = place(json!({ "currency": "GBP", "lines": [{ "sku": "A", "quantity": 1 }], "expected_total": 449 }));
    given([shop()]).when(command).then_rejected(Rejection::TotalMismatch { expected: Minor(449), total: Minor(450) });
}

#[test]
fn amounts_beyond_counting_are_refused() {
    let huge = |line: Value| order(json!([line]));
    for line in [
        json!({ "sku": "A", "quantity": 2, "unit_price": MAX_AMOUNT }),
        json!({ "sku": "A", "quantity": 1_000_000, "unit_price": MAX_AMOUNT }),
        json!({ "sku": "A", "quantity": 1, "unit_price": MAX_AMOUNT, "tax_rate": 1 }),
    ] {
        given([shop()]).when(huge(line)).then_rejected(Rejection::AmountOverflow);
    }
    let line = json!({ "sku": "A", "quantity": 1, "unit_price": MAX_AMOUNT });
    let command = place(json!({ "currency": "GBP", "lines": [line], "shipping": 1 }));
    given([shop()]).when(command).then_rejected(Rejection::AmountOverflow);
}

#[test]
fn an_id_is_taken_once_and_lies_within_the_window() {
    let again = order(json!([{ "sku": "A", "quantity": 1 }]));
    given([shop(), placed([("A", 1)])]).when(again).then_rejected(Rejection::DuplicateOrder(order_id()));
    let at = |seconds: i64| OrderId::new(chrono::DateTime::from_timestamp(seconds, 0).unwrap(), [1; 10]);
    for (id, allowed) in [
        (at(946_684_799), false),
        (at(946_684_800), true),
        (at(now().timestamp() + 300), true),
        (at(now().timestamp() + 301), false),
        ("ffffffff-ffff-7fff-bfff-ffffffffffff".parse().unwrap(), false),
    ] {
        let command = place(json!({ "id": id, "currency": "GBP", "lines": [{ "sku": "A", "quantity": 1 }] }));
        let kind = given([shop()]).when(command).0.map(drop).map_err(|rejection| rejection.kind());
        assert_eq!(kind, if allowed { Ok(()) } else { Err("instant-out-of-range") }, "{id}");
    }
}

#[test]
fn a_name_elsewhere_is_claimed_per_channel() {
    let lines = json!([{ "sku": "A", "quantity": 1 }]);
    let command = place(json!({ "currency": "GBP", "channel": "web", "external_ref": "M:1", "lines": lines }));
    let events = given([shop()]).when(command).0.expect("the order is placed");
    let claims: Vec<Option<&str>> = events.iter().map(|event| event.claim.as_deref()).collect();
    assert_eq!(claims, [Some("external_ref:web:M:1"), None]);
    let taken = Rejection::DuplicateExternalRef { channel: "web".into(), external_ref: "M:1".into() };
    assert_eq!(Rejection::claim_taken("external_ref:web:M:1"), taken);
}

#[test]
fn a_channel_that_does_not_exist_is_refused() {
    let lines = json!([{ "sku": "A", "quantity": 1 }]);
    let command = place(json!({ "currency": "GBP", "channel": "fax", "lines": lines }));
    given([shop()]).when(command).then_rejected(Rejection::UnknownChannel("fax".parse().unwrap()));
}

/// The event of an order that is placed with the additional fields `more`.
fn placed_with(more: Value) -> Result<Box<OrderPlaced>, Rejection> {
    let mut order = json!({ "currency": "GBP", "lines": [{ "sku": "A", "quantity": 1 }] });
    order.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    let events = given([shop()]).when(place(order)).0?;
    let Event::Order(OrderEvent::Placed(placed)) = &events[0].event else { panic!("the first event is the order") };
    Ok(Box::new(placed.clone()))
}

#[test]
fn shipping_is_made_of_lines_with_their_tax() {
    let lines = json!([
        { "name": "Post", "amount": 400, "tax_rate": 200_000 },
        { "name": "Insurance", "amount": 101, "tax_rate": 5_000 },
    ]);
    let placed = placed_with(json!({ "shipping_lines": lines, "expected_total": 1032 })).unwrap();
    let sums: Vec<_> =
        placed.shipping_lines.iter().map(|line| (line.name.as_str(), line.tax.0, line.total.0)).collect();
    assert_eq!(sums, [("Post", 80, 480), ("Insurance", 1, 102)]);
    assert_eq!((placed.shipping, placed.total), (Minor(582), Minor(1032)));
}

#[test]
fn one_amount_for_shipping_is_one_line_as_in_events_of_old() {
    let placed = placed_with(json!({ "shipping": 300 })).unwrap();
    let line =
        ShippingLine { name: "Shipping".into(), amount: Minor(300), tax_rate: None, tax: Minor(0), total: Minor(300) };
    assert_eq!((placed.shipping, placed.shipping_lines), (Minor(300), vec![line]));
    assert_eq!(placed_with(json!({ "shipping": 0 })).unwrap().shipping_lines, []);
    let both = placed_with(json!({ "shipping": 300, "shipping_lines": [] }));
    assert_eq!(both, Err(Rejection::Exclusive(["shipping", "shipping_lines"])));
}

#[test]
fn a_guest_leaves_word_where_to_reach_them() {
    let contact = json!({ "name": "Ada", "email": "ada@example.com" });
    let placed =
        placed_with(json!({ "contact": contact, "shipping_address": address("Leeds"), "tags": ["gift", "gift"] }));
    let placed = placed.unwrap();
    assert_eq!(placed.contact.unwrap().expose().email.as_deref(), Some("ada@example.com"));
    assert_eq!(placed.shipping_address.unwrap().expose().city, "Leeds");
    assert_eq!((placed.billing_address, placed.tags), (None, ["gift".to_owned()].into()));
    let both = placed_with(json!({ "contact": contact, "customer_id": customer(1) }));
    assert_eq!(both, Err(Rejection::Exclusive(["customer_id", "contact"])));
}

#[test]
fn payment_is_due_after_now_and_within_a_year() {
    let due = |due: &str| placed_with(json!({ "payment_due": due })).map(|placed| placed.payment_due);
    assert_eq!(due("2024-06-01T12:00:01Z"), Ok(Some(now() + chrono::TimeDelta::seconds(1))));
    for wrong in ["2024-06-01T12:00:00Z", "2025-06-03T12:00:00Z"] {
        assert_eq!(due(wrong).unwrap_err().kind(), "instant-out-of-range", "{wrong}");
    }
}
