//! Change the tags of an order.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use events::OrderId;
use events::order::{OrderEvent, OrderTagged};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::decision::{Decision, NewEvent};
use crate::reader::Reader;
use crate::rejection::{Counted, Rejection};
use crate::value::instant;
use crate::value::tags::{MAX_TAGS, Tags};

/// Tags to add to and to remove from an order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TagOrder {
    /// Tags to add.
    #[serde(default, skip_serializing_if = "Tags::is_empty")]
    pub add: Tags,
    /// Tags to remove; a tag that is also in `add` stays.
    #[serde(default, skip_serializing_if = "Tags::is_empty")]
    pub remove: Tags,
    /// Instant at which the event happened (RFC 3339); the time of the request if left out.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "instant::optional")]
    pub occurred_at: Option<DateTime<Utc>>,
}

pub(crate) fn tag(order_id: OrderId, body: &TagOrder, reader: &Reader<'_>) -> Decision {
    let (stream, order) = reader.order(order_id)?;
    let (add, remove) = (body.add.to_event(), body.remove.to_event());
    let removed: BTreeSet<String> =
        remove.into_iter().filter(|tag| order.tags.contains(tag) && !add.contains(tag)).collect();
    let added: BTreeSet<String> = add.into_iter().filter(|tag| !order.tags.contains(tag)).collect();
    if added.is_empty() && removed.is_empty() {
        return Ok(vec![]);
    }
    if order.tags.len() - removed.len() + added.len() > MAX_TAGS {
        return Err(Rejection::TooManyParts { what: Counted::Tag, limit: MAX_TAGS });
    }
    Ok(vec![NewEvent::new(&stream, OrderEvent::Tagged(OrderTagged { added, removed }))])
}

#[cfg(test)]
mod tests;
