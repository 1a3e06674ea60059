//! Lines of an order as callers send them: [`OrderLine`] for a new line and [`ChangeLine`] for a line to change.

use events::order::LineNo;
use events::{Location, Quantity, Sku};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::value::amount::{Price, TaxRate};

/// A line of an order to place.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct OrderLine {
    /// SKU of the product.
    pub sku: Sku,
    /// Number of units.
    pub quantity: Quantity,
    /// Price of one unit before discount and tax, in minor units; the price of the product if left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unit_price: Option<Price>,
    /// Discount on the line before tax, in minor units.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub discount: Option<Price>,
    /// Tax rate of the line, in millionths of the amount after discounts.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tax_rate: Option<TaxRate>,
    /// Location at which the stock is reserved; `main` if left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub location: Option<Location>,
}

/// A changed line of an order. The price per unit stays.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ChangeLine {
    /// Number of the line in the order, starting at 1.
    pub line: LineNo,
    /// Units ordered, including shipped units and without cancelled units; unchanged if left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub quantity: Option<Quantity>,
    /// Discount on the line before tax, in minor units; the discount per unit stays if left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub discount: Option<Price>,
    /// Tax rate of the line, in millionths of the amount after discount; unchanged if left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tax_rate: Option<TaxRate>,
}
