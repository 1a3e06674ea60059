//! Invariants that hold after any sequence of commands: random commands on a small shop, checked after each command.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, TimeDelta, Utc};
use events::order::OrderEvent;
use events::order::progress::{FulfilmentState, LineProgress};
use events::stock::{Level, StockEvent, StockPolicy};
use events::{Event, Minor, OrderId, StreamId, codec};
use proptest::prelude::*;

use crate::command::Command;
use crate::customer::state::Customer;
use crate::decide;
use crate::decision::{Context, NewEvent};
use crate::order::OrderCommand;
use crate::order::shortage::OnShortage;
use crate::order::state::Order;
use crate::reader::{MissingStreams, Reader};
use crate::rejection::Rejection;
use crate::state::State;
use crate::stock_hold::state::StockHoldStatus;
use crate::tests::commands::orders::{any_order, order_of_12};
use crate::tests::commands::values::{customer, hold_id, order_ids};
use crate::tests::commands::{any_command, asks_for_a_state};
use crate::tests::past::{held, policy, product, received, registered};
use crate::tests::scenario::{Past, decide_at, empty_world, now};
use crate::world::{Slot, World};

/// The units of a stock item that orders and stock holds have.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
struct Claims {
    reserved: i64,
    backordered: i64,
    packed: i64,
}

/// A world with the log of its events.
struct Run {
    now: DateTime<Utc>,
    world: World,
    log: Vec<Past>,
    streams: BTreeSet<StreamId>,
}

impl Run {
    fn new() -> Run {
        Run { now: now(), world: empty_world(), log: Vec::new(), streams: BTreeSet::new() }
    }

    fn happen(&mut self, past: Vec<Past>) {
        self.world.begin();
        for (stream, event) in past {
            self.world.evolve(&stream, &event);
            if matches!(event, Event::Order(OrderEvent::Completed(_))) {
                assert_eq!(order(&self.world, &stream).progress.owed(), Minor::ZERO, "completed while money is owed");
            }
            self.streams.insert(stream.clone());
            self.log.push((stream, event));
        }
        self.world.commit();
    }

    /// Decides a command and applies its events; returns the number of events.
    fn carry_out(&mut self, command: &Command, new_id: OrderId) -> Option<usize> {
        // Expiry commands are decided a day later, so that every payment is due.
        let is_due = matches!(command, Command::Order(_, OrderCommand::ExpireOrder { .. }));
        let now = if is_due { self.now + TimeDelta::days(1) } else { self.now };
        match decide_at(now, &self.world, command, new_id) {
            Ok(events) => {
                let count = events.len();
                let past: Vec<Past> = events.into_iter().map(|new| (new.stream, new.event)).collect();
                let before: Vec<_> = past.iter().filter_map(|(stream, event)| self.reserving(stream, event)).collect();
                self.happen(past);
                before.iter().for_each(|(stream, before)| self.check_reservation(stream, before));
                Some(count)
            }
            Err(rejection) => {
                assert!(rejection.detail().ends_with('.') && !rejection.kind().is_empty());
                rejection.extensions();
                None
            }
        }
    }

    fn level(&self, stream: &StreamId) -> Level {
        match self.world.find(stream).and_then(|slot| slot.state.as_ref()) {
            Some(State::Stock(level)) => *level,
            _ => Level::default(),
        }
    }

    /// The level of the stock item before an event that reserves units.
    fn reserving(&self, stream: &StreamId, event: &Event) -> Option<(StreamId, Level)> {
        let reserves = matches!(event, Event::Stock(StockEvent::Reserved(_) | StockEvent::Held(_)));
        reserves.then(|| (stream.clone(), self.level(stream)))
    }

    /// No reservation promises more units than the policy allows. If too many units are promised already, because units
    /// are missing, a reservation of an import that adds its own units does not increase the excess.
    fn check_reservation(&self, stream: &StreamId, before: &Level) {
        let after = self.level(stream);
        let (Some(left), Some(left_before)) = (after.promisable(), before.promisable()) else { return };
        assert!(left >= left_before.min(0), "{stream}: {before:?}, then {after:?}");
    }

    fn states(&self) -> impl Iterator<Item = (&StreamId, &State)> {
        self.streams.iter().filter_map(|stream| Some((stream, self.world.find(stream)?.state.as_ref()?)))
    }

    fn check(&self) {
        let mut claims: BTreeMap<StreamId, Claims> = BTreeMap::new();
        for (_, state) in self.states() {
            match state {
                State::Order(order) => {
                    check_order(order);
                    for line in order.progress.lines.iter().filter(|line| !line.untracked) {
                        let claims = claims.entry(StreamId::stock(&line.sku, &line.location)).or_default();
                        claims.reserved += i64::from(line.reserved());
                        claims.backordered += i64::from(line.backordered);
                        claims.packed += i64::from(line.in_fulfilment);
                    }
                }
                State::StockHold(hold) if hold.standing == StockHoldStatus::Open => {
                    for line in &hold.lines {
                        let claims = claims.entry(StreamId::stock(&line.sku, &line.location)).or_default();
                        claims.reserved += i64::from(line.quantity);
                        claims.backordered += i64::from(line.backordered);
                    }
                }
                _ => {}
            }
        }
        for (stream, state) in self.states() {
            let State::Stock(level) = state else { continue };
            assert!(0 <= level.on_hand && 0 <= level.reserved, "{stream}: {level:?}");
            let moved = level.received + level.restocked + level.adjusted + level.transferred;
            assert_eq!(moved, level.on_hand + level.shipped, "{stream}");
            let claims = claims.remove(stream).unwrap_or_default();
            assert_eq!(level.reserved, claims.reserved, "{stream}: {level:?}");
            assert_eq!(level.backordered, claims.backordered, "{stream}: {level:?}");
            assert!(!level.backorders_derived && claims.packed <= level.allocated(), "{stream}: {claims:?}, {level:?}");
            assert!(level.shortage() == 0 || self.has_lost_units(stream), "{stream}: {level:?}");
        }
        claims.retain(|_, claims| *claims != Claims::default());
        assert!(claims.is_empty(), "claims on stock items that do not exist: {claims:?}");
    }

    /// Whether an adjustment removed units: only an adjustment can show that assigned units are missing.
    fn has_lost_units(&self, stream: &StreamId) -> bool {
        let is_loss = |event: &Event| matches!(event, Event::Stock(StockEvent::Adjusted(e)) if e.delta < 0);
        self.log.iter().any(|(of, event)| of == stream && is_loss(event))
    }

    /// Every claimed e-mail address belongs to one customer who is not erased, and each such customer has one address.
    fn check_emails(&self) {
        let mut living = 0;
        let mut taken = 0;
        for (stream, state) in self.states() {
            match state {
                State::Customer(Customer { email_hash: Some(hash), erased: false, .. }) => {
                    living += 1;
                    let owner = self.world.find(&StreamId::email(*hash)).and_then(|slot| slot.state.as_ref());
                    let Some(State::Email(Some(owner))) = owner else { panic!("{stream} has no address") };
                    assert_eq!(StreamId::customer(*owner), *stream);
                }
                State::Customer(customer) => assert!(customer.erased && customer.email_hash.is_none(), "{stream}"),
                State::Email(Some(_)) => taken += 1,
                _ => {}
            }
        }
        assert_eq!(taken, living);
    }

    /// Order codes count from 1 without a gap, in the order of the log.
    fn check_codes(&self) {
        let placed = self.log.iter().filter_map(|(_, event)| match event {
            Event::Order(OrderEvent::Placed(placed)) => Some(placed.code.to_string()),
            _ => None,
        });
        let codes: Vec<String> = placed.collect();
        let expected: Vec<String> = (1..=codes.len()).map(|number| format!("SON{number:06}")).collect();
        assert_eq!(codes, expected);
    }

    /// Events that are encoded and decoded again fold to the same states, and so do events after a snapshot that is
    /// taken at any event of a stream.
    fn check_fold(&self) {
        let (mut again, mut from_snapshots) = (empty_world(), empty_world());
        for (stream, event) in &self.log {
            let written = codec::encode(event);
            let read = codec::decode(written.event_type, written.schema_version, &written.payload).unwrap();
            assert_eq!(read, *event);
            again.evolve(stream, &read);
            from_snapshots.evolve(stream, &read);
            let slot = from_snapshots.find(stream).unwrap();
            let snapshot = serde_json::to_string(&slot.state).unwrap();
            let slot = Slot { version: slot.version, state: serde_json::from_str(&snapshot).unwrap() };
            from_snapshots.put(stream.clone(), slot);
        }
        for stream in &self.streams {
            assert_eq!(again.find(stream), self.world.find(stream), "{stream}");
            assert_eq!(from_snapshots.find(stream), self.world.find(stream), "{stream} from its snapshots");
        }
    }
}

/// Decides on a world that has every stream in memory, whether the stream has events or not.
fn decide_knowing_all(
    now: DateTime<Utc>,
    world: &mut World,
    command: &Command,
    new_id: OrderId,
) -> Result<Vec<NewEvent>, Rejection> {
    let context = Context { now, new_id: new_id.into() };
    loop {
        match decide::decide(command, &context, &Reader::new(world)) {
            Ok(decision) => return decision,
            Err(MissingStreams(new)) => new.into_iter().for_each(|stream| world.put(stream, Slot::default())),
        }
    }
}

fn order<'w>(world: &'w World, stream: &StreamId) -> &'w Order {
    match world.find(stream).and_then(|slot| slot.state.as_ref()) {
        Some(State::Order(order)) => order,
        other => panic!("{stream} is no order: {other:?}"),
    }
}

fn check_order(order: &Order) {
    let progress = &order.progress;
    for line in &progress.lines {
        check_line(line);
    }
    for payment in &progress.payments {
        assert!(Minor::ZERO <= payment.refunded && payment.refunded <= payment.captured, "{payment:?}");
        assert!(Minor::ZERO <= payment.authorized, "{payment:?}");
    }
    assert!(Minor::ZERO <= progress.due() && progress.due() <= progress.total);
    assert_eq!(progress.shipping, Minor(order.shipping_lines.iter().map(|line| line.total.0).sum()));
    let packed = progress.fulfilments.iter().filter(|fulfilment| fulfilment.state == FulfilmentState::Created);
    let packed: u64 = packed.flat_map(|fulfilment| &fulfilment.lines).map(|units| u64::from(units.quantity)).sum();
    assert_eq!(packed, progress.lines.iter().map(|line| u64::from(line.in_fulfilment)).sum::<u64>());
}

fn check_line(line: &LineProgress) {
    let spoken_for = line.cancelled + line.in_fulfilment + line.shipped;
    assert!(spoken_for <= line.ordered, "{line:?}");
    assert!(line.delivered <= line.shipped, "{line:?}");
    assert!(line.return_requested + line.returned <= line.shipped, "{line:?}");
    // The amount of a line depends on its quantity only, not on how the line was changed.
    assert_eq!(line.due, line.amounts(line.wanted()).unwrap().total, "{line:?}");
    assert!(line.backordered <= line.unfulfilled() && !(line.untracked && line.backordered > 0), "{line:?}");
}

/// Forty units of A and of B, where B allows backorders; C is untracked. Two customers, and two stock holds, of which
/// one has expired.
fn shop() -> Vec<Past> {
    let mut past = ["A", "B", "C"].map(|text| [product(text), received(text, 40)].concat()).concat();
    past.extend(policy("B", StockPolicy::Backorder { limit: 10 }, 2));
    past.extend(policy("C", StockPolicy::Untracked, 0));
    past.extend([1, 2].map(|number| registered(customer(number))).concat());
    past.extend(held(hold_id(1), [("A", 5), ("B", 3)], now() + TimeDelta::hours(1)));
    past.extend(held(hold_id(2), [("A", 2)], now()));
    past
}

proptest! {
    #[test]
    fn whatever_callers_do_the_sums_hold(commands in prop::collection::vec(any_command(), 1..120)) {
        let mut run = Run::new();
        run.happen(shop());
        for id in order_ids() {
            prop_assert_eq!(run.carry_out(&Command::PlaceOrder(order_of_12(id)), id), Some(3));
        }
        for (index, command) in commands.iter().enumerate() {
            let new_id = OrderId::new(now(), [100 + index as u8; 10]);
            let decided = run.carry_out(command, new_id);
            run.check();
            run.check_emails();
            if decided.is_some() && asks_for_a_state(command) {
                // A command of the platform does not turn a repeat into a rejection.
                for order_id in order_ids() {
                    run.carry_out(&Command::Order(order_id, OrderCommand::CompleteOrder {}), new_id);
                }
                prop_assert_eq!(run.carry_out(command, new_id), Some(0), "asked twice: {:?}", command);
            }
            run.now += TimeDelta::seconds(30);
        }
        run.check_codes();
        run.check_fold();
    }

    #[test]
    fn a_decision_depends_on_nothing_but_what_it_requests(commands in prop::collection::vec(any_command(), 1..60)) {
        let mut run = Run::new();
        run.happen(shop());
        for id in order_ids() {
            run.carry_out(&Command::PlaceOrder(order_of_12(id)), id);
        }
        for (index, command) in commands.iter().enumerate() {
            let new_id = OrderId::new(now(), [100 + index as u8; 10]);
            let decided = decide_at(run.now, &run.world, command, new_id);
            prop_assert_eq!(decided, decide_knowing_all(run.now, &mut run.world, command, new_id), "{:?}", command);
            run.carry_out(command, new_id);
            run.now += TimeDelta::seconds(30);
        }
    }

    #[test]
    fn an_order_sums_up(order in any_order()) {
        let mut run = Run::new();
        for text in ["A", "B", "C"] {
            run.happen([product(text), vec![received(text, 1_000_000).remove(0); 500]].concat());
        }
        let command = Command::PlaceOrder(order.clone());
        let id = OrderId::new(now(), [9; 10]);
        if run.carry_out(&command, id).is_none() {
            return Ok(());
        }
        let placed = run.log.iter().find_map(|(_, event)| match event {
            Event::Order(OrderEvent::Placed(placed)) => Some(placed),
            _ => None,
        });
        let placed = placed.unwrap();
        let mut discounts = 0;
        for line in &placed.lines {
            let worth = i64::from(line.quantity) * line.unit_price.0 - line.discount.0;
            prop_assert!(worth >= 0 && line.tax.0 >= 0);
            prop_assert_eq!(line.total.0, worth + line.tax.0);
            discounts += line.discount.0;
        }
        prop_assert_eq!(placed.total.0, placed.lines.iter().map(|line| line.total.0).sum::<i64>() + placed.shipping.0);
        // A line that gets fewer units has a smaller discount.
        if order.body.on_shortage == Some(OnShortage::Partial) {
            return Ok(());
        }
        let own = order.body.lines.iter().filter_map(|line| line.discount).map(|discount| discount.minor().0);
        prop_assert_eq!(discounts, own.sum::<i64>() + order.body.discount.map_or(0, |discount| discount.minor().0));
    }
}
