//! The erasure of an order's personal data, and what an order does not take any more after it.
//!
//! The personal data of an order is erased by a command to the order itself (a guest has nothing else), or with any customer
//! whom the order belongs to or belonged to. Both are final. Texts that a step of the order needs, such as the reason of a
//! cancellation, are still taken and are not shown.

use events::order::{OrderEvent, OrderPersonalDataErased};
use events::{OrderId, StreamId};

use super::lookup::{self, Reader};
use super::{Decision, NewEvent, Refusal, place};
use crate::command::ErasePersonalData;
use crate::rejection::Rejection;
use crate::state::{Order, State};
use crate::world::World;

/// Commands to an order that an erased one refuses, as rejections name them.
const REFUSED: [&str; 3] = ["addresses", "notes", "customer"];

/// Goes in every lifecycle: the right to be forgotten does not depend on parcels and payments.
pub(super) fn erase(command: &ErasePersonalData, world: &World) -> Decision {
    let (stream, order) = lookup::order(world, command.order_id)?;
    match order.personal_data_erased {
        true => Ok(vec![]),
        false => Ok(vec![NewEvent::new(&stream, OrderEvent::PersonalDataErased(OrderPersonalDataErased {}))]),
    }
}

/// Guards what would bring new personal data, or a person, to an order that is to name nobody.
pub(super) fn not_erased(order_id: OrderId, order: &Order, world: &World) -> Result<(), Refusal> {
    let mut reader = Reader::new(world);
    let erased_customers = order.customers().filter(|id| place::is_erased(*id, &mut reader)).count();
    reader.complete()?;
    match order.personal_data_erased || erased_customers > 0 {
        true => Err(Rejection::PersonalDataErased(order_id).into()),
        false => Ok(()),
    }
}

/// The order, and once it is known, its customers.
pub(super) fn reads(order_id: OrderId, world: &World) -> Vec<StreamId> {
    let stream = StreamId::order(order_id);
    let order = find(&stream, world);
    let mut streams: Vec<StreamId> = order.into_iter().flat_map(Order::customers).map(StreamId::customer).collect();
    streams.push(stream);
    streams
}

/// The refusal without the advice to do what an erased order refuses as well.
pub(super) fn advised(mut refusal: Refusal, stream: &StreamId, world: &World) -> Refusal {
    if let Refusal::Rejected(Rejection::OrderState(state)) = &mut refusal
        && find(stream, world).is_some_and(|order| order.personal_data_erased)
    {
        state.allowed.retain(|command| !REFUSED.contains(&command.as_str()));
    }
    refusal
}

fn find<'w>(stream: &StreamId, world: &'w World) -> Option<&'w Order> {
    match world.find(stream)?.state.as_ref()? {
        State::Order(order) => Some(order),
        _ => None,
    }
}
