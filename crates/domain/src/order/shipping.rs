//! Shipping charges of an order.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::value::amount::{Price, TaxRate};
use crate::value::lines::Lines;
use crate::value::text::Name;

/// Most ways in which one order is shipped.
const MAX_SHIPPING_LINES: usize = 20;

/// Up to twenty ways in which an order is shipped; none is free of charge.
pub type ShippingLines = Lines<ShippingLine, 0, MAX_SHIPPING_LINES>;

/// One way in which an order is shipped.
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
