//! Folds the events of an order into its document.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use events::order::progress::{LineProgress, Progress};
use events::order::{Line, OrderAmended, OrderEvent, OrderPlaced};
use events::personal::{Address, Personal};
use events::{Minor, Recorded};

use super::document::OrderDocument;
use super::erasure;
use super::subdocuments::{self, OrderLine, OrderNote};
use crate::fold_error::FoldError;
use crate::order_stream::{self, Next};
use crate::status::Status;

impl OrderDocument {
    /// Folds the next event into `document` (`None`: the order does not exist yet). A [`FoldError`] leaves `document`
    /// unchanged.
    pub fn fold(
        document: &mut Option<OrderDocument>,
        recorded: &Recorded,
        event: &OrderEvent,
    ) -> Result<(), FoldError> {
        match order_stream::next(document, |order| order.version, recorded, event)? {
            Next::Begins(document, placed) => *document = Some(OrderDocument::placed(placed, recorded)),
            Next::Continues(order) => order.evolve(event, recorded),
        }
        Ok(())
    }

    /// Moves version and log position to an event of the order, and changes nothing else.
    pub fn advance_to(&mut self, recorded: &Recorded) {
        self.version = recorded.version;
        self.incarnation = recorded.incarnation;
        self.position = recorded.position;
    }

    /// Quantities and sums of the order; equal to the fold of its events into `events::order::progress`.
    pub fn progress(&self) -> Progress {
        self.clone().take_progress()
    }

    /// Moves quantities and sums out, until [`OrderDocument::set_progress`] moves them back: an order can be large, and
    /// is not copied for each event.
    fn take_progress(&mut self) -> Progress {
        Progress {
            lifecycle: self.status.lifecycle,
            lines: self.lines.iter().map(|line| line.progress.clone()).collect(),
            payments: subdocuments::take_progress(&mut self.payments),
            fulfilments: subdocuments::take_progress(&mut self.fulfilments),
            returns: subdocuments::take_progress(&mut self.returns),
            total: self.total,
            shipping: self.shipping,
            held: self.held,
        }
    }

    fn placed(placed: &OrderPlaced, recorded: &Recorded) -> OrderDocument {
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
        order.set_progress(progress);
        order
    }

    fn evolve(&mut self, event: &OrderEvent, recorded: &Recorded) {
        let mut progress = self.take_progress();
        progress.evolve(event);
        if let OrderEvent::Amended(amended) = event {
            self.amend(amended, &progress);
        }
        self.set_progress(progress);
        self.set_details(event, recorded.occurred_at());
        // Personal data of events after the erasure is removed as well.
        if self.personal_data_erased {
            erasure::erase(self);
        }
        self.updated_at = recorded.occurred_at();
        self.advance_to(recorded);
    }

    /// Adds new lines and replaces the shipping lines.
    fn amend(&mut self, amended: &OrderAmended, progress: &Progress) {
        let known = self.lines.len();
        self.lines.extend(amended.added.iter().zip(progress.lines.iter().skip(known)).map(order_line));
        if let Some(shipping_lines) = &amended.shipping_lines {
            self.shipping_lines.clone_from(shipping_lines);
        }
    }

    /// Sets everything that follows from quantities and sums.
    fn set_progress(&mut self, progress: Progress) {
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
        subdocuments::set_progress(&mut self.payments, progress.payments);
        subdocuments::set_progress(&mut self.fulfilments, progress.fulfilments);
        subdocuments::set_progress(&mut self.returns, progress.returns);
    }

    /// Sets what an event contains beyond quantities and sums.
    fn set_details(&mut self, event: &OrderEvent, occurred_at: DateTime<Utc>) {
        match event {
            OrderEvent::PaymentAuthorized(e) => subdocuments::update(&mut self.payments, e.payment, |payment| {
                payment.method = Some(e.method.clone());
                payment.reference.clone_from(&e.reference);
            }),
            OrderEvent::PaymentCaptured(e) => subdocuments::update(&mut self.payments, e.payment, |payment| {
                payment.method = Some(e.method.clone());
                payment.captured_at = Some(occurred_at);
                if e.reference.is_some() {
                    payment.reference.clone_from(&e.reference);
                }
            }),
            OrderEvent::PaymentFailed(e) => {
                subdocuments::update(&mut self.payments, e.payment, |payment| payment.failure = Some(e.reason.clone()));
            }
            OrderEvent::FulfilmentShipped(e) => {
                subdocuments::update(&mut self.fulfilments, e.fulfilment, |fulfilment| {
                    fulfilment.carrier.clone_from(&e.carrier);
                    fulfilment.tracking.clone_from(&e.tracking);
                    fulfilment.shipped_at = Some(occurred_at);
                })
            }
            OrderEvent::FulfilmentDelivered(e) => {
                subdocuments::update(&mut self.fulfilments, e.fulfilment, |it| it.delivered_at = Some(occurred_at));
            }
            OrderEvent::LinesCancelled(e) => self.cancel_reason = Some(e.reason.clone()),
            OrderEvent::Cancelled(e) => self.cancel_reason = Some(e.reason.clone()),
            OrderEvent::ReturnRequested(e) => subdocuments::update(&mut self.returns, e.return_no, |it| {
                it.reason = Some(e.reason.clone());
                it.external_ref.clone_from(&e.external_ref);
                it.requested_at = Some(occurred_at);
            }),
            OrderEvent::ReturnReceived(e) => {
                subdocuments::update(&mut self.returns, e.return_no, |it| it.received_at = Some(occurred_at));
            }
            OrderEvent::ReturnRejected(e) => {
                subdocuments::update(&mut self.returns, e.return_no, |it| it.rejection = Some(e.reason.clone()));
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
