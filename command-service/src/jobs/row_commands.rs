//! Types for the conversion of rows to commands: columns, the commands of a document, and rejections. [`super::kind`] converts the rows of
//! each kind.

use platform::problem::Problem;
use uuid::Uuid;

use super::import::StockEffect;
use super::key;
use domain::command::Command;

/// The commands of a document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum DocumentCommands {
    /// One command.
    One(Command),
    /// Create something or, if it exists with different data, update it.
    Upsert {
        /// The command that creates it.
        create: Command,
        /// The commands that update it.
        changes: Vec<Command>,
    },
}

/// The origin of a row, from which missing ids are derived.
#[derive(Debug, Clone, Copy)]
pub(super) struct RowOrigin {
    /// Id of the job.
    pub import: Uuid,
    /// Number of the row; the first one of a document.
    pub row: u32,
    /// Effect of orders on stock.
    pub stock: StockEffect,
}

impl RowOrigin {
    /// Ten pseudorandom bytes that are the same for the same row.
    pub(super) fn random(self) -> [u8; 10] {
        key::random(self.import, self.row)
    }
}

/// The rejection of a row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct RowRejection {
    /// Slug of the problem type.
    pub(super) problem: &'static str,
    /// Explanation, and how to correct the row.
    pub(super) detail: String,
}

impl RowRejection {
    pub(super) fn new(problem: &'static str, detail: impl Into<String>) -> RowRejection {
        RowRejection { problem, detail: detail.into() }
    }
}

impl From<Problem> for RowRejection {
    fn from(problem: Problem) -> RowRejection {
        RowRejection::new(problem.kind(), problem.explanation())
    }
}

/// A column of a CSV file and the place of its value in the document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Column {
    /// Whether the value belongs to the document or to one of its lines.
    pub target: ColumnTarget,
    /// Names of the members on the path to the value.
    pub path: Vec<String>,
    /// JSON type of the value.
    pub value_type: ValueType,
}

/// The object that a value belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ColumnTarget {
    /// The document.
    Document,
    /// The line of the row.
    Line,
}

/// JSON type of a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ValueType {
    /// A string.
    Text,
    /// A number.
    Number,
}

impl Column {
    pub(super) fn new(target: ColumnTarget, path: &[&str], value_type: ValueType) -> Column {
        Column { target, path: path.iter().map(|name| (*name).to_owned()).collect(), value_type }
    }

    pub(super) fn text(name: &str) -> Column {
        Column::new(ColumnTarget::Document, &[name], ValueType::Text)
    }

    pub(super) fn number(name: &str) -> Column {
        Column::new(ColumnTarget::Document, &[name], ValueType::Number)
    }
}
