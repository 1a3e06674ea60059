//! Folding is the same in one go and in any two halves with the stored JSON in between; what does not continue is
//! refused.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use chrono::{DateTime, Utc};
use events::order::progress::{FulfilmentStatus, Lifecycle, PaymentStatus, Progress};
use events::order::*;
use events::personal::{Address, Personal};
use events::product::*;
use events::stock::*;
use events::{
    CustomerId, Event, HoldId, Incarnation, Location, Metadata, Minor, OrderId, Position, Recorded, StreamId, Version,
    codec,
};
use proptest::prelude::*;
use read_model::{FoldError, LedgerRow, OrderDocument, OrderSummary, PriceRow, ProductDocument, StockDocument};

fn instant(second: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(1_700_000_000 + second, 0).unwrap()
}

fn order_id() -> OrderId {
    OrderId::new(instant(0), [7; 10])
}

fn recorded(stream: &StreamId, version: i32, event: &Event) -> Recorded {
    let encoded = codec::encode(event);
    Recorded {
        incarnation: Incarnation(1),
        position: Position(i64::from(version) * 10),
        stream: stream.clone(),
        version: Version(version),
        event_type: encoded.event_type.into(),
        schema_version: encoded.schema_version,
        payload: encoded.payload,
        metadata: Metadata::default(),
        command_id: None,
        recorded_at: instant(i64::from(version)),
    }
}

fn line(line: u32, quantity: u32, price: i64) -> Line {
    Line {
        line,
        sku: format!("SKU-{line}").parse().unwrap(),
        name: format!("thing \"{line}\" ü"),
        quantity,
        unit_price: Minor(price),
        discount: Minor::ZERO,
        tax: Minor(price / 5),
        total: Minor(price * i64::from(quantity) + price / 5),
        pricing: events::order::pricing::Pricing { tax_rate: Some(0), ..Default::default() },
        location: Location::main(),
        backordered: 0,
        untracked: false,
    }
}

fn placed(lines: Vec<Line>) -> OrderEvent {
    let total = lines.iter().map(|line| line.total.0).sum::<i64>() + 500;
    OrderEvent::Placed(OrderPlaced {
        order_id: order_id(),
        code: "SON000001".parse().unwrap(),
        channel: "web".parse().unwrap(),
        currency: "GBP".parse().unwrap(),
        customer_id: None,
        external_ref: Some("inv-1".into()),
        lines,
        discount: Minor::ZERO,
        shipping: Minor(500),
        shipping_lines: Vec::new(),
        total: Minor(total),
        note: None,
        contact: None,
        shipping_address: None,
        billing_address: None,
        tags: Default::default(),
        payment_due: None,
        hold_id: None,
    })
}

fn captured(amount: i64) -> OrderEvent {
    OrderEvent::PaymentCaptured(PaymentCaptured {
        payment: 1,
        amount: Minor(amount),
        method: "card".into(),
        reference: None,
    })
}

/// A history that a decider could have written: each number proposes an event, what the order forbids is left out.
fn history(lines: Vec<Line>, proposals: &[u8]) -> Vec<OrderEvent> {
    let mut progress = Progress::default();
    let mut history = vec![placed(lines)];
    progress.evolve(&history[0]);
    for proposal in proposals {
        if let Some(event) = propose(&progress, *proposal) {
            progress.evolve(&event);
            history.push(event);
        }
    }
    history
}

fn propose(order: &Progress, proposal: u8) -> Option<OrderEvent> {
    let line = &order.lines[usize::from(proposal) % order.lines.len()];
    let piece = |quantity| vec![LineQuantity { line: line.line, quantity }];
    let payment = order.payments.len() as u32 + 1;
    let reason = || Personal::from("because");
    Some(match proposal % 22 {
        0 => OrderEvent::PaymentAuthorized(PaymentAuthorized {
            payment,
            amount: Minor(700),
            method: "card".into(),
            reference: Some("auth".into()),
        }),
        1 => OrderEvent::PaymentCaptured(PaymentCaptured {
            payment: payment.saturating_sub(1).max(1),
            amount: Minor(300),
            method: "cash".into(),
            reference: None,
        }),
        2 => OrderEvent::PaymentFailed(PaymentFailed { payment, reason: reason() }),
        3 => OrderEvent::PaymentVoided(PaymentVoided { payment: order.payments.last()?.payment }),
        4 => OrderEvent::RefundRecorded(RefundRecorded {
            payment: order.payments.last()?.payment,
            amount: Minor(100),
            kind: [None, Some(RefundKind::Repayment), Some(RefundKind::Goodwill)][usize::from(proposal) % 3],
            return_no: None,
        }),
        5 | 6 => OrderEvent::FulfilmentCreated(FulfilmentCreated {
            fulfilment: order.fulfilments.len() as u32 + 1,
            location: Location::main(),
            lines: piece(1).into_iter().filter(|_| line.unfulfilled() > 0).collect(),
        }),
        7 => OrderEvent::FulfilmentShipped(FulfilmentShipped {
            fulfilment: in_state(order, progress::FulfilmentState::Created)?,
            carrier: Some("post".into()),
            tracking: Some("T1".into()),
        }),
        8 => OrderEvent::FulfilmentDelivered(FulfilmentDelivered {
            fulfilment: in_state(order, progress::FulfilmentState::Shipped)?,
        }),
        9 => OrderEvent::FulfilmentCancelled(FulfilmentCancelled {
            fulfilment: in_state(order, progress::FulfilmentState::Created)?,
        }),
        10 if line.unfulfilled() > 0 => {
            OrderEvent::LinesCancelled(OrderLinesCancelled { lines: vec![cancelled(line, proposal)], reason: reason() })
        }
        11 if line.returnable() > 0 => OrderEvent::ReturnRequested(ReturnRequested {
            return_no: order.returns.len() as u32 + 1,
            lines: piece(1),
            reason: reason(),
            external_ref: Some("C1".into()),
        }),
        12 => {
            let open = order.returns.iter().find(|it| it.state == progress::ReturnState::Requested)?;
            let units =
                |LineQuantity { line, quantity }| ReceivedUnits { line, quantity, disposition: Disposition::Restock };
            let lines = open.outstanding().into_iter().take(1).map(units).collect();
            OrderEvent::ReturnReceived(ReturnReceived { return_no: open.return_no, lines, rest: None })
        }
        13 | 14 => OrderEvent::Amended(amended(order, line, proposal)),
        15 => OrderEvent::Held(OrderHeld { reason: reason() }),
        16 if order.held => OrderEvent::HoldReleased(OrderHoldReleased {}),
        17 => OrderEvent::NoteAdded(OrderNoteAdded { note: "called".into(), author: Some("Kim".into()) }),
        18 => {
            let (gift, late) = ([String::from("gift")].into(), [String::from("late")].into());
            let (added, removed) = if proposal % 4 < 2 { (gift, late) } else { (late, gift) };
            OrderEvent::Tagged(OrderTagged { added, removed })
        }
        19 => OrderEvent::AddressesChanged(OrderAddressesChanged {
            shipping_address: Some(address("Leeds")),
            billing_address: (proposal % 4 < 2).then(|| address("York")),
        }),
        20 => OrderEvent::CustomerAssigned(OrderCustomerAssigned {
            customer_id: CustomerId::new(instant(0), [proposal; 10]),
        }),
        21 if order.lines.iter().all(|line| line.shipped == 0 && line.in_fulfilment == 0) => {
            OrderEvent::Expired(OrderExpired {})
        }
        21 => OrderEvent::Completed(OrderCompleted {}),
        _ => return None,
    })
}

/// One unit of a line is cancelled, with what is left of it or as version 1 of the event had it.
fn cancelled(line: &progress::LineProgress, proposal: u8) -> CancelledLine {
    let amounts = line.amounts(line.wanted() - 1).unwrap();
    let remaining = RemainingLine { amounts, backordered: line.backordered.saturating_sub(1) };
    CancelledLine { line: line.line, quantity: 1, remaining: (proposal % 4 < 2).then_some(remaining) }
}

/// One more piece of a line, and where the number is odd a line more.
fn amended(order: &Progress, grown: &progress::LineProgress, proposal: u8) -> OrderAmended {
    let quantity = grown.ordered + 1;
    let total = Minor(grown.total.0 + 100);
    let (discount, tax, backordered) = (Minor::ZERO, Minor(5), grown.backordered + 1);
    let (line_no, with_cancelled, pricing) = (grown.line, proposal % 8 < 4, grown.pricing);
    let changed = LineChange { line: line_no, quantity, discount, tax, total, pricing, with_cancelled, backordered };
    let added = if proposal % 2 == 1 { vec![line(order.lines.len() as u32 + 1, 2, 300)] } else { vec![] };
    let more: i64 = 100 + added.iter().map(|line| line.total.0).sum::<i64>();
    OrderAmended {
        added,
        changed: vec![changed],
        shipping_lines: (proposal % 4 < 2).then(|| vec![post()]),
        shipping: Minor(500),
        total: Minor(order.total.0 + more),
        reason: None,
    }
}

fn post() -> ShippingLine {
    ShippingLine {
        name: "Post".into(),
        amount: Minor(400),
        tax_rate: Some(250_000),
        tax: Minor(100),
        total: Minor(500),
    }
}

fn address(city: &str) -> Personal<Address> {
    let text = str::to_owned;
    Personal::new(Address {
        name: text("Ada"),
        line1: text("1 High St"),
        city: text(city),
        country: text("GB"),
        ..Default::default()
    })
}

fn in_state(order: &Progress, state: progress::FulfilmentState) -> Option<PartNo> {
    order.fulfilments.iter().find(|it| it.state == state).map(|it| it.fulfilment)
}

fn fold_orders(mut held: Option<OrderDocument>, history: &[(i32, OrderEvent)]) -> Option<OrderDocument> {
    let stream = StreamId::order(order_id());
    for (version, event) in history {
        OrderDocument::fold(&mut held, &recorded(&stream, *version, &Event::Order(event.clone())), event).unwrap();
    }
    held
}

fn numbered<T>(events: Vec<T>) -> Vec<(i32, T)> {
    (1..).zip(events).collect()
}

proptest! {
    #[test]
    fn an_order_is_the_same_folded_whole_or_in_two_halves_through_its_json(
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

    #[test]
    fn stock_is_the_same_folded_whole_or_in_two_halves_and_the_ledger_sums_to_what_is_on_hand(
        moves in prop::collection::vec((0..12u8, 1..100u32), 1..40), cut in any::<prop::sample::Index>(),
    ) {
        let stream: StreamId = "stock-A-1@main".parse().unwrap();
        let history: Vec<_> = (1..).zip(moves).map(|(version, (kind, quantity))| {
            let event = movement(kind, quantity);
            (recorded(&stream, version, &Event::Stock(event.clone())), event)
        }).collect();
        let fold = |mut held, history: &[(Recorded, StockEvent)]| {
            history.iter().for_each(|(recorded, event)| StockDocument::fold(&mut held, recorded, event).unwrap());
            held
        };
        let whole = fold(None, &history);

        let (before, after) = history.split_at(cut.index(history.len() + 1));
        let stored = serde_json::to_string(&fold(None, before)).unwrap();
        prop_assert_eq!(&whole, &fold(serde_json::from_str(&stored).unwrap(), after));

        let item = whole.unwrap();
        let ledger: Vec<_> =
            history.iter().map(|(recorded, event)| LedgerRow::of(recorded, event).unwrap()).collect();
        prop_assert_eq!(item.level.on_hand, ledger.iter().map(on_hand).sum::<i64>());
        prop_assert_eq!(item.level.reserved, ledger.iter().map(promised).sum::<i64>());
        prop_assert_eq!(item.shortage, item.level.shortage());
        prop_assert_eq!(item.available, (item.level.on_hand - item.level.safety - item.level.reserved).max(0));
    }
}

fn movement(kind: u8, quantity: u32) -> StockEvent {
    let order_id = order_id();
    let hold_id = HoldId::try_from(order_id.uuid()).unwrap();
    // Some as version 1 wrote it.
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

fn promised(row: &LedgerRow) -> i64 {
    use read_model::stock::Movement;
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
    use read_model::stock::Movement;
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

#[test]
fn an_order_shows_sums_and_statuses() {
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
fn an_order_shows_what_was_changed_and_written_down() {
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
        OrderEvent::Held(OrderHeld { reason: "in doubt".into() }),
        OrderEvent::NoteAdded(OrderNoteAdded { note: "called".into(), author: Some("Kim".into()) }),
        OrderEvent::Tagged(OrderTagged { added: ["gift".to_owned()].into(), removed: Default::default() }),
        OrderEvent::AddressesChanged(OrderAddressesChanged {
            shipping_address: Some(address("Leeds")),
            billing_address: None,
        }),
        OrderEvent::CustomerAssigned(OrderCustomerAssigned { customer_id: CustomerId::new(instant(0), [3; 10]) }),
    ];
    let order = fold_orders(None, &numbered(history)).unwrap();
    let pieces: Vec<_> =
        order.lines.iter().map(|line| (line.progress.line, line.progress.ordered, line.progress.tax.0)).collect();
    assert_eq!(pieces, [(1, 3, 5), (2, 2, 60)]);
    assert_eq!((order.total, order.due), (Minor(2700 + 100 + 660), Minor(2700 + 100 + 660)));
    assert_eq!(order.shipping_lines, [post()]);
    assert_eq!((order.status.fulfilment, &order.hold_reason), (FulfilmentStatus::OnHold, &Some("in doubt".into())));
    assert_eq!((order.notes[0].note.expose().as_str(), order.notes[0].written_at), ("called", instant(4)));
    assert_eq!(order.shipping_address, Some(address("Leeds")));
    let summary = OrderSummary::from(&order);
    assert_eq!(summary.tags, ["gift".to_owned()].into());
    assert_eq!((summary.total, summary.customer_id), (order.total, Some(CustomerId::new(instant(0), [3; 10]))));

    let released = fold_orders(Some(order), &[(8, OrderEvent::HoldReleased(OrderHoldReleased {}))]).unwrap();
    assert_eq!((released.status.fulfilment, released.hold_reason), (FulfilmentStatus::Backordered, None));
}

#[test]
fn what_does_not_continue_an_order_is_refused_and_changes_nothing() {
    let stream = StreamId::order(order_id());
    let first = placed(vec![line(1, 2, 1000)]);
    let at = |version, event: &OrderEvent| recorded(&stream, version, &Event::Order(event.clone()));
    let mut none = None;
    let fold = |held: &mut _, version, event: &OrderEvent| OrderDocument::fold(held, &at(version, event), event);

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
fn an_event_in_the_stream_of_something_else_is_refused() {
    let stream = StreamId::order(OrderId::new(instant(5), [9; 10]));
    let event = placed(vec![line(1, 1, 1)]);
    let recorded = recorded(&stream, 1, &Event::Order(event.clone()));
    let refused = OrderDocument::fold(&mut None, &recorded, &event);
    assert_eq!(refused, Err(FoldError::WrongStream("OrderPlaced".into())));
}

#[test]
fn a_product_keeps_every_price_it_had() {
    let stream: StreamId = "product-A-1".parse().unwrap();
    let gbp = "GBP".parse().unwrap();
    let history = [
        ProductEvent::Created(ProductCreated {
            sku: "A-1".parse().unwrap(),
            name: "thing".into(),
            prices: [(gbp, Minor(100)), ("EUR".parse().unwrap(), Minor(120))].into(),
            tax_class: None,
            attributes: Default::default(),
            tags: Default::default(),
        }),
        ProductEvent::PriceChanged(ProductPriceChanged { currency: gbp, price: Minor(90) }),
        ProductEvent::Discontinued(ProductDiscontinued {}),
    ];
    let mut held = None;
    let mut prices = Vec::new();
    for (version, event) in (1..).zip(&history) {
        let recorded = recorded(&stream, version, &Event::Product(event.clone()));
        ProductDocument::fold(&mut held, &recorded, event).unwrap();
        prices.extend(PriceRow::of(&recorded, event).unwrap());
        let json = serde_json::to_string(&held).unwrap();
        assert_eq!(serde_json::from_str::<Option<ProductDocument>>(&json).unwrap(), held);
    }
    let product = held.unwrap();
    assert_eq!((product.active, product.prices[&gbp], product.version), (false, Minor(90), Version(3)));
    let amounts: Vec<_> = prices.iter().map(|row| row.price.0).collect();
    assert_eq!(amounts, [120, 100, 90]);
    assert_eq!((product.created_at, product.updated_at), (instant(1), instant(3)));
}
