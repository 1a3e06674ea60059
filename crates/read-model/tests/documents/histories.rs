//! Random histories of orders that a decider could have written.

use events::order::progress::Progress;
use events::order::*;
use events::personal::Personal;
use events::{CustomerId, Location, Minor};

use crate::samples::*;

/// A history that a decider could have written: each number proposes an event, and events that the order forbids are
/// left out.
pub(crate) fn history(lines: Vec<Line>, proposals: &[u8]) -> Vec<OrderEvent> {
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
    let unit = |quantity| vec![LineQuantity { line: line.line, quantity }];
    let payment = order.payments.len() as u32 + 1;
    let reason = || Personal::from("because");
    Some(match proposal % 25 {
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
            lines: unit(1).into_iter().filter(|_| line.unfulfilled() > 0).collect(),
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
            lines: if proposal.is_multiple_of(2) { unit(1) } else { returnable(order) },
            reason: reason(),
            external_ref: Some("C1".into()),
        }),
        12 => OrderEvent::ReturnReceived(received(open_return(order)?, proposal)),
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
        22 => OrderEvent::ReturnRejected(ReturnRejected { return_no: open_return(order)?.return_no, reason: reason() }),
        23 => OrderEvent::PersonalDataErased(OrderPersonalDataErased {}),
        24 => OrderEvent::RefundRecorded(RefundRecorded {
            payment: order.payments.last()?.payment,
            amount: Minor(100 + i64::from(proposal)),
            kind: Some(RefundKind::Return),
            return_no: Some(order.returns.last()?.return_no),
        }),
        _ => return None,
    })
}

fn open_return(order: &Progress) -> Option<&progress::Return> {
    order.returns.iter().find(|it| it.state == progress::ReturnState::Requested)
}

/// All units that can be returned.
fn returnable(order: &Progress) -> Vec<LineQuantity> {
    let units = order.lines.iter().map(|line| LineQuantity { line: line.line, quantity: line.returnable() });
    units.filter(|units| units.quantity > 0).collect()
}

/// The receipt of one or two lines or, as in version 1 of the event, of the whole return.
fn received(open: &progress::Return, proposal: u8) -> ReturnReceived {
    let disposition = [Disposition::Restock, Disposition::Damaged, Disposition::Lost][usize::from(proposal) % 3];
    let units = |LineQuantity { line, quantity }| ReceivedUnits { line, quantity, disposition };
    let rest = proposal.is_multiple_of(4).then_some(disposition);
    let count = if rest.is_some() { 0 } else { usize::from(proposal % 2) + 1 };
    let lines = open.outstanding().into_iter().take(count).map(units).collect();
    ReturnReceived { return_no: open.return_no, lines, rest }
}

/// Cancels one unit of a line, with the remaining amounts or, as in version 1 of the event, without them.
fn cancelled(line: &progress::LineProgress, proposal: u8) -> CancelledLine {
    let amounts = line.amounts(line.wanted() - 1).unwrap();
    let remaining = RemainingLine { amounts, backordered: line.backordered.saturating_sub(1) };
    CancelledLine { line: line.line, quantity: 1, remaining: (proposal % 4 < 2).then_some(remaining) }
}

/// One more unit of a line, and one more line if the number is odd.
pub(crate) fn amended(order: &Progress, grown: &progress::LineProgress, proposal: u8) -> OrderAmended {
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

fn in_state(order: &Progress, state: progress::FulfilmentState) -> Option<PartNo> {
    order.fulfilments.iter().find(|it| it.state == state).map(|it| it.fulfilment)
}
