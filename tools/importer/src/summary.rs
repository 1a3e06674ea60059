//! The summary that the importer prints at the end.

use std::collections::BTreeMap;
use std::fmt::{self, Display, Formatter};

use chrono::{DateTime, Utc};

use crate::outcome::{LineResults, Outcomes};
use crate::plan::{ImportPlan, month_of};

/// Counts of an import.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Summary {
    /// Lines that are not blank, without the header.
    pub read: usize,
    /// Lines that are recorded in the log.
    pub accepted: usize,
    /// Rejected lines, by code of the reason.
    pub rejected: BTreeMap<String, usize>,
    /// Invoices with a sale, and how many of them were split into several orders.
    pub invoices: (usize, usize),
    /// Orders, and their lines.
    pub orders: (usize, usize),
    /// Returns, and their lines.
    pub returns: (usize, usize),
    /// Returns whose refund the payment did not cover.
    pub uncovered: usize,
    /// Orders and returns with a rejected step.
    pub incomplete: usize,
    /// Products, their price changes, and the units received.
    pub products: (usize, usize, u64),
    /// SKUs whose code is written both in capitals and not, and SKUs with several descriptions.
    pub merged: (usize, usize),
    /// Products with a rejected step.
    pub products_rejected: usize,
    /// Accepted lines whose price was rounded.
    pub rounded: usize,
    /// By start of the month.
    pub months: BTreeMap<DateTime<Utc>, Month>,
}

/// The accepted orders and returns of one month.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Month {
    pub orders: usize,
    /// Total of the orders, in pence.
    pub sold: i64,
    pub returns: usize,
    /// Total of the refunds, in pence.
    pub refunded: i64,
}

impl Summary {
    /// Counts the outcomes of a plan.
    pub(crate) fn of(plan: &ImportPlan, outcomes: &Outcomes, results: &LineResults<'_>) -> Summary {
        let contents = &plan.contents;
        let mut summary = Summary {
            read: contents.lines_read as usize,
            accepted: results.accepted,
            invoices: invoices(plan),
            uncovered: results.with_warning("refund-not-covered"),
            products: (
                plan.products.len(),
                plan.products.iter().map(|product| product.prices.len() - 1).sum(),
                plan.products.iter().map(|product| product.sold).sum(),
            ),
            merged: (
                contents.codes.len() - contents.skus.count(),
                contents.descriptions.iter().filter(|descriptions| descriptions.differ()).count(),
            ),
            products_rejected: outcomes.products.len(),
            rounded: results.with_warning("price-rounded"),
            ..Summary::default()
        };
        for reason in results.reasons() {
            *summary.rejected.entry(reason.code().into_owned()).or_default() += 1;
        }
        summary.add_orders(plan, outcomes);
        summary.add_returns(plan, outcomes);
        summary
    }

    fn add_orders(&mut self, plan: &ImportPlan, outcomes: &Outcomes) {
        for (order, outcome) in plan.orders.iter().zip(&outcomes.orders).filter(|(_, outcome)| outcome.is_accepted()) {
            let month = self.months.entry(month_of(order.placed_at)).or_default();
            month.orders += 1;
            month.sold += order.total();
            self.orders.0 += 1;
            self.orders.1 += order.items.len();
            self.incomplete += usize::from(*outcome != crate::outcome::Outcome::Complete);
        }
    }

    fn add_returns(&mut self, plan: &ImportPlan, outcomes: &Outcomes) {
        for (found, outcome) in plan.returns.iter().zip(&outcomes.returns).filter(|(_, outcome)| outcome.is_accepted())
        {
            let month = self.months.entry(month_of(found.at)).or_default();
            month.returns += 1;
            month.refunded += if found.refunded { found.amount } else { 0 };
            self.returns.0 += 1;
            self.returns.1 += found.lines.len();
            self.incomplete += usize::from(*outcome != crate::outcome::Outcome::Complete);
        }
    }

    /// Number of rejected lines.
    pub fn rejected_lines(&self) -> usize {
        self.rejected.values().sum()
    }
}

impl Summary {
    fn fmt_months(&self, f: &mut Formatter<'_>) -> fmt::Result {
        writeln!(f, "month       orders        GBP sold   returns    GBP refunded")?;
        for (month, Month { orders, sold, returns, refunded }) in &self.months {
            let (sold, refunded) = (pounds(*sold), pounds(*refunded));
            let month = month.format("%Y-%m");
            writeln!(
                f,
                "{month}   {:>8} {sold:>15}  {:>8} {refunded:>15}",
                with_commas(*orders),
                with_commas(*returns)
            )?;
        }
        Ok(())
    }
}

fn invoices(plan: &ImportPlan) -> (usize, usize) {
    let is_further_order = |order: &&crate::orders::Order| order.external_ref.as_str().contains('#');
    let split = plan.orders.iter().filter(|order| order.external_ref.as_str().ends_with("#2")).count();
    (plan.orders.len() - plan.orders.iter().filter(is_further_order).count(), split)
}

impl Display for Summary {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let Summary { orders, returns, products, invoices, merged, .. } = self;
        let rejected = self.rejected_lines();
        writeln!(
            f,
            "lines     {} read = {} accepted + {} rejected",
            with_commas(self.read),
            with_commas(self.accepted),
            with_commas(rejected)
        )?;
        let mut reasons: Vec<_> = self.rejected.iter().collect();
        reasons.sort_by_key(|(_, count)| std::cmp::Reverse(**count));
        for (reason, count) in reasons {
            writeln!(f, "          {:>9} {reason}", with_commas(*count))?;
        }
        write!(
            f,
            "orders    {} of {} invoices, {} lines",
            with_commas(orders.0),
            with_commas(invoices.0),
            with_commas(orders.1)
        )?;
        if invoices.1 > 0 {
            write!(
                f,
                "; {} invoices of more than 500 lines are split into several orders (`#2`, ...)",
                with_commas(invoices.1)
            )?;
        }
        writeln!(
            f,
            "\nreturns   {} with {} lines; {} without refund",
            with_commas(returns.0),
            with_commas(returns.1),
            with_commas(self.uncovered)
        )?;
        writeln!(
            f,
            "products  {}, {} price changes, {} units received",
            with_commas(products.0),
            with_commas(products.1),
            with_commas(products.2 as usize)
        )?;
        writeln!(
            f,
            "codes     {} SKUs are written both in capitals and not; {} have several descriptions, of which the most frequent is the name",
            with_commas(merged.0),
            with_commas(merged.1)
        )?;
        writeln!(f, "prices    {} rounded to whole pence", with_commas(self.rounded))?;
        if self.products_rejected + self.incomplete > 0 {
            writeln!(
                f,
                "rejected  a step of {} products, and of {} orders or returns",
                with_commas(self.products_rejected),
                with_commas(self.incomplete)
            )?;
        }
        self.fmt_months(f)
    }
}

/// The number with commas between groups of three digits.
pub fn with_commas(number: usize) -> String {
    let digits = number.to_string();
    let groups = digits.as_bytes().rchunks(3).rev().map(String::from_utf8_lossy);
    groups.collect::<Vec<_>>().join(",")
}

fn pounds(pence: i64) -> String {
    format!("{}.{:02}", with_commas((pence / 100).unsigned_abs() as usize), pence % 100)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::contents::FileContents;

    #[test]
    fn the_summary_of_a_small_file() {
        let plan = ImportPlan::from(FileContents::of_lines(
            "1,A,Cup,2,1/5/24 9:00,1.005,7,\n1,a,Mug,1,1/5/24 9:00,1000.00,7,\n2,B,,1,2/5/24 9:00,0,7,\n\
            C3,A,Cup,-1,2/7/24 9:00,1.00,7,\n",
        ));
        let outcomes = Outcomes::all_complete(&plan);
        let summary = Summary::of(&plan, &outcomes, &LineResults::of(&plan, &outcomes));
        assert_eq!((summary.read, summary.accepted, summary.rejected_lines()), (4, 3, 1));
        let text = summary.to_string();
        assert!(text.contains("lines     4 read = 3 accepted + 1 rejected\n                  1 no-price\n"), "{text}");
        assert!(text.contains("2024-01          1        1,002.00         0            0.00\n"), "{text}");
        assert!(text.contains("2024-02          0            0.00         1            1.00\n"), "{text}");
        assert!(
            text.contains("codes     1 SKUs are written both in capitals and not")
                && text.contains("prices    1 rounded"),
            "{text}"
        );
    }

    #[test]
    fn numbers_have_commas() {
        assert_eq!(
            [with_commas(0), with_commas(999), with_commas(1000), with_commas(1_234_567)],
            ["0", "999", "1,000", "1,234,567"]
        );
        assert_eq!(pounds(123_456_705), "1,234,567.05");
    }
}
