//! The parts of an order: what `events::order::progress` counts, and beside it what the events say in words.

use chrono::{DateTime, Utc};
use events::Personal;
use events::order::PartNo;
use events::order::progress::{Fulfilment, LineProgress, Payment, Return};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A line, priced for good.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct OrderLine {
    /// What and how much of it, with its counters.
    #[serde(flatten)]
    pub progress: LineProgress,
    /// What it was called when it was ordered.
    pub name: String,
}

/// A payment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct OrderPayment {
    /// Its number and sums.
    #[serde(flatten)]
    pub progress: Payment,
    /// How: card, transfer, cash.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub method: Option<String>,
    /// The provider's name for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reference: Option<String>,
    /// When money last came in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub captured_at: Option<DateTime<Utc>>,
    /// Why it did not work.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure: Option<Personal<String>>,
}

/// A fulfilment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct OrderFulfilment {
    /// Its number, pieces and state.
    #[serde(flatten)]
    pub progress: Fulfilment,
    /// Who carries it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub carrier: Option<String>,
    /// The carrier's number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tracking: Option<String>,
    /// When it left.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shipped_at: Option<DateTime<Utc>>,
    /// When it arrived.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub delivered_at: Option<DateTime<Utc>>,
}

/// A return.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct OrderReturn {
    /// Its number, pieces and state.
    #[serde(flatten)]
    pub progress: Return,
    /// Why the customer wants to send it back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<Personal<String>>,
    /// Its name elsewhere (a credit note).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub external_ref: Option<String>,
    /// When it was asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub requested_at: Option<DateTime<Utc>>,
    /// When units of it were last received.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub received_at: Option<DateTime<Utc>>,
    /// Why it, or what was not received of it, was refused.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rejection: Option<Personal<String>>,
}

/// Something that was written down about an order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct OrderNote {
    /// What.
    pub note: Personal<String>,
    /// Who, as the caller said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub author: Option<Personal<String>>,
    /// When.
    pub written_at: DateTime<Utc>,
}

/// A part of an order that events add: its counted half comes from `Progress`.
pub(super) trait Part {
    type Progress;
    fn new(progress: Self::Progress) -> Self;
    fn count(&mut self, progress: Self::Progress);
    /// Takes the counted half out, without copying its lists, until it is counted again.
    fn take(&mut self) -> Self::Progress;
}

/// Takes the counted halves out.
pub(super) fn take<P: Part>(parts: &mut [P]) -> Vec<P::Progress> {
    parts.iter_mut().map(P::take).collect()
}

/// Takes over the counted halves; a part that is new begins without words.
pub(super) fn refresh<P: Part>(parts: &mut Vec<P>, counted: Vec<P::Progress>) {
    for (index, progress) in counted.into_iter().enumerate() {
        match parts.get_mut(index) {
            Some(part) => part.count(progress),
            None => parts.push(P::new(progress)),
        }
    }
}

/// Takes over words into part `number`, if there is one; parts are numbered from 1 in the order in which they were
/// made.
pub(super) fn tell<P>(parts: &mut [P], number: PartNo, words: impl FnOnce(&mut P)) {
    if let Some(part) = (number as usize).checked_sub(1).and_then(|index| parts.get_mut(index)) {
        words(part);
    }
}

impl Part for OrderPayment {
    type Progress = Payment;

    fn new(progress: Payment) -> Self {
        OrderPayment { progress, method: None, reference: None, captured_at: None, failure: None }
    }

    fn count(&mut self, progress: Payment) {
        self.progress = progress;
    }

    fn take(&mut self) -> Payment {
        self.progress.clone()
    }
}

impl Part for OrderFulfilment {
    type Progress = Fulfilment;

    fn new(progress: Fulfilment) -> Self {
        OrderFulfilment { progress, carrier: None, tracking: None, shipped_at: None, delivered_at: None }
    }

    fn count(&mut self, progress: Fulfilment) {
        self.progress = progress;
    }

    fn take(&mut self) -> Fulfilment {
        let lines = std::mem::take(&mut self.progress.lines);
        Fulfilment { lines, ..self.progress.clone() }
    }
}

impl Part for OrderReturn {
    type Progress = Return;

    fn new(progress: Return) -> Self {
        OrderReturn {
            progress,
            reason: None,
            external_ref: None,
            requested_at: None,
            received_at: None,
            rejection: None,
        }
    }

    fn count(&mut self, progress: Return) {
        self.progress = progress;
    }

    fn take(&mut self) -> Return {
        let (lines, received) = (std::mem::take(&mut self.progress.lines), std::mem::take(&mut self.progress.received));
        Return { lines, received, ..self.progress.clone() }
    }
}
