//! The command to change what an open order is made of.

use chrono::{DateTime, Utc};
use events::order::LineNo;
use events::{Personal, Quantity};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::place::{OnShortage, OrderLine};
use super::shipping::ShippingLines;
use crate::command::address::Address;
use crate::command::amount::{Price, TaxRate};
use crate::command::instant;
use crate::command::lines::Lines;
use crate::command::text::Reason;

/// Body of `POST /v1/orders/{id}/amendments`; what is left out stays as it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AmendOrder {
    /// New lines, at the price that they bring or else the product's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub add: Option<Lines<OrderLine>>,
    /// Lines that are of another quantity or discount from now on; each line once.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub change: Option<Lines<ChangeLine>>,
    /// Lines that are taken out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub remove: Option<Lines<LineNo>>,
    /// What shipping is made of from now on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub shipping_lines: Option<ShippingLines>,
    /// Where it goes from now on; only while nothing is shipped.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub shipping_address: Option<Personal<Address>>,
    /// Where the bill goes from now on; only while nothing is shipped.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub billing_address: Option<Personal<Address>>,
    /// What to do where more pieces are asked for than there are; as for a new order.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub on_shortage: Option<OnShortage>,
    /// The order's total that the caller showed to the buyer, minor units; refused if it comes to anything else.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expected_total: Option<Price>,
    /// Why.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<Personal<Reason>>,
    /// When it happened, if not now.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "instant::optional")]
    pub occurred_at: Option<DateTime<Utc>>,
}

/// How a line is to be from now on. Its price per piece stays.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ChangeLine {
    /// The line's number in the order, from 1.
    pub line: LineNo,
    /// Pieces that are wanted, those shipped included and those cancelled not; as before if left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub quantity: Option<Quantity>,
    /// Taken off the line, before tax, minor units; the same share of it per piece if left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub discount: Option<Price>,
    /// Tax on the line, in millionths of what is left after the discount; the same share as before if left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tax_rate: Option<TaxRate>,
}
