//! Commands that change what is known of an order and neither goods nor money: notes, tags, addresses, the customer.

use chrono::{DateTime, Utc};
use events::{CustomerId, Personal};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::command::address::Address;
use crate::command::instant;
use crate::command::tags::Tags;
use crate::command::text::{Name, Remark};

/// Body of `POST /v1/orders/{id}/notes`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AddNote {
    /// What.
    pub note: Personal<Remark>,
    /// Who.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub author: Option<Personal<Name>>,
    /// When it happened, if not now.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "instant::optional")]
    pub occurred_at: Option<DateTime<Utc>>,
}

/// Body of `POST /v1/orders/{id}/tags`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TagOrder {
    /// Words to find it by from now on.
    #[serde(default, skip_serializing_if = "Tags::is_empty")]
    pub add: Tags,
    /// Words not to find it by any more; a word that is to be added too stays.
    #[serde(default, skip_serializing_if = "Tags::is_empty")]
    pub remove: Tags,
    /// When it happened, if not now.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "instant::optional")]
    pub occurred_at: Option<DateTime<Utc>>,
}

/// Body of `POST /v1/orders/{id}/addresses`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ChangeAddresses {
    /// Where it goes; as before if left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub shipping_address: Option<Personal<Address>>,
    /// Where the bill goes; as before if left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub billing_address: Option<Personal<Address>>,
    /// When it happened, if not now.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "instant::optional")]
    pub occurred_at: Option<DateTime<Utc>>,
}

/// Body of `PUT /v1/orders/{id}/customer`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AssignCustomer {
    /// Whom.
    pub customer_id: CustomerId,
    /// When it happened, if not now.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "instant::optional")]
    pub occurred_at: Option<DateTime<Utc>>,
}
