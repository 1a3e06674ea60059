//! Commands that change an order but neither its lines nor its payments: notes, tags, addresses, the customer.

use chrono::{DateTime, Utc};
use events::{CustomerId, Personal};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::value::address::Address;
use crate::value::instant;
use crate::value::tags::Tags;
use crate::value::text::{Name, Remark};

/// A note to add to an order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AddNote {
    /// Text of the note.
    pub note: Personal<Remark>,
    /// Author of the note.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub author: Option<Personal<Name>>,
    /// Instant at which it happened (RFC 3339); the time of the request if left out.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "instant::optional")]
    pub occurred_at: Option<DateTime<Utc>>,
}

/// Tags to add to and to remove from an order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TagOrder {
    /// Tags to add.
    #[serde(default, skip_serializing_if = "Tags::is_empty")]
    pub add: Tags,
    /// Tags to remove; a tag that is also in `add` stays.
    #[serde(default, skip_serializing_if = "Tags::is_empty")]
    pub remove: Tags,
    /// Instant at which it happened (RFC 3339); the time of the request if left out.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "instant::optional")]
    pub occurred_at: Option<DateTime<Utc>>,
}

/// New addresses of an order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ChangeAddresses {
    /// Shipping address; unchanged if left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub shipping_address: Option<Personal<Address>>,
    /// Billing address; unchanged if left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub billing_address: Option<Personal<Address>>,
    /// Instant at which it happened (RFC 3339); the time of the request if left out.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "instant::optional")]
    pub occurred_at: Option<DateTime<Utc>>,
}

/// The customer to assign an order to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AssignCustomer {
    /// Id of the registered customer.
    pub customer_id: CustomerId,
    /// Instant at which it happened (RFC 3339); the time of the request if left out.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "instant::optional")]
    pub occurred_at: Option<DateTime<Utc>>,
}
