//! Returns as rows: equal to what the document of the order shows.

use std::collections::BTreeMap;

use events::order::*;
use events::personal::MARK;
use events::{Event, Minor, Recorded, StreamId, Version};
use proptest::prelude::*;
use read_model::order::OrderReturn;
use read_model::{FoldError, ReturnOrder, ReturnRow, ReturnRowLine};
use schemars::schema_for;

use crate::erasure::{self, NAMED};
use crate::histories::history;
use crate::samples::*;

/// The state, and the rows of a table to which all changed rows were written.
fn fold(
    mut order: Option<ReturnOrder>,
    history: &[(Recorded, OrderEvent)],
    table: &mut BTreeMap<u32, ReturnRow>,
) -> Option<ReturnOrder> {
    for (recorded, event) in history {
        let rows = ReturnOrder::fold(&mut order, recorded, event).unwrap();
        assert!(rows.iter().all(|row| row.log_position().position == recorded.position));
        table.extend(rows.into_iter().map(|row| (row.return_no, row)));
    }
    order
}

/// Received units by line and condition.
fn received_by_document(shown: &OrderReturn) -> BTreeMap<(u32, Disposition), u32> {
    let units = shown.progress.received.iter().filter(|units| units.quantity > 0);
    units.map(|units| ((units.line, units.disposition), units.quantity)).collect()
}

fn received_by_row(row: &ReturnRow) -> BTreeMap<(u32, Disposition), u32> {
    let by_condition = |line: &ReturnRowLine| {
        let restocked = ((line.line, Disposition::Restock), line.restocked);
        [restocked, ((line.line, Disposition::Damaged), line.damaged), ((line.line, Disposition::Lost), line.lost)]
    };
    row.lines.iter().flat_map(by_condition).filter(|(_, units)| *units > 0).collect()
}

fn refunds(history: &[(Recorded, OrderEvent)], number: PartNo) -> Minor {
    let of_return = history.iter().filter_map(|(_, event)| match event {
        OrderEvent::RefundRecorded(e) if e.return_no == Some(number) => Some(e.amount.0),
        _ => None,
    });
    Minor(of_return.sum())
}

proptest! {
    #[test]
    fn the_rows_of_an_order_are_the_returns_of_its_document(
        quantities in prop::collection::vec((1..5u32, 0..5_000i64), 1..4),
        proposals in prop::collection::vec(any::<u8>(), 0..80),
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
        prop_assert_eq!(table.into_values().collect::<Vec<_>>(), order.returns.clone());
        prop_assert_eq!(order.returns.len(), document.returns.len());
        for (row, shown) in order.returns.iter().zip(&document.returns) {
            prop_assert_eq!((row.order_id, row.currency, &row.channel), (document.id, document.currency, &document.channel));
            prop_assert_eq!((row.return_no, row.state, &row.reason), (shown.progress.return_no, shown.progress.state, &shown.reason));
            let units: Vec<_> = row.lines.iter().map(|units| LineQuantity { line: units.line, quantity: units.quantity }).collect();
            prop_assert_eq!(&units, &shown.progress.lines);
            for units in &row.lines {
                prop_assert_eq!(&units.sku, &document.lines[units.line as usize - 1].progress.sku);
            }
            prop_assert_eq!(received_by_row(row), received_by_document(shown));
            prop_assert_eq!((Some(row.requested_at), row.received_at), (shown.requested_at, shown.received_at));
            prop_assert_eq!(row.rejected_at.is_some(), shown.rejection.is_some() || row.state == progress::ReturnState::Rejected);
            prop_assert_eq!(row.refunded, refunds(&history, row.return_no));
        }
    }
}

#[test]
fn an_erasure_changes_all_rows_with_a_reason_and_later_rows_have_none() {
    let erased = || OrderEvent::PersonalDataErased(OrderPersonalDataErased {});
    let mut history = erasure::history();
    let requested = history.iter().position(|event| matches!(event, OrderEvent::ReturnRequested(_))).unwrap();
    let OrderEvent::ReturnRequested(first) = history[requested].clone() else { panic!("no return") };
    let again = |return_no| OrderEvent::ReturnRequested(ReturnRequested { return_no, ..first.clone() });
    history.push(again(2));
    history.extend([erased(), again(3), erased()]);

    let history = recorded_orders(history);
    let (earlier, later) = history.split_at(history.len() - 3);
    let mut order = fold(None, earlier, &mut BTreeMap::new());
    let mut next = |index: usize| ReturnOrder::fold(&mut order, &later[index].0, &later[index].1).unwrap();
    let numbers = |rows: &[ReturnRow]| rows.iter().map(|row| row.return_no).collect::<Vec<_>>();
    let (first, second, third) = (next(0), next(1), next(2));
    assert_eq!((numbers(&first), numbers(&second), numbers(&third)), (vec![1, 2], vec![3], vec![]));
    for rows in [first, second] {
        assert!(rows.iter().all(|row| row.reason.is_none()));
        assert!(!serde_json::to_string(&rows).unwrap().contains(NAMED));
    }
    assert!(!serde_json::to_string(&order).unwrap().contains(NAMED));
}

#[test]
fn the_reason_is_marked_as_personal() {
    let schema = schema_for!(ReturnRow).to_value();
    assert!(schema["properties"]["reason"].to_string().contains(MARK), "{schema}");
}

#[test]
fn an_event_that_does_not_continue_an_order_is_refused_and_changes_nothing() {
    let stream = StreamId::order(order_id());
    let at = |version, event: &OrderEvent| recorded(&stream, version, &Event::Order(event.clone()));
    let first = placed(vec![line(1, 2, 1000)]);
    let mut order = None;
    let refused = ReturnOrder::fold(&mut order, &at(1, &captured(1)), &captured(1));
    assert_eq!((refused, &order), (Err(FoldError::NotFirst("PaymentCaptured".into())), &None));

    ReturnOrder::fold(&mut order, &at(1, &first), &first).unwrap();
    let before = order.clone();
    let refused = ReturnOrder::fold(&mut order, &at(3, &captured(1)), &captured(1));
    assert_eq!(refused, Err(FoldError::WrongVersion { current: Version(1), found: Version(3) }));
    let refused = ReturnOrder::fold(&mut order, &at(2, &first), &first);
    assert_eq!(refused, Err(FoldError::AlreadyCreated("OrderPlaced".into())));
    assert_eq!(order, before);
}
