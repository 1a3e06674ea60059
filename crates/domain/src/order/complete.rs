//! Complete an order: everything is delivered or cancelled, and nothing is owed. Issued by the platform.

use events::order::progress::{Lifecycle, LineProgress, Progress, ReturnState};
use events::order::{OrderCompleted, OrderEvent};
use events::{Minor, OrderId};

use crate::decision::{Decision, NewEvent};
use crate::reader::Reader;

pub(crate) fn complete(order_id: OrderId, reader: &Reader<'_>) -> Decision {
    let (stream, order) = reader.order(order_id)?;
    match is_done(&order.progress) {
        true => Ok(vec![NewEvent::new(&stream, OrderEvent::Completed(OrderCompleted {}))]),
        false => Ok(vec![]),
    }
}

/// Whether the order is open, all its units are delivered or cancelled, nothing is owed, and no return is requested.
fn is_done(progress: &Progress) -> bool {
    let has_arrived = |line: &LineProgress| line.delivered == line.wanted();
    progress.lifecycle == Lifecycle::Open
        && progress.lines.iter().all(has_arrived)
        && progress.owed() == Minor::ZERO
        && progress.returns.iter().all(|it| it.state != ReturnState::Requested)
}
