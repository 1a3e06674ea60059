//! What is requested of a report. `crate::http::reports` parses it; the reports put it into their selects.

use events::{ChannelCode, Currency, Location};

use super::cell::Cell;
use super::later::LaterRows;
use super::periods::Periods;
use crate::reads::moment::Moment;

/// Rows of the largest report. It limits the memory of a response to a few megabytes; a report with more rows is refused.
pub const ROWS_MAX: usize = 50_000;

/// A request for a report.
#[derive(Debug, Clone)]
pub struct ReportQuery {
    /// The range and its periods; `None` for a report of sums since the first event.
    pub periods: Option<Periods>,
    /// The dimensions besides the period by which sums are grouped.
    pub by: Vec<Dimension>,
    /// Only this sales channel.
    pub channel: Option<ChannelCode>,
    /// Only this currency.
    pub currency: Option<Currency>,
    /// Only this location.
    pub location: Option<Location>,
    /// Maximum number of rows of a report that has pages; `None` for a report without pages.
    pub limit: Option<u16>,
    /// The sort key of the last row before the page.
    pub after: Option<Vec<Cell>>,
    /// The moment that the report shows; `None` for the present.
    pub as_of: Option<Moment>,
    /// Rows that undo what the events after that moment have added.
    pub later: Option<LaterRows>,
}

/// A dimension of a report.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dimension {
    /// Sales channel.
    Channel,
    /// Location of stock.
    Location,
}

impl Dimension {
    /// The name in `group_by` and of the column.
    pub fn word(self) -> &'static str {
        match self {
            Dimension::Channel => "channel",
            Dimension::Location => "location",
        }
    }
}

impl ReportQuery {
    /// The sums of a range without filters.
    pub(super) fn of(periods: &Periods) -> ReportQuery {
        ReportQuery {
            periods: Some(periods.clone()),
            by: Vec::new(),
            channel: None,
            currency: None,
            location: None,
            limit: None,
            after: None,
            as_of: None,
            later: None,
        }
    }

    /// The column of a dimension, or null if sums are not grouped by it.
    pub(super) fn column(&self, dimension: Dimension) -> &'static str {
        match (self.by.contains(&dimension), dimension) {
            (true, Dimension::Channel) => "channel",
            (true, Dimension::Location) => "location",
            (false, _) => "null::text",
        }
    }

    /// Whether a row belongs to the report: as of an earlier moment, a row without any number shows only what happened later.
    pub fn shows(&self, row: &[Cell]) -> bool {
        self.later.is_none() || row.iter().any(|cell| matches!(cell, Cell::Number(number) if *number != 0))
    }

    /// Maximum number of rows of the result.
    pub(super) fn rows_max(&self) -> usize {
        self.limit.map_or(ROWS_MAX, usize::from)
    }
}
