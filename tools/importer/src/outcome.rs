//! The outcomes of orders and returns, and the result of every line of the file: accepted, or rejected with a reason.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::lines::LineNumber;
use crate::plan::ImportPlan;
use crate::reason::{Reason, Rejection, Warning};

/// Outcome of an order or a return.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// All steps were accepted.
    Complete,
    /// The first step was accepted and a later one was rejected.
    Incomplete(Arc<Rejection>),
    /// The first step was rejected.
    Rejected(Arc<Rejection>),
    /// The return was not sent, because its order was rejected.
    OrderRejected(Arc<Rejection>),
}

/// Outcomes of a plan.
#[derive(Debug, Clone, Default)]
pub(crate) struct Outcomes {
    /// One for every order of the plan.
    pub orders: Vec<Outcome>,
    /// One for every return of the plan.
    pub returns: Vec<Outcome>,
    /// Products with a rejected step.
    pub products: Vec<(events::Sku, Rejection)>,
}

impl Outcomes {
    /// The outcomes of an import without any rejection.
    pub(crate) fn all_complete(plan: &ImportPlan) -> Outcomes {
        let orders = vec![Outcome::Complete; plan.orders.len()];
        let returns = vec![Outcome::Complete; plan.returns.len()];
        Outcomes { orders, returns, products: Vec::new() }
    }
}

impl Outcome {
    /// Whether the order or the return is recorded in the log.
    pub(crate) fn is_accepted(&self) -> bool {
        matches!(self, Outcome::Complete | Outcome::Incomplete(_))
    }
}

/// The result of every line.
#[derive(Debug)]
pub(crate) struct LineResults<'a> {
    plan: &'a ImportPlan,
    /// Lines of rejected orders and returns.
    rejected: BTreeMap<LineNumber, Reason>,
    warnings: BTreeMap<LineNumber, Vec<Warning>>,
    /// Number of lines that are recorded in the log.
    pub accepted: usize,
}

impl<'a> LineResults<'a> {
    /// Derives the results of all lines from the outcomes of the orders and returns.
    pub(crate) fn of(plan: &'a ImportPlan, outcomes: &Outcomes) -> LineResults<'a> {
        let mut results = LineResults { plan, rejected: BTreeMap::new(), warnings: BTreeMap::new(), accepted: 0 };
        for (order, outcome) in plan.orders.iter().zip(&outcomes.orders) {
            results.add(outcome, order.items.iter().map(|item| item.line));
        }
        for (found, outcome) in plan.returns.iter().zip(&outcomes.returns) {
            results.add(outcome, found.lines.iter().copied());
        }
        for (line, warning) in &plan.contents.warnings {
            if results.reason(*line).is_none() {
                results.warnings.entry(*line).or_default().push(warning.clone());
            }
        }
        results
    }

    fn add(&mut self, outcome: &Outcome, lines: impl Iterator<Item = LineNumber>) {
        let reason = match outcome {
            Outcome::Complete | Outcome::Incomplete(_) => None,
            Outcome::Rejected(rejection) => Some(Reason::Rejected(rejection.clone())),
            Outcome::OrderRejected(rejection) => Some(Reason::OrderRejected(rejection.clone())),
        };
        for line in lines {
            match &reason {
                Some(reason) => drop(self.rejected.insert(line, reason.clone())),
                None => self.accepted += 1,
            }
            if let Outcome::Incomplete(rejection) = outcome {
                self.warnings.entry(line).or_default().push(Warning::Incomplete(rejection.clone()));
            }
        }
    }

    /// Reason why a line was rejected; `None` if the line was accepted.
    pub(crate) fn reason(&self, line: LineNumber) -> Option<&Reason> {
        self.rejected.get(&line).or_else(|| self.plan.contents.rejected.get(&line))
    }

    /// Warnings about an accepted line.
    pub(crate) fn warnings(&self, line: LineNumber) -> &[Warning] {
        self.warnings.get(&line).map(Vec::as_slice).unwrap_or_default()
    }

    /// The reasons of all rejected lines.
    pub(crate) fn reasons(&self) -> impl Iterator<Item = &Reason> {
        self.plan.contents.rejected.values().chain(self.rejected.values())
    }

    /// Number of lines that have a warning with this code.
    pub(crate) fn with_warning(&self, code: &str) -> usize {
        self.warnings.values().filter(|warnings| warnings.iter().any(|warning| warning.code() == code)).count()
    }
}

#[cfg(test)]
mod tests;
