//! The returns of orders as rows, for lists of returns and reports on returns.
//!
//! [`row`] has [`ReturnRow`], one return of an order; [`ReturnOrder`] is the state of the fold of an order.

mod row;

use events::order::progress::ReturnState;
use events::order::{OrderEvent, OrderPlaced, PartNo, RefundRecorded, ReturnRequested};
use events::{ChannelCode, Currency, Incarnation, LogPosition, Minor, OrderId, Position, Recorded, Sku, Version};
use serde::{Deserialize, Serialize};

pub use row::{ReturnRow, ReturnRowLine};

use crate::fold_error::FoldError;
use crate::order_stream::{self, Next};

/// What the returns of an order need to know from its earlier events.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReturnOrder {
    /// Id of the order.
    pub order_id: OrderId,
    /// Sales channel.
    pub channel: ChannelCode,
    /// Currency of all amounts of the order (ISO 4217).
    pub currency: Currency,
    /// SKUs of the lines, by line number.
    pub skus: Vec<Sku>,
    /// Whether the personal data of the order was erased: returns have no reason any more.
    #[serde(default)]
    pub personal_data_erased: bool,
    /// Returns of the order, by number.
    pub returns: Vec<ReturnRow>,
    /// Version of the order's stream that this state contains.
    pub version: Version,
    /// Incarnation of the log that contains the last event of the order.
    pub incarnation: Incarnation,
    /// Position of the last event of the order in the log.
    pub position: Position,
}

impl ReturnOrder {
    /// Folds the next event into `order` (`None`: the order does not exist yet) and gives the rows that the event
    /// changed. A [`FoldError`] leaves `order` unchanged.
    pub fn fold(
        order: &mut Option<ReturnOrder>,
        recorded: &Recorded,
        event: &OrderEvent,
    ) -> Result<Vec<ReturnRow>, FoldError> {
        match order_stream::next(order, |order| order.version, recorded, event)? {
            Next::Begins(order, placed) => {
                *order = Some(ReturnOrder::placed(placed, recorded));
                Ok(Vec::new())
            }
            Next::Continues(order) => Ok(order.evolve(event, recorded)),
        }
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

    fn placed(placed: &OrderPlaced, recorded: &Recorded) -> ReturnOrder {
        ReturnOrder {
            order_id: placed.order_id,
            channel: placed.channel.clone(),
            currency: placed.currency,
            skus: placed.lines.iter().map(|line| line.sku.clone()).collect(),
            personal_data_erased: false,
            returns: Vec::new(),
            version: recorded.version,
            incarnation: recorded.incarnation,
            position: recorded.position,
        }
    }

    /// The order after `event`; gives the rows of the returns that the event changed.
    fn evolve(&mut self, event: &OrderEvent, recorded: &Recorded) -> Vec<ReturnRow> {
        self.advance_to(recorded);
        let now = recorded.occurred_at();
        match event {
            OrderEvent::ReturnRequested(e) => self.request(e, recorded),
            OrderEvent::ReturnReceived(e) => {
                let skus = std::mem::take(&mut self.skus);
                let rows = self.update(e.return_no, recorded, |row| row.receive(e, &skus, now));
                self.skus = skus;
                rows
            }
            OrderEvent::ReturnRejected(e) => self.update(e.return_no, recorded, |row| row.reject(now)),
            OrderEvent::RefundRecorded(e) => self.refund(e, recorded),
            OrderEvent::Amended(e) => {
                self.skus.extend(e.added.iter().map(|line| line.sku.clone()));
                Vec::new()
            }
            OrderEvent::PersonalDataErased(_) => self.erase(recorded),
            OrderEvent::Placed(_)
            | OrderEvent::PaymentAuthorized(_)
            | OrderEvent::PaymentCaptured(_)
            | OrderEvent::PaymentVoided(_)
            | OrderEvent::PaymentFailed(_)
            | OrderEvent::FulfilmentCreated(_)
            | OrderEvent::FulfilmentShipped(_)
            | OrderEvent::FulfilmentDelivered(_)
            | OrderEvent::FulfilmentCancelled(_)
            | OrderEvent::LinesCancelled(_)
            | OrderEvent::Cancelled(_)
            | OrderEvent::Held(_)
            | OrderEvent::HoldReleased(_)
            | OrderEvent::NoteAdded(_)
            | OrderEvent::Tagged(_)
            | OrderEvent::AddressesChanged(_)
            | OrderEvent::CustomerAssigned(_)
            | OrderEvent::BackordersChanged(_)
            | OrderEvent::Expired(_)
            | OrderEvent::Completed(_) => Vec::new(),
        }
    }

    fn request(&mut self, requested: &ReturnRequested, recorded: &Recorded) -> Vec<ReturnRow> {
        let mut row = self.requested(requested, recorded);
        // Personal data of events after the erasure is removed as well.
        if self.personal_data_erased {
            row.erase_personal_data();
        }
        self.returns.push(row.clone());
        vec![row]
    }

    /// The row of a return that was just requested.
    fn requested(&self, requested: &ReturnRequested, recorded: &Recorded) -> ReturnRow {
        ReturnRow {
            order_id: self.order_id,
            return_no: requested.return_no,
            channel: self.channel.clone(),
            currency: self.currency,
            state: ReturnState::Requested,
            reason: Some(requested.reason.clone()),
            lines: row::requested_lines(&requested.lines, &self.skus),
            requested_at: recorded.occurred_at(),
            received_at: None,
            rejected_at: None,
            refunded: Minor::ZERO,
            incarnation: recorded.incarnation,
            position: recorded.position,
        }
    }

    fn refund(&mut self, refund: &RefundRecorded, recorded: &Recorded) -> Vec<ReturnRow> {
        let Some(return_no) = refund.return_no else { return Vec::new() };
        self.update(return_no, recorded, |row| row.refunded = Minor(row.refunded.0 + refund.amount.0))
    }

    fn erase(&mut self, recorded: &Recorded) -> Vec<ReturnRow> {
        self.personal_data_erased = true;
        let mut changed = Vec::new();
        for row in &mut self.returns {
            if row.erase_personal_data() {
                row.set_log_position(recorded);
                changed.push(row.clone());
            }
        }
        changed
    }

    /// Updates return `number`, if there is one, and gives its row.
    fn update(&mut self, number: PartNo, recorded: &Recorded, change: impl FnOnce(&mut ReturnRow)) -> Vec<ReturnRow> {
        let found = (number as usize).checked_sub(1).and_then(|index| self.returns.get_mut(index));
        let Some(row) = found else { return Vec::new() };
        change(row);
        row.set_log_position(recorded);
        vec![row.clone()]
    }
}
