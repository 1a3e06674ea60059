//! Decodes events of the category that a projection folds.

use events::order::OrderEvent;
use events::stock::StockEvent;
use events::{Event, Recorded};
use read_model::FoldError;

use crate::frame::ApplyError;

/// The event of an order.
pub(super) fn order_event(recorded: &Recorded) -> Result<OrderEvent, ApplyError> {
    match recorded.decode()? {
        Event::Order(event) => Ok(event),
        _ => Err(wrong_stream(recorded)),
    }
}

/// The event of a stock item.
pub(super) fn stock_event(recorded: &Recorded) -> Result<StockEvent, ApplyError> {
    match recorded.decode()? {
        Event::Stock(event) => Ok(event),
        _ => Err(wrong_stream(recorded)),
    }
}

/// The event does not belong to a stream of the category.
pub(super) fn wrong_stream(recorded: &Recorded) -> ApplyError {
    FoldError::WrongStream(recorded.event_type.clone()).into()
}
