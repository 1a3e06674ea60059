//! The rows of stock movements: movements of stock items, added up by quarter of an hour.

use std::collections::BTreeMap;

use read_model::StockMovement;
use read_model::sales::quarter_hour_start;

use crate::frame::EventRows;

/// The movements of a batch, and the rows that they add up to.
#[derive(Debug, Default)]
pub struct MovementRows {
    /// Movements that are not added up yet.
    pub(super) movements: Vec<StockMovement>,
    /// Sums by quarter of an hour; `instant` is its start.
    pub(super) sums: Vec<StockMovement>,
}

impl EventRows for MovementRows {
    fn count(&self) -> usize {
        self.movements.len()
    }

    fn truncate(&mut self, count: usize) {
        self.movements.truncate(count);
    }
}

impl MovementRows {
    /// Adds the movements up, in the order of the keys, in which all writers lock the rows.
    pub(super) fn combine(&mut self) {
        let mut sums = BTreeMap::new();
        for movement in std::mem::take(&mut self.movements) {
            let starts_at = quarter_hour_start(movement.instant);
            let key = (starts_at, movement.location.clone(), movement.kind.word());
            let none = StockMovement { instant: starts_at, movements: 0, units: 0, ..movement.clone() };
            let sum = sums.entry(key).or_insert(none);
            sum.movements += movement.movements;
            // Saturating: no real sum reaches the limit, and one absurd quantity must not stop a projection.
            sum.units = sum.units.saturating_add(movement.units);
        }
        self.sums = sums.into_values().collect();
    }
}
