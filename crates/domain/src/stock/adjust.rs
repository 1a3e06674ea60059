//! Adjust the units on hand of a stock item.

use chrono::{DateTime, Utc};
use events::stock::{StockAdjusted, StockEvent};
use schemars::{JsonSchema, Schema};
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::decision::{Decision, NewEvent};
use crate::reader::Reader;
use crate::rejection::Rejection;
use crate::stock::item::StockItem;
use crate::stock::limits::{MAX_ON_HAND, existing, within_limit};
use crate::value::instant;
use crate::value::text::Reason;

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
    /// Instant at which the event happened (RFC 3339); the time of the request if left out.
    pub occurred_at: Option<DateTime<Utc>>,
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

impl JsonSchema for AdjustStock {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "AdjustStock".into()
    }

    fn json_schema(generator: &mut schemars::SchemaGenerator) -> Schema {
        Fields::json_schema(generator)
    }
}

/// How the units on hand are adjusted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    /// Change the units on hand by this number; not 0.
    By(i64),
    /// Set the units on hand to this number.
    To(i64),
}

/// An adjustment of the units on hand.
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
    /// Instant at which the event happened (RFC 3339); the time of the request if left out.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "instant::optional")]
    occurred_at: Option<DateTime<Utc>>,
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

/// A stock adjustment that is invalid. The message says how to correct the adjustment.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidAdjustment {
    /// Neither `delta` nor `count`, or both.
    #[error("send exactly one of `delta` (difference to the units on hand) and `count` (units on hand, as counted)")]
    ExactlyOne,
    /// `delta` is 0 or too large.
    #[error("`delta` must be a whole number from -{MAX_ON_HAND} to {MAX_ON_HAND}, not 0")]
    Delta,
    /// `count` is negative or too large.
    #[error("`count` must be a whole number from 0 to {MAX_ON_HAND}")]
    Count,
    /// `expected` is negative or too large.
    #[error("`expected` must be a whole number from 0 to {MAX_ON_HAND}")]
    Expected,
}

fn exactly_one(schema: &mut Schema) {
    schema.insert("oneOf".to_owned(), json!([{ "required": ["delta"] }, { "required": ["count"] }]));
}

pub(crate) fn adjust(item: &StockItem, body: &AdjustStock, reader: &Reader<'_>) -> Decision {
    let (stream, level) = existing(&item.sku, &item.location, reader)?;
    // Before `expected` is checked: the repeat of a count that is in effect has no effect and is not rejected.
    if body.change == Change::To(level.on_hand) {
        return Ok(vec![]);
    }
    if let Some(expected) = body.expected
        && expected != level.on_hand
    {
        return Err(Rejection::StaleExpected { expected, on_hand: level.on_hand });
    }
    let delta = match body.change {
        Change::By(delta) => delta,
        Change::To(count) => count - level.on_hand,
    };
    if delta > 0 {
        within_limit(level.on_hand + delta)?;
    }
    if level.on_hand + delta < 0 {
        return Err(Rejection::BelowZero { on_hand: level.on_hand, delta });
    }
    let adjusted = StockAdjusted { delta, reason: body.reason.as_str().to_owned() };
    Ok(vec![NewEvent::new(&stream, StockEvent::Adjusted(adjusted))])
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
