//! What shipping is made of.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::command::amount::{Price, TaxRate};
use crate::command::lines::Lines;
use crate::command::text::Name;

/// Most ways in which one order is shipped.
const MAX_SHIPPING_LINES: usize = 20;

/// Up to twenty ways in which an order is shipped; none is free of charge.
pub type ShippingLines = Lines<ShippingLine, 0, MAX_SHIPPING_LINES>;

/// One way in which an order is shipped.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ShippingLine {
    /// What people call it.
    pub name: Name,
    /// Its price before tax, minor units.
    pub amount: Price,
    /// Tax on it, in millionths of the amount.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tax_rate: Option<TaxRate>,
}
