//! What an order does if more units are requested than are in stock.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What to do if more units are requested than are in stock.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum OnShortage {
    /// Reject the command.
    Reject,
    /// Backorder the missing units, if the stock policy allows backorders and up to its limit; otherwise reject the
    /// command.
    Backorder,
    /// Order the units in stock, with discounts in proportion. A line without any unit in stock is left out; the
    /// command is rejected if no line has one.
    Partial,
}

/// How an order reserves stock.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum StockHandling {
    /// The order reserves the units that the stock policy allows.
    #[default]
    Enforce,
    /// The order reserves all units; missing units are added to the stock by an adjustment.
    Force,
    /// No line of the order changes stock, now or later.
    Skip,
}

impl StockHandling {
    /// Whether stock is reserved as for every order of a caller.
    pub fn is_enforce(&self) -> bool {
        *self == StockHandling::Enforce
    }
}
