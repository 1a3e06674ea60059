//! Guards an order whose personal data is erased: it accepts no new personal data. [`super::erase_personal_data`] is
//! the command.

use events::{CustomerId, OrderId, StreamId};

use crate::order::state::Order;
use crate::reader::Reader;
use crate::rejection::Rejection;
use crate::state::State;

pub(crate) fn is_erased(id: CustomerId, reader: &Reader<'_>) -> bool {
    matches!(reader.state(&StreamId::customer(id)), Some(State::Customer(customer)) if customer.erased)
}

/// Rejects new personal data for an order whose personal data, or one of whose customers, is erased.
pub(crate) fn not_erased(order_id: OrderId, order: &Order, reader: &Reader<'_>) -> Result<(), Rejection> {
    let erased_customers = order.customers().filter(|id| is_erased(*id, reader)).count();
    match order.personal_data_erased || erased_customers > 0 {
        true => Err(Rejection::PersonalDataErased(order_id)),
        false => Ok(()),
    }
}
