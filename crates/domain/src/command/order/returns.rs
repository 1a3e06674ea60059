//! Commands to returns: request, receive, reject.

use std::borrow::Cow;

use chrono::{DateTime, Utc};
use events::order::{Disposition, LineNo};
use events::{Personal, Quantity};
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::value::instant;
use crate::value::lines::{Lines, Units};
use crate::value::text::{Reason, Reference};

/// A return to request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RequestReturn {
    /// Units to return.
    pub lines: Lines<Units>,
    /// Reason for the return.
    pub reason: Personal<Reason>,
    /// Id of the return in another system, such as a credit note number.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub external_ref: Option<Reference>,
    /// Instant at which it happened (RFC 3339); the time of the request if left out.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "instant::optional")]
    pub occurred_at: Option<DateTime<Utc>>,
}

/// The receipt of a return.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Fields", into = "Fields")]
pub struct ReceiveReturn {
    /// What becomes of units that have no disposition of their own. Without `lines`, every unit that is still requested is
    /// received.
    pub disposition: Option<Disposition>,
    /// The received units.
    pub lines: Option<Lines<ReceiptLine>>,
    /// Instant at which it happened (RFC 3339); the time of the request if left out.
    pub occurred_at: Option<DateTime<Utc>>,
}

/// Received units of a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ReceiptLine {
    /// Number of the line in the order, from 1.
    pub line: LineNo,
    /// Number of units received.
    pub quantity: Quantity,
    /// What becomes of these units; the `disposition` of the receipt if left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub disposition: Option<Disposition>,
}

/// Why a receipt was refused; says what would do.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("send `disposition` for every unit that is still requested, or `lines`, each with a `disposition`")]
pub struct NoDisposition;

/// A receipt as written in JSON.
#[derive(Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(transform = at_least_one)]
struct Fields {
    /// What becomes of the received units. Without `lines`, every unit that is still requested is received.
    #[serde(skip_serializing_if = "Option::is_none")]
    disposition: Option<Disposition>,
    /// The received units; what is not named stays requested. A line can be named several times, once per disposition.
    #[serde(skip_serializing_if = "Option::is_none")]
    lines: Option<Lines<ReceiptLine>>,
    /// Instant at which it happened (RFC 3339); the time of the request if left out.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "instant::optional")]
    occurred_at: Option<DateTime<Utc>>,
}

impl TryFrom<Fields> for ReceiveReturn {
    type Error = NoDisposition;

    fn try_from(Fields { disposition, lines, occurred_at }: Fields) -> Result<Self, NoDisposition> {
        let is_said = |lines: &Lines<ReceiptLine>| lines.iter().all(|line| line.disposition.is_some());
        match disposition.is_some() || lines.as_ref().is_some_and(is_said) {
            true => Ok(Self { disposition, lines, occurred_at }),
            false => Err(NoDisposition),
        }
    }
}

impl From<ReceiveReturn> for Fields {
    fn from(ReceiveReturn { disposition, lines, occurred_at }: ReceiveReturn) -> Fields {
        Fields { disposition, lines, occurred_at }
    }
}

impl JsonSchema for ReceiveReturn {
    fn schema_name() -> Cow<'static, str> {
        "ReceiveReturn".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        Fields::json_schema(generator)
    }
}

fn at_least_one(schema: &mut Schema) {
    let each =
        json!({ "properties": { "lines": { "items": { "required": ["disposition"] } } }, "required": ["lines"] });
    schema.insert("anyOf".to_owned(), json!([{ "required": ["disposition"] }, each]));
}

impl ReceiveReturn {
    /// Every unit that is still requested is received, and all of them are in the same condition.
    pub fn whole(disposition: Disposition, occurred_at: Option<DateTime<Utc>>) -> Self {
        Self { disposition: Some(disposition), lines: None, occurred_at }
    }
}

/// The rejection of a return.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RejectReturn {
    /// Reason for the rejection.
    pub reason: Personal<Reason>,
    /// Instant at which it happened (RFC 3339); the time of the request if left out.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "instant::optional")]
    pub occurred_at: Option<DateTime<Utc>>,
}
