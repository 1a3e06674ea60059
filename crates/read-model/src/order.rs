//! The order as it is read: one document with everything, and a summary for lists.
//!
//! The document is the answer to `GET /v1/orders/{id}` and, at the same time, all that its fold needs to go on: the
//! quantities and sums of `events::order::progress` stand in it, so that the decider and the reader cannot disagree.
//! `erasure` removes what is personal from it.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use events::order::progress::{LineProgress, Progress};
use events::order::{Line, OrderAmended, OrderEvent, OrderPlaced, ShippingLine};
use events::personal::{Address, Contact, Personal};
use events::stream::Subject;
use events::{
    ChannelCode, Currency, CustomerId, HoldId, Incarnation, LogPosition, Minor, OrderCode, OrderId, Position, Recorded,
    Version,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::fold_error::FoldError;
use crate::status::Status;

mod erasure;
mod parts;
mod summary;

pub use parts::{OrderFulfilment, OrderLine, OrderNote, OrderPayment, OrderReturn};
pub use summary::OrderSummary;

/// An order with everything that is known of it. Amounts are minor units of `currency`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct OrderDocument {
    /// Its key.
    pub id: OrderId,
    /// What people call it.
    pub code: OrderCode,
    /// Where it came from.
    pub channel: ChannelCode,
    /// Currency of every amount.
    pub currency: Currency,
    /// Who bought; a guest where missing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub customer_id: Option<CustomerId>,
    /// Customers that it belonged to before.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub former_customers: BTreeSet<CustomerId>,
    /// Whether its personal data was erased: contact, addresses, notes and reasons are not shown, and cannot be brought back.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub personal_data_erased: bool,
    /// The order's name elsewhere.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub external_ref: Option<String>,
    /// A word from the buyer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<Personal<String>>,
    /// How the buyer can be reached, where that is no customer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub contact: Option<Personal<Contact>>,
    /// Where it goes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shipping_address: Option<Personal<Address>>,
    /// Where the bill goes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub billing_address: Option<Personal<Address>>,
    /// Words to find it by.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub tags: BTreeSet<String>,
    /// What was written down about it, the oldest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<OrderNote>,
    /// When it expires unless it is paid.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub payment_due: Option<DateTime<Utc>>,
    /// The checkout hold that it took over.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hold_id: Option<HoldId>,
    /// How it stands.
    pub status: Status,
    /// Whether nothing may be packed or shipped until further notice.
    #[serde(default)]
    pub held: bool,
    /// Why not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hold_reason: Option<Personal<String>>,
    /// Why it, or the last part of it, was cancelled.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cancel_reason: Option<Personal<String>>,
    /// When it was placed: the instant of its id.
    pub placed_at: DateTime<Utc>,
    /// When the last event happened.
    pub updated_at: DateTime<Utc>,
    /// What was bought.
    pub lines: Vec<OrderLine>,
    /// Shipping with tax.
    pub shipping: Minor,
    /// What shipping is made of.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub shipping_lines: Vec<ShippingLine>,
    /// Discount given on the whole order; the lines have their shares of it in `pricing.order_discount`.
    #[serde(default)]
    pub discount: Minor,
    /// Lines and shipping as last ordered or amended.
    pub total: Minor,
    /// What the order comes to: units that are not cancelled, and shipping.
    pub due: Minor,
    /// What the buyer still has to pay. Refunds for returns and goodwill are not owed again.
    pub owed: Minor,
    /// Money captured.
    pub captured: Minor,
    /// Money refunded.
    pub refunded: Minor,
    /// Its payments, by number.
    pub payments: Vec<OrderPayment>,
    /// Its fulfilments, by number.
    pub fulfilments: Vec<OrderFulfilment>,
    /// Its returns, by number.
    pub returns: Vec<OrderReturn>,
    /// Number of its last event.
    pub version: Version,
    /// Life of the log in which its last event was written.
    pub incarnation: Incarnation,
    /// Place of its last event in the log.
    pub position: Position,
}

impl OrderDocument {
    /// Folds one more event into `held` (`None` is the order that does not exist yet). After a [`FoldError`] `held` is as
    /// before.
    pub fn fold(held: &mut Option<OrderDocument>, recorded: &Recorded, event: &OrderEvent) -> Result<(), FoldError> {
        let version = held.as_ref().map_or(Version::NONE, |order| order.version);
        FoldError::unless_next(version, recorded)?;
        match (held.as_mut(), event) {
            (None, OrderEvent::Placed(placed)) => *held = Some(OrderDocument::placed(placed, recorded)?),
            (None, _) => return Err(FoldError::NotFirst(recorded.event_type.clone())),
            (Some(_), OrderEvent::Placed(_)) => return Err(FoldError::AlreadyCreated(recorded.event_type.clone())),
            (Some(order), event) => order.evolve(event, recorded),
        }
        Ok(())
    }

    /// How new this document is.
    pub fn log_position(&self) -> LogPosition {
        LogPosition { incarnation: self.incarnation, position: self.position }
    }

    /// How far the order has come; the same as the fold of its events.
    pub fn progress(&self) -> Progress {
        self.clone().take_progress()
    }

    /// Takes out how far the order has come, until [`OrderDocument::show`] puts it back: an order can be large, and is not
    /// copied for each of its events.
    fn take_progress(&mut self) -> Progress {
        Progress {
            lifecycle: self.status.lifecycle,
            lines: self.lines.iter().map(|line| line.progress.clone()).collect(),
            payments: parts::take(&mut self.payments),
            fulfilments: parts::take(&mut self.fulfilments),
            returns: parts::take(&mut self.returns),
            total: self.total,
            shipping: self.shipping,
            held: self.held,
        }
    }

    fn placed(placed: &OrderPlaced, recorded: &Recorded) -> Result<OrderDocument, FoldError> {
        if recorded.stream.subject() != Subject::Order(placed.order_id) {
            return Err(FoldError::wrong_stream(recorded));
        }
        let mut progress = Progress::default();
        progress.evolve(&OrderEvent::Placed(placed.clone()));
        let mut order = OrderDocument {
            id: placed.order_id,
            code: placed.code.clone(),
            channel: placed.channel.clone(),
            currency: placed.currency,
            customer_id: placed.customer_id,
            former_customers: BTreeSet::new(),
            personal_data_erased: false,
            external_ref: placed.external_ref.clone(),
            note: placed.note.clone(),
            contact: placed.contact.clone(),
            shipping_address: placed.shipping_address.clone(),
            billing_address: placed.billing_address.clone(),
            tags: placed.tags.clone(),
            notes: Vec::new(),
            payment_due: placed.payment_due,
            hold_id: placed.hold_id,
            status: Status::default(),
            held: false,
            hold_reason: None,
            cancel_reason: None,
            placed_at: placed.order_id.instant(),
            updated_at: recorded.occurred_at(),
            lines: placed.lines.iter().zip(&progress.lines).map(order_line).collect(),
            shipping: placed.shipping,
            shipping_lines: placed.shipping_lines.clone(),
            discount: placed.discount,
            total: placed.total,
            due: Minor::ZERO,
            owed: Minor::ZERO,
            captured: Minor::ZERO,
            refunded: Minor::ZERO,
            payments: Vec::new(),
            fulfilments: Vec::new(),
            returns: Vec::new(),
            version: recorded.version,
            incarnation: recorded.incarnation,
            position: recorded.position,
        };
        order.show(progress);
        Ok(order)
    }

    fn evolve(&mut self, event: &OrderEvent, recorded: &Recorded) {
        let mut progress = self.take_progress();
        progress.evolve(event);
        if let OrderEvent::Amended(amended) = event {
            self.amend(amended, &progress);
        }
        self.show(progress);
        self.tell(event, recorded.occurred_at());
        // Texts that come after the erasure are recorded and not shown either.
        if self.personal_data_erased {
            erasure::erase(self);
        }
        self.updated_at = recorded.occurred_at();
        self.version = recorded.version;
        self.incarnation = recorded.incarnation;
        self.position = recorded.position;
    }

    /// Takes over the lines that are new, and shipping.
    fn amend(&mut self, amended: &OrderAmended, progress: &Progress) {
        let known = self.lines.len();
        self.lines.extend(amended.added.iter().zip(progress.lines.iter().skip(known)).map(order_line));
        if let Some(shipping_lines) = &amended.shipping_lines {
            self.shipping_lines.clone_from(shipping_lines);
        }
    }

    /// Takes over what follows from quantities and sums.
    fn show(&mut self, progress: Progress) {
        self.status = Status::of(&progress);
        self.held = progress.held;
        self.total = progress.total;
        self.shipping = progress.shipping;
        self.due = progress.due();
        self.owed = progress.owed();
        self.captured = progress.captured();
        self.refunded = progress.refunded();
        for (line, counted) in self.lines.iter_mut().zip(progress.lines) {
            line.progress = counted;
        }
        parts::refresh(&mut self.payments, progress.payments);
        parts::refresh(&mut self.fulfilments, progress.fulfilments);
        parts::refresh(&mut self.returns, progress.returns);
    }

    /// Takes over what an event says beyond quantities and sums.
    fn tell(&mut self, event: &OrderEvent, occurred_at: DateTime<Utc>) {
        match event {
            OrderEvent::PaymentAuthorized(e) => parts::tell(&mut self.payments, e.payment, |payment| {
                payment.method = Some(e.method.clone());
                payment.reference.clone_from(&e.reference);
            }),
            OrderEvent::PaymentCaptured(e) => parts::tell(&mut self.payments, e.payment, |payment| {
                payment.method = Some(e.method.clone());
                payment.captured_at = Some(occurred_at);
                if e.reference.is_some() {
                    payment.reference.clone_from(&e.reference);
                }
            }),
            OrderEvent::PaymentFailed(e) => {
                parts::tell(&mut self.payments, e.payment, |payment| payment.failure = Some(e.reason.clone()));
            }
            OrderEvent::FulfilmentShipped(e) => parts::tell(&mut self.fulfilments, e.fulfilment, |fulfilment| {
                fulfilment.carrier.clone_from(&e.carrier);
                fulfilment.tracking.clone_from(&e.tracking);
                fulfilment.shipped_at = Some(occurred_at);
            }),
            OrderEvent::FulfilmentDelivered(e) => {
                parts::tell(&mut self.fulfilments, e.fulfilment, |it| it.delivered_at = Some(occurred_at));
            }
            OrderEvent::LinesCancelled(e) => self.cancel_reason = Some(e.reason.clone()),
            OrderEvent::Cancelled(e) => self.cancel_reason = Some(e.reason.clone()),
            OrderEvent::ReturnRequested(e) => parts::tell(&mut self.returns, e.return_no, |it| {
                it.reason = Some(e.reason.clone());
                it.external_ref.clone_from(&e.external_ref);
                it.requested_at = Some(occurred_at);
            }),
            OrderEvent::ReturnReceived(e) => {
                parts::tell(&mut self.returns, e.return_no, |it| it.received_at = Some(occurred_at));
            }
            OrderEvent::ReturnRejected(e) => {
                parts::tell(&mut self.returns, e.return_no, |it| it.rejection = Some(e.reason.clone()));
            }
            OrderEvent::Held(e) => self.hold_reason = Some(e.reason.clone()),
            OrderEvent::HoldReleased(_) => self.hold_reason = None,
            OrderEvent::NoteAdded(e) => {
                let (note, author) = (e.note.clone(), e.author.clone());
                self.notes.push(OrderNote { note, author, written_at: occurred_at });
            }
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
            OrderEvent::Placed(_)
            | OrderEvent::PaymentVoided(_)
            | OrderEvent::FulfilmentCreated(_)
            | OrderEvent::FulfilmentCancelled(_)
            | OrderEvent::RefundRecorded(_)
            | OrderEvent::Amended(_)
            | OrderEvent::BackordersChanged(_)
            | OrderEvent::Expired(_)
            | OrderEvent::Completed(_) => {}
        }
    }
}

fn replace(address: &mut Option<Personal<Address>>, by: &Option<Personal<Address>>) {
    if by.is_some() {
        address.clone_from(by);
    }
}

fn order_line((line, progress): (&Line, &LineProgress)) -> OrderLine {
    OrderLine { progress: progress.clone(), name: line.name.clone() }
}
