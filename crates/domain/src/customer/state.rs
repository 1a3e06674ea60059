//! The state of a customer.

use std::collections::BTreeSet;

use events::EmailHash;
use events::customer::CustomerEvent;
use events::personal::{Personal, Profile};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The state of a customer.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Customer {
    /// Hash of the e-mail address; missing if the customer is erased.
    pub email_hash: Option<EmailHash>,
    /// Contact details of the customer.
    pub profile: Personal<Profile>,
    /// Tags of the customer.
    pub tags: BTreeSet<String>,
    /// Whether the customer is erased.
    pub erased: bool,
}

impl Customer {
    /// The customer after `event`.
    pub fn evolve(&mut self, event: &CustomerEvent) {
        match event {
            CustomerEvent::Registered(e) => {
                self.email_hash = Some(e.email_hash);
                self.profile.clone_from(&e.profile);
                self.tags.clone_from(&e.tags);
            }
            CustomerEvent::Updated(e) => {
                self.email_hash = Some(e.email_hash);
                self.profile.clone_from(&e.profile);
                self.tags.clone_from(&e.tags);
            }
            CustomerEvent::Erased(_) => *self = Customer { erased: true, ..Customer::default() },
        }
    }
}
