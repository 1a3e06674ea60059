//! Lines of an order: what was ordered at which price, and references to units of a line.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::numbers::LineNo;
use super::pricing::Pricing;
use crate::money::Minor;
use crate::name::{Location, Sku};
use crate::omit::is_default;

/// One line of an order. Later price changes of the product do not change the line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Line {
    /// Number of the line in the order, starting at 1.
    pub line: LineNo,
    /// SKU of the ordered product.
    pub sku: Sku,
    /// Name of the product when the line was added.
    pub name: String,
    /// Ordered units.
    pub quantity: u32,
    /// Price of one unit before discount and tax, in minor units of the order's currency.
    pub unit_price: Minor,
    /// Discount on the line, including the line's share of the discount on the whole order, in minor units of the order's currency.
    pub discount: Minor,
    /// Tax on the line, in minor units of the order's currency.
    pub tax: Minor,
    /// Amount of the line in minor units of the order's currency: `quantity * unit_price - discount + tax`.
    pub total: Minor,
    /// Tax rate and discounts from which `discount` and `tax` are computed, also when the quantity of the line changes.
    pub pricing: Pricing,
    /// Location at which the stock of the line is reserved.
    pub location: Location,
    /// Units of the line that were not on hand when they were reserved.
    #[serde(default, skip_serializing_if = "is_default")]
    pub backordered: u32,
    /// Whether the stock of the line is untracked: no stock is reserved or shipped for the line.
    #[serde(default, skip_serializing_if = "is_default")]
    pub untracked: bool,
}

/// A number of units of one order line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct LineQuantity {
    /// Number of the line in the order.
    pub line: LineNo,
    /// Number of units.
    pub quantity: u32,
}
