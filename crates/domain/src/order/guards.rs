//! Guards on the state of an order.

use events::order::PartNo;
use events::order::progress::{Lifecycle, Progress};

use crate::rejection::{Counted, Obstacle, OrderPart, OrderState, Rejection};

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

/// The rejection of a command that `obstacle` forbids. [`decide`](super::decide) adds the commands that are allowed.
pub(crate) fn forbidden(progress: &Progress, obstacle: Obstacle) -> Rejection {
    Rejection::OrderState(OrderState { lifecycle: progress.lifecycle, obstacle, allowed: Vec::new() })
}
