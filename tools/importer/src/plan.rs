//! The plan of an import: products to create, orders to place and returns to record. Made before the first request is sent.

use std::path::Path;

use chrono::{DateTime, Datelike, NaiveTime, Utc};

use crate::contents::FileContents;
use crate::orders::{self, Order};
use crate::products::{self, Product};
use crate::returns::{self, Return};

/// The plan of an import.
#[derive(Debug)]
pub(crate) struct ImportPlan {
    pub contents: FileContents,
    pub products: Vec<Product>,
    /// In the order of the file.
    pub orders: Vec<Order>,
    /// Sorted by order and time.
    pub returns: Vec<Return>,
    /// Time of the stock receipts: the start of the first month with a sale.
    pub stocked_at: DateTime<Utc>,
}

impl ImportPlan {
    /// Reads a file and plans its import.
    pub(crate) fn of(path: &Path) -> anyhow::Result<ImportPlan> {
        FileContents::read(path).map(ImportPlan::from)
    }

    /// Number of requests of the import if none is rejected.
    pub(crate) fn requests(&self) -> usize {
        let products = self.products.iter().map(|product| product.prices.len() + product.receipts().count());
        let returns = self.returns.iter().map(|found| 2 + usize::from(found.refunded));
        products.sum::<usize>() + self.orders.len() * Order::STEPS + returns.sum::<usize>()
    }
}

impl From<FileContents> for ImportPlan {
    fn from(mut contents: FileContents) -> ImportPlan {
        let orders = orders::list(&mut contents);
        let returns = returns::list(&mut contents, &orders);
        let products = products::list(&contents, &orders);
        let first = orders.iter().map(|order| order.placed_at).min().unwrap_or_default();
        ImportPlan { stocked_at: month_of(first), contents, products, orders, returns }
    }
}

/// The start of the month.
pub(crate) fn month_of(at: DateTime<Utc>) -> DateTime<Utc> {
    at.with_day(1).unwrap_or(at).with_time(NaiveTime::MIN).single().unwrap_or(at)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::contents::FileContents;

    #[test]
    fn the_stock_is_received_before_the_first_sale() {
        let plan =
            ImportPlan::from(FileContents::of_lines("2,A,Cup,1,3/31/24 9:00,1.00,,\n1,A,Cup,1,2/29/24 9:00,1.00,,\n"));
        assert_eq!(plan.stocked_at.to_rfc3339(), "2024-02-01T00:00:00+00:00");
    }

    #[test]
    fn requests_are_counted_before_they_are_sent() {
        let plan = ImportPlan::from(FileContents::of_lines(
            "1,A,Cup,1000000,1/5/24 9:00,1.00,7,\n2,A,Cup,1,1/6/24 9:00,2.00,,\nC3,A,Cup,-1,1/7/24 9:00,1.00,7,\n",
        ));
        // A product with one more price and two receipts; two orders of four steps; a return of three.
        assert_eq!(plan.requests(), 1 + 1 + 2 + 2 * 4 + 3);
    }

    #[test]
    fn a_file_without_sales_needs_no_requests() {
        let plan = ImportPlan::from(FileContents::of_lines("C3,A,Cup,-1,1/7/24 9:00,1.00,7,\n"));
        assert_eq!((plan.requests(), plan.products.len(), plan.contents.rejected.len()), (0, 0, 1));
    }
}
