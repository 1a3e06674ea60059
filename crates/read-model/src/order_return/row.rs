//! The row of a return: its fields, and what its events change.

use chrono::{DateTime, Utc};
use events::order::progress::ReturnState;
use events::order::{Disposition, LineNo, LineQuantity, PartNo, ReceivedUnits, ReturnReceived};
use events::personal::{Erase, Personal};
use events::{ChannelCode, Currency, Incarnation, LogPosition, Minor, OrderId, Position, Recorded, Sku};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A return of an order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ReturnRow {
    /// Order that the return belongs to.
    pub order_id: OrderId,
    /// Number of the return in the order, starting at 1.
    #[serde(rename = "return")]
    pub return_no: PartNo,
    /// Sales channel of the order.
    pub channel: ChannelCode,
    /// Currency of `refunded` (ISO 4217).
    pub currency: Currency,
    /// State of the return.
    pub state: ReturnState,
    /// Reason for the return; missing after the personal data of the order was erased.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<Personal<String>>,
    /// Units of the return, by order line.
    pub lines: Vec<ReturnRowLine>,
    /// Instant at which the return was requested.
    pub requested_at: DateTime<Utc>,
    /// Instant at which units of the return were last received.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub received_at: Option<DateTime<Utc>>,
    /// Instant at which the return, or its units that were not received, were rejected.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rejected_at: Option<DateTime<Utc>>,
    /// Refunds for the return, in minor units of `currency`.
    pub refunded: Minor,
    /// Incarnation of the log that contains the last event of the return.
    pub incarnation: Incarnation,
    /// Position of the last event of the return in the log.
    pub position: Position,
}

/// Units of one order line in a return.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ReturnRowLine {
    /// Number of the line in the order.
    pub line: LineNo,
    /// SKU of the line.
    pub sku: Sku,
    /// Requested units.
    pub quantity: u32,
    /// Units that can be sold again and were added to stock.
    #[serde(default)]
    pub restocked: u32,
    /// Units that arrived damaged.
    #[serde(default)]
    pub damaged: u32,
    /// Units that did not arrive.
    #[serde(default)]
    pub lost: u32,
}

impl ReturnRow {
    /// Log position of the last event that this row contains.
    pub fn log_position(&self) -> LogPosition {
        LogPosition { incarnation: self.incarnation, position: self.position }
    }

    /// Removes the reason for the return; `false` if there was none.
    pub fn erase_personal_data(&mut self) -> bool {
        self.reason.erase()
    }

    pub(super) fn receive(&mut self, received: &ReturnReceived, skus: &[Sku], now: DateTime<Utc>) {
        for units in &received.lines {
            self.receive_units(units, skus);
        }
        if let Some(rest) = received.rest.filter(|_| self.state == ReturnState::Requested) {
            for line in &mut self.lines {
                line.receive(rest, line.outstanding());
            }
        }
        if self.lines.iter().all(|line| line.outstanding() == 0) {
            self.state = ReturnState::Received;
        }
        self.received_at = Some(now);
    }

    pub(super) fn reject(&mut self, now: DateTime<Utc>) {
        self.state = ReturnState::Rejected;
        self.rejected_at = Some(now);
    }

    pub(super) fn set_log_position(&mut self, recorded: &Recorded) {
        self.incarnation = recorded.incarnation;
        self.position = recorded.position;
    }

    /// Units of a line that was not requested get a line without requested units.
    fn receive_units(&mut self, units: &ReceivedUnits, skus: &[Sku]) {
        if let Some(line) = self.lines.iter_mut().find(|line| line.line == units.line) {
            return line.receive(units.disposition, units.quantity);
        }
        let Some(sku) = sku(skus, units.line) else { return };
        let mut line = ReturnRowLine::none(units.line, sku.clone());
        line.receive(units.disposition, units.quantity);
        self.lines.push(line);
    }
}

impl ReturnRowLine {
    fn none(line: LineNo, sku: Sku) -> ReturnRowLine {
        ReturnRowLine { line, sku, quantity: 0, restocked: 0, damaged: 0, lost: 0 }
    }

    /// Received units in any condition.
    pub fn received(&self) -> u32 {
        self.restocked + self.damaged + self.lost
    }

    /// Requested units that were not received. The units of a rejected return are not outstanding any more.
    fn outstanding(&self) -> u32 {
        self.quantity.saturating_sub(self.received())
    }

    fn receive(&mut self, disposition: Disposition, quantity: u32) {
        match disposition {
            Disposition::Restock => self.restocked += quantity,
            Disposition::Damaged => self.damaged += quantity,
            Disposition::Lost => self.lost += quantity,
        }
    }
}

/// The lines of a return that was just requested; `skus` are those of the order, by line number.
pub(super) fn requested_lines(requested: &[LineQuantity], skus: &[Sku]) -> Vec<ReturnRowLine> {
    let line = |units: &LineQuantity| {
        let sku = sku(skus, units.line)?.clone();
        Some(ReturnRowLine { quantity: units.quantity, ..ReturnRowLine::none(units.line, sku) })
    };
    requested.iter().filter_map(line).collect()
}

fn sku(skus: &[Sku], line: LineNo) -> Option<&Sku> {
    skus.get((line as usize).checked_sub(1)?)
}
