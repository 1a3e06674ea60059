//! Fulfilments as rows: equal to what the document of the order shows.

use std::collections::BTreeMap;

use events::order::OrderEvent;
use events::order::progress::FulfilmentState;
use events::{Event, Recorded, StreamId, Version};
use proptest::prelude::*;
use read_model::{FoldError, FulfilmentOrder, FulfilmentRow};

use crate::histories::history;
use crate::samples::*;

/// The state, and the rows of a table to which all changed rows were written.
fn fold(
    mut order: Option<FulfilmentOrder>,
    history: &[(Recorded, OrderEvent)],
    table: &mut BTreeMap<u32, FulfilmentRow>,
) -> Option<FulfilmentOrder> {
    for (recorded, event) in history {
        let rows = FulfilmentOrder::fold(&mut order, recorded, event).unwrap();
        assert!(rows.iter().all(|row| row.log_position().position == recorded.position));
        table.extend(rows.into_iter().map(|row| (row.fulfilment, row)));
    }
    order
}

proptest! {
    #[test]
    fn the_rows_of_an_order_are_the_fulfilments_of_its_document(
        quantities in prop::collection::vec((1..5u32, 0..5_000i64), 1..4),
        proposals in prop::collection::vec(any::<u8>(), 0..60),
        cut in any::<prop::sample::Index>(),
    ) {
        let lines = (1..).zip(quantities).map(|(no, (quantity, price))| line(no, quantity, price)).collect();
        let history = history(lines, &proposals);
        let document = fold_orders(None, &numbered(history.clone())).unwrap();
        let history = recorded_orders(history);

        let (before, after) = history.split_at(cut.index(history.len() + 1));
        let mut table = BTreeMap::new();
        let stored = serde_json::to_string(&fold(None, before, &mut table)).unwrap();
        let order = fold(serde_json::from_str(&stored).unwrap(), after, &mut table).unwrap();

        prop_assert_eq!(&order, &fold(None, &history, &mut BTreeMap::new()).unwrap());
        prop_assert_eq!(table.into_values().collect::<Vec<_>>(), order.fulfilments.clone());
        prop_assert_eq!(order.fulfilments.len(), document.fulfilments.len());
        for (row, shown) in order.fulfilments.iter().zip(&document.fulfilments) {
            let units = shown.progress.lines.iter().map(|units| i64::from(units.quantity)).sum::<i64>();
            let is_cancelled = shown.progress.state == FulfilmentState::Cancelled;
            prop_assert_eq!((row.order_id, row.placed_at, &row.channel), (document.id, document.placed_at, &document.channel));
            prop_assert_eq!((row.fulfilment, &row.location), (shown.progress.fulfilment, &shown.progress.location));
            prop_assert_eq!((&row.carrier, row.shipped_at, row.delivered_at), (&shown.carrier, shown.shipped_at, shown.delivered_at));
            prop_assert_eq!(row.cancelled_at.is_some(), is_cancelled);
            prop_assert!(is_cancelled || row.units == units);
        }
    }
}

#[test]
fn an_event_that_does_not_continue_an_order_is_refused_and_changes_nothing() {
    let stream = StreamId::order(order_id());
    let at = |version, event: &OrderEvent| recorded(&stream, version, &Event::Order(event.clone()));
    let first = placed(vec![line(1, 2, 1000)]);
    let mut order = None;
    let refused = FulfilmentOrder::fold(&mut order, &at(1, &captured(1)), &captured(1));
    assert_eq!((refused, &order), (Err(FoldError::NotFirst("PaymentCaptured".into())), &None));

    FulfilmentOrder::fold(&mut order, &at(1, &first), &first).unwrap();
    let before = order.clone();
    let refused = FulfilmentOrder::fold(&mut order, &at(3, &captured(1)), &captured(1));
    assert_eq!(refused, Err(FoldError::WrongVersion { current: Version(1), found: Version(3) }));
    let refused = FulfilmentOrder::fold(&mut order, &at(2, &first), &first);
    assert_eq!(refused, Err(FoldError::AlreadyCreated("OrderPlaced".into())));
    assert_eq!(order, before);
}
