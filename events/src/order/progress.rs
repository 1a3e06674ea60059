//! How far an order has come: quantities, sums, and the statuses that are pure functions of them.
//!
//! The decider decides on it and the read model shows it, so that both can never disagree.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::pricing::{Amounts, Pricing};
use super::{
    CancelledLine, Disposition, LineBackorders, LineChange, LineNo, LineQuantity, OrderAmended, OrderEvent, PartNo,
    ReceivedUnits, RefundKind, RefundRecorded, ReturnReceived,
};
use crate::money::{Minor, Overflow};
use crate::name::{Location, Sku};

/// Whether the order still goes on.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Lifecycle {
    /// It does.
    #[default]
    Open,
    /// Everything is delivered or cancelled, nothing is owed.
    Completed,
    /// Nothing was left of it.
    Cancelled,
    /// It was not paid in time.
    Expired,
}

/// How the payment stands; `owed` says how much is missing.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum PaymentStatus {
    /// Nothing is paid.
    #[default]
    Unpaid,
    /// Everything that is owed is authorized.
    Authorized,
    /// Something is paid, and something is owed.
    PartiallyPaid,
    /// Nothing is owed.
    Paid,
    /// More is paid than is due.
    Overpaid,
    /// Nothing is owed, and a part was refunded for a return or as goodwill.
    PartiallyRefunded,
    /// Everything that was captured was refunded.
    Refunded,
    /// Nothing is due.
    NotRequired,
}

/// How the goods stand.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum FulfilmentStatus {
    /// Nothing is packed.
    #[default]
    Unfulfilled,
    /// Nothing is packed, and no unit on hand is assigned to some units.
    Backordered,
    /// Some is packed, nothing is shipped.
    Processing,
    /// Some is shipped.
    PartiallyShipped,
    /// Everything that is wanted is shipped.
    Shipped,
    /// Everything that is wanted has arrived.
    Delivered,
    /// Nothing may be packed or shipped until further notice, and something still would be.
    OnHold,
}

/// How returns stand.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ReturnStatus {
    /// There are none.
    #[default]
    None,
    /// One is on its way.
    Requested,
    /// Some of what was shipped came back.
    PartiallyReturned,
    /// All of what was shipped came back.
    Returned,
}

/// Counters of one line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct LineProgress {
    /// Which line.
    pub line: LineNo,
    /// What.
    pub sku: Sku,
    /// Where its stock is reserved.
    pub location: Location,
    /// Pieces ordered.
    pub ordered: u32,
    /// Pieces no longer wanted.
    pub cancelled: u32,
    /// Pieces in a fulfilment that is not shipped.
    pub in_fulfilment: u32,
    /// Pieces shipped.
    pub shipped: u32,
    /// Pieces delivered.
    pub delivered: u32,
    /// Pieces in a return that is open.
    pub return_requested: u32,
    /// Pieces that came back.
    pub returned: u32,
    /// Price of one unit before discount and tax, minor units.
    pub unit_price: Minor,
    /// What is taken off the line as last ordered or amended, minor units.
    pub discount: Minor,
    /// Tax on the line as last ordered or amended, minor units.
    pub tax: Minor,
    /// `quantity * unit_price - discount + tax` of the line as last ordered or amended, minor units.
    pub total: Minor,
    /// What the units come to that are not cancelled, minor units.
    pub due: Minor,
    /// What discount and tax are computed from.
    pub pricing: Pricing,
    /// Units that are promised, neither packed nor shipped, and that no unit on hand is assigned to.
    #[serde(default)]
    pub backordered: u32,
    /// Nobody counts its stock.
    #[serde(default)]
    pub untracked: bool,
}

impl LineProgress {
    /// Pieces still wanted and neither packed nor shipped.
    pub fn unfulfilled(&self) -> u32 {
        self.ordered - self.cancelled - self.in_fulfilment - self.shipped
    }

    /// Pieces that lie on their shelf for this order: wanted, not shipped, and counted.
    pub fn reserved(&self) -> u32 {
        if self.untracked { 0 } else { self.ordered - self.cancelled - self.shipped }
    }

    /// Pieces that can be asked back.
    pub fn returnable(&self) -> u32 {
        self.shipped - self.return_requested - self.returned
    }

    /// Pieces that are wanted.
    pub fn wanted(&self) -> u32 {
        self.ordered - self.cancelled
    }

    /// What `quantity` units of the line come to, or [`Overflow`].
    pub fn amounts(&self, quantity: u32) -> Result<Amounts, Overflow> {
        self.pricing.amounts(self.unit_price, quantity)
    }

    fn cancel(&mut self, cancelled: &CancelledLine) {
        self.cancelled += cancelled.quantity;
        match cancelled.remaining {
            Some(remaining) => {
                self.due = remaining.amounts.total;
                self.backordered = remaining.backordered;
            }
            None => {
                self.due = Minor(self.total.0 - cancelled_share(self));
                self.backordered = self.backordered.saturating_sub(cancelled.quantity).min(self.unfulfilled());
            }
        }
    }

    fn change(&mut self, change: &LineChange) {
        let amounts = Amounts { discount: change.discount, tax: change.tax, total: change.total };
        // Amounts of version 1 are the only hint at their inputs: the earlier inputs hold unless these contradict them.
        if !change.with_cancelled || self.amounts(change.quantity) != Ok(amounts) {
            self.pricing = change.pricing;
        }
        self.ordered = change.quantity;
        (self.discount, self.tax, self.total) = (change.discount, change.tax, change.total);
        self.backordered = change.backordered;
        let cancelled = if change.with_cancelled { cancelled_share(self) } else { 0 };
        self.due = Minor(change.total.0 - cancelled);
    }
}

/// A payment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Payment {
    /// Its number in the order.
    pub payment: PartNo,
    /// Promised and neither captured nor voided, minor units.
    pub authorized: Minor,
    /// Came in, minor units.
    pub captured: Minor,
    /// Refunded, minor units.
    pub refunded: Minor,
    /// The part of `refunded` that no longer counts as paid: the excess after a cancellation or an overpayment, or money that is
    /// to be paid in another way.
    pub repaid: Minor,
}

/// Where a fulfilment stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum FulfilmentState {
    /// Being packed.
    Created,
    /// On its way.
    Shipped,
    /// Arrived.
    Delivered,
    /// Given up.
    Cancelled,
}

/// A fulfilment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Fulfilment {
    /// Its number in the order.
    pub fulfilment: PartNo,
    /// Where its pieces lie.
    pub location: Location,
    /// Which pieces; none of a fulfilment that was cancelled.
    pub lines: Vec<LineQuantity>,
    /// Where it stands.
    pub state: FulfilmentState,
}

/// Where a return stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ReturnState {
    /// Some or all of its units are outstanding.
    Requested,
    /// All of its units were received.
    Received,
    /// Its units were refused, those excepted that had been received before.
    Rejected,
}

/// A return.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Return {
    /// Its number in the order.
    #[serde(rename = "return")]
    pub return_no: PartNo,
    /// The requested units.
    pub lines: Vec<LineQuantity>,
    /// Where it stands.
    pub state: ReturnState,
    /// The units received so far, by line and condition.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub received: Vec<ReceivedUnits>,
    /// Condition of the received units, where it is the same for all of them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub disposition: Option<Disposition>,
}

impl Return {
    /// Requested units that were neither received nor rejected.
    pub fn outstanding(&self) -> Vec<LineQuantity> {
        if self.state != ReturnState::Requested {
            return Vec::new();
        }
        let received = |line| self.received.iter().filter(|it| it.line == line).map(|it| it.quantity).sum::<u32>();
        let left = |asked: &LineQuantity| asked.quantity.saturating_sub(received(asked.line));
        let outstanding = self.lines.iter().map(|asked| LineQuantity { line: asked.line, quantity: left(asked) });
        outstanding.filter(|units| units.quantity > 0).collect()
    }

    /// Takes units in; the return is received once nothing is outstanding.
    fn receive(&mut self, units: &[ReceivedUnits]) {
        for new in units {
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
    }
}

/// How far an order has come. [`Progress::default`] is the order that does not exist yet.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Progress {
    /// Whether it still goes on.
    pub lifecycle: Lifecycle,
    /// Its lines, by number.
    pub lines: Vec<LineProgress>,
    /// Its payments, by number.
    pub payments: Vec<Payment>,
    /// Its fulfilments, by number.
    pub fulfilments: Vec<Fulfilment>,
    /// Its returns, by number.
    pub returns: Vec<Return>,
    /// Lines and shipping as last ordered or amended, minor units.
    pub total: Minor,
    /// Shipping with tax, minor units.
    pub shipping: Minor,
    /// Whether nothing may be packed or shipped.
    #[serde(default)]
    pub held: bool,
}

impl Progress {
    /// The line with this number.
    pub fn line(&self, line: LineNo) -> Option<&LineProgress> {
        nth(&self.lines, line)
    }

    /// The payment with this number.
    pub fn payment(&self, payment: PartNo) -> Option<&Payment> {
        nth(&self.payments, payment)
    }

    /// The fulfilment with this number.
    pub fn fulfilment(&self, fulfilment: PartNo) -> Option<&Fulfilment> {
        nth(&self.fulfilments, fulfilment)
    }

    /// The return with this number.
    pub fn find_return(&self, return_no: PartNo) -> Option<&Return> {
        nth(&self.returns, return_no)
    }

    /// What the order comes to: units that are not cancelled, and shipping, minor units.
    pub fn due(&self) -> Minor {
        if self.lifecycle == Lifecycle::Cancelled || self.lifecycle == Lifecycle::Expired {
            return Minor::ZERO;
        }
        Minor(self.shipping.0 + self.lines.iter().map(|line| line.due.0).sum::<i64>())
    }

    /// What the buyer still has to pay, minor units. Refunds for returns and goodwill are not owed again.
    pub fn owed(&self) -> Minor {
        Minor((self.due().0 - self.paid().0).max(0))
    }

    /// Captured money that counts as paid, minor units: all but what was repaid.
    fn paid(&self) -> Minor {
        Minor(self.payments.iter().map(|p| p.captured.0 - p.repaid.0).sum())
    }

    /// Money that came in, minor units.
    pub fn captured(&self) -> Minor {
        Minor(self.payments.iter().map(|p| p.captured.0).sum())
    }

    /// Money that went back, minor units.
    pub fn refunded(&self) -> Minor {
        Minor(self.payments.iter().map(|p| p.refunded.0).sum())
    }

    /// Money promised and not yet come in, minor units.
    pub fn authorized(&self) -> Minor {
        Minor(self.payments.iter().map(|p| p.authorized.0).sum())
    }

    /// How the payment stands.
    pub fn payment_status(&self) -> PaymentStatus {
        let (due, paid, owed) = (self.due(), self.paid(), self.owed());
        let (captured, refunded) = (self.captured(), self.refunded());
        if owed > Minor::ZERO && paid == Minor::ZERO && self.authorized() >= owed {
            return PaymentStatus::Authorized;
        }
        if refunded > Minor::ZERO && refunded == captured {
            return PaymentStatus::Refunded;
        }
        if owed > Minor::ZERO {
            return if paid > Minor::ZERO { PaymentStatus::PartiallyPaid } else { PaymentStatus::Unpaid };
        }
        if paid > due {
            return PaymentStatus::Overpaid;
        }
        let is_credited = self.payments.iter().any(|payment| payment.refunded > payment.repaid);
        match (captured > Minor::ZERO, is_credited) {
            (false, _) => PaymentStatus::NotRequired,
            (true, true) => PaymentStatus::PartiallyRefunded,
            (true, false) => PaymentStatus::Paid,
        }
    }

    /// How the goods stand.
    pub fn fulfilment_status(&self) -> FulfilmentStatus {
        let sum = |count: fn(&LineProgress) -> u32| self.lines.iter().map(|l| u64::from(count(l))).sum::<u64>();
        let wanted = sum(LineProgress::wanted);
        let (packed, shipped, delivered) = (sum(|l| l.in_fulfilment), sum(|l| l.shipped), sum(|l| l.delivered));
        if self.held && self.lifecycle == Lifecycle::Open && shipped < wanted {
            return FulfilmentStatus::OnHold;
        }
        if shipped == 0 {
            return match (packed, sum(|l| l.backordered)) {
                (0, 0) => FulfilmentStatus::Unfulfilled,
                (0, _) => FulfilmentStatus::Backordered,
                _ => FulfilmentStatus::Processing,
            };
        }
        if delivered == wanted {
            return FulfilmentStatus::Delivered;
        }
        match shipped == wanted {
            true => FulfilmentStatus::Shipped,
            false => FulfilmentStatus::PartiallyShipped,
        }
    }

    /// How returns stand.
    pub fn return_status(&self) -> ReturnStatus {
        let sum = |count: fn(&LineProgress) -> u32| self.lines.iter().map(|l| u64::from(count(l))).sum::<u64>();
        if sum(|l| l.return_requested) > 0 {
            return ReturnStatus::Requested;
        }
        let (returned, shipped) = (sum(|l| l.returned), sum(|l| l.shipped));
        if returned == 0 {
            return ReturnStatus::None;
        }
        match returned == shipped {
            true => ReturnStatus::Returned,
            false => ReturnStatus::PartiallyReturned,
        }
    }

    /// The order after `event`.
    pub fn evolve(&mut self, event: &OrderEvent) {
        match event {
            OrderEvent::Placed(e) => {
                self.total = e.total;
                self.shipping = e.shipping;
                self.lines = e.lines.iter().map(line_placed).collect();
            }
            OrderEvent::PaymentAuthorized(e) => self.payment_mut(e.payment).authorized.0 += e.amount.0,
            OrderEvent::PaymentCaptured(e) => {
                let payment = self.payment_mut(e.payment);
                payment.captured.0 += e.amount.0;
                payment.authorized.0 = (payment.authorized.0 - e.amount.0).max(0);
            }
            OrderEvent::PaymentVoided(e) => self.payment_mut(e.payment).authorized = Minor::ZERO,
            OrderEvent::PaymentFailed(e) => self.payment_mut(e.payment).authorized = Minor::ZERO,
            OrderEvent::FulfilmentCreated(e) => {
                self.each_line(&e.lines, |line, pieces| {
                    line.in_fulfilment += pieces;
                    line.backordered = line.backordered.min(line.unfulfilled());
                });
                self.fulfilments.push(Fulfilment {
                    fulfilment: e.fulfilment,
                    location: e.location.clone(),
                    lines: e.lines.clone(),
                    state: FulfilmentState::Created,
                });
            }
            OrderEvent::FulfilmentShipped(e) => {
                let lines = self.move_fulfilment(e.fulfilment, FulfilmentState::Shipped);
                self.each_line(&lines, |line, pieces| {
                    line.in_fulfilment -= pieces;
                    line.shipped += pieces;
                });
            }
            OrderEvent::FulfilmentDelivered(e) => {
                let lines = self.move_fulfilment(e.fulfilment, FulfilmentState::Delivered);
                self.each_line(&lines, |line, pieces| line.delivered += pieces);
            }
            OrderEvent::FulfilmentCancelled(e) => {
                let lines = self.cancel_fulfilment(e.fulfilment);
                self.each_line(&lines, |line, pieces| line.in_fulfilment -= pieces);
            }
            OrderEvent::LinesCancelled(e) => {
                for cancelled in &e.lines {
                    if let Some(line) = nth_mut(&mut self.lines, cancelled.line) {
                        line.cancel(cancelled);
                    }
                }
            }
            OrderEvent::Cancelled(_) => self.lifecycle = Lifecycle::Cancelled,
            OrderEvent::ReturnRequested(e) => {
                self.each_line(&e.lines, |line, pieces| line.return_requested += pieces);
                self.returns.push(Return {
                    return_no: e.return_no,
                    lines: e.lines.clone(),
                    state: ReturnState::Requested,
                    received: Vec::new(),
                    disposition: None,
                });
            }
            OrderEvent::ReturnReceived(e) => self.receive_return(e),
            OrderEvent::ReturnRejected(e) => {
                let Some(found) = nth_mut(&mut self.returns, e.return_no) else { return };
                let lines = found.outstanding();
                found.state = ReturnState::Rejected;
                self.each_line(&lines, |line, pieces| line.return_requested -= pieces);
            }
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
                for line in &mut self.lines {
                    line.cancelled += line.unfulfilled();
                    line.due = Minor::ZERO;
                    line.backordered = 0;
                }
            }
            OrderEvent::Completed(_) => self.lifecycle = Lifecycle::Completed,
            OrderEvent::NoteAdded(_)
            | OrderEvent::Tagged(_)
            | OrderEvent::AddressesChanged(_)
            | OrderEvent::CustomerAssigned(_)
            | OrderEvent::PersonalDataErased(_) => {}
        }
    }

    fn amend(&mut self, amended: &OrderAmended) {
        self.total = amended.total;
        self.shipping = amended.shipping;
        for change in &amended.changed {
            if let Some(line) = nth_mut(&mut self.lines, change.line) {
                line.change(change);
            }
        }
        self.lines.extend(amended.added.iter().map(line_placed));
    }

    fn refund(&mut self, refund: &RefundRecorded) {
        let repaid = match refund.kind {
            Some(RefundKind::Repayment) => refund.amount.0,
            Some(RefundKind::Return | RefundKind::Goodwill) => 0,
            // Version 1 does not say: money beyond what was due cannot have been a reduction of the price, and a debt that
            // nobody recorded is not invented.
            None => (self.paid().0 - self.due().0).clamp(0, refund.amount.0),
        };
        let payment = self.payment_mut(refund.payment);
        payment.refunded.0 += refund.amount.0;
        payment.repaid.0 += repaid;
    }

    fn each_line(&mut self, lines: &[LineQuantity], mut change: impl FnMut(&mut LineProgress, u32)) {
        for LineQuantity { line, quantity } in lines {
            if let Some(line) = nth_mut(&mut self.lines, *line) {
                change(line, *quantity);
            }
        }
    }

    fn move_fulfilment(&mut self, fulfilment: PartNo, state: FulfilmentState) -> Vec<LineQuantity> {
        let Some(found) = nth_mut(&mut self.fulfilments, fulfilment) else { return Vec::new() };
        found.state = state;
        found.lines.clone()
    }

    /// Empties the fulfilment, so that packing and unpacking again and again does not make the order grow.
    fn cancel_fulfilment(&mut self, fulfilment: PartNo) -> Vec<LineQuantity> {
        let Some(found) = nth_mut(&mut self.fulfilments, fulfilment) else { return Vec::new() };
        found.state = FulfilmentState::Cancelled;
        std::mem::take(&mut found.lines)
    }

    fn receive_return(&mut self, received: &ReturnReceived) {
        let Some(found) = nth_mut(&mut self.returns, received.return_no) else { return };
        let mut units = received.lines.clone();
        if let Some(disposition) = received.rest {
            let all = |LineQuantity { line, quantity }| ReceivedUnits { line, quantity, disposition };
            units.extend(found.outstanding().into_iter().map(all));
        }
        found.receive(&units);
        for ReceivedUnits { line, quantity, .. } in units {
            let Some(line) = nth_mut(&mut self.lines, line) else { continue };
            line.return_requested -= quantity;
            line.returned += quantity;
        }
    }

    fn payment_mut(&mut self, payment: PartNo) -> &mut Payment {
        let index = payment.saturating_sub(1) as usize;
        while self.payments.len() <= index {
            let payment = self.payments.len() as PartNo + 1;
            self.payments.push(Payment {
                payment,
                authorized: Minor::ZERO,
                captured: Minor::ZERO,
                refunded: Minor::ZERO,
                repaid: Minor::ZERO,
            });
        }
        &mut self.payments[index]
    }
}

fn line_placed(line: &super::Line) -> LineProgress {
    LineProgress {
        line: line.line,
        sku: line.sku.clone(),
        location: line.location.clone(),
        ordered: line.quantity,
        cancelled: 0,
        in_fulfilment: 0,
        shipped: 0,
        delivered: 0,
        return_requested: 0,
        returned: 0,
        unit_price: line.unit_price,
        discount: line.discount,
        tax: line.tax,
        total: line.total,
        due: line.total,
        pricing: line.pricing,
        backordered: line.backordered,
        untracked: line.untracked,
    }
}

/// The cancelled units' part of a line's total, where version 1 of the events did not record what is left of it. What is left
/// over by the division stays with the units kept.
fn cancelled_share(line: &LineProgress) -> i64 {
    if line.cancelled == 0 || line.ordered == 0 {
        return 0;
    }
    (i128::from(line.total.0) * i128::from(line.cancelled) / i128::from(line.ordered)) as i64
}

/// Parts are numbered from 1 in the order in which they were made.
fn nth<T>(parts: &[T], number: u32) -> Option<&T> {
    parts.get((number as usize).checked_sub(1)?)
}

fn nth_mut<T>(parts: &mut [T], number: u32) -> Option<&mut T> {
    parts.get_mut((number as usize).checked_sub(1)?)
}
