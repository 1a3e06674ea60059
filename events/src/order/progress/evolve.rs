//! [`Progress::evolve`]: the progress of an order after an event.

use super::fulfilment::{Fulfilment, FulfilmentState};
use super::line::LineProgress;
use super::payment::Payment;
use super::returns::Return;
use super::{Lifecycle, Progress};
use crate::money::Minor;
use crate::order::amendment::OrderAmended;
use crate::order::backorders::LineBackorders;
use crate::order::event::OrderEvent;
use crate::order::fulfilment::FulfilmentCreated;
use crate::order::line::LineQuantity;
use crate::order::numbers::PartNo;
use crate::order::payment::{RefundKind, RefundRecorded};
use crate::order::placed::OrderPlaced;
use crate::order::returns::{ReceivedUnits, ReturnReceived, ReturnRejected, ReturnRequested};

impl Progress {
    /// The order after `event`.
    pub fn evolve(&mut self, event: &OrderEvent) {
        match event {
            OrderEvent::Placed(e) => self.place(e),
            OrderEvent::PaymentAuthorized(e) => self.payment_mut(e.payment).authorized.0 += e.amount.0,
            OrderEvent::PaymentCaptured(e) => self.payment_mut(e.payment).capture(e.amount),
            OrderEvent::PaymentVoided(e) => self.payment_mut(e.payment).authorized = Minor::ZERO,
            OrderEvent::PaymentFailed(e) => self.payment_mut(e.payment).authorized = Minor::ZERO,
            OrderEvent::FulfilmentCreated(e) => self.create_fulfilment(e),
            OrderEvent::FulfilmentShipped(e) => {
                let lines = self.move_fulfilment(e.fulfilment, FulfilmentState::Shipped);
                self.each_line(&lines, |line, units| {
                    line.in_fulfilment -= units;
                    line.shipped += units;
                });
            }
            OrderEvent::FulfilmentDelivered(e) => {
                let lines = self.move_fulfilment(e.fulfilment, FulfilmentState::Delivered);
                self.each_line(&lines, |line, units| line.delivered += units);
            }
            OrderEvent::FulfilmentCancelled(e) => {
                let lines = self.cancel_fulfilment(e.fulfilment);
                self.each_line(&lines, |line, units| line.in_fulfilment -= units);
            }
            OrderEvent::LinesCancelled(e) => {
                for cancelled in &e.lines {
                    let Some(line) = nth_mut(&mut self.lines, cancelled.line) else { continue };
                    line.cancel(cancelled);
                }
            }
            OrderEvent::Cancelled(_) => self.lifecycle = Lifecycle::Cancelled,
            OrderEvent::ReturnRequested(e) => self.request_return(e),
            OrderEvent::ReturnReceived(e) => self.receive_return(e),
            OrderEvent::ReturnRejected(e) => self.reject_return(e),
            OrderEvent::RefundRecorded(e) => self.refund(e),
            OrderEvent::Amended(e) => self.amend(e),
            OrderEvent::Held(_) => self.held = true,
            OrderEvent::HoldReleased(_) => self.held = false,
            OrderEvent::BackordersChanged(e) => {
                for LineBackorders { line, backordered } in &e.lines {
                    let Some(line) = nth_mut(&mut self.lines, *line) else { continue };
                    line.backordered = *backordered;
                }
            }
            OrderEvent::Expired(_) => {
                self.lifecycle = Lifecycle::Expired;
                self.lines.iter_mut().for_each(LineProgress::expire);
            }
            OrderEvent::Completed(_) => self.lifecycle = Lifecycle::Completed,
            OrderEvent::NoteAdded(_)
            | OrderEvent::Tagged(_)
            | OrderEvent::AddressesChanged(_)
            | OrderEvent::CustomerAssigned(_)
            | OrderEvent::PersonalDataErased(_) => {}
        }
    }

    fn place(&mut self, placed: &OrderPlaced) {
        self.total = placed.total;
        self.shipping = placed.shipping;
        self.lines = placed.lines.iter().map(LineProgress::ordered).collect();
    }

    fn amend(&mut self, amended: &OrderAmended) {
        self.total = amended.total;
        self.shipping = amended.shipping;
        for change in &amended.changed {
            let Some(line) = nth_mut(&mut self.lines, change.line) else { continue };
            line.change(change);
        }
        self.lines.extend(amended.added.iter().map(LineProgress::ordered));
    }

    fn create_fulfilment(&mut self, created: &FulfilmentCreated) {
        self.each_line(&created.lines, |line, units| {
            line.in_fulfilment += units;
            line.backordered = line.backordered.min(line.unfulfilled());
        });
        self.fulfilments.push(Fulfilment::created(created));
    }

    fn move_fulfilment(&mut self, fulfilment: PartNo, state: FulfilmentState) -> Vec<LineQuantity> {
        let Some(found) = nth_mut(&mut self.fulfilments, fulfilment) else { return Vec::new() };
        found.state = state;
        found.lines.clone()
    }

    /// Empties the fulfilment, so that repeatedly creating and cancelling fulfilments does not make the order grow.
    fn cancel_fulfilment(&mut self, fulfilment: PartNo) -> Vec<LineQuantity> {
        let Some(found) = nth_mut(&mut self.fulfilments, fulfilment) else { return Vec::new() };
        found.state = FulfilmentState::Cancelled;
        std::mem::take(&mut found.lines)
    }

    fn request_return(&mut self, requested: &ReturnRequested) {
        self.each_line(&requested.lines, |line, units| line.return_requested += units);
        self.returns.push(Return::requested(requested));
    }

    fn receive_return(&mut self, received: &ReturnReceived) {
        let Some(found) = nth_mut(&mut self.returns, received.return_no) else { return };
        for ReceivedUnits { line, quantity, .. } in found.receive(received) {
            let Some(line) = nth_mut(&mut self.lines, line) else { continue };
            line.return_requested -= quantity;
            line.returned += quantity;
        }
    }

    fn reject_return(&mut self, rejected: &ReturnRejected) {
        let Some(found) = nth_mut(&mut self.returns, rejected.return_no) else { return };
        let lines = found.reject();
        self.each_line(&lines, |line, units| line.return_requested -= units);
    }

    fn refund(&mut self, refund: &RefundRecorded) {
        let repaid = match refund.kind {
            Some(RefundKind::Repayment) => refund.amount.0,
            Some(RefundKind::Return | RefundKind::Goodwill) => 0,
            // Version 1 did not record the kind. A refunded excess cannot have been a price reduction, and a refund of anything else
            // does not create a debt that was not recorded.
            None => (self.paid().0 - self.due().0).clamp(0, refund.amount.0),
        };
        let payment = self.payment_mut(refund.payment);
        payment.refunded.0 += refund.amount.0;
        payment.repaid.0 += repaid;
    }

    fn each_line(&mut self, lines: &[LineQuantity], mut change: impl FnMut(&mut LineProgress, u32)) {
        for LineQuantity { line, quantity } in lines {
            let Some(line) = nth_mut(&mut self.lines, *line) else { continue };
            change(line, *quantity);
        }
    }

    /// The payment with this number, which is added if it does not exist yet.
    fn payment_mut(&mut self, payment: PartNo) -> &mut Payment {
        let index = payment.saturating_sub(1) as usize;
        while self.payments.len() <= index {
            self.payments.push(Payment::new(self.payments.len() as PartNo + 1));
        }
        &mut self.payments[index]
    }
}

fn nth_mut<T>(items: &mut [T], number: u32) -> Option<&mut T> {
    items.get_mut((number as usize).checked_sub(1)?)
}
