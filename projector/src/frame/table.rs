//! Declares a table of a read model: its columns with their values, how writes change a row that exists, its months and
//! its indexes. [`super::schema`] creates the table, [`super::statement`] writes rows, [`super::rows`] lists the tables
//! of a read model.

use std::borrow::Cow;

use chrono::{DateTime, Utc};
use uuid::Uuid;

/// A table that is filled with rows `R`. Without columns that change, a row that exists is never changed.
#[derive(Debug)]
pub struct Table<R: 'static> {
    /// Name of the table.
    pub name: &'static str,
    /// Columns of the table, those of the primary key first.
    pub columns: &'static [Column<R>],
    /// Instant that selects the month of a row; `None` for a table that is not partitioned by month. The first column of
    /// the primary key must contain the same instant: as a time-ordered id (UUIDv7) or as a timestamp.
    pub month: Option<fn(&R) -> DateTime<Utc>>,
    /// SQL expression of the id of the stream that a row belongs to; `None` if a row contains events of several streams.
    pub stream_id: Option<&'static str>,
    /// Indexes of the table besides its primary key.
    pub indexes: &'static [Index],
    /// Storage parameters (`create table ... with`), such as `fillfactor = 70`; may be empty.
    pub storage: &'static str,
}

/// An index of a table. An index without a query that needs it only makes writes slower.
#[derive(Debug)]
pub struct Index {
    /// Name of the index.
    pub name: &'static str,
    /// Method, columns and condition, as in `create index ... on table using`: `btree (lifecycle, id desc)`.
    pub definition: &'static str,
    /// The query that needs the index.
    pub query: &'static str,
}

/// A column of a table of rows `R`.
#[derive(Debug)]
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
    /// Takes the new value, if the row is newer by its columns `incarnation` and `position`.
    Updated,
    /// The new value is added to the stored one.
    Added,
}

/// SQL type of a column and the value of a row.
#[derive(Debug)]
pub enum Values<R> {
    Text(fn(&R) -> &str),
    /// A text that is composed for the row.
    OwnedText(fn(&R) -> String),
    OptionalText(fn(&R) -> Option<&str>),
    /// A JSON text.
    Json(fn(&R) -> Cow<'_, str>),
    /// A `text[]`.
    TextList(fn(&R) -> Vec<&str>),
    Uuid(fn(&R) -> Uuid),
    OptionalUuid(fn(&R) -> Option<Uuid>),
    Int(fn(&R) -> i32),
    BigInt(fn(&R) -> i64),
    Boolean(fn(&R) -> bool),
    Timestamp(fn(&R) -> DateTime<Utc>),
    OptionalTimestamp(fn(&R) -> Option<DateTime<Utc>>),
}

impl<R> Table<R> {
    /// Whether writes add to the columns of the table.
    pub fn is_sum(&self) -> bool {
        self.columns.iter().any(|column| column.role == Role::Added)
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

    /// A column to which writes add, for sums and counts.
    pub const fn added(name: &'static str, values: Values<R>) -> Column<R> {
        Column { name, role: Role::Added, values }
    }
}

impl<R> Values<R> {
    /// Type of the column.
    pub(super) fn column_type(&self) -> &'static str {
        match self {
            Values::Text(_) | Values::OwnedText(_) | Values::OptionalText(_) => "text",
            Values::Json(_) => "json",
            Values::TextList(_) => "text[]",
            Values::Uuid(_) | Values::OptionalUuid(_) => "uuid",
            Values::Int(_) => "int",
            Values::BigInt(_) => "bigint",
            Values::Boolean(_) => "boolean",
            Values::Timestamp(_) | Values::OptionalTimestamp(_) => "timestamptz",
        }
    }

    /// Whether the column may be null.
    pub(super) fn is_optional(&self) -> bool {
        matches!(self, Values::OptionalText(_) | Values::OptionalUuid(_) | Values::OptionalTimestamp(_))
    }
}
