//! Shipping charges of an order.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::value::amount::{Price, TaxRate};
use crate::value::lines::Lines;
use crate::value::text::Name;

/// Most shipping lines of one order.
const MAX_SHIPPING_LINES: usize = 20;

/// Up to twenty shipping lines of an order; without a shipping line, shipping is free of charge.
pub type ShippingLines = Lines<ShippingLine, 0, MAX_SHIPPING_LINES>;

/// A shipping charge.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ShippingLine {
    /// Name of the shipping method.
    pub name: Name,
    /// Charge before tax, in minor units.
    pub amount: Price,
    /// Tax rate, in millionths of the amount.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tax_rate: Option<TaxRate>,
}
