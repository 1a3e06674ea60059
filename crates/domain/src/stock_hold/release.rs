//! Release a stock hold before it expires.

use events::StockHoldId;
use events::stock_hold::{HoldReleased, StockHoldEvent};

use crate::decision::Decision;
use crate::reader::Reader;
use crate::rejection::{Gone, Rejection};
use crate::stock_hold::ending::end;
use crate::stock_hold::state::StockHoldStatus;

pub(crate) fn release(hold_id: StockHoldId, reader: &Reader<'_>) -> Decision {
    let (stream, hold) = reader.stock_hold(hold_id)?;
    match hold.standing {
        StockHoldStatus::Open => end(hold_id, &stream, hold, StockHoldEvent::Released(HoldReleased {})),
        StockHoldStatus::Released | StockHoldStatus::Expired => Ok(vec![]),
        StockHoldStatus::Consumed => Err(Rejection::StockHoldGone { hold_id, gone: Gone::Consumed }),
    }
}
