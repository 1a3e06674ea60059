//! Tests of the commands to stock holds.

use chrono::{DateTime, TimeDelta, Utc};
use events::stock::{StockEvent, StockHeld, StockHoldReleased, StockPolicy, StockPolicyChanged};
use events::stock_hold::{HoldConsumed, HoldExpired, HoldLine, HoldPlaced, HoldReleased, StockHoldEvent};
use events::{StockHoldId, StreamId};
use serde_json::{Value, json};

use crate::command::Command;
use crate::new_id::NewId;
use crate::rejection::{Gone, Rejection, ShortLine, Unfit, UnfitLine};
use crate::stock_hold::StockHoldCommand;
use crate::tests::past::{body, discontinued, main, on_item, order_id, product, received, reserved, sku};
use crate::tests::scenario::{Past, given, new_id, now};

fn hold_id() -> StockHoldId {
    StockHoldId::new(now(), [1; 10])
}

fn due() -> DateTime<Utc> {
    now() + TimeDelta::seconds(900)
}

fn hold(json: Value) -> Command {
    Command::HoldStock { body: body(json) }
}

fn hold_of<const N: usize>(lines: [(&str, u32); N]) -> Command {
    let lines = lines.map(|(sku, quantity)| json!({ "sku": sku, "quantity": quantity })).to_vec();
    hold(json!({ "id": hold_id(), "lines": lines }))
}

fn release() -> Command {
    Command::StockHold(hold_id(), StockHoldCommand::ReleaseStockHold {})
}

fn expire() -> Command {
    Command::StockHold(hold_id(), StockHoldCommand::ExpireHold {})
}

fn to(event: StockHoldEvent) -> Vec<Past> {
    vec![(StreamId::stock_hold(hold_id()), event.into())]
}

fn line(text: &str, quantity: u32) -> HoldLine {
    HoldLine { sku: sku(text), location: main(), quantity, backordered: 0 }
}

fn placed<const N: usize>(lines: [(&str, u32); N]) -> Vec<Past> {
    let lines = lines.map(|(sku, quantity)| line(sku, quantity)).into();
    to(StockHoldEvent::Placed(HoldPlaced { hold_id: hold_id(), lines, expires_at: due(), reference: None }))
}

fn held(text: &str, quantity: u32) -> Vec<Past> {
    on_item(text, StockEvent::Held(StockHeld { hold_id: hold_id(), quantity, backordered: Some(0) }))
}

fn given_back(text: &str, quantity: u32) -> Vec<Past> {
    on_item(text, StockEvent::HoldReleased(StockHoldReleased { hold_id: hold_id(), quantity, backordered: Some(0) }))
}

fn policy(text: &str, policy: StockPolicy, safety: u32) -> Vec<Past> {
    on_item(text, StockEvent::PolicyChanged(StockPolicyChanged { policy, safety }))
}

fn short<const N: usize>(items: [(&str, i64, i64); N]) -> Rejection {
    let short = |(text, requested, available): (&str, i64, i64)| ShortLine {
        line: None,
        sku: sku(text),
        location: main(),
        requested,
        available,
    };
    Rejection::InsufficientStock(items.map(short).into())
}

/// Five units of A and two units of B on hand.
fn shop() -> Vec<Past> {
    [product("A"), received("A", 5), product("B"), received("B", 2)].concat()
}

/// An open stock hold of three units of A and one unit of B.
fn standing() -> Vec<Past> {
    [shop(), placed([("A", 3), ("B", 1)]), held("A", 3), held("B", 1)].concat()
}

#[test]
fn all_lines_are_held_in_one_commit_and_those_of_one_stock_item_together() {
    let expected = [placed([("A", 3), ("B", 1)]), held("A", 3), held("B", 1)];
    given([shop()]).when(hold_of([("A", 2), ("B", 1), ("A", 1)])).then(expected);
}

#[test]
fn a_hold_without_an_id_gets_one_and_lasts_as_long_as_it_says() {
    let command = hold(json!({ "lines": [{ "sku": "A", "quantity": 1 }], "ttl_seconds": 60, "reference": "cart 7" }));
    let hold_id = NewId::from(new_id()).hold();
    let expires_at = now() + TimeDelta::seconds(60);
    let placed = HoldPlaced { hold_id, lines: vec![line("A", 1)], expires_at, reference: Some("cart 7".into()) };
    let placed = vec![(StreamId::stock_hold(hold_id), StockHoldEvent::Placed(placed).into())];
    let held = on_item("A", StockEvent::Held(StockHeld { hold_id, quantity: 1, backordered: Some(0) }));
    given([shop()]).when(command).then([placed, held]);
}

#[test]
fn nothing_is_held_unless_all_units_are_available_and_the_rejection_has_the_available_units() {
    given([shop(), reserved("A", 1)]).when(hold_of([("A", 5), ("B", 2)])).then_rejected(short([("A", 5, 4)]));
    given([standing()])
        .when(hold(json!({ "lines": [{ "sku": "A", "quantity": 3 }, { "sku": "B", "quantity": 2 }] })))
        .then_rejected(short([("A", 3, 2), ("B", 2, 1)]));
}

#[test]
fn safety_stock_is_not_held_and_backorders_are() {
    let kept = || policy("A", StockPolicy::Deny, 2);
    given([shop(), kept()]).when(hold_of([("A", 4)])).then_rejected(short([("A", 4, 3)]));
    given([shop(), kept()]).when(hold_of([("A", 3)])).then([placed([("A", 3)]), held("A", 3)]);
    let more = || policy("A", StockPolicy::Backorder { limit: 4 }, 2);
    let beyond = HoldLine { backordered: 4, ..line("A", 7) };
    let (hold_id, expires_at, reference) = (hold_id(), due(), None);
    let placed = to(StockHoldEvent::Placed(HoldPlaced { hold_id, lines: vec![beyond], expires_at, reference }));
    let held = on_item("A", StockEvent::Held(StockHeld { hold_id, quantity: 7, backordered: Some(4) }));
    given([shop(), more()]).when(hold_of([("A", 7)])).then([placed, held]);
    given([shop(), more()]).when(hold_of([("A", 8)])).then_rejected(short([("A", 8, 7)]));
}

#[test]
fn what_nobody_counts_is_not_kept() {
    let uncounted = policy("A", StockPolicy::Untracked, 0);
    given([shop(), uncounted]).when(hold_of([("A", 1000), ("B", 1)])).then([placed([("B", 1)]), held("B", 1)]);
}

#[test]
fn what_cannot_be_ordered_is_not_held() {
    let unfit = |number, text, problem| UnfitLine { line: number, sku: sku(text), problem };
    let expected = vec![unfit(2, "X", Unfit::UnknownProduct), unfit(3, "B", Unfit::InactiveProduct)];
    given([shop(), discontinued("B")])
        .when(hold_of([("A", 1), ("X", 1), ("B", 1)]))
        .then_rejected(Rejection::UnfitProducts(expected));
}

#[test]
fn an_id_is_used_once() {
    given([standing()]).when(hold_of([("A", 1)])).then_rejected(Rejection::DuplicateStockHold(hold_id()));
}

#[test]
fn a_hold_is_given_back_once() {
    let released = || to(StockHoldEvent::Released(HoldReleased {}));
    given([standing()]).when(release()).then([released(), given_back("A", 3), given_back("B", 1)]);
    given([standing(), released()]).when(release()).then_nothing();
    given([standing(), to(StockHoldEvent::Expired(HoldExpired {}))]).when(release()).then_nothing();
    let gone = Rejection::StockHoldGone { hold_id: hold_id(), gone: Gone::Consumed };
    let consumed = || to(StockHoldEvent::Consumed(HoldConsumed { order_id: order_id() }));
    given([standing(), consumed()]).when(release()).then_rejected(gone);
    given([shop()]).when(release()).then_rejected(Rejection::UnknownStockHold(hold_id()));
}

#[test]
fn a_hold_expires_at_its_time_and_not_before() {
    let expired = || to(StockHoldEvent::Expired(HoldExpired {}));
    given([standing()]).when_at(due() - TimeDelta::microseconds(1), expire()).then_nothing();
    given([standing()]).when_at(due(), expire()).then([expired(), given_back("A", 3), given_back("B", 1)]);
    given([standing()]).when_at(due(), release()).then([
        to(StockHoldEvent::Released(HoldReleased {})),
        given_back("A", 3),
        given_back("B", 1),
    ]);
    for end in [
        expired(),
        to(StockHoldEvent::Released(HoldReleased {})),
        to(StockHoldEvent::Consumed(HoldConsumed { order_id: order_id() })),
    ] {
        given([standing(), end]).when_at(due(), expire()).then_nothing();
    }
    given([shop()]).when(expire()).then_rejected(Rejection::UnknownStockHold(hold_id()));
}
