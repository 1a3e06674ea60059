//! The timeline of an order: its sentences, and that they have no personal data.

use events::order::*;
use events::{Currency, Event, Location, Minor, Recorded, StreamId, Version};
use proptest::prelude::*;
use read_model::{FoldError, TimelineEntry, TimelineOrder};

use crate::erasure::{self, NAMED};
use crate::histories::history;
use crate::samples::*;

fn fold(
    mut order: Option<TimelineOrder>,
    history: &[(Recorded, OrderEvent)],
) -> (Option<TimelineOrder>, Vec<TimelineEntry>) {
    let entries = history.iter().map(|(recorded, event)| TimelineOrder::fold(&mut order, recorded, event).unwrap());
    let entries = entries.collect();
    (order, entries)
}

fn texts(history: Vec<OrderEvent>) -> Vec<String> {
    fold(None, &recorded_orders(history)).1.into_iter().map(|entry| entry.text).collect()
}

/// The sentence about `event` in an order with two lines.
fn text(event: OrderEvent) -> String {
    texts(vec![placed(vec![line(1, 2, 1000), line(2, 1, 50)]), event]).remove(1)
}

proptest! {
    #[test]
    fn the_timeline_is_the_same_in_one_part_or_in_two_with_json_in_between(
        quantities in prop::collection::vec((1..5u32, 0..5_000i64), 1..4),
        proposals in prop::collection::vec(any::<u8>(), 0..40),
        cut in any::<prop::sample::Index>(),
    ) {
        let lines = (1..).zip(quantities).map(|(no, (quantity, price))| line(no, quantity, price)).collect();
        let history = recorded_orders(history(lines, &proposals));
        let (order, entries) = fold(None, &history);

        let (before, after) = history.split_at(cut.index(history.len() + 1));
        let (half, first) = fold(None, before);
        let stored = serde_json::to_string(&half).unwrap();
        let (halves, second) = fold(serde_json::from_str(&stored).unwrap(), after);

        prop_assert_eq!(&order, &halves);
        prop_assert_eq!(&entries, &[first, second].concat());
        prop_assert_eq!(entries.len(), history.len());
        for ((recorded, _), entry) in history.iter().zip(&entries) {
            prop_assert_eq!((entry.id, entry.version, &entry.kind), (recorded.id(), recorded.version, &recorded.event_type));
            prop_assert!(!entry.text.is_empty() && entry.text.starts_with(|c: char| c.is_ascii_uppercase()), "{}", entry.text);
        }
    }
}

#[test]
fn a_sentence_has_amounts_and_skus() {
    let placed = placed(vec![line(1, 2, 1000), line(2, 1, 50)]);
    assert_eq!(
        texts(vec![placed]),
        ["Placed order SON000001 with 2 units of SKU-1 and 1 unit of SKU-2, total 27.60 GBP"]
    );
    assert_eq!(text(captured(1250)), "Captured 12.50 GBP by card as payment 1");
    let cancelled = vec![CancelledLine { line: 2, quantity: 1, remaining: None }];
    let cancelled = OrderLinesCancelled { lines: cancelled, reason: "changed my mind".into() };
    assert_eq!(text(OrderEvent::LinesCancelled(cancelled)), "Cancelled 1 unit of SKU-2");
    let lines = vec![LineQuantity { line: 1, quantity: 2 }];
    let created = FulfilmentCreated { fulfilment: 1, location: Location::main(), lines };
    assert_eq!(text(OrderEvent::FulfilmentCreated(created)), "Created fulfilment 1 at main with 2 units of SKU-1");
    let refund = |kind, return_no| {
        text(OrderEvent::RefundRecorded(RefundRecorded { payment: 1, amount: Minor(5), kind, return_no }))
    };
    assert_eq!(refund(Some(RefundKind::Goodwill), None), "Refunded 0.05 GBP of payment 1 as goodwill");
    assert_eq!(refund(Some(RefundKind::Return), Some(2)), "Refunded 0.05 GBP of payment 1 for return 2");
}

#[test]
fn amounts_have_the_decimals_of_the_currency() {
    let OrderEvent::Placed(placed) = placed(vec![line(1, 2, 1000)]) else { panic!("no order") };
    let currency: Currency = "JPY".parse().unwrap();
    let history = vec![OrderEvent::Placed(OrderPlaced { currency, ..placed }), captured(1250)];
    assert_eq!(texts(history)[1], "Captured 1250 JPY by card as payment 1");
}

#[test]
fn an_amendment_names_its_changes_without_cancelled_units() {
    let change = |line, quantity| LineChange {
        line,
        quantity,
        discount: Minor::ZERO,
        tax: Minor::ZERO,
        total: Minor(0),
        pricing: Default::default(),
        with_cancelled: false,
        backordered: 0,
    };
    let cancelled = vec![CancelledLine { line: 1, quantity: 1, remaining: None }];
    let amended = |changed, added, shipping_lines| {
        let (shipping, total) = (Minor(500), Minor(9900));
        OrderEvent::Amended(OrderAmended {
            added,
            changed,
            shipping_lines,
            shipping,
            total,
            reason: Some("why".into()),
        })
    };
    let texts = texts(vec![
        placed(vec![line(1, 3, 1000), line(2, 1, 50)]),
        OrderEvent::LinesCancelled(OrderLinesCancelled { lines: cancelled, reason: "why".into() }),
        amended(vec![change(1, 3), change(2, 4)], vec![line(3, 2, 10)], Some(vec![post()])),
        amended(vec![change(1, 1), change(2, 3)], vec![], None),
    ]);
    assert_eq!(
        texts[2],
        "Amended the order: added 2 units of SKU-3, changed the price of SKU-1 and changed SKU-2 to 4 units, \
         changed shipping to 5.00 GBP, total 99.00 GBP"
    );
    assert_eq!(texts[3], "Amended the order: removed SKU-1 and changed SKU-2 to 3 units, total 99.00 GBP");
}

#[test]
fn returned_units_are_listed_by_condition() {
    let lines = [(1, 1, Disposition::Restock), (1, 1, Disposition::Damaged), (2, 1, Disposition::Lost)];
    let lines = lines.map(|(line, quantity, disposition)| ReceivedUnits { line, quantity, disposition }).to_vec();
    let received = |lines, rest| text(OrderEvent::ReturnReceived(ReturnReceived { return_no: 1, lines, rest }));
    assert_eq!(
        received(lines, None),
        "Recorded the receipt of return 1: 1 unit of SKU-1 restocked, 1 unit of SKU-1 damaged and 1 unit of SKU-2 lost"
    );
    let rest = Some(Disposition::Restock);
    assert_eq!(received(vec![], rest), "Recorded the receipt of return 1: all outstanding units restocked");
}

#[test]
fn tags_are_named() {
    let added = ["gift".to_owned(), "vip".to_owned()].into();
    let tagged = OrderTagged { added, removed: ["late".to_owned()].into() };
    assert_eq!(text(OrderEvent::Tagged(tagged)), "Added the tags \"gift\" and \"vip\" and removed the tag \"late\"");
}

#[test]
fn a_timeline_has_no_personal_data() {
    let assigned = OrderEvent::AddressesChanged(OrderAddressesChanged {
        shipping_address: Some(address(NAMED)),
        billing_address: None,
    });
    let history: Vec<_> = erasure::history().into_iter().chain([assigned]).collect();
    let (_, entries) = fold(None, &recorded_orders(history));
    assert!(!serde_json::to_string(&entries).unwrap().contains(NAMED), "{entries:?}");
}

#[test]
fn an_event_that_does_not_continue_a_timeline_is_refused_and_changes_nothing() {
    let stream = StreamId::order(order_id());
    let at = |version, event: &OrderEvent| recorded(&stream, version, &Event::Order(event.clone()));
    let first = placed(vec![line(1, 2, 1000)]);
    let mut order = None;
    let refused = TimelineOrder::fold(&mut order, &at(1, &captured(1)), &captured(1));
    assert_eq!((refused, &order), (Err(FoldError::NotFirst("PaymentCaptured".into())), &None));

    TimelineOrder::fold(&mut order, &at(1, &first), &first).unwrap();
    let before = order.clone();
    let refused = TimelineOrder::fold(&mut order, &at(3, &captured(1)), &captured(1));
    assert_eq!(refused, Err(FoldError::WrongVersion { current: Version(1), found: Version(3) }));
    let refused = TimelineOrder::fold(&mut order, &at(2, &first), &first);
    assert_eq!(refused, Err(FoldError::AlreadyCreated("OrderPlaced".into())));
    assert_eq!(order, before);
}
