//! What an order's state allows, and the rejection that says so.

use events::order::PartNo;
use events::order::progress::{FulfilmentState, Lifecycle, LineProgress, Progress, ReturnState};

use super::pieces;
use crate::rejection::{Counted, Obstacle, OrderState, Part, Rejection};

/// Most payments, fulfilments and returns of one order, of each; `size` bounds all of them together. Captured money is recorded
/// beyond it, under a payment that the order has.
pub(super) const MAX_PARTS: usize = 1_000;

/// Guards what only an open order allows.
pub(super) fn open(progress: &Progress) -> Result<(), Rejection> {
    match progress.lifecycle {
        Lifecycle::Open => Ok(()),
        Lifecycle::Completed | Lifecycle::Cancelled | Lifecycle::Expired => {
            Err(forbidden(progress, Obstacle::Lifecycle))
        }
    }
}

/// Guards what an order on hold forbids.
pub(super) fn not_held(progress: &Progress) -> Result<(), Rejection> {
    match progress.held {
        false => Ok(()),
        true => Err(forbidden(progress, Obstacle::OnHold)),
    }
}

/// Guards what cannot be changed once a piece has left.
pub(super) fn unshipped(progress: &Progress) -> Result<(), Rejection> {
    match progress.lines.iter().all(|line| line.shipped == 0) {
        true => Ok(()),
        false => Err(forbidden(progress, Obstacle::SomeShipped)),
    }
}

/// The number of the next part, if there may be one more.
pub(super) fn next_number<T>(parts: &[T], part: Part) -> Result<PartNo, Rejection> {
    match parts.len() < MAX_PARTS {
        true => Ok(parts.len() as PartNo + 1),
        false => Err(Rejection::TooManyParts { what: Counted::Part(part), limit: MAX_PARTS }),
    }
}

/// A part that must exist.
pub(super) fn numbered<T>(parts: &[T], part: Part, number: PartNo) -> Result<&T, Rejection> {
    let index = (number as usize).wrapping_sub(1);
    parts.get(index).ok_or(Rejection::UnknownPart { part, number, last: parts.len() as PartNo })
}

/// The rejection of a command that `obstacle` forbids.
pub(super) fn forbidden(progress: &Progress, obstacle: Obstacle) -> Rejection {
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
    let allowed = allowed.into_iter().chain(of_order(progress).into_iter().map(str::to_owned)).collect();
    Rejection::OrderState(OrderState { lifecycle: progress.lifecycle, obstacle, allowed })
}

fn of_fulfilment(number: PartNo, state: FulfilmentState, held: bool) -> Vec<String> {
    let words: &[&str] = match (state, held) {
        (FulfilmentState::Created, false) => &["shipment", "cancellation"],
        (FulfilmentState::Created, true) => &["cancellation"],
        (FulfilmentState::Shipped, _) => &["delivery"],
        (FulfilmentState::Delivered | FulfilmentState::Cancelled, _) => &[],
    };
    words.iter().map(|word| format!("fulfilments/{number}/{word}")).collect()
}

fn of_return(number: PartNo, state: ReturnState) -> Vec<String> {
    let words: &[&str] = match state {
        ReturnState::Requested => &["receipt", "rejection"],
        ReturnState::Received | ReturnState::Rejected => &[],
    };
    words.iter().map(|word| format!("returns/{number}/{word}")).collect()
}

fn of_order(progress: &Progress) -> Vec<&'static str> {
    let any = |left: fn(&LineProgress) -> u32| progress.lines.iter().any(|line| left(line) > 0);
    let is_open = progress.lifecycle == Lifecycle::Open;
    let was_shipped = matches!(progress.lifecycle, Lifecycle::Open | Lifecycle::Completed);
    let checks = [
        // Money is a fact, whatever the state.
        ("payments", true),
        ("refunds", progress.payments.iter().any(|payment| payment.refunded < payment.captured)),
        ("fulfilments", is_open && !progress.held && any(LineProgress::unfulfilled)),
        ("cancellation", is_open && any(pieces::unshipped)),
        ("returns", was_shipped && any(LineProgress::returnable)),
        ("amendments", is_open),
        ("holds", is_open && !progress.held),
        ("holds/release", is_open && progress.held),
        ("addresses", is_open && !any(|line| line.shipped)),
        // Words are free, whatever the state.
        ("notes", true),
        ("tags", true),
        ("customer", true),
    ];
    checks.into_iter().filter_map(|(command, allowed)| allowed.then_some(command)).collect()
}
