//! What became of a plan, and what that means for every line of the file: accepted, or rejected with a reason.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::file::LineNumber;
use super::plan::Plan;
use super::reason::{Note, Reason, Refusal};

/// What became of an order or a return.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fate {
    /// It is in the log.
    Done,
    /// It is in the log, and a step after that was refused.
    Incomplete(Arc<Refusal>),
    /// It was refused.
    Refused(Arc<Refusal>),
    /// It was not sent, because the order that it belongs to was refused.
    OrderRefused(Arc<Refusal>),
}

/// What became of a plan.
#[derive(Debug, Clone, Default)]
pub struct Fates {
    /// Of every order of the plan.
    pub orders: Vec<Fate>,
    /// Of every return of the plan.
    pub returns: Vec<Fate>,
    /// Products with a step that was refused: which, and what the service said.
    pub products: Vec<(events::Sku, Refusal)>,
}

impl Fates {
    /// As if everything had been sent and nothing refused.
    pub fn untried(plan: &Plan) -> Fates {
        let (orders, returns) = (vec![Fate::Done; plan.orders.len()], vec![Fate::Done; plan.returns.len()]);
        Fates { orders, returns, products: Vec::new() }
    }
}

impl Fate {
    /// Whether it is in the log.
    pub fn is_accepted(&self) -> bool {
        matches!(self, Fate::Done | Fate::Incomplete(_))
    }
}

/// What became of every line.
#[derive(Debug)]
pub struct Verdict<'a> {
    plan: &'a Plan,
    /// Lines that were refused after they had been kept.
    refused: BTreeMap<LineNumber, Reason>,
    /// Lines that are in the log, but not as they stand in the file.
    notes: BTreeMap<LineNumber, Vec<Note>>,
    /// Lines that are in the log.
    pub accepted: usize,
}

impl<'a> Verdict<'a> {
    /// The verdict on every line.
    pub fn of(plan: &'a Plan, fates: &Fates) -> Verdict<'a> {
        let mut verdict = Verdict { plan, refused: BTreeMap::new(), notes: BTreeMap::new(), accepted: 0 };
        for (order, fate) in plan.orders.iter().zip(&fates.orders) {
            verdict.judge(fate, order.items.iter().map(|item| item.line));
        }
        for (found, fate) in plan.returns.iter().zip(&fates.returns) {
            verdict.judge(fate, found.lines.iter().copied());
        }
        for (line, note) in &plan.survey.notes {
            if verdict.reason(*line).is_none() {
                verdict.notes.entry(*line).or_default().push(note.clone());
            }
        }
        verdict
    }

    fn judge(&mut self, fate: &Fate, lines: impl Iterator<Item = LineNumber>) {
        let reason = match fate {
            Fate::Done => None,
            Fate::Incomplete(_) => None,
            Fate::Refused(refusal) => Some(Reason::Refused(refusal.clone())),
            Fate::OrderRefused(refusal) => Some(Reason::OrderRefused(refusal.clone())),
        };
        for line in lines {
            match &reason {
                Some(reason) => drop(self.refused.insert(line, reason.clone())),
                None => self.accepted += 1,
            }
            if let Fate::Incomplete(refusal) = fate {
                self.notes.entry(line).or_default().push(Note::Incomplete(refusal.clone()));
            }
        }
    }

    /// Why a line is not in the log; `None` if it is.
    pub fn reason(&self, line: LineNumber) -> Option<&Reason> {
        self.refused.get(&line).or_else(|| self.plan.survey.rejected.get(&line))
    }

    /// What is to be said of a line that is in the log.
    pub fn notes(&self, line: LineNumber) -> &[Note] {
        self.notes.get(&line).map(Vec::as_slice).unwrap_or_default()
    }

    /// Every reason, one for each line that is not in the log.
    pub fn reasons(&self) -> impl Iterator<Item = &Reason> {
        self.plan.survey.rejected.values().chain(self.refused.values())
    }

    /// Lines with such a note.
    pub fn noted(&self, code: &str) -> usize {
        self.notes.values().filter(|notes| notes.iter().any(|note| note.code() == code)).count()
    }
}

#[cfg(test)]
mod tests;
