//! Counts of orders by their statuses: an order leaves the count of its old statuses and joins the count of its new ones.

use events::order::progress::{FulfilmentState, Progress, ReturnState};
use events::{ChannelCode, Currency};

use crate::status::Status;

/// Orders of one channel and currency with the same statuses, or a change of their number.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OrderCount {
    /// Sales channel of the orders.
    pub channel: ChannelCode,
    /// Currency of `owed` (ISO 4217).
    pub currency: Currency,
    /// Statuses of the orders.
    pub status: Status,
    /// Number of orders.
    pub orders: i64,
    /// Amount that the buyers still have to pay, in minor units of `currency`.
    pub owed: i64,
    /// Returns with units that were neither received nor rejected.
    pub open_returns: i64,
    /// Fulfilments that are being packed.
    pub waiting_fulfilments: i64,
}

impl OrderCount {
    /// The count of one order.
    pub(super) fn of(channel: &ChannelCode, currency: Currency, progress: &Progress) -> OrderCount {
        let open_returns = progress.returns.iter().filter(|it| it.state == ReturnState::Requested).count();
        let waiting = progress.fulfilments.iter().filter(|it| it.state == FulfilmentState::Created).count();
        OrderCount {
            channel: channel.clone(),
            currency,
            status: Status::of(progress),
            orders: 1,
            owed: progress.owed().0,
            open_returns: open_returns as i64,
            waiting_fulfilments: waiting as i64,
        }
    }

    /// The change that removes these orders.
    pub(super) fn negated(self) -> OrderCount {
        OrderCount {
            orders: -self.orders,
            owed: -self.owed,
            open_returns: -self.open_returns,
            waiting_fulfilments: -self.waiting_fulfilments,
            ..self
        }
    }

    /// Adds the numbers and amounts of other orders; channel, currency and statuses stay.
    pub fn add(&mut self, other: &OrderCount) {
        self.orders += other.orders;
        // Saturating: no real sum reaches the limit, and one absurd amount must not stop a projection.
        self.owed = self.owed.saturating_add(other.owed);
        self.open_returns += other.open_returns;
        self.waiting_fulfilments += other.waiting_fulfilments;
    }

    /// Whether the change has no effect.
    pub fn is_zero(&self) -> bool {
        [self.orders, self.owed, self.open_returns, self.waiting_fulfilments] == [0; 4]
    }
}
