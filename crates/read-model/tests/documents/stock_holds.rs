//! Stock holds: the fold of their events.

use events::stock_hold::*;
use events::{Event, Location, StockHoldId, StreamId, Version};
use read_model::{FoldError, StockHoldDocument, StockHoldState, status};

use crate::samples::{instant, order_id, recorded};

fn hold_id() -> StockHoldId {
    StockHoldId::new(instant(0), [4; 10])
}

fn placed() -> StockHoldEvent {
    let line = HoldLine { sku: "A-1".parse().unwrap(), location: Location::main(), quantity: 3, backordered: 1 };
    StockHoldEvent::Placed(HoldPlaced {
        hold_id: hold_id(),
        lines: vec![line],
        expires_at: instant(900),
        reference: Some("cart-1".into()),
    })
}

fn fold_next(document: &mut Option<StockHoldDocument>, version: i32, event: &StockHoldEvent) -> Result<(), FoldError> {
    let recorded = recorded(&StreamId::stock_hold(hold_id()), version, &Event::StockHold(event.clone()));
    StockHoldDocument::fold(document, &recorded, event)
}

/// Stores the document as JSON after each event.
fn fold(history: &[StockHoldEvent]) -> StockHoldDocument {
    let mut document = None;
    for (version, event) in (1..).zip(history) {
        fold_next(&mut document, version, event).unwrap();
        let json = serde_json::to_string(&document).unwrap();
        assert_eq!(serde_json::from_str::<Option<StockHoldDocument>>(&json).unwrap(), document);
    }
    document.unwrap()
}

#[test]
fn an_open_stock_hold_has_its_lines_and_its_expiry() {
    let hold = fold(&[placed()]);
    assert_eq!((hold.id, hold.state, hold.version), (hold_id(), StockHoldState::Open, Version(1)));
    assert_eq!((hold.placed_at, hold.updated_at, hold.expires_at), (instant(0), instant(1), instant(900)));
    assert_eq!((hold.lines[0].quantity, hold.lines[0].backordered), (3, 1));
    assert_eq!((hold.reference.as_deref(), hold.order_id, hold.ended_at), (Some("cart-1"), None, None));
}

#[test]
fn a_stock_hold_ends_in_one_of_three_states() {
    let consumed = StockHoldEvent::Consumed(HoldConsumed { order_id: order_id() });
    for (event, state, order_id) in [
        (StockHoldEvent::Released(HoldReleased {}), StockHoldState::Released, None),
        (StockHoldEvent::Expired(HoldExpired {}), StockHoldState::Expired, None),
        (consumed, StockHoldState::Consumed, Some(order_id())),
    ] {
        let hold = fold(&[placed(), event]);
        assert_eq!((hold.state, hold.order_id, hold.ended_at), (state, order_id, Some(instant(2))));
        assert_eq!((hold.updated_at, hold.lines.len()), (instant(2), 1));
    }
}

#[test]
fn states_in_columns_are_the_states_in_json_and_are_parsed() {
    use StockHoldState::{Consumed, Expired, Open, Released};
    for state in [Open, Released, Expired, Consumed] {
        assert_eq!(serde_json::to_value(state).unwrap(), state.word());
        assert_eq!(status::read(state.word()), Some(state));
    }
}

#[test]
fn an_event_that_does_not_continue_a_stock_hold_is_refused_and_changes_nothing() {
    let released = StockHoldEvent::Released(HoldReleased {});
    let mut document = None;
    let refused = fold_next(&mut document, 1, &released);
    assert_eq!((refused, &document), (Err(FoldError::NotFirst("HoldReleased".into())), &None));

    fold_next(&mut document, 1, &placed()).unwrap();
    let before = document.clone();
    let refused = fold_next(&mut document, 3, &released);
    assert_eq!(refused, Err(FoldError::WrongVersion { current: Version(1), found: Version(3) }));
    let refused = fold_next(&mut document, 2, &placed());
    assert_eq!(refused, Err(FoldError::AlreadyCreated("HoldPlaced".into())));
    assert_eq!(document, before);

    let other = StreamId::stock_hold(StockHoldId::new(instant(0), [5; 10]));
    let recorded = recorded(&other, 1, &Event::StockHold(placed()));
    let refused = StockHoldDocument::fold(&mut None, &recorded, &placed());
    assert_eq!(refused, Err(FoldError::WrongStream("HoldPlaced".into())));
}
