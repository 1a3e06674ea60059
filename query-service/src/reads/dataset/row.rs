//! A row of a whole list or report. Lists and reports decode it as they do for a page.

use read_model::{CustomerDocument, OrderSummary, ProductDocument, StockDocument};
use serde::{Serialize, Serializer};
use sqlx::Row as _;
use sqlx::postgres::PgRow;

use super::Dataset;
use crate::reads::orders::list;
use crate::reads::orders::select::LineCounts;
use crate::reads::reports::cell::Cell;
use crate::reads::reports::table::{ReportRow, ReportType};
use crate::reads::{customers, products, stock};

/// A row of a list or of a report.
#[derive(Debug)]
pub enum Row {
    /// An order.
    Order(Box<OrderRow>),
    /// A product.
    Product(Box<ProductDocument>),
    /// A customer, without personal data after an erasure.
    Customer(Box<CustomerDocument>),
    /// A stock item.
    Stock(Box<StockDocument>),
    /// A row of a report: a value for each column.
    Report(&'static ReportType, Vec<Cell>),
}

/// An order of the list, with what the list does not show.
#[derive(Debug)]
pub struct OrderRow {
    /// The order as the list shows it.
    pub summary: OrderSummary,
    /// Number of order lines and of units that are not cancelled; `None` if they were not counted.
    pub counts: Option<(i64, i64)>,
}

impl Row {
    /// Whether the row belongs to the list or report that selected it.
    pub(super) fn is_of(&self, dataset: &Dataset) -> bool {
        match (dataset, self) {
            (Dataset::Report { query, .. }, Row::Report(_, cells)) => query.shows(cells),
            _ => true,
        }
    }

    /// Decodes a row that [`Dataset`] selected.
    pub(super) fn decode(dataset: &Dataset, counts: LineCounts, row: &PgRow) -> sqlx::Result<Row> {
        Ok(match dataset {
            Dataset::Orders { .. } => Row::Order(Box::new(OrderRow {
                summary: list::summary(row)?,
                counts: match counts {
                    LineCounts::Included => Some((row.try_get("lines")?, row.try_get("units")?)),
                    LineCounts::LeftOut => None,
                },
            })),
            Dataset::Products(_) => Row::Product(Box::new(products::document(row)?)),
            Dataset::Customers { .. } => Row::Customer(Box::new(customers::document(row)?)),
            Dataset::Stock => Row::Stock(Box::new(stock::document(row)?)),
            Dataset::Report { report, query } => Row::Report(report, report.decode(query, row)?),
        })
    }
}

/// The row as the list or the report shows it.
impl Serialize for Row {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Row::Order(row) => row.summary.serialize(serializer),
            Row::Product(product) => product.serialize(serializer),
            Row::Customer(customer) => customer.serialize(serializer),
            Row::Stock(item) => item.serialize(serializer),
            Row::Report(report, cells) => ReportRow { columns: report.columns, cells }.serialize(serializer),
        }
    }
}
