//! The amendment of an order: [`OrderAmended`] adds and changes lines and shipping.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::line::Line;
use super::numbers::LineNo;
use super::pricing::Pricing;
use super::shipping::ShippingLine;
use crate::money::Minor;
use crate::omit::is_default;
use crate::payload::Payload;
use crate::personal::Personal;

/// Lines or shipping of an order were changed. Stock was reserved and released in the same commit. Version 2; version 1 had no
/// `pricing` of lines, and its amounts included cancelled units.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct OrderAmended {
    /// New lines. Their numbers continue after the existing lines of the order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub added: Vec<Line>,
    /// Lines whose quantity or price changed, with their new values.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub changed: Vec<LineChange>,
    /// New shipping charges of the order. Missing if the shipping charges did not change.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shipping_lines: Option<Vec<ShippingLine>>,
    /// New shipping including tax, in minor units of the order's currency.
    pub shipping: Minor,
    /// New order total in minor units of the order's currency: lines without cancelled units plus shipping, including tax.
    pub total: Minor,
    /// Reason for the amendment.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<Personal<String>>,
}

impl Payload for OrderAmended {
    const EVENT_TYPE: &'static str = "OrderAmended";
    const SCHEMA_VERSION: i16 = 2;
}

/// New values of an order line. The quantity of a removed line is the number of units that were cancelled before the amendment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct LineChange {
    /// Number of the line in the order.
    pub line: LineNo,
    /// Units of the line, including cancelled units.
    pub quantity: u32,
    /// Discount on the line, in minor units of the order's currency.
    pub discount: Minor,
    /// Tax on the line, in minor units of the order's currency.
    pub tax: Minor,
    /// Amount of the line in minor units of the order's currency: `quantity * unit_price - discount + tax`, where `quantity` does not
    /// include cancelled units.
    pub total: Minor,
    /// Tax rate and discounts from which `discount` and `tax` are computed, also when the quantity of the line changes.
    pub pricing: Pricing,
    /// Whether the amounts include cancelled units. Only in events that were converted from version 1.
    #[serde(default, skip_serializing_if = "is_default")]
    pub with_cancelled: bool,
    /// Units of the line that are reserved without stock on hand.
    #[serde(default, skip_serializing_if = "is_default")]
    pub backordered: u32,
}
