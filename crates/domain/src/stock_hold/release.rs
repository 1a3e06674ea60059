//! Release a stock hold before it expires.

use events::HoldId;
use events::hold::{HoldEvent, HoldReleased};

use crate::decision::Decision;
use crate::reader::Reader;
use crate::rejection::{Gone, Rejection};
use crate::stock_hold::ending::end;
use crate::stock_hold::state::HoldStanding;

pub(crate) fn release(hold_id: HoldId, reader: &Reader<'_>) -> Decision {
    let (stream, hold) = reader.stock_hold(hold_id)?;
    match hold.standing {
        HoldStanding::Open => end(hold_id, &stream, hold, HoldEvent::Released(HoldReleased {})),
        HoldStanding::Released | HoldStanding::Expired => Ok(vec![]),
        HoldStanding::Consumed => Err(Rejection::StockHoldGone { hold_id, gone: Gone::Consumed }),
    }
}
