//! What is known of an order beside goods and money: notes, tags, addresses, the customer.

use std::collections::BTreeSet;

use events::order::{OrderAddressesChanged, OrderCustomerAssigned, OrderEvent, OrderNoteAdded, OrderTagged};
use events::{OrderId, Personal, StreamId, personal};

use super::reader::Reader;
use super::{Decision, NewEvent, erasure, guards};
use crate::command::{AddNote, AssignCustomer, ChangeAddresses, TagOrder};
use crate::rejection::{Counted, Rejection};
use crate::state::{Order, State};
use crate::value::address::Address;
use crate::value::tags::MAX_TAGS;

/// Most notes of one order: bounds what everybody reads who reads the order.
const MAX_NOTES: usize = 200;

/// Most customers that one order belonged to before.
const MAX_FORMER_CUSTOMERS: usize = 100;

pub(super) fn note(order_id: OrderId, body: &AddNote, reader: &Reader<'_>) -> Decision {
    let (stream, order) = reader.order(order_id)?;
    erasure::not_erased(order_id, order, reader)?;
    if order.notes >= MAX_NOTES {
        return Err(Rejection::TooManyParts { what: Counted::Note, limit: MAX_NOTES });
    }
    let note = body.note.expose().as_str().into();
    let author = body.author.as_ref().map(|author| author.expose().as_str().into());
    Ok(vec![NewEvent::new(&stream, OrderEvent::NoteAdded(OrderNoteAdded { note, author }))])
}

pub(super) fn tag(order_id: OrderId, body: &TagOrder, reader: &Reader<'_>) -> Decision {
    let (stream, order) = reader.order(order_id)?;
    let (add, remove) = (body.add.to_event(), body.remove.to_event());
    let removed: BTreeSet<String> =
        remove.into_iter().filter(|tag| order.tags.contains(tag) && !add.contains(tag)).collect();
    let added: BTreeSet<String> = add.into_iter().filter(|tag| !order.tags.contains(tag)).collect();
    if added.is_empty() && removed.is_empty() {
        return Ok(vec![]);
    }
    if order.tags.len() - removed.len() + added.len() > MAX_TAGS {
        return Err(Rejection::TooManyParts { what: Counted::Tag, limit: MAX_TAGS });
    }
    Ok(vec![NewEvent::new(&stream, OrderEvent::Tagged(OrderTagged { added, removed }))])
}

pub(super) fn change_addresses(order_id: OrderId, body: &ChangeAddresses, reader: &Reader<'_>) -> Decision {
    let (stream, order) = reader.order(order_id)?;
    if body.shipping_address.is_some() || body.billing_address.is_some() {
        erasure::not_erased(order_id, order, reader)?;
    }
    let changed = changed(order, body.shipping_address.as_ref(), body.billing_address.as_ref())?;
    Ok(changed.map(|changed| NewEvent::new(&stream, changed)).into_iter().collect())
}

/// Unlike an order that is placed, which may come from a system that has its own customers, an assignment names somebody
/// who is registered here: a slip in it would give the order to nobody. An order whose personal data is erased is given to
/// nobody: that would tell who bought.
pub(super) fn assign_customer(order_id: OrderId, body: &AssignCustomer, reader: &Reader<'_>) -> Decision {
    let customer_id = body.customer_id;
    let state = reader.state(&StreamId::customer(customer_id));
    let (stream, order) = reader.order(order_id)?;
    if order.customer_id == Some(customer_id) {
        return Ok(vec![]);
    }
    erasure::not_erased(order_id, order, reader)?;
    if order.former_customers.len() >= MAX_FORMER_CUSTOMERS {
        return Err(Rejection::TooManyParts { what: Counted::FormerCustomer, limit: MAX_FORMER_CUSTOMERS });
    }
    match state {
        Some(State::Customer(customer)) if customer.erased => Err(Rejection::ErasedBuyer(customer_id)),
        Some(State::Customer(_)) => {
            let assigned = OrderCustomerAssigned { customer_id };
            Ok(vec![NewEvent::new(&stream, OrderEvent::CustomerAssigned(assigned))])
        }
        _ => Err(Rejection::UnknownBuyer(customer_id)),
    }
}

/// What changes of an order's addresses, if anything does.
pub(super) fn changed(
    order: &Order,
    shipping: Option<&Personal<Address>>,
    billing: Option<&Personal<Address>>,
) -> Result<Option<OrderEvent>, Rejection> {
    let shipping_address = shipping.map(address).filter(|address| order.shipping_address.as_ref() != Some(address));
    let billing_address = billing.map(address).filter(|address| order.billing_address.as_ref() != Some(address));
    if shipping_address.is_none() && billing_address.is_none() {
        return Ok(None);
    }
    guards::open(&order.progress)?;
    guards::unshipped(&order.progress)?;
    Ok(Some(OrderEvent::AddressesChanged(OrderAddressesChanged { shipping_address, billing_address })))
}

/// An address as events have it.
pub(super) fn address(address: &Personal<Address>) -> Personal<personal::Address> {
    Personal::new(address.expose().to_event())
}
