//! Amend an open order. Lines keep the price per unit at which they were ordered; new lines get the current price.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};
use events::order::pricing::Amounts;
use events::order::progress::{Lifecycle, LineProgress, Progress};
use events::order::{Line, LineChange, LineNo, LineQuantity, OrderAmended, OrderEvent};
use events::stock::{StockEvent, StockReleased};
use events::{Minor, OrderId, Personal, StreamId};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::decision::{Decision, NewEvent};
use crate::order::backorders::Backorders;
use crate::order::line::{ChangeLine, OrderLine};
use crate::order::pricing::Shipping;
use crate::order::reservation::{Counting, Given, Reservation, Terms, Wish};
use crate::order::shipping::ShippingLines;
use crate::order::shortage::{OnShortage, StockHandling};
use crate::order::state::Order;
use crate::order::{backorders, change_addresses, guards, line_pricing, personal_data, pricing, reservation};
use crate::product::state::Product;
use crate::reader::Reader;
use crate::rejection::{LowLine, Rejection};
use crate::stock::stock_units;
use crate::value::address::Address;
use crate::value::amount::Price;
use crate::value::instant;
use crate::value::lines::{Lines, MAX_LINES};
use crate::value::text::Reason;

/// An amendment of an order; fields that are left out stay unchanged.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AmendOrder {
    /// Lines to add, at their `unit_price` or else at the price of the product.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub add: Option<Lines<OrderLine>>,
    /// Lines to change; each line at most once.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub change: Option<Lines<ChangeLine>>,
    /// Numbers of the lines to remove.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub remove: Option<Lines<LineNo>>,
    /// Shipping charges; replaces all shipping lines.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub shipping_lines: Option<ShippingLines>,
    /// New shipping address; only while nothing is shipped.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub shipping_address: Option<Personal<Address>>,
    /// New billing address; only while nothing is shipped.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub billing_address: Option<Personal<Address>>,
    /// What to do if more units are requested than are in stock; as for a new order.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub on_shortage: Option<OnShortage>,
    /// Total of the order that was shown to the buyer, in minor units; the amendment is rejected if the total differs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expected_total: Option<Price>,
    /// Reason for the amendment.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<Personal<Reason>>,
    /// Instant at which the event happened (RFC 3339); the time of the request if left out.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "instant::optional")]
    pub occurred_at: Option<DateTime<Utc>>,
}

/// The requested state of a line of the order.
struct Target<'a> {
    line: &'a LineProgress,
    /// Units of the line after the amendment, without cancelled units.
    wanted: u32,
    asked: Option<&'a ChangeLine>,
}

pub(crate) fn amend(order_id: OrderId, body: &AmendOrder, reader: &Reader<'_>) -> Decision {
    let (stream, order) = reader.order(order_id)?;
    if order.progress.lifecycle == Lifecycle::Completed && is_in_effect(body, order) {
        return Ok(vec![]);
    }
    guards::open(&order.progress)?;
    let targets = targets(body, &order.progress)?;
    let added = body.add.as_deref().unwrap_or_default();
    let products: Vec<_> = added.iter().map(|line| reader.find_product(&line.sku)).collect();
    let items: Vec<StreamId> = counted(&targets).collect();
    let backorders = Backorders::on(&items, order, reader);
    let released = backorders.release(order_id, order, &released_units(&targets));
    let reservation = reserve(body, order, &targets, &released, reader);
    let not_erased = match brings_addresses(body) {
        true => personal_data::not_erased(order_id, order, reader),
        false => Ok(()),
    };

    let amended = amended(body, order, &targets, &products, &backorders, &reservation)?;
    reservation.something()?;
    reservation.complete()?;
    not_erased?;
    let addresses = change_addresses::changed(order, body.shipping_address.as_ref(), body.billing_address.as_ref())?;

    let of_order = amended.map(OrderEvent::Amended).into_iter().chain(addresses);
    let mut events: Vec<NewEvent> = of_order.map(|event| NewEvent::new(&stream, event)).collect();
    events.extend(backorders::released_events(released));
    events.extend(reservation.events(order_id));
    Ok(events)
}

/// Whether the order already is as the amendment requests; the platform may have completed the order since.
fn is_in_effect(body: &AmendOrder, order: &Order) -> bool {
    let is_so = |target: &Target<'_>| {
        let repriced = pricing::reprice(target.line, target.wanted, target.wanted, target.asked);
        target.wanted == target.line.wanted() && repriced.is_ok_and(|(pricing, _)| pricing == target.line.pricing)
    };
    let shipping = body.shipping_lines.as_deref().map(pricing::shipping);
    let (to, bill_to) = (body.shipping_address.as_ref(), body.billing_address.as_ref());
    body.add.is_none()
        && targets(body, &order.progress).is_ok_and(|targets| targets.iter().all(is_so))
        && shipping.is_none_or(|shipping| shipping.is_ok_and(|shipping| shipping.lines == order.shipping_lines))
        && change_addresses::changed(order, to, bill_to).is_ok_and(|changed| changed.is_none())
}

fn brings_addresses(body: &AmendOrder) -> bool {
    body.shipping_address.is_some() || body.billing_address.is_some()
}

/// The stock items of the lines that are counted.
fn counted(targets: &[Target<'_>]) -> impl Iterator<Item = StreamId> {
    targets.iter().filter(|target| !target.line.untracked).map(|target| stock_units::of_line(target.line))
}

/// The lines that the caller names. Rejects lines that are named more than once, unknown lines, and lines that would
/// have fewer units than are packed and shipped. To remove a line that was removed earlier has no effect.
fn targets<'a>(body: &'a AmendOrder, progress: &'a Progress) -> Result<Vec<Target<'a>>, Rejection> {
    let changed = body.change.as_deref().unwrap_or_default().iter().map(|change| (change.line, Some(change)));
    let removed = body.remove.as_deref().unwrap_or_default().iter().map(|line| (*line, None));
    let (mut seen, mut repeated, mut unknown, mut low) = (BTreeSet::new(), Vec::new(), Vec::new(), Vec::new());
    let mut targets = Vec::new();
    for (number, asked) in changed.chain(removed) {
        if !seen.insert(number) {
            repeated.push(number);
            continue;
        }
        let Some(line) = progress.line(number).filter(|line| line.ordered > 0 || asked.is_none()) else {
            unknown.push(number);
            continue;
        };
        let wanted = asked.map_or(0, |asked| asked.quantity.map_or(line.wanted(), |quantity| quantity.get()));
        let least = line.in_fulfilment + line.shipped;
        if wanted < least {
            low.push(LowLine { line: number, requested: wanted, least });
        }
        targets.push(Target { line, wanted, asked });
    }
    if !repeated.is_empty() {
        return Err(Rejection::RepeatedLines(repeated));
    }
    if !unknown.is_empty() {
        return Err(Rejection::UnknownLines { lines: unknown, last: progress.lines.len() as LineNo });
    }
    match low.is_empty() {
        true => Ok(targets),
        false => Err(Rejection::BelowFulfilled(low)),
    }
}

/// The units by which lines are reduced.
fn released_units(targets: &[Target<'_>]) -> Vec<LineQuantity> {
    let units = |target: &Target<'_>| {
        let quantity = target.line.wanted().saturating_sub(target.wanted);
        LineQuantity { line: target.line.line, quantity }
    };
    targets.iter().map(units).filter(|units| units.quantity > 0).collect()
}

/// Reserves the additional units of existing lines, then the units of new lines.
fn reserve(
    body: &AmendOrder,
    order: &Order,
    targets: &[Target<'_>],
    released: &[(StreamId, StockReleased)],
    reader: &Reader<'_>,
) -> Reservation {
    let more = growing(targets).map(|(target, units)| Wish {
        line: target.line.line,
        sku: &target.line.sku,
        location: &target.line.location,
        units,
        counting: if target.line.untracked { Counting::Uncounted } else { Counting::Counted },
    });
    let first = order.progress.lines.len() as LineNo + 1;
    let new = (first..).zip(body.add.as_deref().unwrap_or_default()).map(|(number, line)| Wish {
        line: number,
        sku: &line.sku,
        location: stock_units::location(line),
        units: line.quantity.get(),
        counting: Counting::ByPolicy,
    });
    let back: BTreeMap<&StreamId, &StockReleased> = released.iter().map(|(stream, event)| (stream, event)).collect();
    let terms = Terms { on_shortage: body.on_shortage, handling: StockHandling::Enforce };
    reservation::reserve(more.chain(new), terms, |stream| {
        let mut level = reader.level(stream);
        if let Some(back) = back.get(stream) {
            level.evolve(&StockEvent::Released((*back).clone()));
        }
        level
    })
}

/// The lines that grow, and the number of additional units.
fn growing<'t, 'a>(targets: &'t [Target<'a>]) -> impl Iterator<Item = (&'t Target<'a>, u32)> {
    let more = |target: &'t Target<'a>| (target, target.wanted.saturating_sub(target.line.wanted()));
    targets.iter().map(more).filter(|(_, units)| *units > 0)
}

/// The amendment event; `None` if lines and shipping stay the same.
fn amended(
    body: &AmendOrder,
    order: &Order,
    targets: &[Target<'_>],
    products: &[Option<&Product>],
    backorders: &Backorders,
    reservation: &Reservation,
) -> Result<Option<OrderAmended>, Rejection> {
    let grown = growing(targets).count();
    let (more, new) = reservation.lines.split_at(grown);
    let changed = changes(targets, backorders, more)?;
    let added = additions(body, order, products, new)?;
    let shipping = body.shipping_lines.as_deref().map(pricing::shipping).transpose()?;
    let shipping = shipping.filter(|shipping| shipping.lines != order.shipping_lines);
    let shipping_total = shipping.as_ref().map_or(order.progress.shipping, |shipping| shipping.total);
    let total = total(&order.progress, &changed, &added, shipping_total)?;
    pricing::expect(body.expected_total.map(Price::minor), total)?;
    if changed.is_empty() && added.is_empty() && shipping.is_none() {
        return Ok(None);
    }
    something_left(&order.progress, &changed, &added)?;
    Ok(Some(OrderAmended {
        added,
        changed,
        shipping_lines: shipping.map(|Shipping { lines, .. }| lines),
        shipping: shipping_total,
        total,
        reason: body.reason.as_ref().map(|reason| reason.expose().as_str().into()),
    }))
}

/// The lines whose quantity or price changes; `more` has the additional units of the lines that grow, in the order of
/// the lines.
fn changes(targets: &[Target<'_>], backorders: &Backorders, more: &[Given]) -> Result<Vec<LineChange>, Rejection> {
    let mut more = more.iter();
    let mut changes = Vec::new();
    for Target { line, wanted: asked_for, asked } in targets {
        let before = line.wanted();
        let given = if *asked_for > before { more.next().copied().unwrap_or_default() } else { Given::default() };
        let wanted = (*asked_for).min(before) + given.units;
        // Grows with every unit that is added and cancelled again, so the sum can overflow.
        let quantity = wanted.checked_add(line.cancelled).ok_or(Rejection::AmountOverflow)?;
        let (pricing, Amounts { discount, tax, total }) = pricing::reprice(line, *asked_for, wanted, *asked)?;
        let unfulfilled = wanted - line.in_fulfilment - line.shipped;
        let still_backordered = backorders.of(line.line).saturating_sub(before.saturating_sub(wanted)).min(unfulfilled);
        let backordered = still_backordered + given.backordered;
        if wanted != before || pricing != line.pricing {
            let (line, with_cancelled) = (line.line, false);
            changes.push(LineChange { line, quantity, discount, tax, total, pricing, with_cancelled, backordered });
        }
    }
    Ok(changes)
}

/// The new lines; lines that got no unit are left out.
fn additions(
    body: &AmendOrder,
    order: &Order,
    products: &[Option<&Product>],
    new: &[Given],
) -> Result<Vec<Line>, Rejection> {
    let lines: &[OrderLine] = body.add.as_deref().unwrap_or_default();
    let (Some(currency), false) = (order.currency, lines.is_empty()) else { return Ok(Vec::new()) };
    let first = order.progress.lines.len() as LineNo + 1;
    let line_pricings = line_pricing::line_pricings(lines, products, currency, first)?;
    let ordered =
        lines.iter().zip(line_pricings).zip(new).map(|((line, line_pricing), given)| (line, line_pricing, *given));
    let ordered: Vec<_> = ordered.filter(|(_, _, given)| given.units > 0).collect();
    let all = order.progress.lines.len() + ordered.len();
    if all > MAX_LINES {
        return Err(Rejection::TooManyLines { lines: all, limit: MAX_LINES });
    }
    (first..).zip(&ordered).map(|(number, ordered)| pricing::added(number, ordered)).collect()
}

/// The total of the order with its changed and new lines, without cancelled units.
fn total(progress: &Progress, changed: &[LineChange], added: &[Line], shipping: Minor) -> Result<Minor, Rejection> {
    let changed: BTreeMap<LineNo, Minor> = changed.iter().map(|change| (change.line, change.total)).collect();
    let kept = progress.lines.iter().map(|line| changed.get(&line.line).copied().unwrap_or(line.due));
    let mut total = shipping;
    for line in kept.chain(added.iter().map(|line| line.total)) {
        total = pricing::bounded(total.plus(line)?)?;
    }
    Ok(total)
}

/// Rejects an amendment that leaves no unit in the order.
fn something_left(progress: &Progress, changed: &[LineChange], added: &[Line]) -> Result<(), Rejection> {
    let changed: BTreeMap<LineNo, u32> = changed.iter().map(|change| (change.line, change.quantity)).collect();
    let is_wanted = |line: &LineProgress| changed.get(&line.line).copied().unwrap_or(line.ordered) > line.cancelled;
    match progress.lines.iter().any(is_wanted) || !added.is_empty() {
        true => Ok(()),
        false => Err(Rejection::NothingLeft),
    }
}

#[cfg(test)]
mod tests;
