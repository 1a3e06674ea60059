//! Commands to a stock hold (stock that is kept for a checkout for some time), each in its own file. The state of a
//! stock hold is in [`state`].

pub(crate) mod conversion;
mod ending;
pub mod expire;
pub mod place;
pub mod release;
pub mod state;

use events::StockHoldId;
use serde::Serialize;

use crate::command::name_and_instant::NameAndInstant;
use crate::decision::{Context, Decision};
use crate::reader::Reader;

/// A command to a stock hold.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub enum StockHoldCommand {
    /// Release the stock hold before its time.
    ReleaseStockHold {},
    /// End the stock hold, if its time is over; issued by the platform.
    ExpireHold {},
}

impl StockHoldCommand {
    pub(crate) fn name_and_instant(&self) -> NameAndInstant {
        match self {
            Self::ReleaseStockHold {} => ("release_stock_hold", None),
            Self::ExpireHold {} => ("expire_hold", None),
        }
    }
}

/// Decides a command of this group.
pub(crate) fn decide(id: StockHoldId, command: &StockHoldCommand, context: &Context, reader: &Reader<'_>) -> Decision {
    match command {
        StockHoldCommand::ReleaseStockHold {} => release::release(id, reader),
        StockHoldCommand::ExpireHold {} => expire::expire(id, context, reader),
    }
}

#[cfg(test)]
mod tests;
