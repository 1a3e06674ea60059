//! The command to amend an open order.

use chrono::{DateTime, Utc};
use events::order::LineNo;
use events::{Personal, Quantity};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::place::{OnShortage, OrderLine};
use super::shipping::ShippingLines;
use crate::value::address::Address;
use crate::value::amount::{Price, TaxRate};
use crate::value::instant;
use crate::value::lines::Lines;
use crate::value::text::Reason;

/// An amendment of an order; fields that are left out stay unchanged.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AmendOrder {
    /// Lines to add, at their `unit_price` or else at the price of the product.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub add: Option<Lines<OrderLine>>,
    /// Lines to change; each line at most once.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub change: Option<Lines<ChangeLine>>,
    /// Numbers of the lines to remove.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub remove: Option<Lines<LineNo>>,
    /// Shipping charges; replaces all shipping lines.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub shipping_lines: Option<ShippingLines>,
    /// New shipping address; only while nothing is shipped.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub shipping_address: Option<Personal<Address>>,
    /// New billing address; only while nothing is shipped.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub billing_address: Option<Personal<Address>>,
    /// What to do if more units are requested than are in stock; as for a new order.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub on_shortage: Option<OnShortage>,
    /// Total of the order that was shown to the buyer, in minor units; the amendment is rejected if the total differs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expected_total: Option<Price>,
    /// Reason for the amendment.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<Personal<Reason>>,
    /// Instant at which it happened (RFC 3339); the time of the request if left out.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "instant::optional")]
    pub occurred_at: Option<DateTime<Utc>>,
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
