//! Commands to the stock of one SKU at one location, and from one location to another. How it is promised is in [`policy`].

pub mod policy;

use chrono::{DateTime, Utc};
use events::{Location, Quantity, Sku};
use schemars::{JsonSchema, Schema};
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::value::text::{Reason, Reference};
use crate::value::{instant, segment};

/// Most units of one SKU at one location, and the largest adjustment: a billion, far below any overflow of a sum.
pub const MAX_ON_HAND: i64 = 1_000_000_000;

/// A receipt of stock.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ReceiveStock {
    /// Number of units received.
    pub quantity: Quantity,
    /// Number of the delivery note or purchase order.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reference: Option<Reference>,
    /// Instant at which it happened (RFC 3339); the time of the request if left out.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "instant::optional")]
    pub occurred_at: Option<DateTime<Utc>>,
}

/// A transfer of stock to another location.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TransferStock {
    /// SKU of the units to transfer.
    pub sku: Sku,
    /// Location that the units leave.
    pub from: Location,
    /// Location that the units go to; not `.` or `..`.
    #[serde(deserialize_with = "segment::new_location")]
    #[schemars(transform = segment::without_dots)]
    pub to: Location,
    /// Number of units to transfer.
    pub quantity: Quantity,
    /// Id of the transfer in the system of the caller.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reference: Option<Reference>,
    /// Instant at which it happened (RFC 3339); the time of the request if left out.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "instant::optional")]
    pub occurred_at: Option<DateTime<Utc>>,
}

/// An adjustment of the units on hand.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Fields", into = "Fields")]
pub struct AdjustStock {
    /// The change of the units on hand.
    pub change: Change,
    /// Reason for the stock adjustment.
    pub reason: Reason,
    /// Units on hand that the caller expects; the adjustment is rejected if another number is on hand.
    pub expected: Option<i64>,
    /// Instant at which it happened (RFC 3339); the time of the request if left out.
    pub occurred_at: Option<DateTime<Utc>>,
}

/// How the units on hand are adjusted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    /// Change the units on hand by this number; not 0.
    By(i64),
    /// Set the units on hand to this number.
    To(i64),
}

/// An adjustment as written in JSON.
#[derive(Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(transform = exactly_one)]
struct Fields {
    /// Difference to the units on hand; negative to reduce them. Send either `delta` or `count`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = -1_000_000_000, max = 1_000_000_000))]
    delta: Option<i64>,
    /// Units on hand, as counted. Send either `count` or `delta`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0, max = 1_000_000_000))]
    count: Option<i64>,
    /// Reason for the stock adjustment.
    reason: Reason,
    /// Units on hand that the caller expects; the adjustment is rejected if another number is on hand.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0, max = 1_000_000_000))]
    expected: Option<i64>,
    /// Instant at which it happened (RFC 3339); the time of the request if left out.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "instant::optional")]
    occurred_at: Option<DateTime<Utc>>,
}

/// Why an adjustment is invalid, and what a valid adjustment is.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidAdjustment {
    /// Neither or both.
    #[error("send exactly one of `delta` (difference to the units on hand) and `count` (units on hand, as counted)")]
    ExactlyOne,
    /// Nothing, or too much.
    #[error("`delta` must be a whole number from -{MAX_ON_HAND} to {MAX_ON_HAND}, not 0")]
    Delta,
    /// Too much, or less than nothing.
    #[error("`count` must be a whole number from 0 to {MAX_ON_HAND}")]
    Count,
    /// More than can be on hand, or less than nothing.
    #[error("`expected` must be a whole number from 0 to {MAX_ON_HAND}")]
    Expected,
}

impl TryFrom<Fields> for AdjustStock {
    type Error = InvalidAdjustment;

    fn try_from(fields: Fields) -> Result<Self, InvalidAdjustment> {
        let change = match (fields.delta, fields.count) {
            (Some(delta), None) if delta != 0 && (-MAX_ON_HAND..=MAX_ON_HAND).contains(&delta) => Change::By(delta),
            (Some(_), None) => return Err(InvalidAdjustment::Delta),
            (None, Some(count)) if (0..=MAX_ON_HAND).contains(&count) => Change::To(count),
            (None, Some(_)) => return Err(InvalidAdjustment::Count),
            (None, None) | (Some(_), Some(_)) => return Err(InvalidAdjustment::ExactlyOne),
        };
        let Fields { reason, expected, occurred_at, .. } = fields;
        if expected.is_some_and(|expected| !(0..=MAX_ON_HAND).contains(&expected)) {
            return Err(InvalidAdjustment::Expected);
        }
        Ok(Self { change, reason, expected, occurred_at })
    }
}

impl From<AdjustStock> for Fields {
    fn from(body: AdjustStock) -> Fields {
        let (delta, count) = match body.change {
            Change::By(delta) => (Some(delta), None),
            Change::To(count) => (None, Some(count)),
        };
        let AdjustStock { reason, expected, occurred_at, .. } = body;
        Fields { delta, count, reason, expected, occurred_at }
    }
}

impl JsonSchema for AdjustStock {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "AdjustStock".into()
    }

    fn json_schema(generator: &mut schemars::SchemaGenerator) -> Schema {
        Fields::json_schema(generator)
    }
}

fn exactly_one(schema: &mut Schema) {
    schema.insert("oneOf".to_owned(), json!([{ "required": ["delta"] }, { "required": ["count"] }]));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_adjustment_is_by_a_delta_or_to_a_count() {
        let change = |json: &str| serde_json::from_str::<AdjustStock>(json).map(|body| body.change);
        assert_eq!(change(r#"{"delta":-3,"reason":"broken"}"#).unwrap(), Change::By(-3));
        assert_eq!(change(r#"{"count":0,"reason":"stolen"}"#).unwrap(), Change::To(0));
        for bad in [
            r#"{"reason":"x"}"#,
            r#"{"delta":1,"count":1,"reason":"x"}"#,
            r#"{"delta":0,"reason":"x"}"#,
            r#"{"count":-1,"reason":"x"}"#,
            r#"{"count":1,"reason":"x","expected":9007199254740993}"#,
            r#"{"count":1,"reason":"x","why":"y"}"#,
        ] {
            assert!(change(bad).is_err(), "{bad}");
        }
    }
}
