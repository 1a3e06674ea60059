//! The body of a batch, split into its items ([`super::batch_item`]): a JSON array, or NDJSON with one item per line
//! (github.com/ndjson/ndjson-spec).

use std::fmt;

use axum::http::{HeaderMap, HeaderValue};
use platform::problem::Problem;
use platform::{content_type, json};
use serde::de::{IgnoredAny, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::value::RawValue;

use super::batch_item::BatchItem;
use super::problems;
use crate::writer::GROUP_MAX;

/// Limit of commands in a batch: they are submitted to the writer as one group.
pub(super) const COMMANDS_MAX: usize = GROUP_MAX;

const JSON: HeaderValue = HeaderValue::from_static("application/json");
const NDJSON: HeaderValue = HeaderValue::from_static("application/x-ndjson");

/// Format of a batch and of its results.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum BatchFormat {
    JsonArray,
    Ndjson,
}

/// An item of the batch, or the problem of an item that cannot be parsed.
pub(super) type ParsedItem<'a> = Result<BatchItem<'a>, Problem>;

impl BatchFormat {
    /// The format that the content type names.
    pub(super) fn of(headers: &HeaderMap) -> Result<BatchFormat, Problem> {
        match content_type::of_text(headers).as_deref() {
            Ok("application/x-ndjson" | "application/ndjson") => Ok(BatchFormat::Ndjson),
            Ok(_) | Err(_) => json::check_content_type(headers).map(|()| BatchFormat::JsonArray),
        }
    }

    pub(super) fn media_type(self) -> HeaderValue {
        match self {
            BatchFormat::JsonArray => JSON,
            BatchFormat::Ndjson => NDJSON,
        }
    }

    /// Serialises the results: one per line, or all in one document.
    pub(super) fn write<T: Serialize>(self, lines: &[T], document: &impl Serialize) -> Vec<u8> {
        const PLAIN: &str = "results are plain data with string keys";
        match self {
            BatchFormat::JsonArray => serde_json::to_vec(document).expect(PLAIN),
            BatchFormat::Ndjson => lines.iter().fold(Vec::new(), |mut text, line| {
                serde_json::to_writer(&mut text, line).expect(PLAIN);
                text.push(b'\n');
                text
            }),
        }
    }
}

/// Splits a batch into its items. A body that is not an array, is empty or has too many items is rejected as a whole.
pub(super) fn split(form: BatchFormat, body: &[u8]) -> Result<Vec<ParsedItem<'_>>, Problem> {
    let items: Vec<&[u8]> = match form {
        BatchFormat::JsonArray => {
            json::parse_borrowed::<Items<'_>>(body)?.0.into_iter().map(|item| item.get().as_bytes()).collect()
        }
        BatchFormat::Ndjson => body.split(|byte| *byte == b'\n').filter(|line| !line.trim_ascii().is_empty()).collect(),
    };
    match items.len() {
        0 => Err(problems::no_commands()),
        1..=COMMANDS_MAX => Ok(items.into_iter().map(json::parse_borrowed).collect()),
        _ => Err(problems::batch_too_large(COMMANDS_MAX)),
    }
}

/// The items of an array as raw JSON. Only one item beyond the limit is kept.
#[derive(Debug)]
struct Items<'a>(Vec<&'a RawValue>);

impl<'de> Deserialize<'de> for Items<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_seq(ItemsVisitor).map(Items)
    }
}

struct ItemsVisitor;

impl<'de> Visitor<'de> for ItemsVisitor {
    type Value = Vec<&'de RawValue>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "an array of 1 to {COMMANDS_MAX} commands")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
        let mut items = Vec::new();
        while items.len() <= COMMANDS_MAX {
            let Some(item) = seq.next_element()? else { return Ok(items) };
            items.push(item);
        }
        while seq.next_element::<IgnoredAny>()?.is_some() {}
        Ok(items)
    }
}
