//! Orders: the fold of their events.

use events::order::progress::{FulfilmentStatus, Lifecycle, PaymentStatus, Progress};
use events::order::*;
use events::{CustomerId, Event, Minor, OrderId, StreamId, Version};
use proptest::prelude::*;
use read_model::{FoldError, OrderDocument, OrderSummary};

use crate::histories::{amended, history};
use crate::samples::*;

proptest! {
    #[test]
    fn the_fold_of_an_order_is_the_same_in_one_part_or_in_two_with_json_in_between(
        quantities in prop::collection::vec((1..5u32, 0..5_000i64), 1..4),
        proposals in prop::collection::vec(any::<u8>(), 0..40),
        cut in any::<prop::sample::Index>(),
    ) {
        let lines = (1..).zip(quantities).map(|(no, (quantity, price))| line(no, quantity, price)).collect();
        let history = numbered(history(lines, &proposals));
        let whole = fold_orders(None, &history);

        let (before, after) = history.split_at(cut.index(history.len() + 1));
        let stored = serde_json::to_string(&fold_orders(None, before)).unwrap();
        let halves = fold_orders(serde_json::from_str(&stored).unwrap(), after);

        prop_assert_eq!(&whole, &halves);
        let mut progress = Progress::default();
        history.iter().for_each(|(_, event)| progress.evolve(event));
        prop_assert_eq!(whole.unwrap().progress(), progress);
    }
}

#[test]
fn an_order_contains_sums_and_statuses() {
    let mut order = fold_orders(None, &numbered(vec![placed(vec![line(1, 2, 1000)]), captured(1000)])).unwrap();
    assert_eq!((order.total, order.due, order.captured), (Minor(2700), Minor(2700), Minor(1000)));
    assert_eq!(order.status.payment, PaymentStatus::PartiallyPaid);
    assert_eq!(order.placed_at, instant(0));
    assert_eq!(order.updated_at, instant(2));
    assert_eq!(order.payments[0].method.as_deref(), Some("card"));

    let cancelled = OrderEvent::Cancelled(OrderCancelled { reason: "changed my mind".into() });
    order = fold_orders(Some(order), &[(3, cancelled)]).unwrap();
    assert_eq!(order.status.lifecycle, Lifecycle::Cancelled);
    assert_eq!(order.cancel_reason, Some("changed my mind".into()));
    assert_eq!(OrderSummary::from(&order).status, order.status);
}

#[test]
fn an_order_contains_amendments_and_notes() {
    let progress = {
        let mut progress = Progress::default();
        progress.evolve(&placed(vec![line(1, 2, 1000)]));
        progress
    };
    let history = vec![
        placed(vec![line(1, 2, 1000)]),
        OrderEvent::Amended(OrderAmended {
            shipping_lines: Some(vec![post()]),
            ..amended(&progress, &progress.lines[0], 1)
        }),
        OrderEvent::Held(OrderHeld { reason: "suspected fraud".into() }),
        OrderEvent::NoteAdded(OrderNoteAdded { note: "called".into(), author: Some("Kim".into()) }),
        OrderEvent::Tagged(OrderTagged { added: ["gift".to_owned()].into(), removed: Default::default() }),
        OrderEvent::AddressesChanged(OrderAddressesChanged {
            shipping_address: Some(address("Leeds")),
            billing_address: None,
        }),
        OrderEvent::CustomerAssigned(OrderCustomerAssigned { customer_id: CustomerId::new(instant(0), [3; 10]) }),
    ];
    let order = fold_orders(None, &numbered(history)).unwrap();
    let units: Vec<_> =
        order.lines.iter().map(|line| (line.progress.line, line.progress.ordered, line.progress.tax.0)).collect();
    assert_eq!(units, [(1, 3, 5), (2, 2, 60)]);
    assert_eq!((order.total, order.due), (Minor(2700 + 100 + 660), Minor(2700 + 100 + 660)));
    assert_eq!(order.shipping_lines, [post()]);
    assert_eq!(
        (order.status.fulfilment, &order.hold_reason),
        (FulfilmentStatus::OnHold, &Some("suspected fraud".into()))
    );
    assert_eq!((order.notes[0].note.expose().as_str(), order.notes[0].written_at), ("called", instant(4)));
    assert_eq!(order.shipping_address, Some(address("Leeds")));
    let summary = OrderSummary::from(&order);
    assert_eq!(summary.tags, ["gift".to_owned()].into());
    assert_eq!((summary.total, summary.customer_id), (order.total, Some(CustomerId::new(instant(0), [3; 10]))));

    let released = fold_orders(Some(order), &[(8, OrderEvent::HoldReleased(OrderHoldReleased {}))]).unwrap();
    assert_eq!((released.status.fulfilment, released.hold_reason), (FulfilmentStatus::Backordered, None));
}

#[test]
fn an_event_that_does_not_continue_an_order_is_refused_and_changes_nothing() {
    let stream = StreamId::order(order_id());
    let first = placed(vec![line(1, 2, 1000)]);
    let at = |version, event: &OrderEvent| recorded(&stream, version, &Event::Order(event.clone()));
    let mut none = None;
    let fold =
        |document: &mut _, version, event: &OrderEvent| OrderDocument::fold(document, &at(version, event), event);

    let not_first = fold(&mut none, 1, &captured(1));
    assert_eq!(not_first, Err(FoldError::NotFirst("PaymentCaptured".into())));
    let late = fold(&mut none, 2, &first);
    assert_eq!(late, Err(FoldError::WrongVersion { current: Version::NONE, found: Version(2) }));
    assert_eq!(none, None);

    let mut order = None;
    fold(&mut order, 1, &first).unwrap();
    let before = order.clone();
    assert_eq!(fold(&mut order, 2, &first), Err(FoldError::AlreadyCreated("OrderPlaced".into())));
    let gap = fold(&mut order, 3, &captured(1));
    assert_eq!(gap, Err(FoldError::WrongVersion { current: Version(1), found: Version(3) }));
    assert_eq!(order, before);
}

#[test]
fn an_event_in_the_stream_of_another_order_is_refused() {
    let stream = StreamId::order(OrderId::new(instant(5), [9; 10]));
    let event = placed(vec![line(1, 1, 1)]);
    let recorded = recorded(&stream, 1, &Event::Order(event.clone()));
    let refused = OrderDocument::fold(&mut None, &recorded, &event);
    assert_eq!(refused, Err(FoldError::WrongStream("OrderPlaced".into())));
}
