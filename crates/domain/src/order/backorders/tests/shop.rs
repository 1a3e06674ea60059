//! A shop that sells one product: the fixture of the tests of backorders.

use events::order::progress::{FulfilmentStatus, LineProgress};
use events::order::{LineBackorders, OrderBackordersChanged, OrderEvent};
use events::stock::{Level, StockBackordersChanged, StockEvent, StockPolicy};
use events::{Event, Location, OrderId, StockHoldId, StreamId};
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
use crate::tests::past::{body, main, policy, product, received, sku};
use crate::tests::scenario::{Past, decide_at, empty_world, now};
use crate::world::World;

/// The id of the order that the tests call `number`.
pub(super) fn order_id(number: u8) -> OrderId {
    OrderId::new(now(), [number; 10])
}

pub(super) fn hold_id() -> StockHoldId {
    StockHoldId::new(now(), [1; 10])
}

pub(super) fn shop() -> Location {
    "shop".parse().unwrap()
}

/// A shop that sells product A.
pub(super) struct Shop(pub(super) World);

impl Shop {
    /// A shop with these units on hand at `main`; ten more units can be promised.
    pub(super) fn with(on_hand: u32) -> Shop {
        Shop::after(
            [product("A"), received("A", on_hand), policy("A", StockPolicy::Backorder { limit: 10 }, 0)].concat(),
        )
    }

    pub(super) fn after(past: Vec<Past>) -> Shop {
        let mut world = empty_world();
        for (stream, event) in &past {
            world.evolve(stream, event);
        }
        Shop(world)
    }

    pub(super) fn attempt(&mut self, command: Command) -> Result<Vec<NewEvent>, Rejection> {
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
    pub(super) fn work(&mut self, command: Command) -> Vec<NewEvent> {
        self.attempt(command).expect("the command is not rejected")
    }

    #[track_caller]
    pub(super) fn order(&mut self, number: u8, lines: Value) {
        let due = "2024-06-01T13:00:00Z";
        let body = body(json!({ "id": order_id(number), "currency": "GBP", "lines": lines, "payment_due": due }));
        self.work(Command::PlaceOrder(PlaceOrder { body, stock: StockHandling::Enforce }));
    }

    #[track_caller]
    pub(super) fn order_of(&mut self, number: u8, quantity: u32) {
        self.order(number, json!([{ "sku": "A", "quantity": quantity }]));
    }

    pub(super) fn pack(&mut self, number: u8, lines: Option<Value>) -> Result<Vec<NewEvent>, Rejection> {
        let body = body(json!({ "lines": lines }));
        self.attempt(Command::Order(order_id(number), OrderCommand::CreateFulfilment { body }))
    }

    pub(super) fn ship(&mut self, number: u8) -> Result<Vec<NewEvent>, Rejection> {
        let body = Default::default();
        self.attempt(Command::Order(order_id(number), OrderCommand::ShipFulfilment { fulfilment: 1, body }))
    }

    #[track_caller]
    pub(super) fn receive(&mut self, quantity: u32) {
        let body = body(json!({ "quantity": quantity }));
        self.work(Command::Stock(StockItem { sku: sku("A"), location: main() }, StockCommand::ReceiveStock { body }));
    }

    #[track_caller]
    pub(super) fn count(&mut self, count: u32) {
        let body = body(json!({ "count": count, "reason": "counted" }));
        self.work(Command::Stock(StockItem { sku: sku("A"), location: main() }, StockCommand::AdjustStock { body }));
    }

    #[track_caller]
    pub(super) fn allocate<const N: usize>(&mut self, orders: [u8; N]) -> Vec<NewEvent> {
        let orders = orders.map(order_id).to_vec();
        self.work(Command::Stock(StockItem { sku: sku("A"), location: main() }, StockCommand::AllocateStock { orders }))
    }

    #[track_caller]
    pub(super) fn take_back<const N: usize>(&mut self, orders: [u8; N]) -> Vec<NewEvent> {
        let orders = orders.map(order_id).to_vec();
        self.work(Command::Stock(
            StockItem { sku: sku("A"), location: main() },
            StockCommand::DeallocateStock { orders },
        ))
    }

    #[track_caller]
    pub(super) fn cancel(&mut self, number: u8, lines: Option<Value>) -> Vec<NewEvent> {
        let body = body(json!({ "reason": "r", "lines": lines }));
        self.work(Command::Order(order_id(number), OrderCommand::CancelOrder { body }))
    }

    #[track_caller]
    pub(super) fn amend(&mut self, number: u8, quantity: u32) {
        let body = body(json!({ "change": [{ "line": 1, "quantity": quantity }] }));
        self.work(Command::Order(order_id(number), OrderCommand::AmendOrder { body }));
    }

    pub(super) fn level_at(&self, location: &Location) -> Level {
        match self.0.find(&StreamId::stock(&sku("A"), location)).and_then(|slot| slot.state.as_ref()) {
            Some(State::Stock(level)) => *level,
            _ => Level::default(),
        }
    }

    pub(super) fn level(&self) -> Level {
        self.level_at(&main())
    }

    pub(super) fn find(&self, number: u8) -> &Order {
        match self.0.find(&StreamId::order(order_id(number))).and_then(|slot| slot.state.as_ref()) {
            Some(State::Order(order)) => order,
            _ => panic!("no order {number}"),
        }
    }

    /// Backordered units of an order's lines.
    pub(super) fn backordered(&self, number: u8) -> Vec<u32> {
        self.find(number).progress.lines.iter().map(|line| line.backordered).collect()
    }

    pub(super) fn status(&self, number: u8) -> FulfilmentStatus {
        self.find(number).progress.fulfilment_status()
    }

    /// Orders and stock holds have as many backordered units as the stock item, if events state the number of the stock
    /// item.
    pub(super) fn check(&self) {
        let level = self.level();
        let orders = (1..=20).filter_map(|number| self.0.find(&StreamId::order(order_id(number)))?.state.as_ref());
        let lines = orders.flat_map(|state| match state {
            State::Order(order) => order.progress.lines.iter(),
            _ => panic!("no order"),
        });
        let here = lines.filter(|line| line.location == main() && !line.untracked);
        let ordered: u32 = here.map(|line: &LineProgress| line.backordered).sum();
        let held = match self.0.find(&StreamId::stock_hold(hold_id())).and_then(|slot| slot.state.as_ref()) {
            Some(State::StockHold(hold)) if hold.stands_at(now()) => {
                hold.lines.iter().map(|line| line.backordered).sum()
            }
            _ => 0,
        };
        assert!(
            level.backorders_derived || level.backordered == i64::from(ordered + held),
            "{ordered} + {held}: {level:?}"
        );
    }
}

pub(super) fn short(requested: i64, available: i64) -> Rejection {
    let line = ShortLine { line: Some(1), sku: sku("A"), location: main(), requested, available };
    Rejection::InsufficientStock(vec![line])
}

pub(super) fn of_order(number: u8, lines: &[(u32, u32)]) -> (StreamId, Event) {
    let lines = lines.iter().map(|(line, backordered)| LineBackorders { line: *line, backordered: *backordered });
    let changed = OrderBackordersChanged { lines: lines.collect() };
    (StreamId::order(order_id(number)), OrderEvent::BackordersChanged(changed).into())
}

pub(super) fn of_stock_item(number: u8, delta: i64, backordered: u32) -> (StreamId, Event) {
    let changed = StockBackordersChanged { order_id: order_id(number), delta, backordered };
    (StreamId::stock(&sku("A"), &main()), StockEvent::BackordersChanged(changed).into())
}

pub(super) fn streams_and_events(events: &[NewEvent]) -> Vec<(StreamId, Event)> {
    events.iter().map(|new| (new.stream.clone(), new.event.clone())).collect()
}

pub(super) fn new_events(past: &[Past]) -> Vec<NewEvent> {
    let new = |(stream, event): &Past| NewEvent { stream: stream.clone(), event: event.clone(), claim: None };
    past.iter().map(new).collect()
}
