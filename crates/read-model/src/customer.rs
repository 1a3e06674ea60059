//! The document of a customer and its fold.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use events::customer::{CustomerEvent, CustomerRegistered};
use events::personal::{Personal, Profile};
use events::stream::Subject;
use events::{CustomerId, Incarnation, LogPosition, Position, Recorded, Version};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::fold_error::FoldError;

/// A customer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CustomerDocument {
    /// Id of the customer.
    pub id: CustomerId,
    /// Name, e-mail address, phone number and addresses; missing after the customer was erased.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub profile: Option<Personal<Profile>>,
    /// Tags for searching and grouping customers; none after the customer was erased.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub tags: BTreeSet<String>,
    /// Whether the customer was erased: profile and tags are removed permanently.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub erased: bool,
    /// Instant at which the customer was registered; the same instant as in the customer id.
    pub registered_at: DateTime<Utc>,
    /// Instant at which the last event of the customer occurred.
    pub updated_at: DateTime<Utc>,
    /// Version of the customer's stream that this document contains.
    pub version: Version,
    /// Incarnation of the log that contains the last event of the customer.
    pub incarnation: Incarnation,
    /// Position of the last event of the customer in the log.
    pub position: Position,
}

impl CustomerDocument {
    /// Folds the next event into `document` (`None`: the customer does not exist yet). A [`FoldError`] leaves `document`
    /// unchanged.
    pub fn fold(
        document: &mut Option<CustomerDocument>,
        recorded: &Recorded,
        event: &CustomerEvent,
    ) -> Result<(), FoldError> {
        let version = document.as_ref().map_or(Version::NONE, |customer| customer.version);
        FoldError::unless_next(version, recorded)?;
        match (document.as_mut(), event) {
            (None, CustomerEvent::Registered(it)) => *document = Some(CustomerDocument::registered(it, recorded)?),
            (None, _) => return Err(FoldError::NotFirst(recorded.event_type.clone())),
            (Some(_), CustomerEvent::Registered(_)) => {
                return Err(FoldError::AlreadyCreated(recorded.event_type.clone()));
            }
            (Some(customer), event) => customer.evolve(event, recorded),
        }
        Ok(())
    }

    /// Log position of the last event that this document contains.
    pub fn log_position(&self) -> LogPosition {
        LogPosition { incarnation: self.incarnation, position: self.position }
    }

    /// Moves version and log position to an event of the customer, and changes nothing else.
    pub fn advance_to(&mut self, recorded: &Recorded) {
        self.version = recorded.version;
        self.incarnation = recorded.incarnation;
        self.position = recorded.position;
    }

    /// Removes profile and tags, as an erasure does.
    pub fn erase(&mut self) {
        self.erased = true;
        self.profile = None;
        self.tags.clear();
    }

    fn registered(registered: &CustomerRegistered, recorded: &Recorded) -> Result<CustomerDocument, FoldError> {
        if recorded.stream.subject() != Subject::Customer(registered.customer_id) {
            return Err(FoldError::wrong_stream(recorded));
        }
        Ok(CustomerDocument {
            id: registered.customer_id,
            profile: Some(registered.profile.clone()),
            tags: registered.tags.clone(),
            erased: false,
            registered_at: registered.customer_id.instant(),
            updated_at: recorded.occurred_at(),
            version: recorded.version,
            incarnation: recorded.incarnation,
            position: recorded.position,
        })
    }

    fn evolve(&mut self, event: &CustomerEvent, recorded: &Recorded) {
        match event {
            // `fold` accepts this event only as the first event of a stream.
            CustomerEvent::Registered(_) => {}
            CustomerEvent::Updated(e) => {
                self.profile = Some(e.profile.clone());
                self.tags.clone_from(&e.tags);
            }
            CustomerEvent::Erased(_) => self.erased = true,
        }
        // Data of events after the erasure is removed as well.
        if self.erased {
            self.erase();
        }
        self.updated_at = recorded.occurred_at();
        self.advance_to(recorded);
    }
}
