//! The sentence about each event of an order. Contacts, addresses, notes and reasons are personal data and are left out.

use std::collections::BTreeSet;

use events::Minor;
use events::order::{
    Disposition, FulfilmentShipped, LineChange, LineQuantity, OrderAddressesChanged, OrderAmended, OrderEvent,
    OrderPlaced, OrderTagged, ReceivedUnits, RefundKind, RefundRecorded, ReturnReceived,
};

use super::order::TimelineOrder;
use super::units::{counted, limited, list, of_skus};
use crate::amount::amount_text;

/// One sentence about an event; `order` is the order before the event, or after it if the event placed the order.
pub(super) fn describe(order: &TimelineOrder, event: &OrderEvent) -> String {
    let amount = |amount: Minor| amount_text(amount, order.currency);
    match event {
        OrderEvent::Placed(e) => placed(order, e),
        OrderEvent::PaymentAuthorized(e) => {
            format!("Authorized {} by {} as payment {}", amount(e.amount), e.method, e.payment)
        }
        OrderEvent::PaymentCaptured(e) => {
            format!("Captured {} by {} as payment {}", amount(e.amount), e.method, e.payment)
        }
        OrderEvent::PaymentVoided(e) => format!("Voided the authorization of payment {}", e.payment),
        OrderEvent::PaymentFailed(e) => format!("Payment {} failed", e.payment),
        OrderEvent::FulfilmentCreated(e) => {
            format!("Created fulfilment {} at {} with {}", e.fulfilment, e.location, units(order, &e.lines))
        }
        OrderEvent::FulfilmentShipped(e) => shipped(e),
        OrderEvent::FulfilmentDelivered(e) => format!("Delivered fulfilment {}", e.fulfilment),
        OrderEvent::FulfilmentCancelled(e) => format!("Cancelled fulfilment {}", e.fulfilment),
        OrderEvent::LinesCancelled(e) => {
            format!("Cancelled {}", order.units(e.lines.iter().map(|line| (line.line, line.quantity))))
        }
        OrderEvent::Cancelled(_) => "Cancelled the order".to_owned(),
        OrderEvent::ReturnRequested(e) => {
            format!("Requested return {} of {}", e.return_no, units(order, &e.lines))
        }
        OrderEvent::ReturnReceived(e) => received(order, e),
        OrderEvent::ReturnRejected(e) => format!("Rejected return {}", e.return_no),
        OrderEvent::RefundRecorded(e) => refunded(order, e),
        OrderEvent::Amended(e) => amended(order, e),
        OrderEvent::Held(_) => "Put the order on hold".to_owned(),
        OrderEvent::HoldReleased(_) => "Released the order hold".to_owned(),
        OrderEvent::NoteAdded(_) => "Added a note".to_owned(),
        OrderEvent::Tagged(e) => tagged(e),
        OrderEvent::AddressesChanged(e) => addresses_changed(e),
        OrderEvent::CustomerAssigned(e) => format!("Assigned the order to customer {}", e.customer_id),
        OrderEvent::PersonalDataErased(_) => "Erased the personal data of the order".to_owned(),
        OrderEvent::BackordersChanged(e) => {
            let units = order.units(e.lines.iter().map(|line| (line.line, line.backordered)));
            format!("Changed the backordered units to {units}")
        }
        OrderEvent::Expired(_) => "Expired the order, which was not paid by the payment deadline".to_owned(),
        OrderEvent::Completed(_) => "Completed the order".to_owned(),
    }
}

fn units(order: &TimelineOrder, lines: &[LineQuantity]) -> String {
    order.units(lines.iter().map(|line| (line.line, line.quantity)))
}

fn placed(order: &TimelineOrder, placed: &OrderPlaced) -> String {
    let units = of_skus(placed.lines.iter().map(|line| (line.sku.to_string(), line.quantity)));
    format!("Placed order {} with {units}, total {}", placed.code, amount_text(placed.total, order.currency))
}

fn shipped(shipped: &FulfilmentShipped) -> String {
    let carrier = shipped.carrier.as_ref().map(|carrier| format!(" with {carrier}")).unwrap_or_default();
    let tracking = shipped.tracking.as_ref().map(|tracking| format!(", tracking number {tracking}"));
    format!("Shipped fulfilment {}{carrier}{}", shipped.fulfilment, tracking.unwrap_or_default())
}

fn received(order: &TimelineOrder, received: &ReturnReceived) -> String {
    let condition = |disposition| match disposition {
        Disposition::Restock => "restocked",
        Disposition::Damaged => "damaged",
        Disposition::Lost => "lost",
    };
    let item = |units: &ReceivedUnits| {
        let quantity = counted(units.quantity.into(), "unit");
        format!("{quantity} of {} {}", order.sku(units.line), condition(units.disposition))
    };
    let rest = received.rest.map(|disposition| format!("all outstanding units {}", condition(disposition)));
    let items = rest.into_iter().chain(received.lines.iter().map(item)).collect();
    format!("Recorded the receipt of return {}: {}", received.return_no, limited(items, "other line"))
}

fn refunded(order: &TimelineOrder, refund: &RefundRecorded) -> String {
    let amount = amount_text(refund.amount, order.currency);
    let purpose = match (refund.return_no, refund.kind) {
        (Some(return_no), _) => format!(" for return {return_no}"),
        (None, Some(RefundKind::Repayment)) => " as a repayment".to_owned(),
        (None, Some(RefundKind::Goodwill)) => " as goodwill".to_owned(),
        (None, Some(RefundKind::Return)) => " for a return".to_owned(),
        (None, None) => String::new(),
    };
    format!("Refunded {amount} of payment {}{purpose}", refund.payment)
}

fn amended(order: &TimelineOrder, amended: &OrderAmended) -> String {
    let mut changes = Vec::new();
    if !amended.added.is_empty() {
        let added = amended.added.iter().map(|line| (line.sku.to_string(), line.quantity));
        changes.push(format!("added {}", of_skus(added)));
    }
    if !amended.changed.is_empty() {
        let changed = amended.changed.iter().map(|change| line_changed(order, change)).collect();
        changes.push(limited(changed, "other line change"));
    }
    if amended.shipping_lines.is_some() {
        changes.push(format!("changed shipping to {}", amount_text(amended.shipping, order.currency)));
    }
    let total = amount_text(amended.total, order.currency);
    match changes.is_empty() {
        true => format!("Amended the order, total {total}"),
        false => format!("Amended the order: {}, total {total}", changes.join(", ")),
    }
}

/// The quantity of a change includes cancelled units; the sentence does not.
fn line_changed(order: &TimelineOrder, change: &LineChange) -> String {
    let (before, cancelled) = order.line(change.line).map_or((0, 0), |line| (line.ordered, line.cancelled));
    let sku = order.sku(change.line);
    let wanted = change.quantity.saturating_sub(cancelled);
    match (wanted, change.quantity == before) {
        (0, _) => format!("removed {sku}"),
        (_, true) => format!("changed the price of {sku}"),
        (_, false) => format!("changed {sku} to {}", counted(wanted.into(), "unit")),
    }
}

fn tagged(tagged: &OrderTagged) -> String {
    let tags = |verb, tags: &BTreeSet<String>| {
        let noun = if tags.len() == 1 { "tag" } else { "tags" };
        let quoted = tags.iter().map(|tag| format!("\"{tag}\"")).collect();
        (!tags.is_empty()).then(|| format!("{verb} the {noun} {}", limited(quoted, "other tag")))
    };
    let (added, removed) = (tags("added", &tagged.added), tags("removed", &tagged.removed));
    let changes: Vec<String> = added.into_iter().chain(removed).collect();
    match changes.is_empty() {
        true => "Changed no tags".to_owned(),
        false => capitalized(&list(&changes)),
    }
}

fn addresses_changed(changed: &OrderAddressesChanged) -> String {
    match (&changed.shipping_address, &changed.billing_address) {
        (Some(_), None) => "Changed the shipping address".to_owned(),
        (None, Some(_)) => "Changed the billing address".to_owned(),
        (Some(_), Some(_)) => "Changed the shipping address and the billing address".to_owned(),
        (None, None) => "Changed no address".to_owned(),
    }
}

fn capitalized(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map(|first| first.to_uppercase().chain(chars).collect()).unwrap_or_default()
}
