//! Progress of an order: quantities and amounts, and the statuses that are pure functions of them.
//!
//! The decider decides on [`Progress`], and the read model shows it, so the two cannot disagree. [`evolve`] applies the events.

mod evolve;
mod fulfilment;
mod line;
mod payment;
mod returns;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::numbers::{LineNo, PartNo};
use crate::money::Minor;

pub use super::status::{FulfilmentStatus, Lifecycle, PaymentStatus, ReturnStatus};
pub use fulfilment::{Fulfilment, FulfilmentState};
pub use line::LineProgress;
pub use payment::Payment;
pub use returns::{Return, ReturnState};

/// Progress of an order: its lifecycle, lines, payments, fulfilments and returns.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Progress {
    /// Lifecycle of the order.
    pub lifecycle: Lifecycle,
    /// Lines of the order, by number.
    pub lines: Vec<LineProgress>,
    /// Payments of the order, by number.
    pub payments: Vec<Payment>,
    /// Fulfilments of the order, by number.
    pub fulfilments: Vec<Fulfilment>,
    /// Returns of the order, by number.
    pub returns: Vec<Return>,
    /// Order total as last ordered or amended, in minor units of the order's currency: lines plus shipping, including tax.
    pub total: Minor,
    /// Shipping including tax, in minor units of the order's currency.
    pub shipping: Minor,
    /// Whether the order is on hold: nothing of the order is fulfilled or shipped until the order hold is released.
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

    /// Amount due for the order: units that are not cancelled, and shipping. Zero for a cancelled or expired order.
    pub fn due(&self) -> Minor {
        if self.lifecycle == Lifecycle::Cancelled || self.lifecycle == Lifecycle::Expired {
            return Minor::ZERO;
        }
        Minor(self.shipping.0 + self.lines.iter().map(|line| line.due.0).sum::<i64>())
    }

    /// Amount that the buyer still has to pay. Refunds for returns and goodwill are not owed again.
    pub fn owed(&self) -> Minor {
        Minor((self.due().0 - self.paid().0).max(0))
    }

    /// Captured amount that counts as paid: without repayments.
    fn paid(&self) -> Minor {
        Minor(self.payments.iter().map(|p| p.captured.0 - p.repaid.0).sum())
    }

    /// Captured amount of all payments.
    pub fn captured(&self) -> Minor {
        Minor(self.payments.iter().map(|p| p.captured.0).sum())
    }

    /// Refunded amount of all payments.
    pub fn refunded(&self) -> Minor {
        Minor(self.payments.iter().map(|p| p.refunded.0).sum())
    }

    /// Amount of all payments that is authorized and not captured.
    pub fn authorized(&self) -> Minor {
        Minor(self.payments.iter().map(|p| p.authorized.0).sum())
    }

    /// Payment status of the order.
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

    /// Fulfilment status of the order.
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

    /// Return status of the order.
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
}

/// The item with a number; items are numbered from 1 in the sequence in which they were added.
fn nth<T>(items: &[T], number: u32) -> Option<&T> {
    items.get((number as usize).checked_sub(1)?)
}
