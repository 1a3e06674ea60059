//! The columns and rows of a report. `crate::http::reports` writes them as JSON and as CSV.

use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use events::LogPosition;
use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};
use sqlx::Row;
use sqlx::postgres::PgRow;

use super::cell::Cell;
use super::later::Sums;
use super::query::{Dimension, ReportQuery};
use crate::reads::database::statement::Statement;

/// A report: its columns, and the select that returns them.
#[derive(Debug)]
pub struct ReportType {
    /// The name in the path.
    pub name: &'static str,
    /// The sums that the select reads.
    pub sums: Sums,
    /// The columns, in the order of the result.
    pub columns: &'static [Column],
    /// The dimensions by which sums can be grouped.
    pub dimensions: &'static [Dimension],
    /// The columns by which rows are sorted, if the report has pages.
    pub page_key: &'static [&'static str],
    /// Adds the select, which has all columns and the column `position`, without its limit.
    pub select: fn(&ReportQuery, &mut Statement),
}

/// A column of a report.
#[derive(Debug, Clone, Copy)]
pub struct Column {
    /// Name of the column.
    pub name: &'static str,
    /// The values of the column.
    pub kind: Kind,
}

/// The values of a column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// The number of a period, starting at 1; the value is its start.
    Period,
    /// A name or a code.
    Text,
    /// A number.
    Number,
}

/// The rows of a report.
#[derive(Debug)]
pub struct ReportTable {
    /// The rows contain every event up to this log position.
    pub contained: LogPosition,
    /// The rows; every row has a cell for each column.
    pub rows: Vec<Vec<Cell>>,
    /// Whether these are all rows.
    pub is_complete: bool,
    /// The sort key of the last row.
    pub last_key: Option<Vec<Cell>>,
}

/// A row, as an object with a member for each column.
#[derive(Debug)]
pub struct ReportRow<'a> {
    /// The columns.
    pub columns: &'static [Column],
    /// The value of each column.
    pub cells: &'a [Cell],
}

impl Serialize for ReportRow<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut row = serializer.serialize_map(Some(self.columns.len()))?;
        for (column, cell) in self.columns.iter().zip(self.cells) {
            row.serialize_entry(column.name, cell)?;
        }
        row.end()
    }
}

impl Column {
    /// The start of a period.
    pub const fn period(name: &'static str) -> Column {
        Column { name, kind: Kind::Period }
    }

    /// A name or a code.
    pub const fn text(name: &'static str) -> Column {
        Column { name, kind: Kind::Text }
    }

    /// A number.
    pub const fn number(name: &'static str) -> Column {
        Column { name, kind: Kind::Number }
    }

    fn decode(self, query: &ReportQuery, row: &PgRow) -> sqlx::Result<Cell> {
        let cell = match self.kind {
            Kind::Period => start_of(row.try_get(self.name)?, query).map(Cell::Start),
            Kind::Text => row.try_get::<Option<String>, _>(self.name)?.map(Cell::Text),
            Kind::Number => row.try_get::<Option<i64>, _>(self.name)?.map(Cell::Number),
        };
        Ok(cell.unwrap_or(Cell::Empty))
    }
}

/// The start of a period in the time zone of the report.
fn start_of(number: i32, query: &ReportQuery) -> Option<DateTime<Tz>> {
    let periods = query.periods.as_ref()?;
    let index = usize::try_from(number).ok()?.checked_sub(1)?;
    periods.starts.get(index).map(|start: &DateTime<Utc>| start.with_timezone(&periods.zone))
}

impl ReportTable {
    pub(super) fn decode(
        report: &'static ReportType,
        query: &ReportQuery,
        rows: &[PgRow],
        contained: LogPosition,
        is_complete: bool,
    ) -> sqlx::Result<ReportTable> {
        let mut rows = rows.iter().map(|row| report.decode(query, row)).collect::<sqlx::Result<Vec<Vec<Cell>>>>()?;
        let last_key = rows.last().map(|row| report.key_of(row));
        rows.retain(|row| query.shows(row));
        Ok(ReportTable { contained, rows, is_complete, last_key })
    }
}

impl ReportType {
    /// Decodes a row that the select returned.
    pub fn decode(&self, query: &ReportQuery, row: &PgRow) -> sqlx::Result<Vec<Cell>> {
        self.columns.iter().map(|column| column.decode(query, row)).collect()
    }

    /// The cells of a row by which rows are sorted.
    fn key_of(&self, row: &[Cell]) -> Vec<Cell> {
        let cell = |name: &&str| self.columns.iter().position(|column| column.name == *name).and_then(|at| row.get(at));
        self.page_key.iter().filter_map(cell).cloned().collect()
    }
}
