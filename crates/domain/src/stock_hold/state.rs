//! The state of a stock hold.

use chrono::{DateTime, Utc};
use events::hold::{HoldEvent, HoldLine};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What a decision needs to know of a hold.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Hold {
    /// What it keeps, or kept.
    pub lines: Vec<HoldLine>,
    /// When it ends by itself.
    pub expires_at: DateTime<Utc>,
    /// The cart or session, as the caller named it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reference: Option<String>,
    /// Whether it still keeps anything.
    pub standing: HoldStanding,
}

impl Hold {
    /// Whether it keeps anything at this instant. One whose time is over keeps nothing for anybody, even before that is
    /// written down.
    pub fn stands_at(&self, now: DateTime<Utc>) -> bool {
        self.standing == HoldStanding::Open && now < self.expires_at
    }

    /// The hold after `event`.
    pub fn evolve(&mut self, event: &HoldEvent) {
        match event {
            HoldEvent::Placed(e) => {
                self.lines.clone_from(&e.lines);
                self.expires_at = e.expires_at;
                self.reference.clone_from(&e.reference);
            }
            HoldEvent::Released(_) => self.standing = HoldStanding::Released,
            HoldEvent::Expired(_) => self.standing = HoldStanding::Expired,
            HoldEvent::Consumed(_) => self.standing = HoldStanding::Consumed,
        }
    }
}

/// Whether a hold still keeps anything.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum HoldStanding {
    /// It does.
    #[default]
    Open,
    /// It was given back.
    Released,
    /// Its time was over.
    Expired,
    /// An order consumed it.
    Consumed,
}
