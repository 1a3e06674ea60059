//! One return of an order: its state, and the units received so far.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::order::line::LineQuantity;
use crate::order::numbers::PartNo;
use crate::order::returns::{Disposition, ReceivedUnits, ReturnReceived, ReturnRequested};

/// State of a return.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ReturnState {
    /// At least one unit is outstanding.
    Requested,
    /// All units were received.
    Received,
    /// The outstanding units were rejected.
    Rejected,
}

/// A return of an order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Return {
    /// Number of the return in the order, starting at 1.
    #[serde(rename = "return")]
    pub return_no: PartNo,
    /// Requested units, by order line.
    pub lines: Vec<LineQuantity>,
    /// State of the return.
    pub state: ReturnState,
    /// Units received so far, by order line and condition.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub received: Vec<ReceivedUnits>,
    /// Condition of the received units. Missing if the units are in different conditions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub disposition: Option<Disposition>,
}

impl Return {
    pub(super) fn requested(event: &ReturnRequested) -> Return {
        Return {
            return_no: event.return_no,
            lines: event.lines.clone(),
            state: ReturnState::Requested,
            received: Vec::new(),
            disposition: None,
        }
    }

    /// Requested units that were neither received nor rejected.
    pub fn outstanding(&self) -> Vec<LineQuantity> {
        if self.state != ReturnState::Requested {
            return Vec::new();
        }
        let received = |line| self.received.iter().filter(|it| it.line == line).map(|it| it.quantity).sum::<u32>();
        let left = |requested: &LineQuantity| requested.quantity.saturating_sub(received(requested.line));
        let outstanding =
            self.lines.iter().map(|requested| LineQuantity { line: requested.line, quantity: left(requested) });
        outstanding.filter(|units| units.quantity > 0).collect()
    }

    /// Adds the received units and gives them as the result. The return is received when no unit is outstanding.
    pub(super) fn receive(&mut self, event: &ReturnReceived) -> Vec<ReceivedUnits> {
        let mut units = event.lines.clone();
        if let Some(disposition) = event.rest {
            let all = |LineQuantity { line, quantity }| ReceivedUnits { line, quantity, disposition };
            units.extend(self.outstanding().into_iter().map(all));
        }
        for new in &units {
            let same = |it: &&mut ReceivedUnits| (it.line, it.disposition) == (new.line, new.disposition);
            match self.received.iter_mut().find(same) {
                Some(known) => known.quantity += new.quantity,
                None => self.received.push(*new),
            }
        }
        let first = self.received.first().map(|it| it.disposition);
        self.disposition = first.filter(|first| self.received.iter().all(|it| it.disposition == *first));
        if self.outstanding().is_empty() {
            self.state = ReturnState::Received;
        }
        units
    }

    /// Rejects the outstanding units and gives them as the result.
    pub(super) fn reject(&mut self) -> Vec<LineQuantity> {
        let outstanding = self.outstanding();
        self.state = ReturnState::Rejected;
        outstanding
    }
}
