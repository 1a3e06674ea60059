//! Erase the personal data of an order. The personal data of an order is erased by this command, or together with any
//! customer whom the order belongs or belonged to. Both are final. [`super::personal_data`] guards the other commands.

use events::OrderId;
use events::order::{OrderEvent, OrderPersonalDataErased};

use crate::decision::{Decision, NewEvent};
use crate::reader::Reader;

/// Accepted in every state of the order: the right to erasure (GDPR, article 17) does not depend on fulfilments and
/// payments.
pub(crate) fn erase(order_id: OrderId, reader: &Reader<'_>) -> Decision {
    let (stream, order) = reader.order(order_id)?;
    match order.personal_data_erased {
        true => Ok(vec![]),
        false => Ok(vec![NewEvent::new(&stream, OrderEvent::PersonalDataErased(OrderPersonalDataErased {}))]),
    }
}

#[cfg(test)]
mod tests;
