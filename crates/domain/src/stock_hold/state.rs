//! The state of a stock hold.

use chrono::{DateTime, Utc};
use events::stock_hold::{HoldLine, StockHoldEvent};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The state of a stock hold.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct StockHold {
    /// The held units.
    pub lines: Vec<HoldLine>,
    /// Instant at which the stock hold expires.
    pub expires_at: DateTime<Utc>,
    /// Id of the cart or session in the system of the caller.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reference: Option<String>,
    /// Whether units are still held.
    pub standing: StockHoldStatus,
}

impl StockHold {
    /// Whether units are held at this instant. After `expires_at` no units are held, even before the expiry is
    /// recorded.
    pub fn stands_at(&self, now: DateTime<Utc>) -> bool {
        self.standing == StockHoldStatus::Open && now < self.expires_at
    }

    /// The hold after `event`.
    pub fn evolve(&mut self, event: &StockHoldEvent) {
        match event {
            StockHoldEvent::Placed(e) => {
                self.lines.clone_from(&e.lines);
                self.expires_at = e.expires_at;
                self.reference.clone_from(&e.reference);
            }
            StockHoldEvent::Released(_) => self.standing = StockHoldStatus::Released,
            StockHoldEvent::Expired(_) => self.standing = StockHoldStatus::Expired,
            StockHoldEvent::Consumed(_) => self.standing = StockHoldStatus::Consumed,
        }
    }
}

/// Whether the units of a stock hold are still held.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum StockHoldStatus {
    /// The units are held.
    #[default]
    Open,
    /// The stock hold was released.
    Released,
    /// The stock hold expired.
    Expired,
    /// An order consumed the stock hold.
    Consumed,
}
