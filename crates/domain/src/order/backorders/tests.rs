//! Tests of backorders and of the allocation of units to orders.

use events::order::progress::{FulfilmentStatus, LineProgress};
use events::order::{LineBackorders, OrderBackordersChanged, OrderEvent};
use events::stock::{
    Level, StockBackordersChanged, StockEvent, StockPolicy, StockReceived, StockReleased, StockReserved,
};
use events::{Event, HoldId, Location, OrderId, StreamId};
use serde_json::{Value, json};

use crate::command::Command;
use crate::decision::NewEvent;
use crate::order::OrderCommand;
use crate::order::place::PlaceOrder;
use crate::order::shortage::StockHandling;
use crate::order::state::Order;
use crate::rejection::{Rejection, ShortLine};
use crate::state::State;
use crate::stock::StockCommand;
use crate::stock::item::StockItem;
use crate::stock_hold::StockHoldCommand;
use crate::tests::past::{body, main, on_item, order_placed, policy, product, received, sku};
use crate::tests::scenario::{Past, decide_at, empty_world, now};
use crate::world::World;

/// Orders are numbered by the tests.
fn order_id(number: u8) -> OrderId {
    OrderId::new(now(), [number; 10])
}

fn hold_id() -> HoldId {
    HoldId::new(now(), [1; 10])
}

fn shop() -> Location {
    "shop".parse().unwrap()
}

/// A shop that sells A.
struct Shop(World);

impl Shop {
    /// So many on hand at `main`, and ten more can be promised.
    fn with(on_hand: u32) -> Shop {
        Shop::after(
            [product("A"), received("A", on_hand), policy("A", StockPolicy::Backorder { limit: 10 }, 0)].concat(),
        )
    }

    fn after(past: Vec<Past>) -> Shop {
        let mut world = empty_world();
        for (stream, event) in &past {
            world.evolve(stream, event);
        }
        Shop(world)
    }

    fn attempt(&mut self, command: Command) -> Result<Vec<NewEvent>, Rejection> {
        let expires = matches!(command, Command::Order(_, OrderCommand::ExpireOrder { .. }));
        let now = if expires { now() + chrono::TimeDelta::days(1) } else { now() };
        let events = decide_at(now, &self.0, &command, order_id(99))?;
        for new in &events {
            self.0.evolve(&new.stream, &new.event);
        }
        self.check();
        Ok(events)
    }

    #[track_caller]
    fn work(&mut self, command: Command) -> Vec<NewEvent> {
        self.attempt(command).expect("the command is not rejected")
    }

    #[track_caller]
    fn order(&mut self, number: u8, lines: Value) {
        let due = "2024-06-01T13:00:00Z";
        let body = body(json!({ "id": order_id(number), "currency": "GBP", "lines": lines, "payment_due": due }));
        self.work(Command::PlaceOrder(PlaceOrder { body, stock: StockHandling::Enforce }));
    }

    #[track_caller]
    fn order_of(&mut self, number: u8, quantity: u32) {
        self.order(number, json!([{ "sku": "A", "quantity": quantity }]));
    }

    fn pack(&mut self, number: u8, lines: Option<Value>) -> Result<Vec<NewEvent>, Rejection> {
        let body = body(json!({ "lines": lines }));
        self.attempt(Command::Order(order_id(number), OrderCommand::CreateFulfilment { body }))
    }

    fn ship(&mut self, number: u8) -> Result<Vec<NewEvent>, Rejection> {
        let body = Default::default();
        self.attempt(Command::Order(order_id(number), OrderCommand::ShipFulfilment { fulfilment: 1, body }))
    }

    #[track_caller]
    fn receive(&mut self, quantity: u32) {
        let body = body(json!({ "quantity": quantity }));
        self.work(Command::Stock(StockItem { sku: sku("A"), location: main() }, StockCommand::ReceiveStock { body }));
    }

    #[track_caller]
    fn count(&mut self, count: u32) {
        let body = body(json!({ "count": count, "reason": "counted" }));
        self.work(Command::Stock(StockItem { sku: sku("A"), location: main() }, StockCommand::AdjustStock { body }));
    }

    #[track_caller]
    fn allocate<const N: usize>(&mut self, orders: [u8; N]) -> Vec<NewEvent> {
        let orders = orders.map(order_id).to_vec();
        self.work(Command::Stock(StockItem { sku: sku("A"), location: main() }, StockCommand::AllocateStock { orders }))
    }

    #[track_caller]
    fn take_back<const N: usize>(&mut self, orders: [u8; N]) -> Vec<NewEvent> {
        let orders = orders.map(order_id).to_vec();
        self.work(Command::Stock(
            StockItem { sku: sku("A"), location: main() },
            StockCommand::DeallocateStock { orders },
        ))
    }

    #[track_caller]
    fn cancel(&mut self, number: u8, lines: Option<Value>) -> Vec<NewEvent> {
        let body = body(json!({ "reason": "r", "lines": lines }));
        self.work(Command::Order(order_id(number), OrderCommand::CancelOrder { body }))
    }

    #[track_caller]
    fn amend(&mut self, number: u8, quantity: u32) {
        let body = body(json!({ "change": [{ "line": 1, "quantity": quantity }] }));
        self.work(Command::Order(order_id(number), OrderCommand::AmendOrder { body }));
    }

    fn level_at(&self, location: &Location) -> Level {
        match self.0.find(&StreamId::stock(&sku("A"), location)).and_then(|slot| slot.state.as_ref()) {
            Some(State::Stock(level)) => *level,
            _ => Level::default(),
        }
    }

    fn level(&self) -> Level {
        self.level_at(&main())
    }

    fn find(&self, number: u8) -> &Order {
        match self.0.find(&StreamId::order(order_id(number))).and_then(|slot| slot.state.as_ref()) {
            Some(State::Order(order)) => order,
            _ => panic!("no order {number}"),
        }
    }

    /// Backordered units of an order's lines.
    fn backordered(&self, number: u8) -> Vec<u32> {
        self.find(number).progress.lines.iter().map(|line| line.backordered).collect()
    }

    fn status(&self, number: u8) -> FulfilmentStatus {
        self.find(number).progress.fulfilment_status()
    }

    /// What orders and holds say is what the stock item says, where events say it.
    fn check(&self) {
        let level = self.level();
        let orders = (1..=20).filter_map(|number| self.0.find(&StreamId::order(order_id(number)))?.state.as_ref());
        let lines = orders.flat_map(|state| match state {
            State::Order(order) => order.progress.lines.iter(),
            _ => panic!("no order"),
        });
        let here = lines.filter(|line| line.location == main() && !line.untracked);
        let said: u32 = here.map(|line: &LineProgress| line.backordered).sum();
        let held = match self.0.find(&StreamId::hold(hold_id())).and_then(|slot| slot.state.as_ref()) {
            Some(State::Hold(hold)) if hold.stands_at(now()) => hold.lines.iter().map(|line| line.backordered).sum(),
            _ => 0,
        };
        assert!(level.backorders_derived || level.backordered == i64::from(said + held), "{said} + {held}: {level:?}");
    }
}

fn short(requested: i64, available: i64) -> Rejection {
    let line = ShortLine { line: Some(1), sku: sku("A"), location: main(), requested, available };
    Rejection::InsufficientStock(vec![line])
}

fn of_order(number: u8, lines: &[(u32, u32)]) -> (StreamId, Event) {
    let lines = lines.iter().map(|(line, backordered)| LineBackorders { line: *line, backordered: *backordered });
    let changed = OrderBackordersChanged { lines: lines.collect() };
    (StreamId::order(order_id(number)), OrderEvent::BackordersChanged(changed).into())
}

fn of_shelf(number: u8, delta: i64, backordered: u32) -> (StreamId, Event) {
    let changed = StockBackordersChanged { order_id: order_id(number), delta, backordered };
    (StreamId::stock(&sku("A"), &main()), StockEvent::BackordersChanged(changed).into())
}

fn told(events: &[NewEvent]) -> Vec<(StreamId, Event)> {
    events.iter().map(|new| (new.stream.clone(), new.event.clone())).collect()
}

#[test]
fn two_orders_do_not_pack_the_same_units() {
    let mut shop = Shop::with(2);
    shop.order_of(1, 2);
    shop.order_of(2, 2);
    assert_eq!((shop.backordered(1), shop.backordered(2)), (vec![0], vec![2]));
    assert_eq!(shop.pack(2, None), Err(short(2, 0)), "they are assigned to the first, packed or not");
    shop.pack(1, None).unwrap();
    assert_eq!(shop.pack(2, None), Err(short(2, 0)), "they are in the parcel of the first");
    shop.ship(1).unwrap();
    assert_eq!((shop.level().on_hand, shop.level().reserved, shop.level().backordered), (0, 2, 2));
}

#[test]
fn units_that_arrive_can_be_packed_at_once() {
    let mut shop = Shop::with(0);
    shop.order_of(1, 3);
    shop.receive(2);
    assert_eq!(shop.pack(1, None), Err(short(3, 2)));
    let packed = shop.pack(1, Some(json!([{ "line": 1, "quantity": 2 }]))).unwrap();
    assert_eq!(told(&packed)[1..], [of_order(1, &[(1, 1)]), of_shelf(1, -2, 1)]);
    assert_eq!((shop.backordered(1), shop.level().backordered), (vec![1], 1));
    shop.ship(1).unwrap();
    assert_eq!(shop.level().unassigned(), 0);
}

#[test]
fn who_came_first_is_served_first_and_is_not_backordered_any_more() {
    let mut shop = Shop::with(0);
    (1..=3).for_each(|number| shop.order_of(number, 3));
    shop.receive(4);
    let events = shop.allocate([1, 2, 3]);
    assert_eq!(told(&events), [of_shelf(1, -3, 0), of_order(1, &[(1, 0)]), of_shelf(2, -1, 2), of_order(2, &[(1, 2)])]);
    assert_eq!((shop.status(1), shop.status(2)), (FulfilmentStatus::Unfulfilled, FulfilmentStatus::Backordered));
    assert_eq!(shop.allocate([1, 2, 3]), [], "asked twice");
    assert_eq!(shop.pack(3, None), Err(short(3, 0)));
    shop.receive(10);
    shop.allocate([1, 2, 3]);
    assert_eq!((shop.status(2), shop.status(3)), (FulfilmentStatus::Unfulfilled, FulfilmentStatus::Unfulfilled));
    assert_eq!(shop.level().available(), 5);
}

#[test]
fn the_safety_stock_is_not_assigned_but_can_be_packed() {
    let past = [product("A"), policy("A", StockPolicy::Backorder { limit: 10 }, 2)].concat();
    let mut shop = Shop::after(past);
    shop.order_of(1, 3);
    shop.receive(3);
    shop.allocate([1]);
    assert_eq!(shop.backordered(1), [2]);
    shop.pack(1, None).unwrap();
    assert_eq!(shop.backordered(1), [0]);
}

#[test]
fn a_count_takes_units_back_from_the_latest_reservations_on() {
    let mut shop = Shop::with(6);
    (1..=3).for_each(|number| shop.order_of(number, 2));
    shop.pack(2, None).unwrap();
    shop.count(3);
    assert_eq!(shop.level().shortage(), 3);
    assert_eq!(shop.pack(3, None), Err(short(2, 0)), "nobody can tell whose units are missing");
    assert_eq!(shop.allocate([1, 2, 3]), []);

    let events = shop.take_back([3, 2, 1]);
    assert_eq!(told(&events), [of_shelf(3, 2, 2), of_order(3, &[(1, 2)]), of_shelf(1, 1, 1), of_order(1, &[(1, 1)])]);
    assert_eq!((shop.level().shortage(), shop.status(3)), (0, FulfilmentStatus::Backordered));
    assert_eq!(shop.take_back([3, 2, 1]), [], "asked twice");
    shop.ship(2).unwrap();
    shop.pack(1, Some(json!([{ "line": 1, "quantity": 1 }]))).unwrap();
    shop.receive(3);
    shop.allocate([1, 3]);
    assert_eq!((shop.backordered(1), shop.backordered(3)), (vec![0], vec![0]));
}

#[test]
fn packed_units_that_are_missing_stay_a_shortage_until_they_are_unpacked() {
    let mut shop = Shop::with(4);
    shop.order_of(1, 2);
    shop.order_of(2, 2);
    shop.pack(1, None).unwrap();
    shop.pack(2, None).unwrap();
    shop.count(1);
    assert_eq!(shop.take_back([2, 1]), []);
    assert_eq!(shop.level().shortage(), 3);
    assert_eq!(shop.ship(1), Err(short(2, 1)));
    let body = Default::default();
    let unpacked = Command::Order(order_id(2), OrderCommand::CancelFulfilment { fulfilment: 1, body });
    let events = shop.work(unpacked);
    assert_eq!(told(&events)[1..], [of_order(2, &[(1, 2)]), of_shelf(2, 2, 2)]);
    assert_eq!(shop.level().shortage(), 1);
}

#[test]
fn backordered_units_are_given_up_first() {
    let mut shop = Shop::with(2);
    shop.order_of(1, 5);
    assert_eq!(shop.backordered(1), [3]);
    let events = shop.cancel(1, Some(json!([{ "line": 1, "quantity": 2 }])));
    let released = StockReleased { order_id: order_id(1), quantity: 2, backordered: Some(2) };
    assert_eq!(events.last().unwrap().event, StockEvent::Released(released).into());
    shop.amend(1, 2);
    assert_eq!((shop.backordered(1), shop.level().backordered, shop.level().unassigned()), (vec![0], 0, 0));
    shop.amend(1, 4);
    assert_eq!((shop.backordered(1), shop.level().backordered), (vec![2], 2));
    shop.cancel(1, None);
    assert_eq!((shop.level().reserved, shop.level().backordered, shop.level().unassigned()), (0, 0, 2));
}

#[test]
fn an_order_that_ends_gives_assigned_and_backordered_units_back() {
    let mut shop = Shop::with(2);
    shop.order_of(1, 5);
    shop.order_of(2, 1);
    shop.work(Command::Order(order_id(1), OrderCommand::ExpireOrder {}));
    assert_eq!((shop.backordered(1), shop.level().reserved, shop.level().backordered), (vec![0], 1, 1));
    shop.allocate([1, 2]);
    assert_eq!(shop.status(2), FulfilmentStatus::Unfulfilled);
}

#[test]
fn lines_on_one_shelf_and_on_two_have_counters_of_their_own() {
    let mut shop = Shop::with(3);
    let there = StockEvent::Received(StockReceived { quantity: 1, reference: None });
    shop.0.evolve(&StreamId::stock(&sku("A"), &self::shop()), &there.into());
    let line = |quantity: u32, location: &str| json!({ "sku": "A", "quantity": quantity, "location": location });
    shop.order(1, json!([line(2, "main"), line(2, "main"), line(1, "shop")]));
    assert_eq!(shop.backordered(1), [0, 1, 0]);
    assert_eq!((shop.level().backordered, shop.level_at(&self::shop()).backordered), (1, 0));
    let pack = |line: u32| Some(json!([{ "line": line, "quantity": if line == 3 { 1 } else { 2 } }]));
    let rejected = Rejection::InsufficientStock(vec![ShortLine {
        line: Some(2),
        sku: sku("A"),
        location: main(),
        requested: 2,
        available: 1,
    }]);
    assert_eq!(shop.pack(1, pack(2)), Err(rejected), "the first line keeps its own");
    shop.pack(1, pack(1)).unwrap();
    shop.pack(1, pack(3)).unwrap();
    assert_eq!(shop.backordered(1), [0, 1, 0]);
    let reference = json!({ "sku": "A", "from": "shop", "to": "main", "quantity": 1 });
    let rejected = shop.attempt(Command::TransferStock { body: body(reference) });
    assert_eq!(rejected.expect_err("it is packed").kind(), "insufficient-stock");
}

#[test]
fn a_hold_keeps_its_units_through_a_count_and_says_what_is_not_on_hand() {
    let mut shop = Shop::with(3);
    let lines = json!({ "id": hold_id(), "lines": [{ "sku": "A", "quantity": 5 }] });
    shop.work(Command::HoldStock { body: body(lines) });
    assert_eq!((shop.level().backordered, shop.level().unassigned()), (2, 0));
    shop.order_of(1, 1);
    assert_eq!(shop.backordered(1), [1]);
    shop.count(2);
    assert_eq!(shop.take_back([1]), [], "what the hold keeps is not taken back");
    assert_eq!(shop.level().shortage(), 1);
    assert_eq!(shop.pack(1, None), Err(short(1, 0)));
    let order =
        json!({ "id": order_id(2), "currency": "GBP", "lines": [{ "sku": "A", "quantity": 5 }], "hold_id": hold_id() });
    let taken = shop.work(Command::PlaceOrder(PlaceOrder { body: body(order), stock: StockHandling::Enforce }));
    assert_eq!(taken.len(), 4);
    assert_eq!((shop.backordered(2), shop.level().shortage()), (vec![4], 0));
    assert_eq!(shop.allocate([1, 2]), told_new(&[of_shelf(1, -1, 0), of_order(1, &[(1, 0)])]));
}

fn told_new(past: &[Past]) -> Vec<NewEvent> {
    let new = |(stream, event): &Past| NewEvent { stream: stream.clone(), event: event.clone(), claim: None };
    past.iter().map(new).collect()
}

#[test]
fn a_hold_that_ends_frees_what_it_kept() {
    let mut shop = Shop::with(3);
    let lines = json!({ "id": hold_id(), "lines": [{ "sku": "A", "quantity": 5 }] });
    shop.work(Command::HoldStock { body: body(lines) });
    shop.order_of(1, 2);
    shop.work(Command::StockHold(hold_id(), StockHoldCommand::ReleaseStockHold {}));
    assert_eq!((shop.level().reserved, shop.level().backordered), (2, 2));
    shop.allocate([1]);
    assert_eq!(shop.backordered(1), [0]);
}

#[test]
fn an_order_takes_what_is_here_or_waits_as_it_says() {
    for (on_shortage, quantity, backordered) in [("partial", 2, 0), ("backorder", 5, 3)] {
        let mut shop = Shop::with(2);
        let lines = json!([{ "sku": "A", "quantity": 5 }]);
        let order = json!({ "id": order_id(1), "currency": "GBP", "lines": lines, "on_shortage": on_shortage });
        shop.work(Command::PlaceOrder(PlaceOrder { body: body(order), stock: StockHandling::Enforce }));
        let line = &shop.find(1).progress.lines[0];
        assert_eq!((line.ordered, line.backordered), (quantity, backordered), "{on_shortage}");
        assert_eq!(shop.level().unassigned(), 0, "{on_shortage}");
    }
}

/// Two units on hand; order 1 has two of five that are backordered by its own counter, and the stock item says nothing of it.
fn written_by_version_1() -> Vec<Past> {
    let mut order = order_placed([("A", 5)]);
    order.order_id = order_id(1);
    order.lines[0].backordered = 3;
    let reserved = StockReserved { order_id: order_id(1), quantity: 5, backordered: None };
    let backorder = policy("A", StockPolicy::Backorder { limit: 10 }, 0);
    let placed = vec![(StreamId::order(order_id(1)), OrderEvent::Placed(order).into())];
    [product("A"), received("A", 2), backorder, placed, on_item("A", StockEvent::Reserved(reserved))].concat()
}

#[test]
fn what_older_versions_left_out_follows_from_the_totals() {
    let shop = Shop::after(written_by_version_1());
    assert_eq!((shop.level().backordered, shop.level().unassigned()), (3, 0));
    let shop = Shop::after([written_by_version_1(), received("A", 4)].concat());
    assert_eq!((shop.level().backordered, shop.level().shortage()), (0, 0));
}

#[test]
fn an_order_of_an_older_version_is_not_held_up_by_its_own_counter() {
    let mut shop = Shop::after([written_by_version_1(), received("A", 4)].concat());
    let packed = shop.pack(1, None).unwrap();
    assert_eq!(told(&packed)[1..], [of_order(1, &[(1, 0)]), of_shelf(1, 0, 0)]);

    let mut shop = Shop::after([written_by_version_1(), received("A", 4)].concat());
    assert_eq!(told(&shop.allocate([1])), [of_shelf(1, 0, 0), of_order(1, &[(1, 0)])]);
    shop.order_of(2, 3);
    assert_eq!((shop.backordered(2), shop.level().backordered), (vec![2], 2));
    assert_eq!(shop.pack(2, None), Err(short(3, 1)));
    shop.pack(1, None).unwrap();
}

#[test]
fn an_order_of_an_older_version_gives_up_no_more_than_the_shelf_says() {
    let mut shop = Shop::after([written_by_version_1(), received("A", 4)].concat());
    shop.cancel(1, Some(json!([{ "line": 1, "quantity": 1 }])));
    assert_eq!((shop.level().backordered, shop.level().unassigned()), (0, 2));
    shop.amend(1, 3);
    assert_eq!((shop.backordered(1), shop.level().unassigned()), (vec![0], 3));
    shop.cancel(1, None);
    assert_eq!((shop.level().reserved, shop.level().backordered), (0, 0));
}
