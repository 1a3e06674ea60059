//! Lines, payments, fulfilments, returns and notes of an order: the quantities and sums of `events::order::progress`,
//! and the details that only the document has.

use chrono::{DateTime, Utc};
use events::Personal;
use events::order::PartNo;
use events::order::progress::{Fulfilment, LineProgress, Payment, Return};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// An order line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct OrderLine {
    /// SKU, quantities and amounts of the line.
    #[serde(flatten)]
    pub progress: LineProgress,
    /// Name of the product when it was ordered.
    pub name: String,
}

/// A payment of an order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct OrderPayment {
    /// Number and amounts of the payment.
    #[serde(flatten)]
    pub progress: Payment,
    /// Payment method, such as card, transfer or cash.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub method: Option<String>,
    /// Reference of the payment at the payment provider.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reference: Option<String>,
    /// Instant of the last capture.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub captured_at: Option<DateTime<Utc>>,
    /// Reason for the failure of the payment.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure: Option<Personal<String>>,
}

/// A fulfilment of an order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct OrderFulfilment {
    /// Number, units and state of the fulfilment.
    #[serde(flatten)]
    pub progress: Fulfilment,
    /// Carrier of the shipment.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub carrier: Option<String>,
    /// Tracking number of the carrier.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tracking: Option<String>,
    /// Instant at which the fulfilment was shipped.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shipped_at: Option<DateTime<Utc>>,
    /// Instant at which the fulfilment was delivered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub delivered_at: Option<DateTime<Utc>>,
}

/// A return of an order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct OrderReturn {
    /// Number, units and state of the return.
    #[serde(flatten)]
    pub progress: Return,
    /// Reason for the return.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<Personal<String>>,
    /// Reference of the return in another system, such as the number of a credit note.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub external_ref: Option<String>,
    /// Instant at which the return was requested.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub requested_at: Option<DateTime<Utc>>,
    /// Instant at which units of the return were last received.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub received_at: Option<DateTime<Utc>>,
    /// Reason for the rejection of the return, or of its units that were not received.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rejection: Option<Personal<String>>,
}

/// An internal note on an order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct OrderNote {
    /// Text of the note.
    pub note: Personal<String>,
    /// Author of the note, as given by the client.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub author: Option<Personal<String>>,
    /// Instant at which the note was added.
    pub written_at: DateTime<Utc>,
}

/// A payment, fulfilment or return: its quantities and sums come from `events::order::progress`.
pub(super) trait Subdocument {
    type Progress;
    fn new(progress: Self::Progress) -> Self;
    fn set_progress(&mut self, progress: Self::Progress);
    /// Moves quantities and sums out without copying their lists, until [`Subdocument::set_progress`] moves them back.
    fn take_progress(&mut self) -> Self::Progress;
}

/// Moves the quantities and sums of all subdocuments out.
pub(super) fn take_progress<S: Subdocument>(subdocuments: &mut [S]) -> Vec<S::Progress> {
    subdocuments.iter_mut().map(S::take_progress).collect()
}

/// Sets the quantities and sums of all subdocuments; a new subdocument has no details yet.
pub(super) fn set_progress<S: Subdocument>(subdocuments: &mut Vec<S>, progress: Vec<S::Progress>) {
    for (index, progress) in progress.into_iter().enumerate() {
        match subdocuments.get_mut(index) {
            Some(subdocument) => subdocument.set_progress(progress),
            None => subdocuments.push(S::new(progress)),
        }
    }
}

/// Updates subdocument `number`, if there is one. Subdocuments are numbered from 1 in the order of their creation.
pub(super) fn update<S>(subdocuments: &mut [S], number: PartNo, change: impl FnOnce(&mut S)) {
    if let Some(subdocument) = (number as usize).checked_sub(1).and_then(|index| subdocuments.get_mut(index)) {
        change(subdocument);
    }
}

impl Subdocument for OrderPayment {
    type Progress = Payment;

    fn new(progress: Payment) -> Self {
        OrderPayment { progress, method: None, reference: None, captured_at: None, failure: None }
    }

    fn set_progress(&mut self, progress: Payment) {
        self.progress = progress;
    }

    fn take_progress(&mut self) -> Payment {
        self.progress.clone()
    }
}

impl Subdocument for OrderFulfilment {
    type Progress = Fulfilment;

    fn new(progress: Fulfilment) -> Self {
        OrderFulfilment { progress, carrier: None, tracking: None, shipped_at: None, delivered_at: None }
    }

    fn set_progress(&mut self, progress: Fulfilment) {
        self.progress = progress;
    }

    fn take_progress(&mut self) -> Fulfilment {
        let lines = std::mem::take(&mut self.progress.lines);
        Fulfilment { lines, ..self.progress.clone() }
    }
}

impl Subdocument for OrderReturn {
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

    fn set_progress(&mut self, progress: Return) {
        self.progress = progress;
    }

    fn take_progress(&mut self) -> Return {
        let (lines, received) = (std::mem::take(&mut self.progress.lines), std::mem::take(&mut self.progress.received));
        Return { lines, received, ..self.progress.clone() }
    }
}
