//! Update a customer with a JSON merge patch (RFC 7396).

use events::customer::{CustomerEvent, CustomerUpdated};
use events::personal::Profile;
use events::{CustomerId, EmailHash, Personal};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::customer::contact::{Addresses, addresses, text};
use crate::customer::email_claim::{freed, is_free, not_erased, taken};
use crate::decision::{Decision, NewEvent};
use crate::reader::Reader;
use crate::rejection::Rejection;
use crate::value::patch;
use crate::value::patch::Member;
use crate::value::tags::Tags;
use crate::value::text::{Name, Phone};
use events::email::{Email, EmailIndex};

/// Updates a customer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct UpdateCustomer {
    /// Body of the command.
    pub body: UpdateCustomerBody,
    /// Hash of the e-mail address in the body.
    #[serde(skip)]
    email_hash: Option<EmailHash>,
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

pub(crate) fn update(customer_id: CustomerId, command: &UpdateCustomer, reader: &Reader<'_>) -> Decision {
    let wanted = command.email_hash();
    let is_free = wanted.is_none_or(|email| is_free(email, reader));
    let (stream, customer, before) = not_erased(customer_id, reader)?;
    let email_hash = wanted.unwrap_or(before);
    let updated = CustomerUpdated {
        email_hash,
        profile: Personal::new(patched(&command.body, customer.profile.expose())),
        tags: command.body.tags.apply(Some(customer.tags.clone()), Tags::to_event).unwrap_or_default(),
    };
    if updated.profile == customer.profile && updated.tags == customer.tags {
        return Ok(vec![]);
    }
    let mut events = vec![NewEvent::new(&stream, CustomerEvent::Updated(updated))];
    if email_hash != before {
        if !is_free {
            return Err(Rejection::DuplicateEmail);
        }
        events.extend([freed(customer_id, before), taken(customer_id, email_hash)]);
    }
    Ok(events)
}

fn patched(body: &UpdateCustomerBody, before: &Profile) -> Profile {
    Profile {
        email: body.email.as_ref().map_or(&*before.email, |email| email.expose().as_str()).to_owned(),
        name: body.name.apply(before.name.clone(), text),
        phone: body.phone.apply(before.phone.clone(), text),
        addresses: body.addresses.apply(Some(before.addresses.clone()), addresses).unwrap_or_default(),
    }
}
