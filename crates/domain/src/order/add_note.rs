//! Add a note to an order.

use chrono::{DateTime, Utc};
use events::order::{OrderEvent, OrderNoteAdded};
use events::{OrderId, Personal};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::decision::{Decision, NewEvent};
use crate::order::personal_data;
use crate::reader::Reader;
use crate::rejection::{Counted, Rejection};
use crate::value::instant;
use crate::value::text::{Name, Remark};

/// A note to add to an order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AddNote {
    /// Text of the note.
    pub note: Personal<Remark>,
    /// Author of the note.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub author: Option<Personal<Name>>,
    /// Instant at which the event happened (RFC 3339); the time of the request if left out.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "instant::optional")]
    pub occurred_at: Option<DateTime<Utc>>,
}

/// Maximum number of notes of one order; limits the size of the order's document.
const MAX_NOTES: usize = 200;

pub(crate) fn note(order_id: OrderId, body: &AddNote, reader: &Reader<'_>) -> Decision {
    let (stream, order) = reader.order(order_id)?;
    personal_data::not_erased(order_id, order, reader)?;
    if order.notes >= MAX_NOTES {
        return Err(Rejection::TooManyParts { what: Counted::Note, limit: MAX_NOTES });
    }
    let note = body.note.expose().as_str().into();
    let author = body.author.as_ref().map(|author| author.expose().as_str().into());
    Ok(vec![NewEvent::new(&stream, OrderEvent::NoteAdded(OrderNoteAdded { note, author }))])
}

#[cfg(test)]
mod tests;
