//! Statistics of orders: counts of orders by their statuses, and what each event changes in the sums of fulfilments and
//! returns.
//!
//! [`counts`] counts orders, [`fulfilments`] and [`returns`] have the changes of sums by instant. Sales amounts are in
//! `crate::sales`.

mod counts;
mod fulfilments;
mod returns;

use events::order::progress::Progress;
use events::order::{OrderEvent, OrderPlaced};
use events::{Currency, LogPosition, Recorded, Version};
use serde::{Deserialize, Serialize};

pub use counts::OrderCount;
pub use fulfilments::{FulfilmentChange, FulfilmentMeasures};
pub use returns::{ReturnChange, ReturnMeasures};

use crate::fold_error::FoldError;
use crate::fulfilment::FulfilmentOrder;
use crate::order_stream::{self, Next};

/// What the statistics of an order need to know from its earlier events.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OrderStatistics {
    /// Currency of all amounts of the order (ISO 4217).
    pub currency: Currency,
    /// Quantities and amounts of the order.
    pub progress: Progress,
    /// Fulfilments of the order with their instants, and the version of the order's stream.
    pub fulfilments: FulfilmentOrder,
}

/// A change of the sums of orders, fulfilments or returns.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StatisticsChange {
    /// An order joins or leaves the orders with certain statuses.
    Orders(OrderCount),
    /// Fulfilments were created, shipped, delivered or cancelled.
    Fulfilments(FulfilmentChange),
    /// Returns were requested, received, rejected or refunded.
    Returns(ReturnChange),
}

impl OrderStatistics {
    /// Folds the next event into `order` (`None`: the order does not exist yet) and appends the changes that the event
    /// makes to `changes`. A [`FoldError`] leaves both unchanged.
    pub fn fold(
        order: &mut Option<OrderStatistics>,
        recorded: &Recorded,
        event: &OrderEvent,
        changes: &mut Vec<StatisticsChange>,
    ) -> Result<(), FoldError> {
        match order_stream::next(order, OrderStatistics::version, recorded, event)? {
            Next::Begins(order, placed) => {
                let placed = order.insert(OrderStatistics::placed(placed, recorded));
                placed.progress.evolve(event);
                changes.push(StatisticsChange::Orders(placed.count()));
            }
            Next::Continues(order) => order.evolve(event, recorded, changes),
        }
        Ok(())
    }

    /// Version of the order's stream that this state contains.
    pub fn version(&self) -> Version {
        self.fulfilments.version
    }

    /// Log position of the last event that this state contains.
    pub fn log_position(&self) -> LogPosition {
        self.fulfilments.log_position()
    }

    /// Moves version and log position to an event of the order, and changes nothing else.
    pub fn advance_to(&mut self, recorded: &Recorded) {
        self.fulfilments.advance_to(recorded);
    }

    fn placed(placed: &OrderPlaced, recorded: &Recorded) -> OrderStatistics {
        OrderStatistics {
            currency: placed.currency,
            progress: Progress::default(),
            fulfilments: FulfilmentOrder::placed(placed, recorded),
        }
    }

    /// The count of this order.
    fn count(&self) -> OrderCount {
        OrderCount::of(&self.fulfilments.channel, self.currency, &self.progress)
    }

    fn evolve(&mut self, event: &OrderEvent, recorded: &Recorded, changes: &mut Vec<StatisticsChange>) {
        let (count, received) = (self.count(), returns::received_units(&self.progress, event));
        self.progress.evolve(event);
        let fulfilment = self.fulfilments.evolve(event, recorded);
        let (now, counted) = (recorded.occurred_at(), self.count());
        if count != counted {
            changes.extend([count.negated(), counted].map(StatisticsChange::Orders));
        }
        let fulfilled = fulfilment.and_then(|row| FulfilmentChange::of(event, &row, now));
        changes.extend(fulfilled.map(StatisticsChange::Fulfilments));
        let returned = ReturnMeasures::of(event, &self.progress, received);
        changes.extend(returned.map(|measures| {
            StatisticsChange::Returns(ReturnChange {
                instant: now,
                channel: self.fulfilments.channel.clone(),
                currency: self.currency,
                measures,
            })
        }));
    }
}
