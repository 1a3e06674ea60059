//! What an import comes to, in numbers, as it is told at the end.

use std::collections::BTreeMap;
use std::fmt::{self, Display, Formatter};

use chrono::{DateTime, Utc};

use super::fate::{Fates, Verdict};
use super::plan::{Plan, month_of};

/// The numbers of an import.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Summary {
    /// Lines with something in them, without the header.
    pub read: usize,
    /// Lines that are in the log.
    pub accepted: usize,
    /// Lines that are not, by reason.
    pub rejected: BTreeMap<String, usize>,
    /// Invoices with a sale, and how many of them were split.
    pub invoices: (usize, usize),
    /// Orders and their lines.
    pub orders: (usize, usize),
    /// Returns and their lines.
    pub returns: (usize, usize),
    /// Returns whose refund was not covered.
    pub uncovered: usize,
    /// Orders and returns with a step that was refused.
    pub incomplete: usize,
    /// Products, the changes of their prices, and the pieces that came in for them.
    pub products: (usize, usize, u64),
    /// SKUs whose code is written in several ways, and those with several descriptions.
    pub merged: (usize, usize),
    /// Products with a step that was refused.
    pub products_refused: usize,
    /// Accepted lines whose price was rounded.
    pub rounded: usize,
    /// By the first instant of the month.
    pub months: BTreeMap<DateTime<Utc>, Month>,
}

/// The accepted orders and returns of one month.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Month {
    /// Orders placed.
    pub orders: usize,
    /// What they come to, in pence.
    pub sold: i64,
    /// Returns.
    pub returns: usize,
    /// What was given back for them, in pence.
    pub refunded: i64,
}

impl Summary {
    /// The numbers of a plan and what became of it.
    pub fn of(plan: &Plan, fates: &Fates, verdict: &Verdict<'_>) -> Summary {
        let survey = &plan.survey;
        let mut summary = Summary {
            read: survey.lines_read as usize,
            accepted: verdict.accepted,
            invoices: invoices(plan),
            uncovered: verdict.noted("refund-not-covered"),
            products: (
                plan.products.len(),
                plan.products.iter().map(|product| product.prices.len() - 1).sum(),
                plan.products.iter().map(|product| product.sold).sum(),
            ),
            merged: (
                survey.codes.len() - survey.skus.count(),
                survey.descriptions.iter().filter(|descriptions| descriptions.differ()).count(),
            ),
            products_refused: fates.products.len(),
            rounded: verdict.noted("price-rounded"),
            ..Summary::default()
        };
        for reason in verdict.reasons() {
            *summary.rejected.entry(reason.code().into_owned()).or_default() += 1;
        }
        summary.add_orders(plan, fates);
        summary.add_returns(plan, fates);
        summary
    }

    fn add_orders(&mut self, plan: &Plan, fates: &Fates) {
        for (order, fate) in plan.orders.iter().zip(&fates.orders).filter(|(_, fate)| fate.is_accepted()) {
            let month = self.months.entry(month_of(order.placed_at)).or_default();
            month.orders += 1;
            month.sold += order.total();
            self.orders.0 += 1;
            self.orders.1 += order.items.len();
            self.incomplete += usize::from(*fate != super::fate::Fate::Done);
        }
    }

    fn add_returns(&mut self, plan: &Plan, fates: &Fates) {
        for (found, fate) in plan.returns.iter().zip(&fates.returns).filter(|(_, fate)| fate.is_accepted()) {
            let month = self.months.entry(month_of(found.at)).or_default();
            month.returns += 1;
            month.refunded += if found.refunded { found.worth } else { 0 };
            self.returns.0 += 1;
            self.returns.1 += found.lines.len();
            self.incomplete += usize::from(*fate != super::fate::Fate::Done);
        }
    }

    /// Lines that are not in the log.
    pub fn rejected_lines(&self) -> usize {
        self.rejected.values().sum()
    }
}

fn invoices(plan: &Plan) -> (usize, usize) {
    let parts = |order: &&super::orders::Order| order.external_ref.as_str().contains('#');
    let split = plan.orders.iter().filter(|order| order.external_ref.as_str().ends_with("#2")).count();
    (plan.orders.len() - plan.orders.iter().filter(parts).count(), split)
}

impl Display for Summary {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let Summary { orders, returns, products, invoices, merged, .. } = self;
        let rejected = self.rejected_lines();
        writeln!(f, "lines     {} read = {} accepted + {} rejected", n(self.read), n(self.accepted), n(rejected))?;
        let mut reasons: Vec<_> = self.rejected.iter().collect();
        reasons.sort_by_key(|(_, count)| std::cmp::Reverse(**count));
        for (reason, count) in reasons {
            writeln!(f, "          {:>9} {reason}", n(*count))?;
        }
        write!(f, "orders    {} of {} invoices, {} lines", n(orders.0), n(invoices.0), n(orders.1))?;
        if invoices.1 > 0 {
            write!(f, "; {} invoices of more than 500 lines are several orders (`#2`, ...)", n(invoices.1))?;
        }
        writeln!(f, "\nreturns   {} with {} lines; {} without refund", n(returns.0), n(returns.1), n(self.uncovered))?;
        writeln!(
            f,
            "products  {}, {} price changes, {} pieces received",
            n(products.0),
            n(products.1),
            n(products.2 as usize)
        )?;
        writeln!(
            f,
            "codes     {} SKUs are written in capitals and not; {} have several descriptions, the most frequent is the name",
            n(merged.0),
            n(merged.1)
        )?;
        writeln!(f, "prices    {} rounded to whole pence", n(self.rounded))?;
        if self.products_refused + self.incomplete > 0 {
            writeln!(
                f,
                "refused   a step of {} products, {} orders or returns",
                n(self.products_refused),
                n(self.incomplete)
            )?;
        }
        writeln!(f, "month       orders        GBP sold   returns    GBP refunded")?;
        for (month, Month { orders, sold, returns, refunded }) in &self.months {
            let (sold, refunded) = (pounds(*sold), pounds(*refunded));
            let month = month.format("%Y-%m");
            writeln!(f, "{month}   {:>8} {sold:>15}  {:>8} {refunded:>15}", n(*orders), n(*returns))?;
        }
        Ok(())
    }
}

/// A number with commas.
pub fn n(number: usize) -> String {
    let digits = number.to_string();
    let groups = digits.as_bytes().rchunks(3).rev().map(String::from_utf8_lossy);
    groups.collect::<Vec<_>>().join(",")
}

fn pounds(pence: i64) -> String {
    format!("{}.{:02}", n((pence / 100).unsigned_abs() as usize), pence % 100)
}

#[cfg(test)]
mod tests {
    use super::super::fixture::survey;
    use super::*;

    #[test]
    fn the_numbers_of_a_small_file() {
        let plan = Plan::from(survey(
            "1,A,Cup,2,1/5/24 9:00,1.005,7,\n1,a,Mug,1,1/5/24 9:00,1000.00,7,\n2,B,,1,2/5/24 9:00,0,7,\n\
            C3,A,Cup,-1,2/7/24 9:00,1.00,7,\n",
        ));
        let fates = Fates::untried(&plan);
        let summary = Summary::of(&plan, &fates, &Verdict::of(&plan, &fates));
        assert_eq!((summary.read, summary.accepted, summary.rejected_lines()), (4, 3, 1));
        let told = summary.to_string();
        assert!(told.contains("lines     4 read = 3 accepted + 1 rejected\n                  1 no-price\n"), "{told}");
        assert!(told.contains("2024-01          1        1,002.00         0            0.00\n"), "{told}");
        assert!(told.contains("2024-02          0            0.00         1            1.00\n"), "{told}");
        assert!(
            told.contains("codes     1 SKUs are written in capitals and not") && told.contains("prices    1 rounded"),
            "{told}"
        );
    }

    #[test]
    fn numbers_have_commas() {
        assert_eq!([n(0), n(999), n(1000), n(1_234_567)], ["0", "999", "1,000", "1,234,567"]);
        assert_eq!(pounds(123_456_705), "1,234,567.05");
    }
}
