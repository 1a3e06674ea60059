//! A batch as it is sent, cut into its commands: a JSON array, or lines (NDJSON, github.com/ndjson/ndjson-spec).

use std::fmt;

use axum::http::{HeaderMap, HeaderValue};
use platform::problem::Problem;
use platform::{content_type, json};
use serde::de::{IgnoredAny, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::value::RawValue;

use super::item::Item;
use super::problems;
use crate::writer::GROUP_MAX;

/// Most commands of a batch.
pub(super) const COMMANDS_MAX: usize = GROUP_MAX;

const JSON: HeaderValue = HeaderValue::from_static("application/json");
const NDJSON: HeaderValue = HeaderValue::from_static("application/x-ndjson");

/// How a batch is written, in both directions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    Array,
    Lines,
}

/// A command of the batch, or why it cannot be read.
type Split<'a> = Result<Item<'a>, Problem>;

impl Form {
    /// As the content type says.
    pub(super) fn of(headers: &HeaderMap) -> Result<Form, Problem> {
        match content_type::of_text(headers).as_deref() {
            Ok("application/x-ndjson" | "application/ndjson") => Ok(Form::Lines),
            Ok(_) | Err(_) => json::check_content_type(headers).map(|()| Form::Array),
        }
    }

    pub(super) fn media_type(self) -> HeaderValue {
        match self {
            Form::Array => JSON,
            Form::Lines => NDJSON,
        }
    }

    /// Results, each on a line or all in a document.
    pub(super) fn write<T: Serialize>(self, lines: &[T], document: &impl Serialize) -> Vec<u8> {
        const PLAIN: &str = "results are plain data with text keys";
        match self {
            Form::Array => serde_json::to_vec(document).expect(PLAIN),
            Form::Lines => lines.iter().fold(Vec::new(), |mut text, line| {
                serde_json::to_writer(&mut text, line).expect(PLAIN);
                text.push(b'\n');
                text
            }),
        }
    }
}

/// Cuts a batch into its commands. What is no array, or too many, is refused as a whole.
pub(super) fn split(form: Form, body: &[u8]) -> Result<Vec<Split<'_>>, Problem> {
    let items: Vec<&[u8]> = match form {
        Form::Array => {
            json::parse_borrowed::<Items<'_>>(body)?.0.into_iter().map(|item| item.get().as_bytes()).collect()
        }
        Form::Lines => body.split(|byte| *byte == b'\n').filter(|line| !line.trim_ascii().is_empty()).collect(),
    };
    match items.len() {
        0 => Err(problems::no_commands()),
        1..=COMMANDS_MAX => Ok(items.into_iter().map(json::parse_borrowed).collect()),
        _ => Err(problems::batch_too_large(COMMANDS_MAX)),
    }
}

/// The items of an array, not looked into. Those beyond one too many are only counted as that.
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
