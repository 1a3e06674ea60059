//! Expire a stock hold at its end. Issued by the platform.

use events::StockHoldId;
use events::stock_hold::{HoldExpired, StockHoldEvent};

use crate::decision::{Context, Decision};
use crate::reader::Reader;
use crate::stock_hold::ending::end;
use crate::stock_hold::state::StockHoldStatus;

/// Has no effect before the stock hold expires and after it has ended, so the platform can issue the command without
/// reading the state.
pub(crate) fn expire(hold_id: StockHoldId, context: &Context, reader: &Reader<'_>) -> Decision {
    let (stream, hold) = reader.stock_hold(hold_id)?;
    match hold.standing {
        StockHoldStatus::Open if !hold.stands_at(context.now) => {
            end(hold_id, &stream, hold, StockHoldEvent::Expired(HoldExpired {}))
        }
        StockHoldStatus::Open | StockHoldStatus::Released | StockHoldStatus::Expired | StockHoldStatus::Consumed => {
            Ok(vec![])
        }
    }
}
