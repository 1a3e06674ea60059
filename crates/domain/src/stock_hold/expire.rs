//! Expire a stock hold at its end. Given by the platform.

use events::HoldId;
use events::hold::{HoldEvent, HoldExpired};

use crate::decision::{Context, Decision};
use crate::reader::Reader;
use crate::stock_hold::ending::end;
use crate::stock_hold::state::HoldStanding;

/// Who issues it need not know whether the hold still stands: before its time and after its end there is nothing to do.
pub(crate) fn expire(hold_id: HoldId, context: &Context, reader: &Reader<'_>) -> Decision {
    let (stream, hold) = reader.stock_hold(hold_id)?;
    match hold.standing {
        HoldStanding::Open if !hold.stands_at(context.now) => {
            end(hold_id, &stream, hold, HoldEvent::Expired(HoldExpired {}))
        }
        HoldStanding::Open | HoldStanding::Released | HoldStanding::Expired | HoldStanding::Consumed => Ok(vec![]),
    }
}
