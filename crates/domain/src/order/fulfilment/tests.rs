//! Tests of fulfilments.

use events::order::progress::{FulfilmentState, Lifecycle};
use events::order::{FulfilmentCreated, LineBackorders, OrderBackordersChanged, OrderEvent};
use events::stock::{StockAdjusted, StockBackordersChanged, StockEvent, StockPolicy};
use events::{Location, OrderId, StreamId};
use serde_json::{Value, json};

use crate::command::Command;
use crate::order::OrderCommand;
use crate::rejection::{AllowedCommand, ExceededLine, Obstacle, OrderPart, OrderState, Purpose, Rejection, ShortLine};
use crate::tests::past::{
    body, cancelled, delivered, left, lines_cancelled, main, of_order, on_item, order_id, order_placed, packed, placed,
    policy, received, reserved_beyond, shipped, sku, units, unpacked, words,
};
use crate::tests::scenario::{Past, given};

fn pack(json: Value) -> Command {
    Command::Order(order_id(), OrderCommand::CreateFulfilment { body: body(json) })
}

fn ship(json: Value) -> Command {
    Command::Order(order_id(), OrderCommand::ShipFulfilment { fulfilment: 1, body: body(json) })
}

fn ship_again() -> Command {
    ship(json!({ "carrier": "DHL", "tracking": "T1" }))
}

fn deliver() -> Command {
    Command::Order(order_id(), OrderCommand::DeliverFulfilment { fulfilment: 1, body: body(json!({})) })
}

fn unpack() -> Command {
    Command::Order(order_id(), OrderCommand::CancelFulfilment { fulfilment: 1, body: body(json!({})) })
}

fn stands(obstacle: Obstacle, allowed: &[AllowedCommand]) -> Rejection {
    let allowed = words(allowed);
    Rejection::OrderState(OrderState { lifecycle: Lifecycle::Open, obstacle, allowed })
}

/// An order whose line 1 is reserved at `main` and whose line 2 is reserved at `shop`.
fn at_two_locations() -> Vec<Past> {
    let mut order = order_placed([("A", 2), ("B", 1)]);
    order.lines[1].location = shop();
    let there = StreamId::stock(&sku("B"), &shop());
    let there = received("B", 1).into_iter().map(|(_, event)| (there.clone(), event));
    [of_order(OrderEvent::Placed(order)), received("A", 2), there.collect()].concat()
}

fn shop() -> Location {
    "shop".parse().unwrap()
}

#[test]
fn everything_that_is_left_is_packed() {
    given([placed([("A", 2), ("B", 1)])]).when(pack(json!({}))).then([packed(1, [(1, 2), (2, 1)])]);
    given([placed([("A", 2), ("B", 1)]), packed(1, [(1, 2)])]).when(pack(json!({}))).then([packed(2, [(2, 1)])]);
    given([placed([("A", 2)]), lines_cancelled([(1, 1, 1)])]).when(pack(json!({}))).then([packed(1, [(1, 1)])]);
    given([placed([("A", 2)]), packed(1, [(1, 2)])]).when(pack(json!({}))).then_nothing();
}

#[test]
fn the_given_units_are_packed_up_to_the_unfulfilled_units() {
    let pack = || pack(json!({ "lines": [{ "line": 1, "quantity": 1 }, { "line": 1, "quantity": 2 }] }));
    given([placed([("A", 3)])]).when(pack()).then([packed(1, [(1, 3)])]);
    let lines = vec![ExceededLine { line: 1, requested: 3, available: 2 }];
    given([placed([("A", 3)]), packed(1, [(1, 1)])])
        .when(pack())
        .then_rejected(Rejection::QuantityExceeded { purpose: Purpose::Fulfilment, lines });
}

#[test]
fn every_unknown_line_is_named() {
    let lines = [0, 1, 2, u32::MAX].map(|line| json!({ "line": line, "quantity": 1 }));
    let pack = pack(json!({ "lines": lines }));
    let unknown = Rejection::UnknownLines { lines: vec![0, 2, u32::MAX], last: 1 };
    given([placed([("A", 3)])]).when(pack).then_rejected(unknown);
}

#[test]
fn a_fulfilment_is_of_one_location() {
    let packed_at =
        |location, lines| of_order(OrderEvent::FulfilmentCreated(FulfilmentCreated { fulfilment: 1, location, lines }));
    let several = || Rejection::SeveralLocations(vec![main(), shop()]);
    let both = json!([{ "line": 1, "quantity": 1 }, { "line": 2, "quantity": 1 }]);
    given([at_two_locations()]).when(pack(json!({}))).then_rejected(several());
    given([at_two_locations()]).when(pack(json!({ "lines": both }))).then_rejected(several());
    given([at_two_locations()]).when(pack(json!({ "location": "shop" }))).then([packed_at(shop(), units([(2, 1)]))]);
    given([at_two_locations()])
        .when(pack(json!({ "lines": [{ "line": 2, "quantity": 1 }] })))
        .then([packed_at(shop(), units([(2, 1)]))]);
    given([at_two_locations()])
        .when(pack(json!({ "location": "shop", "lines": both })))
        .then_rejected(Rejection::WrongLocation { location: shop(), lines: vec![1] });
    given([placed([("A", 1)])])
        .when(pack(json!({ "location": "shop" })))
        .then_rejected(Rejection::WrongLocation { location: shop(), lines: vec![] });
}

#[test]
fn a_cancelled_order_is_not_packed() {
    let rejection =
        given([placed([("A", 1)]), lines_cancelled([(1, 1, 0)]), cancelled()]).when(pack(json!({}))).rejection();
    assert_eq!(rejection.kind(), "order-state");
    assert_eq!(rejection.extensions()["lifecycle"], "cancelled");
    let Rejection::OrderState(state) = rejection else { panic!("{rejection:?}") };
    let allowed = [
        AllowedCommand::to_order("record_payment"),
        AllowedCommand::to_order("add_note"),
        AllowedCommand::to_order("tag_order"),
        AllowedCommand::to_order("assign_customer"),
    ];
    assert_eq!(state.allowed, allowed);
}

#[test]
fn shipping_removes_the_units_from_their_stock_items() {
    let past = || [placed([("A", 2), ("B", 1), ("A", 3)]), packed(1, [(1, 2), (2, 1), (3, 3)])];
    given(past()).when(ship_again()).then([shipped(1), left("A", 5), left("B", 1)]);
}

#[test]
fn the_same_shipment_twice_is_one() {
    let past = || [placed([("A", 2)]), packed(1, [(1, 2)]), shipped(1), left("A", 2)];
    given(past()).when(ship_again()).then_nothing();
    let other = stands(
        Obstacle::OtherShipment(1),
        &[
            AllowedCommand::to_order("record_payment"),
            AllowedCommand::to_order("request_return"),
            AllowedCommand::to_order("amend_order"),
            AllowedCommand::to_order("hold_order"),
        ],
    );
    given(past()).when(ship(json!({ "carrier": "UPS" }))).then_rejected(other);
}

#[test]
fn a_fulfilment_goes_its_way() {
    let open = || [placed([("A", 2)]), packed(1, [(1, 2)])].concat();
    let gone = || [open(), shipped(1), left("A", 2)].concat();
    given([open()]).when(unpack()).then([unpacked(1)]);
    given([open(), unpacked(1)]).when(unpack()).then_nothing();
    given([gone()]).when(deliver()).then([delivered(1)]);
    given([gone(), delivered(1)]).when(deliver()).then_nothing();
    given([gone(), delivered(1)]).when(ship_again()).then_nothing();

    let open_order = [
        AllowedCommand::to_order("record_payment"),
        AllowedCommand::to_order("cancel_order"),
        AllowedCommand::to_order("amend_order"),
        AllowedCommand::to_order("hold_order"),
        AllowedCommand::to_order("change_addresses"),
    ];
    let not_shipped = [
        &[AllowedCommand::to_part("ship_fulfilment", 1), AllowedCommand::to_part("cancel_fulfilment", 1)],
        &open_order[..],
    ]
    .concat();
    let created = stands(Obstacle::Fulfilment(1, FulfilmentState::Created), &not_shipped);
    given([open()]).when(deliver()).then_rejected(created);
    let released_units = [
        AllowedCommand::to_order("record_payment"),
        AllowedCommand::to_order("create_fulfilment"),
        AllowedCommand::to_order("cancel_order"),
        AllowedCommand::to_order("amend_order"),
        AllowedCommand::to_order("hold_order"),
        AllowedCommand::to_order("change_addresses"),
    ];
    let unpacked_already = || stands(Obstacle::Fulfilment(1, FulfilmentState::Cancelled), &released_units);
    given([open(), unpacked(1)]).when(ship_again()).then_rejected(unpacked_already());
    given([open(), unpacked(1)]).when(deliver()).then_rejected(unpacked_already());
    let on_its_way = [
        AllowedCommand::to_part("deliver_fulfilment", 1),
        AllowedCommand::to_order("record_payment"),
        AllowedCommand::to_order("request_return"),
        AllowedCommand::to_order("amend_order"),
        AllowedCommand::to_order("hold_order"),
    ];
    let shipped_already = stands(Obstacle::Fulfilment(1, FulfilmentState::Shipped), &on_its_way);
    given([gone()]).when(unpack()).then_rejected(shipped_already);
}

#[test]
fn what_does_not_exist_is_not_found() {
    let unknown = Rejection::UnknownPart { part: OrderPart::Fulfilment, number: 1, last: 0 };
    for command in [ship_again(), deliver(), unpack()] {
        given([placed([("A", 1)])]).when(command.clone()).then_rejected(unknown.clone());
        let order_id: OrderId = order_id();
        given([]).when(command).then_rejected(Rejection::UnknownOrder(order_id));
    }
}

/// An order of five units of A, of which three are on hand.
fn partly_here() -> Vec<Past> {
    let mut order = order_placed([("A", 5)]);
    order.lines[0].backordered = 2;
    let promised = policy("A", StockPolicy::Backorder { limit: 9 }, 0);
    [promised, received("A", 3), of_order(OrderEvent::Placed(order)), reserved_beyond("A", 5, 2)].concat()
}

fn not_here(requested: i64, available: i64) -> Rejection {
    let (line, sku, location) = (Some(1), sku("A"), main());
    Rejection::InsufficientStock(vec![ShortLine { line, sku, location, requested, available }])
}

#[test]
fn what_is_not_here_is_not_packed() {
    let pack_of = |quantity: u32| pack(json!({ "lines": [{ "line": 1, "quantity": quantity }] }));
    given([partly_here()]).when(pack(json!({}))).then_rejected(not_here(5, 3));
    given([partly_here()]).when(pack_of(3)).then([packed(1, [(1, 3)])]);
    given([partly_here(), packed(1, [(1, 3)])]).when(pack_of(1)).then_rejected(not_here(1, 0));
    let assigned = OrderBackordersChanged { lines: vec![LineBackorders { line: 1, backordered: 0 }] };
    let taken = StockBackordersChanged { order_id: order_id(), delta: -2, backordered: 0 };
    given([partly_here(), received("A", 2)]).when(pack(json!({}))).then([
        packed(1, [(1, 5)]),
        of_order(OrderEvent::BackordersChanged(assigned)),
        on_item("A", StockEvent::BackordersChanged(taken)),
    ]);
}

#[test]
fn what_somebody_else_took_is_not_shipped() {
    let broken = on_item("A", StockEvent::Adjusted(StockAdjusted { delta: -1, reason: "broken".into() }));
    given([partly_here(), packed(1, [(1, 3)]), broken]).when(ship_again()).then_rejected(not_here(3, 2));
    given([partly_here(), packed(1, [(1, 3)])]).when(ship_again()).then([shipped(1), left("A", 3)]);
}

#[test]
fn shipped_units_of_untracked_stock_change_no_stock_item() {
    let mut order = order_placed([("A", 2)]);
    order.lines[0].untracked = true;
    let past = [of_order(OrderEvent::Placed(order))];
    given(past.clone()).when(pack(json!({}))).then([packed(1, [(1, 2)])]);
    given([past.concat(), packed(1, [(1, 2)])]).when(ship_again()).then([shipped(1)]);
}
