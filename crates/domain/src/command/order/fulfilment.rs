//! Commands to fulfilments: create, ship, deliver, cancel.

use chrono::{DateTime, Utc};
use events::Location;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::value::instant;
use crate::value::lines::{Lines, Units};
use crate::value::text::Reference;

/// A fulfilment to create.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CreateFulfilment {
    /// Location of the units; the location at which the stock of the lines is reserved if left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub location: Option<Location>,
    /// Units to pack; all units at the location that are in no fulfilment if left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lines: Option<Lines<Units>>,
    /// Instant at which it happened (RFC 3339); the time of the request if left out.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "instant::optional")]
    pub occurred_at: Option<DateTime<Utc>>,
}

/// The shipment of a fulfilment.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ShipFulfilment {
    /// Name of the carrier.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub carrier: Option<Reference>,
    /// Tracking number of the carrier.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tracking: Option<Reference>,
    /// Instant at which it happened (RFC 3339); the time of the request if left out.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "instant::optional")]
    pub occurred_at: Option<DateTime<Utc>>,
}

/// The delivery of a fulfilment.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DeliverFulfilment {
    /// Instant at which it happened (RFC 3339); the time of the request if left out.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "instant::optional")]
    pub occurred_at: Option<DateTime<Utc>>,
}

/// The cancellation of a fulfilment.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CancelFulfilment {
    /// Instant at which it happened (RFC 3339); the time of the request if left out.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "instant::optional")]
    pub occurred_at: Option<DateTime<Utc>>,
}
