//! Sales: what each event of an order changes in the sums of ordered, cancelled, returned and refunded units and amounts.
//!
//! The sums of an order follow from `events::order::progress`, so that sales agree with the amounts of the order:
//! `ordered - cancelled` is the amount due, and `refunded` is the amount refunded without repayments. [`measures`] has
//! the sums, [`change`] a change of them, [`order_sums`] computes the sums of an order by line and the difference that
//! an event makes, [`refund`] distributes a refund over the lines of its return, and [`interval`] computes the intervals
//! by which changes are added up.

mod change;
mod interval;
mod measures;
mod order_sums;
mod refund;

use events::order::progress::Progress;
use events::order::{OrderEvent, OrderPlaced};
use events::{ChannelCode, Currency, CustomerId, Incarnation, LogPosition, OrderId, Position, Recorded, Version};
use serde::{Deserialize, Serialize};

pub use change::SalesChange;
pub use interval::{day_start, hour_start, quarter_hour_start};
pub use measures::SalesMeasures;

use crate::fold_error::FoldError;
use crate::order_stream::{self, Next};

/// What the sales of an order need to know from its earlier events.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SalesOrder {
    /// Id of the order.
    pub order_id: OrderId,
    /// Sales channel.
    pub channel: ChannelCode,
    /// Currency of all amounts of the order (ISO 4217).
    pub currency: Currency,
    /// Customer of the order; missing for a guest order.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub customer_id: Option<CustomerId>,
    /// Quantities and amounts of the order.
    pub progress: Progress,
    /// Sum of all changes of the order. A change of the customer moves this sum to the new customer.
    pub sum: SalesMeasures,
    /// Version of the order's stream that this state contains.
    pub version: Version,
    /// Incarnation of the log that contains the last event of the order.
    pub incarnation: Incarnation,
    /// Position of the last event of the order in the log.
    pub position: Position,
}

impl SalesOrder {
    /// Folds the next event into `order` (`None`: the order does not exist yet) and appends the changes that the event
    /// makes to `changes`. A [`FoldError`] leaves both unchanged.
    ///
    /// If the event assigns the order to another customer, one change takes the sum of the order from the old customer
    /// (or from guest orders) and one gives it to the new customer. The two changes add up to zero, so sums by channel,
    /// currency, SKU or interval stay the same.
    pub fn fold(
        order: &mut Option<SalesOrder>,
        recorded: &Recorded,
        event: &OrderEvent,
        changes: &mut Vec<SalesChange>,
    ) -> Result<(), FoldError> {
        match order_stream::next(order, |order| order.version, recorded, event)? {
            Next::Begins(order, placed) => {
                order.insert(SalesOrder::none(placed, recorded)).evolve(event, recorded, changes)
            }
            Next::Continues(order) => order.evolve(event, recorded, changes),
        }
        Ok(())
    }

    /// Log position of the last event that this state contains.
    pub fn log_position(&self) -> LogPosition {
        LogPosition { incarnation: self.incarnation, position: self.position }
    }

    /// Moves version and log position to an event of the order, and changes nothing else.
    pub fn advance_to(&mut self, recorded: &Recorded) {
        self.version = recorded.version;
        self.incarnation = recorded.incarnation;
        self.position = recorded.position;
    }

    /// The order before it was placed: without lines.
    fn none(placed: &OrderPlaced, recorded: &Recorded) -> SalesOrder {
        SalesOrder {
            order_id: placed.order_id,
            channel: placed.channel.clone(),
            currency: placed.currency,
            customer_id: placed.customer_id,
            progress: Progress::default(),
            sum: SalesMeasures::default(),
            version: recorded.version,
            incarnation: recorded.incarnation,
            position: recorded.position,
        }
    }

    fn evolve(&mut self, event: &OrderEvent, recorded: &Recorded, changes: &mut Vec<SalesChange>) {
        match event {
            OrderEvent::CustomerAssigned(e) => self.assign(e.customer_id, recorded, changes),
            event => self.count(event, recorded, changes),
        }
        self.advance_to(recorded);
    }

    fn count(&mut self, event: &OrderEvent, recorded: &Recorded, changes: &mut Vec<SalesChange>) {
        let before = order_sums::of(&self.progress);
        self.progress.evolve(event);
        for (sku, measures) in order_sums::difference(&before, &self.progress, event) {
            self.sum = self.sum.plus(measures);
            changes.push(SalesChange { sku, ..self.change(measures, recorded) });
        }
    }

    fn assign(&mut self, customer_id: CustomerId, recorded: &Recorded, changes: &mut Vec<SalesChange>) {
        if self.customer_id == Some(customer_id) {
            return;
        }
        changes.push(self.change(self.sum.negated(), recorded));
        self.customer_id = Some(customer_id);
        changes.push(self.change(self.sum, recorded));
    }

    /// A change of the order as a whole.
    fn change(&self, measures: SalesMeasures, recorded: &Recorded) -> SalesChange {
        SalesChange {
            instant: recorded.occurred_at(),
            channel: self.channel.clone(),
            currency: self.currency,
            sku: None,
            customer_id: self.customer_id,
            measures,
            incarnation: recorded.incarnation,
            position: recorded.position,
        }
    }
}
