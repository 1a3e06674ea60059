//! The document of a stock hold and its fold.

use chrono::{DateTime, Utc};
use events::stock_hold::{HoldLine, HoldPlaced, StockHoldEvent};
use events::stream::Subject;
use events::{Incarnation, LogPosition, OrderId, Position, Recorded, StockHoldId, Version};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::fold_error::FoldError;

/// State of a stock hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum StockHoldState {
    /// The stock is reserved for the checkout.
    Open,
    /// The stock hold was released before it expired.
    Released,
    /// The stock hold expired.
    Expired,
    /// An order took over the stock.
    Consumed,
}

impl StockHoldState {
    /// The value in column `state`, which is the same as in JSON. [`crate::status::read`] parses it.
    pub fn word(self) -> &'static str {
        match self {
            StockHoldState::Open => "open",
            StockHoldState::Released => "released",
            StockHoldState::Expired => "expired",
            StockHoldState::Consumed => "consumed",
        }
    }
}

/// A stock hold: stock that is reserved for a checkout for a limited time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct StockHoldDocument {
    /// Id of the stock hold.
    pub id: StockHoldId,
    /// State of the stock hold.
    pub state: StockHoldState,
    /// Units of the stock hold, by stock item. They are kept when the stock hold has ended.
    pub lines: Vec<HoldLine>,
    /// Instant at which the stock hold expires.
    pub expires_at: DateTime<Utc>,
    /// Reference of the cart or session, as given by the client.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reference: Option<String>,
    /// Order that took over the stock.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub order_id: Option<OrderId>,
    /// Instant at which the stock hold was placed; the same instant as in its id.
    pub placed_at: DateTime<Utc>,
    /// Instant at which the stock hold was released, expired or consumed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended_at: Option<DateTime<Utc>>,
    /// Instant at which the last event of the stock hold occurred.
    pub updated_at: DateTime<Utc>,
    /// Version of the stock hold's stream that this document contains.
    pub version: Version,
    /// Incarnation of the log that contains the last event of the stock hold.
    pub incarnation: Incarnation,
    /// Position of the last event of the stock hold in the log.
    pub position: Position,
}

impl StockHoldDocument {
    /// Folds the next event into `document` (`None`: the stock hold does not exist yet). A [`FoldError`] leaves
    /// `document` unchanged.
    pub fn fold(
        document: &mut Option<StockHoldDocument>,
        recorded: &Recorded,
        event: &StockHoldEvent,
    ) -> Result<(), FoldError> {
        let version = document.as_ref().map_or(Version::NONE, |hold| hold.version);
        FoldError::unless_next(version, recorded)?;
        match (document.as_mut(), event) {
            (None, StockHoldEvent::Placed(placed)) => *document = Some(StockHoldDocument::placed(placed, recorded)?),
            (None, _) => return Err(FoldError::NotFirst(recorded.event_type.clone())),
            (Some(_), StockHoldEvent::Placed(_)) => return Err(FoldError::AlreadyCreated(recorded.event_type.clone())),
            (Some(hold), event) => hold.evolve(event, recorded),
        }
        Ok(())
    }

    /// Log position of the last event that this document contains.
    pub fn log_position(&self) -> LogPosition {
        LogPosition { incarnation: self.incarnation, position: self.position }
    }

    /// Moves version and log position to an event of the stock hold, and changes nothing else.
    pub fn advance_to(&mut self, recorded: &Recorded) {
        self.version = recorded.version;
        self.incarnation = recorded.incarnation;
        self.position = recorded.position;
    }

    fn placed(placed: &HoldPlaced, recorded: &Recorded) -> Result<StockHoldDocument, FoldError> {
        if recorded.stream.subject() != Subject::StockHold(placed.hold_id) {
            return Err(FoldError::wrong_stream(recorded));
        }
        Ok(StockHoldDocument {
            id: placed.hold_id,
            state: StockHoldState::Open,
            lines: placed.lines.clone(),
            expires_at: placed.expires_at,
            reference: placed.reference.clone(),
            order_id: None,
            placed_at: placed.hold_id.instant(),
            ended_at: None,
            updated_at: recorded.occurred_at(),
            version: recorded.version,
            incarnation: recorded.incarnation,
            position: recorded.position,
        })
    }

    fn evolve(&mut self, event: &StockHoldEvent, recorded: &Recorded) {
        match event {
            // `fold` accepts this event only as the first event of a stream.
            StockHoldEvent::Placed(_) => {}
            StockHoldEvent::Released(_) => self.end(StockHoldState::Released, recorded),
            StockHoldEvent::Expired(_) => self.end(StockHoldState::Expired, recorded),
            StockHoldEvent::Consumed(e) => {
                self.order_id = Some(e.order_id);
                self.end(StockHoldState::Consumed, recorded);
            }
        }
        self.updated_at = recorded.occurred_at();
        self.advance_to(recorded);
    }

    fn end(&mut self, state: StockHoldState, recorded: &Recorded) {
        self.state = state;
        self.ended_at = Some(recorded.occurred_at());
    }
}
