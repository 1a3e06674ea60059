//! What is to be done with a file: products to create, orders to place, returns to record. Made before anything is sent.

use std::path::Path;

use chrono::{DateTime, Datelike, NaiveTime, Utc};

use super::orders::{self, Order};
use super::products::{self, Product};
use super::returns::{self, Return};
use super::survey::Survey;

/// What is to be done.
#[derive(Debug)]
pub struct Plan {
    /// What the file holds, and the lines that cannot go in.
    pub survey: Survey,
    /// To create, with stock and prices.
    pub products: Vec<Product>,
    /// To place, pay and ship, in the order of the file.
    pub orders: Vec<Order>,
    /// To take back, by order and time.
    pub returns: Vec<Return>,
    /// When the stock came in: the start of the first month that has a sale.
    pub stocked_at: DateTime<Utc>,
}

impl Plan {
    /// Reads a file and makes the plan for it.
    pub fn of(path: &Path) -> anyhow::Result<Plan> {
        Survey::read(path).map(Plan::from)
    }

    /// Requests that it takes if nothing is refused.
    pub fn requests(&self) -> usize {
        let products = self.products.iter().map(|product| product.prices.len() + product.receipts().count());
        let returns = self.returns.iter().map(|found| 2 + usize::from(found.refunded));
        products.sum::<usize>() + self.orders.len() * Order::STEPS + returns.sum::<usize>()
    }
}

impl From<Survey> for Plan {
    fn from(mut survey: Survey) -> Plan {
        let orders = orders::list(&mut survey);
        let returns = returns::list(&mut survey, &orders);
        let products = products::list(&survey, &orders);
        let first = orders.iter().map(|order| order.placed_at).min().unwrap_or_default();
        Plan { stocked_at: month_of(first), survey, products, orders, returns }
    }
}

/// The first instant of the month.
pub fn month_of(at: DateTime<Utc>) -> DateTime<Utc> {
    at.with_day(1).unwrap_or(at).with_time(NaiveTime::MIN).single().unwrap_or(at)
}

#[cfg(test)]
mod tests {
    use super::super::fixture::survey;
    use super::*;

    #[test]
    fn the_stock_comes_in_before_the_first_sale() {
        let plan = Plan::from(survey("2,A,Cup,1,3/31/24 9:00,1.00,,\n1,A,Cup,1,2/29/24 9:00,1.00,,\n"));
        assert_eq!(plan.stocked_at.to_rfc3339(), "2024-02-01T00:00:00+00:00");
    }

    #[test]
    fn requests_are_counted_before_they_are_sent() {
        let plan = Plan::from(survey(
            "1,A,Cup,1000000,1/5/24 9:00,1.00,7,\n2,A,Cup,1,1/6/24 9:00,2.00,,\nC3,A,Cup,-1,1/7/24 9:00,1.00,7,\n",
        ));
        // A product with one more price and two receipts; two orders of four steps; a return of three.
        assert_eq!(plan.requests(), 1 + 1 + 2 + 2 * 4 + 3);
    }

    #[test]
    fn a_file_without_sales_has_nothing_to_do() {
        let plan = Plan::from(survey("C3,A,Cup,-1,1/7/24 9:00,1.00,7,\n"));
        assert_eq!((plan.requests(), plan.products.len(), plan.survey.rejected.len()), (0, 0, 1));
    }
}
