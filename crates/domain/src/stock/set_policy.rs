//! Set the stock policy of a stock item.

use std::borrow::Cow;

use chrono::{DateTime, Utc};
use events::stock::{StockEvent, StockPolicy, StockPolicyChanged};
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::decision::{Decision, NewEvent};
use crate::reader::Reader;
use crate::stock::item::StockItem;
use crate::stock::limits::{MAX_ON_HAND, existing};
use crate::value::instant;

/// A stock policy; replaces the whole policy of the stock item.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Fields", into = "Fields")]
pub struct SetStockPolicy {
    /// What to do if more units are requested than are in stock.
    pub policy: StockPolicy,
    /// Safety stock: units that are never promised.
    pub safety: u32,
    /// Instant at which the event happened (RFC 3339); the time of the request if left out.
    pub occurred_at: Option<DateTime<Utc>>,
}

impl TryFrom<Fields> for SetStockPolicy {
    type Error = InvalidPolicy;

    fn try_from(fields: Fields) -> Result<Self, InvalidPolicy> {
        for (name, units) in [("limit", fields.limit.unwrap_or(0)), ("safety", fields.safety)] {
            if i64::from(units) > MAX_ON_HAND {
                return Err(InvalidPolicy::Units(name));
            }
        }
        let policy = match (fields.kind, fields.limit) {
            (StockPolicyKind::Deny, None) => StockPolicy::Deny,
            (StockPolicyKind::Backorder, Some(limit)) => StockPolicy::Backorder { limit },
            (StockPolicyKind::Untracked, None) => StockPolicy::Untracked,
            (StockPolicyKind::Backorder, None) | (StockPolicyKind::Deny | StockPolicyKind::Untracked, Some(_)) => {
                return Err(InvalidPolicy::Limit);
            }
        };
        Ok(Self { policy, safety: fields.safety, occurred_at: fields.occurred_at })
    }
}

impl JsonSchema for SetStockPolicy {
    fn schema_name() -> Cow<'static, str> {
        "SetStockPolicy".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        Fields::json_schema(generator)
    }
}

/// What to do if more units are requested than are in stock.
#[derive(Clone, Copy, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
enum StockPolicyKind {
    /// The command is rejected.
    Deny,
    /// More units than are in stock can be promised, up to a limit.
    Backorder,
    /// Stock is not tracked: orders and stock holds do not change it.
    Untracked,
}

/// A stock policy; replaces the whole policy of the stock item.
#[derive(Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(transform = limit_of_backorders)]
struct Fields {
    /// What to do if more units are requested than are in stock.
    kind: StockPolicyKind,
    /// Units that can be promised beyond the units in stock; required for kind `backorder`, not allowed for other kinds.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0, max = 1_000_000_000))]
    limit: Option<u32>,
    /// Safety stock: units that are never promised; 0 if left out.
    #[serde(default, skip_serializing_if = "is_none")]
    #[schemars(range(min = 0, max = 1_000_000_000))]
    safety: u32,
    /// Instant at which the event happened (RFC 3339); the time of the request if left out.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "instant::optional")]
    occurred_at: Option<DateTime<Utc>>,
}

impl From<SetStockPolicy> for Fields {
    fn from(body: SetStockPolicy) -> Fields {
        let (kind, limit) = match body.policy {
            StockPolicy::Deny => (StockPolicyKind::Deny, None),
            StockPolicy::Backorder { limit } => (StockPolicyKind::Backorder, Some(limit)),
            StockPolicy::Untracked => (StockPolicyKind::Untracked, None),
        };
        Fields { kind, limit, safety: body.safety, occurred_at: body.occurred_at }
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands over references")]
fn is_none(units: &u32) -> bool {
    *units == 0
}

/// Why a policy is invalid, and what a valid policy is.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidPolicy {
    /// Backorders without a limit, or a limit without backorders.
    #[error(
        "send `limit` (units that can be promised beyond the units in stock) with kind `backorder`, and with no other"
    )]
    Limit,
    /// Too many units.
    #[error("`{0}` must be a whole number of units from 0 to {MAX_ON_HAND}")]
    Units(&'static str),
}

fn limit_of_backorders(schema: &mut Schema) {
    let backorder = json!({ "properties": { "kind": { "const": "backorder" } } });
    schema.insert("if".to_owned(), backorder);
    schema.insert("then".to_owned(), json!({ "required": ["limit"] }));
    schema.insert("else".to_owned(), json!({ "properties": { "limit": { "type": "null" } } }));
}

pub(crate) fn set_policy(item: &StockItem, body: &SetStockPolicy, reader: &Reader<'_>) -> Decision {
    let (stream, level) = existing(&item.sku, &item.location, reader)?;
    let (policy, safety) = (body.policy, i64::from(body.safety));
    if (level.policy, level.safety) == (policy, safety) {
        return Ok(vec![]);
    }
    let changed = StockPolicyChanged { policy, safety: body.safety };
    Ok(vec![NewEvent::new(&stream, StockEvent::PolicyChanged(changed))])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn backorders_have_a_limit_and_nothing_else_has() {
        let policy = |json: &str| serde_json::from_str::<SetStockPolicy>(json).map(|body| (body.policy, body.safety));
        assert_eq!(policy(r#"{"kind":"deny","safety":3}"#).unwrap(), (StockPolicy::Deny, 3));
        assert_eq!(policy(r#"{"kind":"backorder","limit":5}"#).unwrap(), (StockPolicy::Backorder { limit: 5 }, 0));
        assert_eq!(policy(r#"{"kind":"untracked"}"#).unwrap(), (StockPolicy::Untracked, 0));
        for bad in [
            r#"{"kind":"backorder"}"#,
            r#"{"kind":"deny","limit":5}"#,
            r#"{"kind":"untracked","limit":0}"#,
            r#"{"kind":"deny","safety":1000000001}"#,
            r#"{"kind":"deny","safety":-1}"#,
            r#"{"kind":"backorder","limit":4294967295}"#,
            r#"{"kind":"deny","colour":1}"#,
            r#"{"safety":1}"#,
        ] {
            assert!(policy(bad).is_err(), "{bad}");
        }
    }
}
