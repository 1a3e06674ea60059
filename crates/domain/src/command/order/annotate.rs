//! Commands that change what is known of an order and neither goods nor money: notes, tags, addresses, the customer.

use chrono::{DateTime, Utc};
use events::{CustomerId, OrderId, Personal};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::command::address::Address;
use crate::command::instant;
use crate::command::tags::Tags;
use crate::command::text::{Name, Remark};

/// Somebody writes something down.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct AddNote {
    /// About which order.
    pub order_id: OrderId,
    /// What the caller sent.
    pub body: AddNoteBody,
}

/// Body of `POST /v1/orders/{id}/notes`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AddNoteBody {
    /// What.
    pub note: Personal<Remark>,
    /// Who.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub author: Option<Personal<Name>>,
    /// When it happened, if not now.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "instant::optional")]
    pub occurred_at: Option<DateTime<Utc>>,
}

/// The order is to be found by other words.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct TagOrder {
    /// Which order.
    pub order_id: OrderId,
    /// What the caller sent.
    pub body: TagOrderBody,
}

/// Body of `POST /v1/orders/{id}/tags`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TagOrderBody {
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

/// The order goes somewhere else, or the bill does.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ChangeAddresses {
    /// Which order.
    pub order_id: OrderId,
    /// What the caller sent.
    pub body: ChangeAddressesBody,
}

/// Body of `POST /v1/orders/{id}/addresses`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ChangeAddressesBody {
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

/// The order belongs to a customer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct AssignCustomer {
    /// Which order.
    pub order_id: OrderId,
    /// What the caller sent.
    pub body: AssignCustomerBody,
}

/// Body of `PUT /v1/orders/{id}/customer`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AssignCustomerBody {
    /// Whom.
    pub customer_id: CustomerId,
    /// When it happened, if not now.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "instant::optional")]
    pub occurred_at: Option<DateTime<Utc>>,
}
