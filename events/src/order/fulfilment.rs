//! Fulfilment events of an order: created, shipped, delivered, cancelled.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::line::LineQuantity;
use super::numbers::PartNo;
use crate::name::Location;
use crate::payload::Payload;

/// A fulfilment was created: units at one location are being packed for shipping.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct FulfilmentCreated {
    /// Number of the fulfilment in the order, starting at 1.
    pub fulfilment: PartNo,
    /// Location from which the units are shipped.
    pub location: Location,
    /// Units in the fulfilment, by order line.
    pub lines: Vec<LineQuantity>,
}

impl Payload for FulfilmentCreated {
    const EVENT_TYPE: &'static str = "FulfilmentCreated";
}

/// A fulfilment was shipped.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct FulfilmentShipped {
    /// Number of the fulfilment in the order.
    pub fulfilment: PartNo,
    /// Name of the carrier.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub carrier: Option<String>,
    /// Tracking number of the carrier.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tracking: Option<String>,
}

impl Payload for FulfilmentShipped {
    const EVENT_TYPE: &'static str = "FulfilmentShipped";
}

/// A fulfilment was delivered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct FulfilmentDelivered {
    /// Number of the fulfilment in the order.
    pub fulfilment: PartNo,
}

impl Payload for FulfilmentDelivered {
    const EVENT_TYPE: &'static str = "FulfilmentDelivered";
}

/// A fulfilment was cancelled before shipping. Its units can be fulfilled again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct FulfilmentCancelled {
    /// Number of the fulfilment in the order.
    pub fulfilment: PartNo,
}

impl Payload for FulfilmentCancelled {
    const EVENT_TYPE: &'static str = "FulfilmentCancelled";
}
