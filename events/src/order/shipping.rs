//! Shipping charges of an order.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::money::Minor;

/// A shipping charge of an order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ShippingLine {
    /// Name of the shipping method.
    pub name: String,
    /// Charge before tax, in minor units of the order's currency.
    pub amount: Minor,
    /// Tax rate in millionths of `amount` (200000 is 20 %). Missing if the tax amount was given without a rate.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tax_rate: Option<u32>,
    /// Tax on the charge, in minor units of the order's currency.
    pub tax: Minor,
    /// Charge including tax, in minor units of the order's currency: `amount + tax`.
    pub total: Minor,
}
