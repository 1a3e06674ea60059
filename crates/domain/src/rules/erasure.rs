//! The erasure of an order's personal data, and what an order does not take any more after it.
//!
//! The personal data of an order is erased by a command to the order itself (a guest has nothing else), or with any customer
//! whom the order belongs to or belonged to. Both are final. Texts that a step of the order needs, such as the reason of a
//! cancellation, are still taken and are not shown.

use events::order::{OrderEvent, OrderPersonalDataErased};
use events::{OrderId, StreamId};

use super::reader::Reader;
use super::{Decision, NewEvent, place};
use crate::rejection::{OrderAction, Rejection};
use crate::state::Order;

/// Commands to an order that an erased one refuses.
const REFUSED: [OrderAction; 3] = [OrderAction::ChangeAddresses, OrderAction::AddNote, OrderAction::AssignCustomer];

/// Goes in every lifecycle: the right to be forgotten does not depend on parcels and payments.
pub(super) fn erase(order_id: OrderId, reader: &Reader<'_>) -> Decision {
    let (stream, order) = reader.order(order_id)?;
    match order.personal_data_erased {
        true => Ok(vec![]),
        false => Ok(vec![NewEvent::new(&stream, OrderEvent::PersonalDataErased(OrderPersonalDataErased {}))]),
    }
}

/// Guards what would bring new personal data, or a person, to an order that is to name nobody.
pub(super) fn not_erased(order_id: OrderId, order: &Order, reader: &Reader<'_>) -> Result<(), Rejection> {
    let erased_customers = order.customers().filter(|id| place::is_erased(*id, reader)).count();
    match order.personal_data_erased || erased_customers > 0 {
        true => Err(Rejection::PersonalDataErased(order_id)),
        false => Ok(()),
    }
}

/// The rejection without the advice to do what an erased order refuses as well.
pub(super) fn advised(mut rejection: Rejection, stream: &StreamId, reader: &Reader<'_>) -> Rejection {
    if let Rejection::OrderState(state) = &mut rejection
        && reader.known_order(stream).is_some_and(|order| order.personal_data_erased)
    {
        state.allowed.retain(|action| !REFUSED.contains(action));
    }
    rejection
}
