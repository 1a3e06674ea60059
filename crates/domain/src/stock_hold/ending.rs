//! The events that end a stock hold.

use events::stock_hold::StockHoldEvent;
use events::{StockHoldId, StreamId};

use crate::decision::{Decision, NewEvent};
use crate::stock_hold::conversion;
use crate::stock_hold::state::StockHold;

/// Ends the stock hold and releases its units.
pub(crate) fn end(hold_id: StockHoldId, stream: &StreamId, hold: &StockHold, how: StockHoldEvent) -> Decision {
    let released =
        hold.lines.iter().map(|line| NewEvent::new(&conversion::item(line), conversion::released(hold_id, line)));
    Ok(std::iter::once(NewEvent::new(stream, how)).chain(released).collect())
}
