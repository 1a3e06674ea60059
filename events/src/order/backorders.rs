//! Changes of the backordered units of an order: stock on hand was allocated to the order or withdrawn.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::numbers::LineNo;
use crate::payload::Payload;

/// Stock on hand was allocated to backordered lines of the order, or an allocation was withdrawn. The stock items record the same
/// change in the same commit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct OrderBackordersChanged {
    /// Lines whose number of backordered units changed.
    pub lines: Vec<LineBackorders>,
}

impl Payload for OrderBackordersChanged {
    const EVENT_TYPE: &'static str = "OrderBackordersChanged";
}

/// New number of backordered units of an order line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct LineBackorders {
    /// Number of the line in the order.
    pub line: LineNo,
    /// Units of the line to which no stock on hand is allocated.
    pub backordered: u32,
}
