//! Sales: the sums of the changes of an order agree with the amounts of the order.

use std::collections::BTreeMap;

use events::order::progress::Progress;
use events::order::*;
use events::{CustomerId, Event, Minor, Recorded, Sku, StreamId, Version};
use proptest::prelude::*;
use read_model::{FoldError, SalesChange, SalesMeasures, SalesOrder};

use crate::histories::history;
use crate::samples::*;

pub(crate) fn fold(
    mut order: Option<SalesOrder>,
    history: &[(Recorded, OrderEvent)],
) -> (Option<SalesOrder>, Vec<SalesChange>) {
    let mut changes = Vec::new();
    for (recorded, event) in history {
        SalesOrder::fold(&mut order, recorded, event, &mut changes).unwrap();
    }
    (order, changes)
}

pub(crate) fn sum<'c>(changes: impl IntoIterator<Item = &'c SalesChange>) -> SalesMeasures {
    changes.into_iter().fold(SalesMeasures::default(), |sum, change| sum.plus(change.measures))
}

fn customer(number: u8) -> CustomerId {
    CustomerId::new(instant(0), [number; 10])
}

fn last_customer(history: &[(Recorded, OrderEvent)]) -> Option<CustomerId> {
    history.iter().fold(None, |customer, (_, event)| match event {
        OrderEvent::CustomerAssigned(e) => Some(e.customer_id),
        _ => customer,
    })
}

fn units(progress: &Progress, count: fn(&progress::LineProgress) -> u32) -> i64 {
    progress.lines.iter().map(|line| i64::from(count(line))).sum()
}

proptest! {
    #[test]
    fn the_sums_of_an_order_agree_with_its_progress(
        quantities in prop::collection::vec((1..5u32, 0..5_000i64), 1..4),
        proposals in prop::collection::vec(any::<u8>(), 0..60),
        cut in any::<prop::sample::Index>(),
    ) {
        let lines = (1..).zip(quantities).map(|(no, (quantity, price))| line(no, quantity, price)).collect();
        let history = recorded_orders(history(lines, &proposals));
        let (order, changes) = fold(None, &history);
        let mut progress = Progress::default();
        history.iter().for_each(|(_, event)| progress.evolve(event));

        let all = sum(&changes);
        prop_assert_eq!(all.ordered - all.cancelled, progress.due().0);
        prop_assert_eq!(all.refunded, progress.payments.iter().map(|it| it.refunded.0 - it.repaid.0).sum::<i64>());
        prop_assert_eq!(all.net(), progress.due().0 - all.refunded);
        prop_assert_eq!(all.orders, 1);
        prop_assert_eq!(all.units_ordered, units(&progress, |line| line.ordered));
        prop_assert_eq!(all.units_cancelled, units(&progress, |line| line.cancelled));
        prop_assert_eq!(all.units_returned, units(&progress, |line| line.returned));

        let order = order.unwrap();
        prop_assert_eq!(order.sum, all);
        prop_assert_eq!(&order.progress, &progress);
        let mut by_customer: BTreeMap<Option<CustomerId>, SalesMeasures> = BTreeMap::new();
        for change in &changes {
            let sum = by_customer.entry(change.customer_id).or_default();
            *sum = sum.plus(change.measures);
        }
        by_customer.retain(|_, sum| !sum.is_zero());
        prop_assert_eq!(by_customer, [(last_customer(&history), all)].into());

        let (before, after) = history.split_at(cut.index(history.len() + 1));
        let (half, first) = fold(None, before);
        let stored = serde_json::to_string(&half).unwrap();
        let (halves, second) = fold(serde_json::from_str(&stored).unwrap(), after);
        prop_assert_eq!(halves, Some(order));
        prop_assert_eq!([first, second].concat(), changes);
    }

    /// A read model that ignores customers may skip the changes that assign an order.
    #[test]
    fn the_move_to_another_customer_changes_no_other_sum(proposals in prop::collection::vec(any::<u8>(), 0..40)) {
        let history = recorded_orders(history(vec![line(1, 3, 1000), line(2, 2, 70)], &proposals));
        let (order, _) = fold(None, &history);
        let next = history.len() as i32 + 1;
        let assigned = OrderEvent::CustomerAssigned(OrderCustomerAssigned { customer_id: customer(250) });
        let recorded = recorded(&StreamId::order(order_id()), next, &Event::Order(assigned.clone()));
        let (after, moves) = fold(order.clone(), &[(recorded, assigned)]);
        prop_assert!(sum(&moves).is_zero());
        prop_assert!(moves.iter().all(|change| change.sku.is_none()));
        let order = order.unwrap();
        prop_assert_eq!(after.unwrap().sum, order.sum);
        let given = moves.iter().filter(|change| change.customer_id == Some(customer(250)));
        prop_assert!(order.customer_id == Some(customer(250)) || sum(given) == order.sum);
    }
}

/// Changes of the last event of a history, by SKU.
fn last(history: Vec<OrderEvent>) -> Vec<(Option<String>, SalesMeasures)> {
    let history = recorded_orders(history);
    let (earlier, last) = history.split_at(history.len() - 1);
    let (_, changes) = fold(fold(None, earlier).0, last);
    changes.into_iter().map(|change| (change.sku.map(|sku: Sku| sku.to_string()), change.measures)).collect()
}

fn none() -> SalesMeasures {
    SalesMeasures::default()
}

fn of_sku(sku: &str, measures: SalesMeasures) -> (Option<String>, SalesMeasures) {
    (Some(sku.to_owned()), measures)
}

/// Two lines, `SKU-1` with 3 units of 1000 and `SKU-2` with 1 unit of 50 without tax, are paid and shipped.
fn shipped() -> Vec<OrderEvent> {
    let untaxed = |line: Line, total| Line { tax: Minor::ZERO, total: Minor(total), ..line };
    let lines = vec![LineQuantity { line: 1, quantity: 3 }, LineQuantity { line: 2, quantity: 1 }];
    let location = events::Location::main();
    vec![
        placed(vec![untaxed(line(1, 3, 1000), 3000), untaxed(line(2, 1, 50), 50)]),
        captured(3550),
        OrderEvent::FulfilmentCreated(FulfilmentCreated { fulfilment: 1, location, lines }),
        OrderEvent::FulfilmentShipped(FulfilmentShipped { fulfilment: 1, carrier: None, tracking: None }),
    ]
}

/// Two units of `SKU-1` and one of `SKU-2` are returned.
fn returned() -> Vec<OrderEvent> {
    let lines = vec![LineQuantity { line: 1, quantity: 2 }, LineQuantity { line: 2, quantity: 1 }];
    let received = [(1, 1, Disposition::Restock), (1, 1, Disposition::Lost), (2, 1, Disposition::Damaged)];
    let received = received.map(|(line, quantity, disposition)| ReceivedUnits { line, quantity, disposition }).to_vec();
    let requested = ReturnRequested { return_no: 1, lines, reason: "broken".into(), external_ref: None };
    let received = ReturnReceived { return_no: 1, lines: received, rest: None };
    let returned = [OrderEvent::ReturnRequested(requested), OrderEvent::ReturnReceived(received)];
    shipped().into_iter().chain(returned).collect()
}

fn refund(amount: i64, kind: RefundKind, return_no: Option<PartNo>) -> OrderEvent {
    OrderEvent::RefundRecorded(RefundRecorded { payment: 1, amount: Minor(amount), kind: Some(kind), return_no })
}

#[test]
fn a_placed_order_has_changes_by_sku_and_one_for_the_order() {
    let order = SalesMeasures { orders: 1, ordered: 500, ..none() };
    let lines = |units_ordered, ordered| SalesMeasures { units_ordered, ordered, ..none() };
    let changes = last(shipped().into_iter().take(1).collect());
    assert_eq!(changes, [(None, order), of_sku("SKU-1", lines(3, 3000)), of_sku("SKU-2", lines(1, 50))]);
    assert_eq!(last(shipped()), []);
}

#[test]
fn an_expired_order_cancels_its_lines_and_its_shipping() {
    let placed = shipped().remove(0);
    let lines = |units_cancelled, cancelled| SalesMeasures { units_cancelled, cancelled, ..none() };
    let changes = last(vec![placed, OrderEvent::Expired(OrderExpired {})]);
    assert_eq!(changes, [(None, lines(0, 500)), of_sku("SKU-1", lines(3, 3000)), of_sku("SKU-2", lines(1, 50))]);
}

#[test]
fn returned_units_have_the_amount_that_was_due_for_them() {
    let lines = |units_returned, returned| SalesMeasures { units_returned, returned, ..none() };
    assert_eq!(last(returned()), [of_sku("SKU-1", lines(2, 2000)), of_sku("SKU-2", lines(1, 50))]);
}

#[test]
fn a_refund_for_a_return_is_distributed_over_its_lines() {
    let refunded = |refunded| SalesMeasures { refunded, ..none() };
    let with = |event| last(returned().into_iter().chain([event]).collect());
    let for_return = with(refund(1001, RefundKind::Return, Some(1)));
    assert_eq!(for_return, [of_sku("SKU-1", refunded(977)), of_sku("SKU-2", refunded(24))]);
    assert_eq!(with(refund(100, RefundKind::Goodwill, None)), [(None, refunded(100))]);
    assert_eq!(with(refund(100, RefundKind::Repayment, None)), []);
}

#[test]
fn an_event_that_does_not_continue_an_order_is_refused_and_changes_nothing() {
    let stream = StreamId::order(order_id());
    let at = |version, event: &OrderEvent| recorded(&stream, version, &Event::Order(event.clone()));
    let first = placed(vec![line(1, 2, 1000)]);
    let (mut order, mut changes) = (None, Vec::new());
    let refused = SalesOrder::fold(&mut order, &at(1, &captured(1)), &captured(1), &mut changes);
    assert_eq!((refused, &order), (Err(FoldError::NotFirst("PaymentCaptured".into())), &None));

    SalesOrder::fold(&mut order, &at(1, &first), &first, &mut changes).unwrap();
    let before = (order.clone(), changes.clone());
    let refused = SalesOrder::fold(&mut order, &at(3, &captured(1)), &captured(1), &mut changes);
    assert_eq!(refused, Err(FoldError::WrongVersion { current: Version(1), found: Version(3) }));
    let refused = SalesOrder::fold(&mut order, &at(2, &first), &first, &mut changes);
    assert_eq!(refused, Err(FoldError::AlreadyCreated("OrderPlaced".into())));
    assert_eq!((order, changes), before);
}
