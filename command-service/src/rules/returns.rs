//! Pieces that come back.

use events::order::progress::{Lifecycle, Return, ReturnState};
use events::order::{Disposition, LineQuantity, OrderEvent, PartNo, ReturnReceived, ReturnRejected, ReturnRequested};
use events::stock::{StockEvent, StockRestocked};

use super::{Decision, NewEvent, lookup, pieces, shelf, standing};
use crate::command::{ReceiveReturn, RejectReturn, RequestReturn};
use crate::rejection::{Obstacle, Part, Purpose, Rejection};
use crate::state::Order;
use crate::world::World;

pub(super) fn request(command: &RequestReturn, world: &World) -> Decision {
    let body = &command.body;
    let (stream, order) = lookup::order(world, command.order_id)?;
    let progress = &order.progress;
    match progress.lifecycle {
        Lifecycle::Open | Lifecycle::Completed => {}
        Lifecycle::Cancelled | Lifecycle::Expired => {
            return Err(standing::forbidden(progress, Obstacle::Lifecycle).into());
        }
    }
    let lines = pieces::named(&body.lines, progress, Purpose::Return)?;
    let return_no = standing::next_number(&progress.returns, Part::Return)?;
    let requested = ReturnRequested {
        return_no,
        lines,
        reason: body.reason.expose().as_str().into(),
        external_ref: body.external_ref.as_ref().map(|name| name.as_str().to_owned()),
    };
    Ok(vec![NewEvent::new(&stream, OrderEvent::ReturnRequested(requested))])
}

pub(super) fn receive(command: &ReceiveReturn, world: &World) -> Decision {
    let (stream, order) = lookup::order(world, command.order_id)?;
    let (number, disposition) = (command.return_no, command.body.disposition);
    let found = find(order, number)?;
    match found.state {
        ReturnState::Requested => {}
        ReturnState::Received if found.disposition == Some(disposition) => return Ok(vec![]),
        ReturnState::Received | ReturnState::Rejected => return stands(order, found),
    }
    let order_id = command.order_id;
    let back = pieces(command, order).unwrap_or_default();
    let restocked =
        shelf::moved(world, order, &back, |quantity| StockEvent::Restocked(StockRestocked { order_id, quantity }))?;
    let received = ReturnReceived { return_no: number, disposition };
    let mut events = vec![NewEvent::new(&stream, OrderEvent::ReturnReceived(received))];
    events.extend(restocked);
    Ok(events)
}

pub(super) fn reject(command: &RejectReturn, world: &World) -> Decision {
    let (stream, order) = lookup::order(world, command.order_id)?;
    let found = find(order, command.return_no)?;
    match found.state {
        ReturnState::Requested => {
            let reason = command.body.reason.expose().as_str().into();
            let rejected = ReturnRejected { return_no: command.return_no, reason };
            Ok(vec![NewEvent::new(&stream, OrderEvent::ReturnRejected(rejected))])
        }
        ReturnState::Rejected => Ok(vec![]),
        ReturnState::Received => stands(order, found),
    }
}

/// The pieces that a receipt puts back on their shelves, if it can still be made.
pub(super) fn pieces(command: &ReceiveReturn, order: &Order) -> Option<Vec<LineQuantity>> {
    let found = order.progress.find_return(command.return_no)?;
    match (found.state, command.body.disposition) {
        (ReturnState::Requested, Disposition::Restock) => Some(found.lines.clone()),
        (ReturnState::Requested, Disposition::Damaged | Disposition::Lost)
        | (ReturnState::Received | ReturnState::Rejected, _) => None,
    }
}

fn find(order: &Order, number: PartNo) -> Result<&Return, Rejection> {
    standing::numbered(&order.progress.returns, Part::Return, number)
}

fn stands(order: &Order, found: &Return) -> Decision {
    Err(standing::forbidden(&order.progress, Obstacle::Return(found.return_no, found.state)).into())
}
