//! Events that change information about an order but neither its goods nor its amounts: notes, tags, addresses, customer, and the
//! erasure of personal data.

use std::collections::BTreeSet;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::id::CustomerId;
use crate::payload::Payload;
use crate::personal::{Address, Personal};

/// A note was added to the order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct OrderNoteAdded {
    /// Text of the note.
    pub note: Personal<String>,
    /// Author of the note, as given by the client.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub author: Option<Personal<String>>,
}

impl Payload for OrderNoteAdded {
    const EVENT_TYPE: &'static str = "OrderNoteAdded";
}

/// Tags of the order were added or removed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct OrderTagged {
    /// Added tags.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub added: BTreeSet<String>,
    /// Removed tags.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub removed: BTreeSet<String>,
}

impl Payload for OrderTagged {
    const EVENT_TYPE: &'static str = "OrderTagged";
}

/// The shipping address or the billing address of the order was changed. An address that is missing here did not change.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct OrderAddressesChanged {
    /// New shipping address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shipping_address: Option<Personal<Address>>,
    /// New billing address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub billing_address: Option<Personal<Address>>,
}

impl Payload for OrderAddressesChanged {
    const EVENT_TYPE: &'static str = "OrderAddressesChanged";
}

/// The order was assigned to a customer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct OrderCustomerAssigned {
    /// Customer to whom the order belongs.
    pub customer_id: CustomerId,
}

impl Payload for OrderCustomerAssigned {
    const EVENT_TYPE: &'static str = "OrderCustomerAssigned";
}

/// The personal data of the order (contact details, addresses, notes, reasons) was erased, in earlier and in later events of the
/// order. Quantities and amounts are kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct OrderPersonalDataErased {}

impl Payload for OrderPersonalDataErased {
    const EVENT_TYPE: &'static str = "OrderPersonalDataErased";
}
