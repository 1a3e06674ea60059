//! Guards on the state of an order, and the rejection that lists the allowed commands.

use events::order::PartNo;
use events::order::progress::{FulfilmentState, Lifecycle, LineProgress, Progress, ReturnState};

use crate::order::units;
use crate::rejection::{Counted, Obstacle, OrderAction, OrderPart, OrderState, Rejection};

/// Most payments of one order; the same limit holds for fulfilments and for returns. The size of the order limits all
/// of them together. Money that is captured beyond the limit is recorded under an existing payment.
pub(crate) const MAX_PARTS: usize = 1_000;

/// Rejects the command unless the order is open.
pub(crate) fn open(progress: &Progress) -> Result<(), Rejection> {
    match progress.lifecycle {
        Lifecycle::Open => Ok(()),
        Lifecycle::Completed | Lifecycle::Cancelled | Lifecycle::Expired => {
            Err(forbidden(progress, Obstacle::Lifecycle))
        }
    }
}

/// Rejects the command if the order is on hold.
pub(crate) fn not_held(progress: &Progress) -> Result<(), Rejection> {
    match progress.held {
        false => Ok(()),
        true => Err(forbidden(progress, Obstacle::OnHold)),
    }
}

/// Rejects the command if a unit of the order is shipped.
pub(crate) fn unshipped(progress: &Progress) -> Result<(), Rejection> {
    match progress.lines.iter().all(|line| line.shipped == 0) {
        true => Ok(()),
        false => Err(forbidden(progress, Obstacle::SomeShipped)),
    }
}

/// The number of the next part, if there may be one more.
pub(crate) fn next_number<T>(parts: &[T], part: OrderPart) -> Result<PartNo, Rejection> {
    match parts.len() < MAX_PARTS {
        true => Ok(parts.len() as PartNo + 1),
        false => Err(Rejection::TooManyParts { what: Counted::Part(part), limit: MAX_PARTS }),
    }
}

/// A part that must exist.
pub(crate) fn numbered<T>(parts: &[T], part: OrderPart, number: PartNo) -> Result<&T, Rejection> {
    let index = (number as usize).wrapping_sub(1);
    parts.get(index).ok_or(Rejection::UnknownPart { part, number, last: parts.len() as PartNo })
}

/// The rejection of a command that `obstacle` forbids.
pub(crate) fn forbidden(progress: &Progress, obstacle: Obstacle) -> Rejection {
    let allowed = match obstacle {
        Obstacle::Fulfilment(number, state) => of_fulfilment(number, state, progress.held),
        Obstacle::Return(number, state) => of_return(number, state),
        Obstacle::Lifecycle
        | Obstacle::AllShipped
        | Obstacle::SomeShipped
        | Obstacle::OnHold
        | Obstacle::OtherShipment(_)
        | Obstacle::Captured(_) => Vec::new(),
    };
    let allowed = allowed.into_iter().chain(of_order(progress)).collect();
    Rejection::OrderState(OrderState { lifecycle: progress.lifecycle, obstacle, allowed })
}

fn of_fulfilment(number: PartNo, state: FulfilmentState, held: bool) -> Vec<OrderAction> {
    match (state, held) {
        (FulfilmentState::Created, false) => {
            vec![OrderAction::ShipFulfilment(number), OrderAction::CancelFulfilment(number)]
        }
        (FulfilmentState::Created, true) => vec![OrderAction::CancelFulfilment(number)],
        (FulfilmentState::Shipped, _) => vec![OrderAction::DeliverFulfilment(number)],
        (FulfilmentState::Delivered | FulfilmentState::Cancelled, _) => vec![],
    }
}

fn of_return(number: PartNo, state: ReturnState) -> Vec<OrderAction> {
    match state {
        ReturnState::Requested => vec![OrderAction::ReceiveReturn(number), OrderAction::RejectReturn(number)],
        ReturnState::Received | ReturnState::Rejected => vec![],
    }
}

fn of_order(progress: &Progress) -> impl Iterator<Item = OrderAction> {
    let any = |left: fn(&LineProgress) -> u32| progress.lines.iter().any(|line| left(line) > 0);
    let is_open = progress.lifecycle == Lifecycle::Open;
    let was_shipped = matches!(progress.lifecycle, Lifecycle::Open | Lifecycle::Completed);
    let checks = [
        // Payments are recorded in every state of the order.
        (OrderAction::RecordPayment, true),
        (OrderAction::RecordRefund, progress.payments.iter().any(|payment| payment.refunded < payment.captured)),
        (OrderAction::CreateFulfilment, is_open && !progress.held && any(LineProgress::unfulfilled)),
        (OrderAction::CancelOrder, is_open && any(units::unshipped)),
        (OrderAction::RequestReturn, was_shipped && any(LineProgress::returnable)),
        (OrderAction::AmendOrder, is_open),
        (OrderAction::HoldOrder, is_open && !progress.held),
        (OrderAction::ReleaseOrder, is_open && progress.held),
        (OrderAction::ChangeAddresses, is_open && !any(|line| line.shipped)),
        // Notes, tags and the customer can change in every state of the order.
        (OrderAction::AddNote, true),
        (OrderAction::TagOrder, true),
        (OrderAction::AssignCustomer, true),
    ];
    checks.into_iter().filter_map(|(action, allowed)| allowed.then_some(action))
}
