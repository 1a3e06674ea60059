//! Guards an order whose personal data is erased: it accepts no new personal data. [`super::erase_personal_data`] is the command.

use events::{CustomerId, OrderId, StreamId};

use crate::order::state::Order;
use crate::reader::Reader;
use crate::rejection::{OrderAction, Rejection};
use crate::state::State;

pub(crate) fn is_erased(id: CustomerId, reader: &Reader<'_>) -> bool {
    matches!(reader.state(&StreamId::customer(id)), Some(State::Customer(customer)) if customer.erased)
}

/// Commands to an order that an erased one refuses.
const REFUSED: [OrderAction; 3] = [OrderAction::ChangeAddresses, OrderAction::AddNote, OrderAction::AssignCustomer];

/// Guards what would bring new personal data, or a person, to an order that is to name nobody.
pub(crate) fn not_erased(order_id: OrderId, order: &Order, reader: &Reader<'_>) -> Result<(), Rejection> {
    let erased_customers = order.customers().filter(|id| is_erased(*id, reader)).count();
    match order.personal_data_erased || erased_customers > 0 {
        true => Err(Rejection::PersonalDataErased(order_id)),
        false => Ok(()),
    }
}

/// The rejection without the advice to do what an erased order refuses as well.
pub(crate) fn advised(mut rejection: Rejection, stream: &StreamId, reader: &Reader<'_>) -> Rejection {
    if let Rejection::OrderState(state) = &mut rejection
        && reader.known_order(stream).is_some_and(|order| order.personal_data_erased)
    {
        state.allowed.retain(|action| !REFUSED.contains(action));
    }
    rejection
}
