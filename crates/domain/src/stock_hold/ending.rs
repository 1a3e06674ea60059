//! The events that end a stock hold.

use events::hold::HoldEvent;
use events::{HoldId, StreamId};

use crate::decision::{Decision, NewEvent};
use crate::stock_hold::conversion;
use crate::stock_hold::state::Hold;

/// Ends the stock hold and releases its units.
pub(crate) fn end(hold_id: HoldId, stream: &StreamId, hold: &Hold, how: HoldEvent) -> Decision {
    let released =
        hold.lines.iter().map(|line| NewEvent::new(&conversion::item(line), conversion::released(hold_id, line)));
    Ok(std::iter::once(NewEvent::new(stream, how)).chain(released).collect())
}
