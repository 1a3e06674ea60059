//! Cancellation events of an order: units of its lines, or the whole order.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::numbers::LineNo;
use super::pricing::Amounts;
use crate::omit::is_default;
use crate::payload::Payload;
use crate::personal::Personal;

/// Units that had not been shipped were cancelled. Version 2; version 1 did not record the remaining amounts of each line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct OrderLinesCancelled {
    /// Cancelled units and the remainder, by order line.
    pub lines: Vec<CancelledLine>,
    /// Reason for the cancellation.
    pub reason: Personal<String>,
}

impl Payload for OrderLinesCancelled {
    const EVENT_TYPE: &'static str = "OrderLinesCancelled";
    const SCHEMA_VERSION: i16 = 2;
}

/// Cancelled units of an order line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CancelledLine {
    /// Number of the line in the order.
    pub line: LineNo,
    /// Number of cancelled units.
    pub quantity: u32,
    /// Amounts and backordered units of the line after the cancellation. Missing in events of version 1, which did not record them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub remaining: Option<RemainingLine>,
}

/// The remainder of an order line after units of the line were cancelled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RemainingLine {
    /// Amounts of the units that are not cancelled.
    #[serde(flatten)]
    pub amounts: Amounts,
    /// Units of the line that are reserved without stock on hand.
    #[serde(default, skip_serializing_if = "is_default")]
    pub backordered: u32,
}

/// The order was cancelled: every unit of its lines was cancelled.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct OrderCancelled {
    /// Reason for the cancellation.
    pub reason: Personal<String>,
}

impl Payload for OrderCancelled {
    const EVENT_TYPE: &'static str = "OrderCancelled";
}
