//! What can happen to a customer, and to the e-mail addresses by which customers are told apart.
//!
//! An address is unique because it has a stream of its own, `email-{hash}`: who registers takes it, in the same commit.

use std::collections::BTreeSet;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::id::CustomerId;
use crate::personal::{Personal, Profile};
use crate::stream::EmailHash;

/// What happened to a customer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CustomerEvent {
    /// There is a new customer.
    Registered(CustomerRegistered),
    /// Something else is known of the customer now.
    Updated(CustomerUpdated),
    /// The customer is to be forgotten; nothing can happen to the stream after this.
    Erased(CustomerErased),
}

/// There is a new customer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CustomerRegistered {
    /// The key; carries the instant of the registration.
    pub customer_id: CustomerId,
    /// The stream of the e-mail address, taken in the same commit.
    pub email_hash: EmailHash,
    /// Who it is.
    pub profile: Personal<Profile>,
    /// Words to find customers by.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub tags: BTreeSet<String>,
}

/// What is known of a customer from now on; all of it, not only what changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CustomerUpdated {
    /// The stream of the e-mail address; where it is another than before, that one was freed in the same commit.
    pub email_hash: EmailHash,
    /// Who it is.
    pub profile: Personal<Profile>,
    /// Words to find customers by.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub tags: BTreeSet<String>,
}

/// The customer is to be forgotten.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CustomerErased {}

/// What happened to an e-mail address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EmailEvent {
    /// A customer has it.
    Taken(CustomerEmailTaken),
    /// Nobody has it any more.
    Freed(CustomerEmailFreed),
}

/// A customer has the address.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CustomerEmailTaken {
    /// Who.
    pub customer_id: CustomerId,
}

/// Nobody has the address any more.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CustomerEmailFreed {
    /// Who had it.
    pub customer_id: CustomerId,
}
