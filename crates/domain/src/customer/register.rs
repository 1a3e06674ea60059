//! Register a customer. An e-mail address has a stream of its own, so that two customers cannot register the same
//! address at the same time.

use events::customer::{CustomerEvent, CustomerRegistered};
use events::personal::Profile;
use events::{CustomerId, EmailHash, Personal, StreamId};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::customer::contact::{Addresses, addresses, text};
use crate::customer::email_claim::{is_free, taken};
use crate::customer::state::Customer;
use crate::decision::{Context, Decision, NewEvent};
use crate::reader::Reader;
use crate::rejection::Rejection;
use crate::state::State;
use crate::value::tags::Tags;
use crate::value::text::{Name, Phone};
use events::email::{Email, EmailIndex};

/// Registers a customer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RegisterCustomer {
    /// Body of the command.
    pub body: RegisterCustomerBody,
    /// Hash of the e-mail address in the body.
    #[serde(skip)]
    email_hash: EmailHash,
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

pub(crate) fn register(command: &RegisterCustomer, context: &Context, reader: &Reader<'_>) -> Decision {
    let body = &command.body;
    let customer_id = body.id.unwrap_or_else(|| context.new_id.customer());
    let stream = StreamId::customer(customer_id);
    let existing = if body.id.is_some() { reader.state(&stream) } else { None };
    let is_free = is_free(command.email_hash(), reader);
    let registered = CustomerRegistered {
        customer_id,
        email_hash: command.email_hash(),
        profile: Personal::new(profile(body)),
        tags: body.tags.as_ref().map(Tags::to_event).unwrap_or_default(),
    };
    match existing {
        None => {}
        Some(State::Customer(same)) if !same.erased && is_same(same, &registered) => return Ok(vec![]),
        Some(_) => return Err(Rejection::DuplicateCustomer(customer_id)),
    }
    if !is_free {
        return Err(Rejection::DuplicateEmail);
    }
    let taken = taken(customer_id, registered.email_hash);
    Ok(vec![NewEvent::new(&stream, CustomerEvent::Registered(registered)), taken])
}

fn is_same(customer: &Customer, registered: &CustomerRegistered) -> bool {
    customer.profile == registered.profile && customer.tags == registered.tags
}

fn profile(body: &RegisterCustomerBody) -> Profile {
    Profile {
        email: body.email.expose().as_str().to_owned(),
        name: body.name.as_ref().map(text),
        phone: body.phone.as_ref().map(text),
        addresses: body.addresses.as_ref().map(addresses).unwrap_or_default(),
    }
}
