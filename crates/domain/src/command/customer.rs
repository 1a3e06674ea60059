//! Commands to a customer. Whatever tells who somebody is is [`Personal`]: no log line, panic or test failure shows it.
//!
//! The name of an address's stream needs a key, which the rules do not have: it is made with the command.

use events::{CustomerId, EmailHash, Personal};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::address::Address;
use super::email::{Email, EmailIndex};
use super::lines::Lines;
use super::patch::{self, Member};
use super::tags::Tags;
use super::text::{Name, Phone};

/// Most addresses of one customer.
pub const MAX_ADDRESSES: usize = 20;

/// Where a customer can be reached; the first is the one they mean when they say nothing.
pub type Addresses = Lines<Address, 0, MAX_ADDRESSES>;

/// Takes in a customer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RegisterCustomer {
    /// What the caller sent.
    pub body: RegisterCustomerBody,
    /// Follows from the body.
    #[serde(skip)]
    email_hash: EmailHash,
}

/// Body of `POST /v1/customers`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RegisterCustomerBody {
    /// The customer's key, a UUID version 7 whose instant is that of the registration; ours if left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<CustomerId>,
    /// E-mail; no two customers have the same, without regard to case.
    pub email: Personal<Email>,
    /// What to call them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<Personal<Name>>,
    /// Phone.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub phone: Option<Personal<Phone>>,
    /// Where they can be reached; the first is the one they mean when they say nothing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub addresses: Option<Personal<Addresses>>,
    /// Words to find customers by.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tags: Option<Tags>,
}

/// Changes what is known of a customer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct UpdateCustomer {
    /// What the caller sent.
    pub body: UpdateCustomerBody,
    /// Follows from the body.
    #[serde(skip)]
    email_hash: Option<EmailHash>,
}

/// Body of `PATCH /v1/customers/{customer_id}`, a JSON merge patch (RFC 7396).
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct UpdateCustomerBody {
    /// E-mail; the one before can be taken by somebody else from then on.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "patch::replaced")]
    pub email: Option<Personal<Email>>,
    /// What to call them.
    #[serde(default, skip_serializing_if = "Member::is_kept")]
    pub name: Member<Personal<Name>>,
    /// Phone.
    #[serde(default, skip_serializing_if = "Member::is_kept")]
    pub phone: Member<Personal<Phone>>,
    /// Where they can be reached: all addresses, not only the new ones.
    #[serde(default, skip_serializing_if = "Member::is_kept")]
    pub addresses: Member<Personal<Addresses>>,
    /// Words to find customers by: all of them, not only the new ones.
    #[serde(default, skip_serializing_if = "Member::is_kept")]
    pub tags: Member<Tags>,
}

impl RegisterCustomer {
    /// The command of this body.
    pub fn new(body: RegisterCustomerBody, emails: &EmailIndex) -> Self {
        let email_hash = emails.hash(body.email.expose());
        RegisterCustomer { body, email_hash }
    }

    /// The stream of the address.
    pub fn email_hash(&self) -> EmailHash {
        self.email_hash
    }
}

impl UpdateCustomer {
    /// The command of this body.
    pub fn new(body: UpdateCustomerBody, emails: &EmailIndex) -> Self {
        let email_hash = body.email.as_ref().map(|email| emails.hash(email.expose()));
        UpdateCustomer { body, email_hash }
    }

    /// The stream of the address that is to be the customer's.
    pub fn email_hash(&self) -> Option<EmailHash> {
        self.email_hash
    }
}
