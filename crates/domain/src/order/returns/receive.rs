//! Record the receipt of the units of a return: in one or several receipts, each unit with its own disposition.

use std::borrow::Cow;
use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use events::order::progress::{LineProgress, Progress, Return, ReturnState};
use events::order::{Disposition, LineNo, LineQuantity, OrderEvent, PartNo, ReceivedUnits, ReturnReceived};
use events::stock::{StockEvent, StockRestocked};
use events::{OrderId, Quantity};
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::decision::{Decision, NewEvent};
use crate::order::returns::{find, not_allowed};
use crate::order::units;
use crate::reader::Reader;
use crate::rejection::{Purpose, Rejection};
use crate::stock::stock_units;
use crate::value::instant;
use crate::value::lines::{Lines, Units};

/// The receipt of a return.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Fields", into = "Fields")]
pub struct ReceiveReturn {
    /// Disposition of units that have no disposition of their own. Without `lines`, every unit that is still requested
    /// is received.
    pub disposition: Option<Disposition>,
    /// The received units.
    pub lines: Option<Lines<ReceiptLine>>,
    /// Instant at which the event happened (RFC 3339); the time of the request if left out.
    pub occurred_at: Option<DateTime<Utc>>,
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

impl JsonSchema for ReceiveReturn {
    fn schema_name() -> Cow<'static, str> {
        "ReceiveReturn".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        Fields::json_schema(generator)
    }
}

impl ReceiveReturn {
    /// The receipt of every unit that is still requested, with the same disposition.
    pub fn whole(disposition: Disposition, occurred_at: Option<DateTime<Utc>>) -> Self {
        Self { disposition: Some(disposition), lines: None, occurred_at }
    }
}

/// Received units of a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ReceiptLine {
    /// Number of the line in the order, from 1.
    pub line: LineNo,
    /// Number of units received.
    pub quantity: Quantity,
    /// Disposition of these units; the `disposition` of the receipt if left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub disposition: Option<Disposition>,
}

/// A receipt that is invalid. The message says how to correct the receipt.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("send `disposition` for every unit that is still requested, or `lines`, each with a `disposition`")]
pub struct NoDisposition;

/// The receipt of a return.
#[derive(Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(transform = at_least_one)]
struct Fields {
    /// Disposition of the received units. Without `lines`, every unit that is still requested is received.
    #[serde(skip_serializing_if = "Option::is_none")]
    disposition: Option<Disposition>,
    /// The received units; other units stay requested. A line can be named several times, once per disposition.
    #[serde(skip_serializing_if = "Option::is_none")]
    lines: Option<Lines<ReceiptLine>>,
    /// Instant at which the event happened (RFC 3339); the time of the request if left out.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "instant::optional")]
    occurred_at: Option<DateTime<Utc>>,
}

impl From<ReceiveReturn> for Fields {
    fn from(ReceiveReturn { disposition, lines, occurred_at }: ReceiveReturn) -> Fields {
        Fields { disposition, lines, occurred_at }
    }
}

fn at_least_one(schema: &mut Schema) {
    let each =
        json!({ "properties": { "lines": { "items": { "required": ["disposition"] } } }, "required": ["lines"] });
    schema.insert("anyOf".to_owned(), json!([{ "required": ["disposition"] }, each]));
}

pub(crate) fn receive(order_id: OrderId, return_no: PartNo, body: &ReceiveReturn, reader: &Reader<'_>) -> Decision {
    let (stream, order) = reader.order(order_id)?;
    let found = find(order, return_no)?;
    match found.state {
        ReturnState::Requested => {}
        ReturnState::Received if is_received_so(body, found) => return Ok(vec![]),
        ReturnState::Received | ReturnState::Rejected => return not_allowed(order, found),
    }
    let units = received(body, found, &order.progress)?;
    let restocked = stock_units::moved(order, &restocked(&units), |quantity| {
        StockEvent::Restocked(StockRestocked { order_id, quantity })
    });
    let received = ReturnReceived { return_no, lines: units, rest: None };
    let mut events = vec![NewEvent::new(&stream, OrderEvent::ReturnReceived(received))];
    events.extend(restocked);
    Ok(events)
}

/// The received units: the named units, at most those that are outstanding, or all outstanding units.
fn received(body: &ReceiveReturn, found: &Return, progress: &Progress) -> Result<Vec<ReceivedUnits>, Rejection> {
    let outstanding = found.outstanding();
    // A body without any disposition is not parsed.
    let all = body.disposition.unwrap_or(Disposition::Restock);
    let Some(lines) = &body.lines else {
        let whole = |LineQuantity { line, quantity }| ReceivedUnits { line, quantity, disposition: all };
        return Ok(outstanding.into_iter().map(whole).collect());
    };
    let left = |line: &LineProgress| {
        outstanding.iter().find(|units| units.line == line.line).map_or(0, |units| units.quantity)
    };
    let named: Vec<_> = lines.iter().map(|it| Units { line: it.line, quantity: it.quantity }).collect();
    units::within(&named, progress, Purpose::Receipt, left)?;
    let mut units: BTreeMap<(LineNo, Disposition), u32> = BTreeMap::new();
    for it in lines.iter() {
        *units.entry((it.line, it.disposition.unwrap_or(all))).or_default() += it.quantity.get();
    }
    let units = units.into_iter().map(|((line, disposition), quantity)| ReceivedUnits { line, quantity, disposition });
    Ok(units.collect())
}

/// The units that are restocked.
fn restocked(units: &[ReceivedUnits]) -> Vec<LineQuantity> {
    let again = units.iter().filter(|units| units.disposition == Disposition::Restock);
    again.map(|units| LineQuantity { line: units.line, quantity: units.quantity }).collect()
}

/// Whether the receipt repeats the receipt of the whole return. A receipt of named units is never taken for a repeat.
fn is_received_so(body: &ReceiveReturn, found: &Return) -> bool {
    let is_among = |disposition| found.received.iter().any(|units| units.disposition == disposition);
    body.lines.is_none() && body.disposition.is_some_and(is_among)
}
