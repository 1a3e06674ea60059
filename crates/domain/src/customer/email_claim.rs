//! The claim of a customer on an e-mail address: no two customers have the same address.

use events::customer::{CustomerEmailFreed, CustomerEmailTaken, EmailEvent};
use events::{CustomerId, EmailHash, StreamId};

use crate::customer::state::Customer;
use crate::decision::NewEvent;
use crate::reader::Reader;
use crate::rejection::Rejection;
use crate::state::State;

/// A customer who is not erased, with the hash of the e-mail address.
pub(crate) fn not_erased<'w>(
    id: CustomerId,
    reader: &Reader<'w>,
) -> Result<(StreamId, &'w Customer, EmailHash), Rejection> {
    let (stream, customer) = reader.customer(id)?;
    match customer.email_hash {
        Some(email_hash) => Ok((stream, customer, email_hash)),
        None => Err(Rejection::CustomerErased(id)),
    }
}

pub(crate) fn is_free(email: EmailHash, reader: &Reader<'_>) -> bool {
    !matches!(reader.state(&StreamId::email(email)), Some(State::Email(Some(_))))
}

pub(crate) fn taken(customer_id: CustomerId, email: EmailHash) -> NewEvent {
    NewEvent::new(&StreamId::email(email), EmailEvent::Taken(CustomerEmailTaken { customer_id }))
}

pub(crate) fn freed(customer_id: CustomerId, email: EmailHash) -> NewEvent {
    NewEvent::new(&StreamId::email(email), EmailEvent::Freed(CustomerEmailFreed { customer_id }))
}
