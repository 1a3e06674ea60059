//! Events that stop, resume or end the work on an order: order holds, expiry and completion.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::payload::Payload;
use crate::personal::Personal;

/// The order was put on hold. Nothing of the order is fulfilled or shipped until the order hold is released.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct OrderHeld {
    /// Reason for the order hold.
    pub reason: Personal<String>,
}

impl Payload for OrderHeld {
    const EVENT_TYPE: &'static str = "OrderHeld";
}

/// The order hold was released.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct OrderHoldReleased {}

impl Payload for OrderHoldReleased {
    const EVENT_TYPE: &'static str = "OrderHoldReleased";
}

/// The order expired: it was not paid before the payment deadline.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct OrderExpired {}

impl Payload for OrderExpired {
    const EVENT_TYPE: &'static str = "OrderExpired";
}

/// The order was completed: every unit is delivered or cancelled, and the buyer owes nothing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct OrderCompleted {}

impl Payload for OrderCompleted {
    const EVENT_TYPE: &'static str = "OrderCompleted";
}
