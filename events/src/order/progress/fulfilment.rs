//! One fulfilment of an order and its state.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::name::Location;
use crate::order::fulfilment::FulfilmentCreated;
use crate::order::line::LineQuantity;
use crate::order::numbers::PartNo;

/// State of a fulfilment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum FulfilmentState {
    /// The units are being packed.
    Created,
    /// The units were handed to the carrier.
    Shipped,
    /// The units were delivered.
    Delivered,
    /// The fulfilment was cancelled before shipping.
    Cancelled,
}

/// A fulfilment of an order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Fulfilment {
    /// Number of the fulfilment in the order, starting at 1.
    pub fulfilment: PartNo,
    /// Location from which the units are shipped.
    pub location: Location,
    /// Units in the fulfilment, by order line. Empty for a cancelled fulfilment.
    pub lines: Vec<LineQuantity>,
    /// State of the fulfilment.
    pub state: FulfilmentState,
}

impl Fulfilment {
    pub(super) fn created(event: &FulfilmentCreated) -> Fulfilment {
        Fulfilment {
            fulfilment: event.fulfilment,
            location: event.location.clone(),
            lines: event.lines.clone(),
            state: FulfilmentState::Created,
        }
    }
}
