//! Units that come back: requested, then received in one or several receipts, each unit in its own condition. What has not
//! been received can be rejected.

use std::collections::BTreeMap;

use events::OrderId;
use events::order::progress::{Lifecycle, LineProgress, Progress, Return, ReturnState};
use events::order::{
    Disposition, LineNo, LineQuantity, OrderEvent, PartNo, ReceivedUnits, ReturnReceived, ReturnRejected,
    ReturnRequested,
};
use events::stock::{StockEvent, StockRestocked};

use super::reader::Reader;
use super::{Decision, NewEvent, guards, stock_items, units};
use crate::command::{ReceiveReturn, RejectReturn, RequestReturn};
use crate::rejection::{Obstacle, Part, Purpose, Rejection};
use crate::state::Order;
use crate::value::lines::Units;

pub(super) fn request(order_id: OrderId, body: &RequestReturn, reader: &Reader<'_>) -> Decision {
    let (stream, order) = reader.order(order_id)?;
    let progress = &order.progress;
    match progress.lifecycle {
        Lifecycle::Open | Lifecycle::Completed => {}
        Lifecycle::Cancelled | Lifecycle::Expired => {
            return Err(guards::forbidden(progress, Obstacle::Lifecycle));
        }
    }
    let lines = units::named(&body.lines, progress, Purpose::Return)?;
    let return_no = guards::next_number(&progress.returns, Part::Return)?;
    let requested = ReturnRequested {
        return_no,
        lines,
        reason: body.reason.expose().as_str().into(),
        external_ref: body.external_ref.as_ref().map(|name| name.as_str().to_owned()),
    };
    Ok(vec![NewEvent::new(&stream, OrderEvent::ReturnRequested(requested))])
}

pub(super) fn receive(order_id: OrderId, return_no: PartNo, body: &ReceiveReturn, reader: &Reader<'_>) -> Decision {
    let (stream, order) = reader.order(order_id)?;
    let found = find(order, return_no)?;
    match found.state {
        ReturnState::Requested => {}
        ReturnState::Received if is_received_so(body, found) => return Ok(vec![]),
        ReturnState::Received | ReturnState::Rejected => return stands(order, found),
    }
    let units = received(body, found, &order.progress)?;
    let restocked = stock_items::moved(order, &restocked(&units), |quantity| {
        StockEvent::Restocked(StockRestocked { order_id, quantity })
    });
    let received = ReturnReceived { return_no, lines: units, rest: None };
    let mut events = vec![NewEvent::new(&stream, OrderEvent::ReturnReceived(received))];
    events.extend(restocked);
    Ok(events)
}

pub(super) fn reject(order_id: OrderId, return_no: PartNo, body: &RejectReturn, reader: &Reader<'_>) -> Decision {
    let (stream, order) = reader.order(order_id)?;
    let found = find(order, return_no)?;
    match found.state {
        ReturnState::Requested => {
            let reason = body.reason.expose().as_str().into();
            let rejected = ReturnRejected { return_no, reason };
            Ok(vec![NewEvent::new(&stream, OrderEvent::ReturnRejected(rejected))])
        }
        ReturnState::Rejected => Ok(vec![]),
        ReturnState::Received => stands(order, found),
    }
}

/// The units that a receipt takes in: those named, none beyond what is outstanding, or all that are.
fn received(body: &ReceiveReturn, found: &Return, progress: &Progress) -> Result<Vec<ReceivedUnits>, Rejection> {
    let outstanding = found.outstanding();
    // A body without any disposition is not parsed.
    let all = body.disposition.unwrap_or(Disposition::Restock);
    let Some(lines) = &body.lines else {
        let whole = |LineQuantity { line, quantity }| ReceivedUnits { line, quantity, disposition: all };
        return Ok(outstanding.into_iter().map(whole).collect());
    };
    let left = |line: &LineProgress| {
        outstanding.iter().find(|units| units.line == line.line).map_or(0, |units| units.quantity)
    };
    let named: Vec<_> = lines.iter().map(|it| Units { line: it.line, quantity: it.quantity }).collect();
    units::within(&named, progress, Purpose::Receipt, left)?;
    let mut units: BTreeMap<(LineNo, Disposition), u32> = BTreeMap::new();
    for it in lines.iter() {
        *units.entry((it.line, it.disposition.unwrap_or(all))).or_default() += it.quantity.get();
    }
    let units = units.into_iter().map(|((line, disposition), quantity)| ReceivedUnits { line, quantity, disposition });
    Ok(units.collect())
}

/// The units that can be sold again.
fn restocked(units: &[ReceivedUnits]) -> Vec<LineQuantity> {
    let again = units.iter().filter(|units| units.disposition == Disposition::Restock);
    again.map(|units| LineQuantity { line: units.line, quantity: units.quantity }).collect()
}

/// Whoever repeats the receipt of a whole return finds it done. A receipt of named units has a key of its own.
fn is_received_so(body: &ReceiveReturn, found: &Return) -> bool {
    let is_among = |disposition| found.received.iter().any(|units| units.disposition == disposition);
    body.lines.is_none() && body.disposition.is_some_and(is_among)
}

fn find(order: &Order, number: PartNo) -> Result<&Return, Rejection> {
    guards::numbered(&order.progress.returns, Part::Return, number)
}

fn stands(order: &Order, found: &Return) -> Decision {
    Err(guards::forbidden(&order.progress, Obstacle::Return(found.return_no, found.state)))
}
