//! Movements of stock for sums: what an event of a stock item moves, at the instant of the event. The movements of a single
//! stock item are in its ledger (`crate::stock`).

use chrono::{DateTime, Utc};
use events::stock::StockEvent;
use events::{Location, Recorded};

use crate::fold_error::FoldError;
use crate::stock::{LedgerRow, Movement};

/// Movements of one kind at one location, or a change of their sums.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StockMovement {
    /// Instant at which the event occurred.
    pub instant: DateTime<Utc>,
    /// Location of the stock item.
    pub location: Location,
    /// Kind of the movement.
    pub kind: Movement,
    /// Number of movements.
    pub movements: i64,
    /// Moved units; only those of adjustments and changed backorders can be negative.
    pub units: i64,
}

impl StockMovement {
    /// The movement of an event of a stock stream; `None` for a changed policy, which moves nothing.
    pub fn of(recorded: &Recorded, event: &StockEvent) -> Result<Option<StockMovement>, FoldError> {
        let LedgerRow { location, kind, quantity, occurred_at, .. } = LedgerRow::of(recorded, event)?;
        let movement = StockMovement { instant: occurred_at, location, kind, movements: 1, units: quantity };
        Ok((kind != Movement::PolicyChanged).then_some(movement))
    }
}
