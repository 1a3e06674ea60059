//! Declares the tables that a write fills: each column has a name, an SQL type, the value of a row, and whether a later
//! write replaces the value.

use std::borrow::Cow;

use chrono::{DateTime, Utc};
use serde::de::DeserializeOwned;
use uuid::Uuid;

/// A table that is filled with rows `R`. Without columns that are updated, a row that exists is never changed.
pub struct Table<R: 'static> {
    /// Name of the table.
    pub name: &'static str,
    /// Columns of the table.
    pub columns: &'static [Column<R>],
    /// Instant that selects the month of a row; `None` for a table that is not partitioned by month.
    pub month: Option<fn(&R) -> DateTime<Utc>>,
}

/// A column of a table of rows `R`.
pub struct Column<R> {
    pub(super) name: &'static str,
    pub(super) role: Role,
    pub(super) values: Values<R>,
}

/// What a write does with a column of a row that exists.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Role {
    /// Identifies the row.
    Key,
    /// Keeps its value.
    Fixed,
    /// Takes the new value.
    Updated,
}

/// SQL type of a column and the value of a row.
pub enum Values<R> {
    Text(fn(&R) -> &str),
    OptionalText(fn(&R) -> Option<&str>),
    /// A JSON text.
    Json(fn(&R) -> Cow<'_, str>),
    /// A `text[]`, given as a JSON array: `unnest` would flatten an array of arrays.
    TextList(fn(&R) -> String),
    Uuid(fn(&R) -> Uuid),
    OptionalUuid(fn(&R) -> Option<Uuid>),
    Int(fn(&R) -> i32),
    BigInt(fn(&R) -> i64),
    Boolean(fn(&R) -> bool),
    Timestamp(fn(&R) -> DateTime<Utc>),
}

impl<R> Table<R> {
    /// The months of rows, as table and an instant in the month. An id (UUIDv7) contains no instant before 1970.
    pub(super) fn months<'a>(&self, rows: &'a [R]) -> impl Iterator<Item = (&'static str, DateTime<Utc>)> + use<'a, R> {
        let name = self.name;
        let instants = self.month.into_iter().flat_map(move |instant| rows.iter().map(instant));
        instants.map(move |instant| (name, instant.max(DateTime::UNIX_EPOCH)))
    }
}

impl<R> Column<R> {
    /// A column of the primary key.
    pub const fn key(name: &'static str, values: Values<R>) -> Column<R> {
        Column { name, role: Role::Key, values }
    }

    /// A column whose first value stays.
    pub const fn fixed(name: &'static str, values: Values<R>) -> Column<R> {
        Column { name, role: Role::Fixed, values }
    }

    /// A column that a later write replaces.
    pub const fn updated(name: &'static str, values: Values<R>) -> Column<R> {
        Column { name, role: Role::Updated, values }
    }
}

/// Reads a column with JSON. Decoding by sqlx would fail the whole statement for one row that this build cannot read.
pub fn read_json<T: DeserializeOwned>(column: &str, json: &str) -> Result<T, String> {
    serde_json::from_str(json).map_err(|e| format!("{column}: line {}, column {}", e.line(), e.column()))
}
