//! Customers, and the e-mail addresses by which they are told apart: an address has a stream of its own, so that taking it,
//! giving it up and changing it are one commit with what is known of its customer.

use events::customer::{
    CustomerEmailFreed, CustomerEmailTaken, CustomerErased, CustomerEvent, CustomerRegistered, CustomerUpdated,
    EmailEvent,
};
use events::personal::Profile;
use events::{CustomerId, EmailHash, Personal, StreamId};

use super::reader::Reader;
use super::{Context, Decision, NewEvent};
use crate::command::customer::{Addresses, RegisterCustomerBody, UpdateCustomerBody};
use crate::command::{RegisterCustomer, UpdateCustomer};
use crate::rejection::Rejection;
use crate::state::{Customer, State};
use crate::value::address::Address;
use crate::value::tags::Tags;
use crate::value::text::Text;

pub(super) fn register(command: &RegisterCustomer, context: &Context, reader: &Reader<'_>) -> Decision {
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

pub(super) fn update(customer_id: CustomerId, command: &UpdateCustomer, reader: &Reader<'_>) -> Decision {
    let wanted = command.email_hash();
    let is_free = wanted.is_none_or(|email| is_free(email, reader));
    let (stream, customer, before) = living(customer_id, reader)?;
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

pub(super) fn erase(customer_id: CustomerId, reader: &Reader<'_>) -> Decision {
    let (stream, customer) = reader.customer(customer_id)?;
    let Some(email_hash) = customer.email_hash else { return Ok(vec![]) };
    let erased = NewEvent::new(&stream, CustomerEvent::Erased(CustomerErased {}));
    Ok(vec![erased, freed(customer_id, email_hash)])
}

/// A customer who is not forgotten, with the stream of the address.
fn living<'w>(id: CustomerId, reader: &Reader<'w>) -> Result<(StreamId, &'w Customer, EmailHash), Rejection> {
    let (stream, customer) = reader.customer(id)?;
    match customer.email_hash {
        Some(email_hash) => Ok((stream, customer, email_hash)),
        None => Err(Rejection::CustomerErased(id)),
    }
}

fn is_free(email: EmailHash, reader: &Reader<'_>) -> bool {
    !matches!(reader.state(&StreamId::email(email)), Some(State::Email(Some(_))))
}

fn is_same(customer: &Customer, registered: &CustomerRegistered) -> bool {
    customer.profile == registered.profile && customer.tags == registered.tags
}

fn taken(customer_id: CustomerId, email: EmailHash) -> NewEvent {
    NewEvent::new(&StreamId::email(email), EmailEvent::Taken(CustomerEmailTaken { customer_id }))
}

fn freed(customer_id: CustomerId, email: EmailHash) -> NewEvent {
    NewEvent::new(&StreamId::email(email), EmailEvent::Freed(CustomerEmailFreed { customer_id }))
}

fn profile(body: &RegisterCustomerBody) -> Profile {
    Profile {
        email: body.email.expose().as_str().to_owned(),
        name: body.name.as_ref().map(text),
        phone: body.phone.as_ref().map(text),
        addresses: body.addresses.as_ref().map(addresses).unwrap_or_default(),
    }
}

fn patched(body: &UpdateCustomerBody, before: &Profile) -> Profile {
    Profile {
        email: body.email.as_ref().map_or(&*before.email, |email| email.expose().as_str()).to_owned(),
        name: body.name.apply(before.name.clone(), text),
        phone: body.phone.apply(before.phone.clone(), text),
        addresses: body.addresses.apply(Some(before.addresses.clone()), addresses).unwrap_or_default(),
    }
}

fn text<const MAX: usize>(text: &Personal<Text<MAX>>) -> String {
    text.expose().as_str().to_owned()
}

fn addresses(addresses: &Personal<Addresses>) -> Vec<events::personal::Address> {
    addresses.expose().iter().map(Address::to_event).collect()
}
