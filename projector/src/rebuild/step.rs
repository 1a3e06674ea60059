//! A step of a rebuild: committed together with its rows, so that a rebuild that was killed continues after its last step.

use serde::{Deserialize, Serialize};

use crate::frame::month::Month;
use crate::scan::plan::Segment;

/// A step of a rebuild.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Step {
    /// Folds the streams of a segment.
    Fold(Segment),
    /// Copies rows of the live generation.
    Copy(Part),
}

/// A part of a table: the whole table, a month, or a day of a month.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Part {
    /// Name of the table.
    pub table: String,
    /// The month, if the table is partitioned by month.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub month: Option<Month>,
    /// The day of the month, from 1, if the month is divided.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub day: Option<u32>,
}

impl Step {
    /// Whether the step copies a table that is not partitioned by month. Such a table has the states of streams.
    pub fn copies_states(&self) -> bool {
        matches!(self, Step::Copy(Part { month: None, .. }))
    }
}

impl std::fmt::Display for Step {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Step::Fold(segment) => write!(f, "reading {segment}"),
            Step::Copy(Part { table, month: None, .. }) => write!(f, "copying {table}"),
            Step::Copy(Part { table, month: Some(month), day: None }) => write!(f, "copying {table} of {month}"),
            Step::Copy(Part { table, month: Some(month), day: Some(day) }) => {
                write!(f, "copying {table} of {month}-{day:02}")
            }
        }
    }
}
