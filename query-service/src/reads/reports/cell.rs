//! A value of a report.

use chrono::DateTime;
use chrono_tz::Tz;
use serde::{Serialize, Serializer};

/// A value of a report.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Cell {
    /// The start of a period, in the time zone of the report.
    Start(DateTime<Tz>),
    /// A name or a code.
    Text(String),
    /// A number of units, of orders or of minor units.
    Number(i64),
    /// No value: sums are not grouped by this column, or there is nothing to compute a mean of.
    Empty,
}

impl Cell {
    /// The value as text: the start of a period in the format of RFC 3339, empty without a value.
    pub fn to_text(&self) -> String {
        match self {
            Cell::Start(start) => start.to_rfc3339(),
            Cell::Text(text) => text.clone(),
            Cell::Number(number) => number.to_string(),
            Cell::Empty => String::new(),
        }
    }
}

impl Serialize for Cell {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Cell::Start(start) => serializer.collect_str(&start.to_rfc3339()),
            Cell::Text(text) => serializer.serialize_str(text),
            Cell::Number(number) => serializer.serialize_i64(*number),
            Cell::Empty => serializer.serialize_none(),
        }
    }
}
