//! The state of an order: its progress, and what else commands can change.

mod document;

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use events::order::progress::Progress;
use events::order::{Line, OrderAmended, OrderEvent, OrderPlaced, PartNo, ShippingLine};
use events::personal::{Address, Erase, Personal};
use events::{Currency, CustomerId, Minor};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::state::memory::{TEXT, list};

/// The state of an order.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Order {
    /// Lines, payments, fulfilments and returns of the order.
    pub progress: Progress,
    /// Currency of all amounts; set by the first event.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub currency: Option<Currency>,
    /// Shipping charges.
    pub shipping_lines: Vec<ShippingLine>,
    /// Further data of the payments, in the order of their numbers.
    pub payments: Vec<PaymentTrail>,
    /// Carrier and tracking number of each fulfilment, in the order of their numbers.
    pub parcels: Vec<Parcel>,
    /// Id of the customer; missing for a guest order.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub customer_id: Option<CustomerId>,
    /// Customers to whom the order was assigned earlier.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub former_customers: BTreeSet<CustomerId>,
    /// Whether the personal data of the order is erased.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub personal_data_erased: bool,
    /// Shipping address.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub shipping_address: Option<Personal<Address>>,
    /// Billing address.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub billing_address: Option<Personal<Address>>,
    /// Tags of the order.
    pub tags: BTreeSet<String>,
    /// Number of notes.
    pub notes: usize,
    /// Bytes of the texts that only the document of the order contains: names of lines, notes, reasons.
    pub text_bytes: usize,
    /// Instant at which the order expires if it is unpaid.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub payment_due: Option<DateTime<Utc>>,
}

/// Further data of a payment: method, transactions, and whether the payment is closed.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct PaymentTrail {
    /// Payment method, if known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub method: Option<String>,
    /// Whether the payment was voided or failed.
    pub closed: bool,
    /// Transactions of the payment provider that are recorded for it.
    pub transactions: Vec<Transaction>,
}

/// A transaction of a payment provider. Each combination of reference, kind and method is recorded once.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Transaction {
    /// The provider's reference.
    pub reference: String,
    /// Payment method.
    pub method: String,
    /// Whether money was authorized or captured.
    pub kind: TransactionKind,
    /// Amount in minor units.
    pub amount: Minor,
}

/// Kind of a transaction of a payment provider.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum TransactionKind {
    /// Money was authorized.
    Authorized,
    /// Money was captured.
    Captured,
}

/// Carrier and tracking number of a fulfilment.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Parcel {
    /// Name of the carrier.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub carrier: Option<String>,
    /// Tracking number of the carrier.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tracking: Option<String>,
}

impl Order {
    /// The order after `event`.
    pub fn evolve(&mut self, event: &OrderEvent) {
        self.progress.evolve(event);
        self.text_bytes += texts(event).map(text_bytes).sum::<usize>();
        match event {
            OrderEvent::Placed(e) => self.place(e),
            OrderEvent::Amended(e) => self.amend(e),
            OrderEvent::PaymentAuthorized(e) => {
                self.trail(e.payment).add(TransactionKind::Authorized, e.amount, &e.method, e.reference.as_deref());
            }
            OrderEvent::PaymentCaptured(e) => {
                self.trail(e.payment).add(TransactionKind::Captured, e.amount, &e.method, e.reference.as_deref());
            }
            OrderEvent::PaymentVoided(e) => self.trail(e.payment).closed = true,
            OrderEvent::PaymentFailed(e) => self.trail(e.payment).closed = true,
            OrderEvent::FulfilmentShipped(e) => {
                let parcel = Parcel { carrier: e.carrier.clone(), tracking: e.tracking.clone() };
                *numbered(&mut self.parcels, e.fulfilment) = parcel;
            }
            OrderEvent::NoteAdded(_) => self.notes += 1,
            OrderEvent::Tagged(e) => {
                self.tags.retain(|tag| !e.removed.contains(tag));
                self.tags.extend(e.added.iter().cloned());
            }
            OrderEvent::AddressesChanged(e) => {
                replace(&mut self.shipping_address, &e.shipping_address);
                replace(&mut self.billing_address, &e.billing_address);
            }
            OrderEvent::CustomerAssigned(e) => {
                self.former_customers.extend(self.customer_id.replace(e.customer_id));
                self.former_customers.remove(&e.customer_id);
            }
            OrderEvent::PersonalDataErased(_) => self.personal_data_erased = true,
            OrderEvent::FulfilmentCreated(_)
            | OrderEvent::FulfilmentDelivered(_)
            | OrderEvent::FulfilmentCancelled(_)
            | OrderEvent::LinesCancelled(_)
            | OrderEvent::Cancelled(_)
            | OrderEvent::ReturnRequested(_)
            | OrderEvent::ReturnReceived(_)
            | OrderEvent::ReturnRejected(_)
            | OrderEvent::RefundRecorded(_)
            | OrderEvent::Held(_)
            | OrderEvent::HoldReleased(_)
            | OrderEvent::BackordersChanged(_)
            | OrderEvent::Expired(_)
            | OrderEvent::Completed(_) => {}
        }
        if self.personal_data_erased {
            self.erase_personal_data();
        }
    }

    /// The customers whose erasure erases the personal data of the order: the current customer and all former
    /// customers.
    pub fn customers(&self) -> impl Iterator<Item = CustomerId> + '_ {
        self.former_customers.iter().copied().chain(self.customer_id)
    }

    /// Removes the personal data; returns whether there was any.
    pub fn erase_personal_data(&mut self) -> bool {
        let is_changed = self.shipping_address.erase() | self.billing_address.erase();
        self.personal_data_erased |= is_changed;
        is_changed
    }

    /// Further data of the payment with this number.
    pub fn payment(&self, payment: PartNo) -> Option<&PaymentTrail> {
        self.payments.get((payment as usize).checked_sub(1)?)
    }

    /// Carrier and tracking number of the fulfilment with this number, if the fulfilment is shipped.
    pub fn parcel(&self, fulfilment: PartNo) -> Option<&Parcel> {
        self.parcels.get((fulfilment as usize).checked_sub(1)?)
    }

    /// Estimated bytes on the heap.
    pub(crate) fn bytes(&self) -> usize {
        let Progress { lines, payments, fulfilments, returns, .. } = &self.progress;
        let units = fulfilments.iter().map(|fulfilment| &fulfilment.lines).chain(returns.iter().map(|r| &r.lines));
        let addresses = [&self.shipping_address, &self.billing_address];
        list(lines, 2)
            + list(&self.shipping_lines, 1)
            + list(payments, 0)
            + list(fulfilments, 1)
            + list(returns, 0)
            + units.map(|units| list(units, 0)).sum::<usize>()
            + list(&self.payments, 1)
            + self.payments.iter().map(|payment| list(&payment.transactions, 2)).sum::<usize>()
            + list(&self.parcels, 2)
            + addresses.into_iter().flatten().map(|_| size_of::<Address>() + 8 * TEXT).sum::<usize>()
            + self.tags.len() * TEXT
            + self.former_customers.len() * TEXT
    }

    fn place(&mut self, placed: &OrderPlaced) {
        self.currency = Some(placed.currency);
        self.shipping_lines.clone_from(&placed.shipping_lines);
        self.customer_id = placed.customer_id;
        self.shipping_address.clone_from(&placed.shipping_address);
        self.billing_address.clone_from(&placed.billing_address);
        self.tags.clone_from(&placed.tags);
        self.payment_due = placed.payment_due;
    }

    fn amend(&mut self, amended: &OrderAmended) {
        if let Some(shipping_lines) = &amended.shipping_lines {
            self.shipping_lines.clone_from(shipping_lines);
        }
    }

    fn trail(&mut self, payment: PartNo) -> &mut PaymentTrail {
        numbered(&mut self.payments, payment)
    }
}

impl PaymentTrail {
    fn add(&mut self, kind: TransactionKind, amount: Minor, method: &str, reference: Option<&str>) {
        self.method = Some(method.to_owned());
        self.transactions.extend(reference.map(|reference| Transaction {
            reference: reference.to_owned(),
            method: method.to_owned(),
            kind,
            amount,
        }));
    }
}

/// The texts of an event that only the document of the order contains.
fn texts(event: &OrderEvent) -> impl Iterator<Item = &str> {
    let (lines, texts): (&[Line], [Option<&str>; 2]) = match event {
        OrderEvent::Placed(e) => (&e.lines, [None, None]),
        OrderEvent::Amended(e) => (&e.added, [None, None]),
        OrderEvent::PaymentFailed(e) => (&[], [Some(e.reason.expose()), None]),
        OrderEvent::ReturnRequested(e) => (&[], [Some(e.reason.expose()), None]),
        OrderEvent::NoteAdded(e) => {
            let author = e.author.as_ref().map(|author| author.expose().as_str());
            (&[], [Some(e.note.expose()), author])
        }
        _ => (&[], [None, None]),
    };
    lines.iter().map(|line| line.name.as_str()).chain(texts.into_iter().flatten())
}

fn replace(address: &mut Option<Personal<Address>>, by: &Option<Personal<Address>>) {
    if by.is_some() {
        address.clone_from(by);
    }
}

/// The part with this number, starting at 1. Missing parts are added with default values.
fn numbered<T: Default>(parts: &mut Vec<T>, number: PartNo) -> &mut T {
    let index = number.saturating_sub(1) as usize;
    if parts.len() <= index {
        parts.resize_with(index + 1, T::default);
    }
    &mut parts[index]
}

/// Bytes of a text in a JSON document.
pub(crate) fn text_bytes(text: &str) -> usize {
    let escaped = |byte: u8| match byte {
        b'"' | b'\\' | b'\n' | b'\r' | b'\t' => 2,
        0..=0x1f => "\\u0000".len(),
        _ => 1,
    };
    text.bytes().map(escaped).sum()
}
