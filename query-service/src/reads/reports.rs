//! Reports: sums by period and other dimensions, read from sums that the projections keep up to date. No report reads rows of
//! single orders.
//!
//! [`sales`], [`products`], [`customers`], [`returns`], [`fulfilment`] and [`stock`] declare one report each: its columns and its
//! select. [`query`] is what is requested, [`table`] the result with its [`cell`]s; [`periods`] and [`time_zone`] divide a range into calendar
//! units; [`stored_sums`] is the part of a select that reads stored sums. [`as_of`] reads a report as of an earlier moment, from the
//! sums and what [`later`] events have added to them.

pub mod as_of;
pub mod cell;
pub mod customers;
pub mod fulfilment;
pub mod later;
pub mod periods;
pub mod products;
pub mod query;
pub mod returns;
pub mod sales;
pub mod stock;
mod stored_sums;
pub mod table;
pub mod time_zone;

use crate::reads::consistency::{self, Required};
use crate::reads::database::freshness::Scope;
use crate::reads::database::limits::Workload;
use crate::reads::database::routing::Database;
use crate::reads::database::statement::{FreshRows, Statement};
use crate::reads::error::Error;
use query::ReportQuery;
use table::{ReportTable, ReportType};

/// Reads a report: all rows from one snapshot. A report with pages has at most `query.limit` rows; of any other report, at most
/// [`query::ROWS_MAX`] rows are read and `is_complete` shows whether these are all. With `query.as_of`, the report is as of that moment.
pub async fn read(
    database: &Database,
    required: Option<&Required>,
    report: &'static ReportType,
    query: &ReportQuery,
) -> Result<ReportTable, Error> {
    if let Some(moment) = query.as_of {
        return as_of::read(database, required, report, query, moment).await;
    }
    let select = |statement: &mut Statement| {
        (report.select)(query, statement);
        statement.push(" limit ").bind(query.rows_max() as i64 + 1);
    };
    let FreshRows { freshness, mut rows } =
        consistency::read(database, Workload::Report, required, report.sums.projection(), &Scope::List, &select)
            .await?;
    let is_complete = rows.len() <= query.rows_max();
    rows.truncate(query.rows_max());
    Ok(ReportTable::decode(report, query, &rows, freshness.contained(), is_complete)?)
}
