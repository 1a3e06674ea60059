//! Events of a customer, and of the e-mail addresses that identify customers.
//!
//! An e-mail address is unique because it has a stream of its own, `email-{hash}`: the registration of a customer records in the same
//! commit that the address is taken.

use std::collections::BTreeSet;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::id::CustomerId;
use crate::payload::Payload;
use crate::personal::{Personal, Profile};
use crate::stream::EmailHash;

/// An event of a customer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CustomerEvent {
    Registered(CustomerRegistered),
    Updated(CustomerUpdated),
    /// The last event of the stream.
    Erased(CustomerErased),
}

/// A customer was registered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CustomerRegistered {
    /// Identifier of the customer (UUID version 7). Its timestamp is the instant of the registration.
    pub customer_id: CustomerId,
    /// Hash of the e-mail address, which identifies the stream of the address.
    pub email_hash: EmailHash,
    /// Name, e-mail address, phone number and addresses of the customer.
    pub profile: Personal<Profile>,
    /// Tags of the customer.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub tags: BTreeSet<String>,
}

impl Payload for CustomerRegistered {
    const EVENT_TYPE: &'static str = "CustomerRegistered";
}

/// The data of a customer was updated. The event contains all data of the customer, not only the changes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CustomerUpdated {
    /// Hash of the e-mail address, which identifies the stream of the address. If the address changed, the previous address was freed
    /// in the same commit.
    pub email_hash: EmailHash,
    /// Name, e-mail address, phone number and addresses of the customer.
    pub profile: Personal<Profile>,
    /// Tags of the customer.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub tags: BTreeSet<String>,
}

impl Payload for CustomerUpdated {
    const EVENT_TYPE: &'static str = "CustomerUpdated";
}

/// The personal data of the customer was erased.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CustomerErased {}

impl Payload for CustomerErased {
    const EVENT_TYPE: &'static str = "CustomerErased";
}

/// An event of an e-mail address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EmailEvent {
    Taken(CustomerEmailTaken),
    Freed(CustomerEmailFreed),
}

/// An e-mail address was assigned to a customer. No other customer can use it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CustomerEmailTaken {
    /// Customer who uses the address.
    pub customer_id: CustomerId,
}

impl Payload for CustomerEmailTaken {
    const EVENT_TYPE: &'static str = "CustomerEmailTaken";
}

/// An e-mail address was freed. Another customer can use it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CustomerEmailFreed {
    /// Customer who used the address.
    pub customer_id: CustomerId,
}

impl Payload for CustomerEmailFreed {
    const EVENT_TYPE: &'static str = "CustomerEmailFreed";
}
