//! The result of a verification.

use std::collections::{BTreeMap, BTreeSet};

use events::Position;
use read_model::Generation;
use schemars::JsonSchema;
use serde::Serialize;

use super::checksums::Checksums;
use super::rows::KeyedRows;
use crate::frame::ReadModel;
use crate::frame::month::Month;
use crate::months::absent::AbsentMonths;
use crate::row_checksum::RowChecksum;

/// Maximum number of differing rows that are reported with their values.
const REPORTED_MAX: usize = 100;

/// Maximum size of a stored report, in bytes.
const STORED_BYTES_MAX: usize = 1024 * 1024;

/// The result of a verification.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct Report {
    /// Name of the projection.
    pub projection: &'static str,
    /// Number of the generation.
    pub generation: i32,
    /// The tables equal the fold of the log up to this position, except for the differences.
    pub position: i64,
    /// Number of rows of each table: stored, and expected by the fold of the log.
    pub tables: Vec<TableRows>,
    /// Months that the tables do not show.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub absent_months: Vec<AbsentMonth>,
    /// Number of events that operators have skipped in this generation: the fold leaves them out, too.
    pub events_skipped: u64,
    /// Number of rows that differ; of an archived month with another checksum, at least one row.
    pub differences_total: u64,
    /// The first rows that differ.
    pub differences: Vec<Difference>,
}

/// Number of rows of a table.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct TableRows {
    /// Name of the table.
    pub table: &'static str,
    /// Number of rows in the table; rows whose sums are all zero are not counted.
    pub stored: u64,
    /// Number of rows that the fold of the log results in.
    pub expected: u64,
}

/// A month that a table does not show.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct AbsentMonth {
    /// Name of the table.
    pub table: &'static str,
    /// The month, such as `2026-08`.
    pub month: String,
    /// What is known about its rows.
    #[serde(flatten)]
    pub state: AbsentState,
}

/// What is known about the rows of an absent month.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case", tag = "state")]
pub enum AbsentState {
    /// The rows are in a table that is not read: they were not compared.
    Detached,
    /// The rows are in files.
    Archived {
        /// Number of archived rows.
        archived: u64,
        /// Number of rows that the fold of the log results in.
        expected: u64,
        /// Whether the fold of the log results in the archived rows, by their checksum.
        is_equal: bool,
    },
}

/// A row that differs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Difference {
    /// Name of the table.
    pub table: &'static str,
    /// Key of the row, such as `sku=MUG location=main`.
    pub key: String,
    /// How the row differs.
    #[serde(flatten)]
    pub kind: DifferenceKind,
}

/// How a row differs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub enum DifferenceKind {
    /// The table lacks a row.
    Missing,
    /// The table has a row that the fold of the log does not result in.
    Unexpected,
    /// Columns differ.
    Columns {
        /// The columns that differ.
        columns: Vec<ColumnDifference>,
    },
}

/// A column that differs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct ColumnDifference {
    /// Name of the column.
    pub column: &'static str,
    /// The value in the table.
    pub stored: String,
    /// The value that the fold of the log results in.
    pub expected: String,
}

impl Report {
    pub(super) fn new<M: ReadModel>(
        generation: Generation,
        position: Position,
        expected: &Checksums<M>,
        stored: &Checksums<M>,
    ) -> Report {
        let (expected, stored) = (expected.rows_by_table(), stored.rows_by_table());
        let names: BTreeSet<&'static str> = expected.keys().chain(stored.keys()).copied().collect();
        let rows = |of: &BTreeMap<&'static str, u64>, table| of.get(table).copied().unwrap_or(0);
        let tables = names.into_iter().map(|table| TableRows {
            table,
            stored: rows(&stored, table),
            expected: rows(&expected, table),
        });
        Report {
            projection: generation.projection.name(),
            generation: generation.number,
            position: position.0,
            tables: tables.collect(),
            absent_months: Vec::new(),
            events_skipped: 0,
            differences_total: 0,
            differences: Vec::new(),
        }
    }

    /// Adds the months that the tables do not show, with the rows that the fold of the log results in for them.
    pub(super) fn add_absent_months(
        &mut self,
        months: &AbsentMonths,
        expected: &BTreeMap<(&'static str, Month), RowChecksum>,
    ) {
        for absent in months.iter() {
            let expected = expected.get(&(absent.table, absent.month)).copied().unwrap_or_default();
            let state = match absent.archived {
                None => AbsentState::Detached,
                Some(archived) => {
                    let is_equal = archived == expected;
                    if !is_equal {
                        self.differences_total += archived.rows.abs_diff(expected.rows).max(1);
                    }
                    AbsentState::Archived { archived: archived.rows, expected: expected.rows, is_equal }
                }
            };
            self.absent_months.push(AbsentMonth { table: absent.table, month: absent.month.to_string(), state });
        }
    }

    /// Adds the rows that differ.
    pub(super) fn add_differences(&mut self, expected: &KeyedRows, stored: &KeyedRows) {
        let keys: BTreeSet<_> = expected.rows.keys().chain(stored.rows.keys()).collect();
        for key in keys {
            let (expected_row, stored_row) = (expected.rows.get(key), stored.rows.get(key));
            if expected_row == stored_row {
                continue;
            }
            self.differences_total += 1;
            let shape = expected.shapes.get(key.0).or_else(|| stored.shapes.get(key.0));
            let (Some(shape), Some(row)) = (shape, expected_row.or(stored_row)) else { continue };
            if self.differences.len() >= REPORTED_MAX {
                continue;
            }
            let kind = match (expected_row, stored_row) {
                (Some(expected), Some(stored)) => DifferenceKind::Columns {
                    columns: shape
                        .differences(stored, expected)
                        .into_iter()
                        .map(|(column, stored, expected)| ColumnDifference { column, stored, expected })
                        .collect(),
                },
                (None, _) => DifferenceKind::Unexpected,
                (_, None) => DifferenceKind::Missing,
            };
            self.differences.push(Difference { table: key.0, key: shape.key_text(row), kind });
        }
    }

    /// The report as it is stored: with as many of the first differences as the size allows.
    pub(super) fn to_stored_json(&self) -> String {
        let mut stored = self.clone();
        loop {
            let json = serde_json::to_string(&stored).unwrap_or_default();
            if json.len() <= STORED_BYTES_MAX || stored.differences.pop().is_none() {
                return json;
            }
        }
    }

    /// Whether the tables equal the fold of the log.
    pub fn is_equal(&self) -> bool {
        self.differences_total == 0
    }
}

impl std::fmt::Display for AbsentMonth {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let AbsentMonth { table, month, state } = self;
        match state {
            AbsentState::Detached => write!(f, "{table} {month} is detached: its rows were not compared"),
            AbsentState::Archived { archived, is_equal: true, .. } => {
                write!(f, "{table} {month} is archived: the log results in its {archived} rows")
            }
            AbsentState::Archived { archived, expected, is_equal: false } => {
                write!(f, "{table} {month} is archived with {archived} rows: the log results in {expected} other rows")
            }
        }
    }
}

impl std::fmt::Display for Difference {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {}: ", self.table, self.key)?;
        match &self.kind {
            DifferenceKind::Missing => f.write_str("the row is missing"),
            DifferenceKind::Unexpected => f.write_str("the log does not result in this row"),
            DifferenceKind::Columns { columns } => {
                let column =
                    |it: &ColumnDifference| format!("{} is {}, should be {}", it.column, it.stored, it.expected);
                f.write_str(&columns.iter().map(column).collect::<Vec<_>>().join("; "))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stored_report_has_as_many_of_the_differences_as_its_size_allows() {
        let difference = |number: usize| Difference {
            table: "orders",
            key: format!("id={number}"),
            kind: DifferenceKind::Columns {
                columns: vec![ColumnDifference {
                    column: "document",
                    stored: "x".repeat(100 * 1024),
                    expected: "y".repeat(100 * 1024),
                }],
            },
        };
        let report = Report {
            projection: "orders",
            generation: 2,
            position: 9,
            tables: Vec::new(),
            absent_months: Vec::new(),
            events_skipped: 0,
            differences_total: 20,
            differences: (0..20).map(difference).collect(),
        };
        let stored: serde_json::Value = serde_json::from_str(&report.to_stored_json()).unwrap();
        let differences = stored["differences"].as_array().unwrap();
        assert_eq!(
            (differences.len(), &differences[4]["key"], &stored["differences_total"]),
            (5, &"id=4".into(), &20.into())
        );
    }
}
