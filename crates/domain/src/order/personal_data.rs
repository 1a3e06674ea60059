//! Guards an order whose personal data is erased: it accepts no new personal data. [`super::erase_personal_data`] is the command.

use events::{CustomerId, OrderId, StreamId};

use crate::order::state::Order;
use crate::reader::Reader;
use crate::rejection::{OrderAction, Rejection};
use crate::state::State;

pub(crate) fn is_erased(id: CustomerId, reader: &Reader<'_>) -> bool {
    matches!(reader.state(&StreamId::customer(id)), Some(State::Customer(customer)) if customer.erased)
}

/// Commands that an order rejects after its personal data is erased.
const REFUSED: [OrderAction; 3] = [OrderAction::ChangeAddresses, OrderAction::AddNote, OrderAction::AssignCustomer];

/// Rejects new personal data for an order whose personal data, or one of whose customers, is erased.
pub(crate) fn not_erased(order_id: OrderId, order: &Order, reader: &Reader<'_>) -> Result<(), Rejection> {
    let erased_customers = order.customers().filter(|id| is_erased(*id, reader)).count();
    match order.personal_data_erased || erased_customers > 0 {
        true => Err(Rejection::PersonalDataErased(order_id)),
        false => Ok(()),
    }
}

/// The rejection; its list of allowed commands is without those that an order with erased personal data rejects.
pub(crate) fn advised(mut rejection: Rejection, stream: &StreamId, reader: &Reader<'_>) -> Rejection {
    if let Rejection::OrderState(state) = &mut rejection
        && reader.known_order(stream).is_some_and(|order| order.personal_data_erased)
    {
        state.allowed.retain(|action| !REFUSED.contains(action));
    }
    rejection
}
