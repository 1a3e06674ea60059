//! Expire a stock hold at its end. Issued by the platform.

use events::HoldId;
use events::hold::{HoldEvent, HoldExpired};

use crate::decision::{Context, Decision};
use crate::reader::Reader;
use crate::stock_hold::ending::end;
use crate::stock_hold::state::HoldStanding;

/// Has no effect before the stock hold expires and after it has ended, so the platform can issue the command without
/// reading the state.
pub(crate) fn expire(hold_id: HoldId, context: &Context, reader: &Reader<'_>) -> Decision {
    let (stream, hold) = reader.stock_hold(hold_id)?;
    match hold.standing {
        HoldStanding::Open if !hold.stands_at(context.now) => {
            end(hold_id, &stream, hold, HoldEvent::Expired(HoldExpired {}))
        }
        HoldStanding::Open | HoldStanding::Released | HoldStanding::Expired | HoldStanding::Consumed => Ok(vec![]),
    }
}
