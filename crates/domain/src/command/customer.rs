//! Commands to a customer. Whatever tells who somebody is is [`Personal`]: no log line, panic or test failure shows it.
//!
//! The name of an address's stream needs a key, which the rules do not have: it is made with the command.

use events::{CustomerId, EmailHash, Personal};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::value::address::Address;
use crate::value::email::{Email, EmailIndex};
use crate::value::lines::Lines;
use crate::value::patch::{self, Member};
use crate::value::tags::Tags;
use crate::value::text::{Name, Phone};

/// Most addresses of one customer.
pub const MAX_ADDRESSES: usize = 20;

/// Addresses of a customer; the first is the default.
pub type Addresses = Lines<Address, 0, MAX_ADDRESSES>;

/// Registers a customer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RegisterCustomer {
    /// What the caller sent.
    pub body: RegisterCustomerBody,
    /// Hash of the e-mail address in the body.
    #[serde(skip)]
    email_hash: EmailHash,
}

/// A customer to register.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RegisterCustomerBody {
    /// Id of the customer: a UUID version 7 that carries the instant of the registration; generated if left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<CustomerId>,
    /// E-mail address; unique among customers, regardless of case.
    pub email: Personal<Email>,
    /// Name of the customer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<Personal<Name>>,
    /// Phone number.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub phone: Option<Personal<Phone>>,
    /// Addresses of the customer; the first is the default.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub addresses: Option<Personal<Addresses>>,
    /// Tags of the customer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tags: Option<Tags>,
}

/// Updates a customer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct UpdateCustomer {
    /// What the caller sent.
    pub body: UpdateCustomerBody,
    /// Hash of the e-mail address in the body.
    #[serde(skip)]
    email_hash: Option<EmailHash>,
}

/// Changes to a customer, as a JSON merge patch (RFC 7396).
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct UpdateCustomerBody {
    /// New e-mail address; the previous address becomes free for other customers.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "patch::replaced")]
    pub email: Option<Personal<Email>>,
    /// Name of the customer.
    #[serde(default, skip_serializing_if = "Member::is_kept")]
    pub name: Member<Personal<Name>>,
    /// Phone number.
    #[serde(default, skip_serializing_if = "Member::is_kept")]
    pub phone: Member<Personal<Phone>>,
    /// Addresses of the customer; replaces all addresses.
    #[serde(default, skip_serializing_if = "Member::is_kept")]
    pub addresses: Member<Personal<Addresses>>,
    /// Tags of the customer; replaces all tags.
    #[serde(default, skip_serializing_if = "Member::is_kept")]
    pub tags: Member<Tags>,
}

impl RegisterCustomer {
    /// The command of this body.
    pub fn new(body: RegisterCustomerBody, emails: &EmailIndex) -> Self {
        let email_hash = emails.hash(body.email.expose());
        RegisterCustomer { body, email_hash }
    }

    /// Hash of the e-mail address.
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

    /// Hash of the new e-mail address, if the address is to change.
    pub fn email_hash(&self) -> Option<EmailHash> {
        self.email_hash
    }
}
