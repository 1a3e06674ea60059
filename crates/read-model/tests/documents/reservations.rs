//! Open reservations: the changes of a stock item add up to its reserved units, by holder and in total.

use std::collections::BTreeMap;

use events::stock::*;
use events::{Event, Location, OrderId, StockHoldId, StreamId};
use proptest::prelude::*;
use read_model::{FoldError, ReservationChange, ReservationHolder};

use crate::samples::{instant, order_id, placed, recorded};

fn order(number: u8) -> OrderId {
    OrderId::new(instant(0), [number; 10])
}

fn hold(number: u8) -> StockHoldId {
    StockHoldId::new(instant(0), [number; 10])
}

/// The events that reserve, release and ship units, and events that change no reservation.
fn event(kind: u8, number: u8, quantity: u32) -> StockEvent {
    let (order_id, hold_id, backordered) = (order(number), hold(number), Some(0));
    match kind {
        0 => StockEvent::Reserved(StockReserved { order_id, quantity, backordered }),
        1 => StockEvent::Released(StockReleased { order_id, quantity, backordered }),
        2 => StockEvent::Shipped(StockShipped { order_id, quantity }),
        3 => StockEvent::Held(StockHeld { hold_id, quantity, backordered }),
        4 => StockEvent::HoldReleased(StockHoldReleased { hold_id, quantity, backordered }),
        5 => StockEvent::Received(StockReceived { quantity, reference: None }),
        6 => StockEvent::Adjusted(StockAdjusted { delta: i64::from(quantity), reason: "found".into() }),
        7 => StockEvent::Restocked(StockRestocked { order_id, quantity }),
        8 => StockEvent::TransferredIn(StockTransferredIn { from: Location::main(), quantity, reference: None }),
        9 => StockEvent::TransferredOut(StockTransferredOut { to: Location::main(), quantity, reference: None }),
        10 => StockEvent::BackordersChanged(StockBackordersChanged { order_id, delta: 1, backordered: 1 }),
        _ => StockEvent::PolicyChanged(StockPolicyChanged { policy: StockPolicy::Untracked, safety: quantity }),
    }
}

/// Units that are reserved for each holder, counted by name; no more units are released or shipped than are reserved.
fn history(proposals: Vec<(u8, u8, u32)>) -> (Vec<StockEvent>, BTreeMap<(bool, u8), i64>) {
    let mut open: BTreeMap<(bool, u8), i64> = BTreeMap::new();
    let mut history = Vec::new();
    for (kind, number, quantity) in proposals {
        let reserved = open.entry((matches!(kind, 3 | 4), number)).or_default();
        let quantity = match kind {
            0 | 3 => {
                *reserved += i64::from(quantity);
                quantity
            }
            1 | 2 | 4 => {
                let quantity = i64::from(quantity).min(*reserved);
                *reserved -= quantity;
                quantity as u32
            }
            _ => quantity,
        };
        history.push(event(kind, number, quantity));
    }
    (history, open)
}

proptest! {
    #[test]
    fn the_changes_of_a_stock_item_add_up_to_its_reserved_units(
        proposals in prop::collection::vec((0..12u8, 0..3u8, 1..50u32), 0..60),
    ) {
        let stream: StreamId = "stock-A-1@main".parse().unwrap();
        let (history, open) = history(proposals);
        let (mut level, mut sums) = (Level::default(), BTreeMap::new());
        for (version, event) in (1..).zip(&history) {
            level.evolve(event);
            let recorded = recorded(&stream, version, &Event::Stock(event.clone()));
            if let Some(change) = ReservationChange::of(&recorded, event).unwrap() {
                prop_assert_eq!((change.sku.as_str(), &change.location), ("A-1", &Location::main()));
                prop_assert_eq!(change.position, recorded.position);
                let json = serde_json::to_string(&change).unwrap();
                prop_assert_eq!(&serde_json::from_str::<ReservationChange>(&json).unwrap(), &change);
                *sums.entry(change.holder).or_insert(0) += change.units;
            }
            prop_assert_eq!(level.reserved, sums.values().sum::<i64>());
        }
        for ((is_hold, number), units) in open {
            let holder = match is_hold {
                true => ReservationHolder::StockHold(hold(number)),
                false => ReservationHolder::Order(order(number)),
            };
            prop_assert_eq!(sums.get(&holder).copied().unwrap_or(0), units);
        }
    }
}

#[test]
fn an_event_in_a_stream_of_another_kind_is_refused() {
    let recorded = recorded(&StreamId::order(order_id()), 1, &Event::Order(placed(vec![])));
    let refused = ReservationChange::of(&recorded, &event(0, 1, 1));
    assert_eq!(refused, Err(FoldError::WrongStream("OrderPlaced".into())));
}
