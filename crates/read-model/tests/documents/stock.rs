//! Stock items: the fold of their events, and the ledger.

use events::stock::*;
use events::{Event, Location, Recorded, StockHoldId, StreamId};
use proptest::prelude::*;
use read_model::stock::Movement;
use read_model::{LedgerRow, StockDocument};

use crate::samples::{order_id, recorded};

proptest! {
    #[test]
    fn the_fold_of_a_stock_item_is_the_same_in_one_part_or_in_two_and_its_ledger_adds_up(
        moves in prop::collection::vec((0..12u8, 1..100u32), 1..40), cut in any::<prop::sample::Index>(),
    ) {
        let stream: StreamId = "stock-A-1@main".parse().unwrap();
        let history: Vec<_> = (1..).zip(moves).map(|(version, (kind, quantity))| {
            let event = movement(kind, quantity);
            (recorded(&stream, version, &Event::Stock(event.clone())), event)
        }).collect();
        let fold = |mut document, history: &[(Recorded, StockEvent)]| {
            history.iter().for_each(|(recorded, event)| StockDocument::fold(&mut document, recorded, event).unwrap());
            document
        };
        let whole = fold(None, &history);

        let (before, after) = history.split_at(cut.index(history.len() + 1));
        let stored = serde_json::to_string(&fold(None, before)).unwrap();
        prop_assert_eq!(&whole, &fold(serde_json::from_str(&stored).unwrap(), after));

        let item = whole.unwrap();
        let ledger: Vec<_> =
            history.iter().map(|(recorded, event)| LedgerRow::of(recorded, event).unwrap()).collect();
        prop_assert_eq!(item.level.on_hand, ledger.iter().map(on_hand).sum::<i64>());
        prop_assert_eq!(item.level.reserved, ledger.iter().map(reserved).sum::<i64>());
        prop_assert_eq!(item.shortage, item.level.shortage());
        prop_assert_eq!(item.available, (item.level.on_hand - item.level.safety - item.level.reserved).max(0));
    }
}

fn movement(kind: u8, quantity: u32) -> StockEvent {
    let order_id = order_id();
    let hold_id = StockHoldId::try_from(order_id.uuid()).unwrap();
    // A third of the events as version 1 wrote them.
    let stated = (!quantity.is_multiple_of(3)).then_some(quantity / 2);
    match kind {
        0 => StockEvent::Received(StockReceived { quantity, reference: None }),
        1 => StockEvent::Adjusted(StockAdjusted { delta: -i64::from(quantity), reason: "broken".into() }),
        2 => StockEvent::Reserved(StockReserved { order_id, quantity, backordered: stated }),
        3 => StockEvent::Released(StockReleased { order_id, quantity, backordered: stated }),
        4 => StockEvent::Shipped(StockShipped { order_id, quantity }),
        5 => StockEvent::Restocked(StockRestocked { order_id, quantity }),
        6 => StockEvent::Held(StockHeld { hold_id, quantity, backordered: stated }),
        7 => StockEvent::HoldReleased(StockHoldReleased { hold_id, quantity, backordered: stated }),
        8 => StockEvent::TransferredIn(StockTransferredIn { from: Location::main(), quantity, reference: None }),
        9 => StockEvent::TransferredOut(StockTransferredOut { to: Location::main(), quantity, reference: None }),
        10 => {
            let (delta, backordered) = (i64::from(quantity) - 50, quantity);
            StockEvent::BackordersChanged(StockBackordersChanged { order_id, delta, backordered })
        }
        _ => {
            let policy = StockPolicy::Backorder { limit: quantity };
            StockEvent::PolicyChanged(StockPolicyChanged { policy, safety: quantity })
        }
    }
}

fn reserved(row: &LedgerRow) -> i64 {
    match row.kind {
        Movement::Reserved | Movement::Held => row.quantity,
        Movement::Released | Movement::HoldReleased | Movement::Shipped => -row.quantity,
        Movement::Received
        | Movement::Adjusted
        | Movement::Restocked
        | Movement::TransferredIn
        | Movement::TransferredOut
        | Movement::PolicyChanged
        | Movement::BackordersChanged => 0,
    }
}

fn on_hand(row: &LedgerRow) -> i64 {
    match row.kind {
        Movement::Received | Movement::Adjusted | Movement::Restocked | Movement::TransferredIn => row.quantity,
        Movement::Shipped | Movement::TransferredOut => -row.quantity,
        Movement::Reserved
        | Movement::Released
        | Movement::Held
        | Movement::HoldReleased
        | Movement::PolicyChanged
        | Movement::BackordersChanged => 0,
    }
}
