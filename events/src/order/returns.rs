//! Return events of an order: requested, received, rejected.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::line::LineQuantity;
use super::numbers::{LineNo, PartNo};
use crate::payload::Payload;
use crate::personal::Personal;

/// A return was requested.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ReturnRequested {
    /// Number of the return in the order, starting at 1.
    #[serde(rename = "return")]
    pub return_no: PartNo,
    /// Units to be returned, by order line.
    pub lines: Vec<LineQuantity>,
    /// Reason for the return.
    pub reason: Personal<String>,
    /// Reference of the return in another system, such as a credit note number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub external_ref: Option<String>,
}

impl Payload for ReturnRequested {
    const EVENT_TYPE: &'static str = "ReturnRequested";
}

/// Condition of returned units.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Disposition {
    /// The units can be sold again and were added to stock.
    Restock,
    /// The units arrived damaged and cannot be sold again.
    Damaged,
    /// The units did not arrive.
    Lost,
}

/// Some or all of the requested units of a return were received. Version 2; version 1 had one `disposition` for the whole return.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ReturnReceived {
    /// Number of the return in the order.
    #[serde(rename = "return")]
    pub return_no: PartNo,
    /// Received units and their condition, by order line.
    pub lines: Vec<ReceivedUnits>,
    /// Condition of all units that had not been received before. Only in events that were converted from version 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rest: Option<Disposition>,
}

impl Payload for ReturnReceived {
    const EVENT_TYPE: &'static str = "ReturnReceived";
    const SCHEMA_VERSION: i16 = 2;
}

/// Received units of one order line that are in the same condition.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ReceivedUnits {
    /// Number of the line in the order.
    pub line: LineNo,
    /// Number of units.
    pub quantity: u32,
    /// Condition of the units.
    pub disposition: Disposition,
}

/// A return was rejected.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ReturnRejected {
    /// Number of the return in the order.
    #[serde(rename = "return")]
    pub return_no: PartNo,
    /// Reason for the rejection.
    pub reason: Personal<String>,
}

impl Payload for ReturnRejected {
    const EVENT_TYPE: &'static str = "ReturnRejected";
}
