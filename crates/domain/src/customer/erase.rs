//! Erase a customer.

use events::CustomerId;
use events::customer::{CustomerErased, CustomerEvent};

use crate::customer::email_claim::freed;
use crate::decision::{Decision, NewEvent};
use crate::reader::Reader;

pub(crate) fn erase(customer_id: CustomerId, reader: &Reader<'_>) -> Decision {
    let (stream, customer) = reader.customer(customer_id)?;
    let Some(email_hash) = customer.email_hash else { return Ok(vec![]) };
    let erased = NewEvent::new(&stream, CustomerEvent::Erased(CustomerErased {}));
    Ok(vec![erased, freed(customer_id, email_hash)])
}
