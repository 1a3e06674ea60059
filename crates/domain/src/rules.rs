//! The rules: what a command does to the world, or why not. Pure: no clock, no randomness, no I/O.
//!
//! The rules read the world through a [`Reader`]; [`decide`] names the streams that are not in memory, so that the writer can
//! load them and decide again. One file per part of the domain.

use chrono::{DateTime, Utc};
use events::stream::Subject;
use events::{Event, StreamId};

use crate::command::Command;
use crate::new_id::NewId;
use crate::rejection::Rejection;

mod allocation;
mod allotment;
mod amendment;
mod annotation;
mod backorders;
mod cancellation;
pub mod channel;
mod currency;
mod customer;
mod due;
mod erasure;
mod fulfilment;
mod hold;
mod instant;
mod offer;
mod payment;
mod pieces;
mod place;
mod pricing;
mod product;
mod reader;
mod returns;
mod shelf;
mod size;
mod standing;
mod stock;
mod stock_hold;
mod takeover;

#[cfg(test)]
mod tests;

pub use reader::{MAX_LOAD_ROUNDS, MissingStreams, Reader};

/// What a decision takes from outside: the caller's clock and randomness.
#[derive(Debug, Clone, Copy)]
pub struct Context {
    /// When the decision is made.
    pub now: DateTime<Utc>,
    /// The id of what the command makes, unless it brings one.
    pub new_id: NewId,
}

/// Something that happens if the log takes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewEvent {
    /// To what.
    pub stream: StreamId,
    /// What.
    pub event: Event,
    /// A name that it takes for good; the log refuses a second event with the same.
    pub claim: Option<String>,
}

impl NewEvent {
    fn new(stream: &StreamId, event: impl Into<Event>) -> NewEvent {
        NewEvent { stream: stream.clone(), event: event.into(), claim: None }
    }
}

/// The events of a command, or why the command is refused. The first event is on the stream that the command addresses; no
/// events if everything is so already.
pub type Decision = Result<Vec<NewEvent>, Rejection>;

/// Decides a command on the streams that `reader` finds. Nothing is decided while a stream is missing that the rules requested
/// or that an event is written to.
pub fn decide(command: &Command, context: &Context, reader: &Reader<'_>) -> Result<Decision, MissingStreams> {
    let decision = checked(command, context, reader);
    if let Ok(events) = &decision {
        require_all(events, command, context.new_id, reader);
    }
    reader.complete().map(|()| decision)
}

fn checked(command: &Command, context: &Context, reader: &Reader<'_>) -> Decision {
    instant::check(command.occurred_at(), context.now)?;
    currency::check(command, context.now)?;
    let events = decided(command, context, reader)
        .map_err(|rejection| erasure::advised(rejection, &addressed(command, context.new_id), reader))?;
    size::check(&events, reader)?;
    Ok(events)
}

/// The versions of new events count on from streams in memory, and so does the answer to a command that changes nothing.
fn require_all(events: &[NewEvent], command: &Command, new_id: NewId, reader: &Reader<'_>) {
    let unchanged = events.is_empty().then(|| addressed(command, new_id));
    for stream in events.iter().map(|new| &new.stream).chain(&unchanged) {
        if !reader.has(stream) && !is_new(stream, new_id) {
            reader.find(stream);
        }
    }
}

/// A stream with the id that was drawn for this decision has no events.
fn is_new(stream: &StreamId, new_id: NewId) -> bool {
    match stream.subject() {
        Subject::Order(id) => id == new_id.order(),
        Subject::Customer(id) => id == new_id.customer(),
        Subject::Hold(id) => id == new_id.hold(),
        Subject::Stock(..) | Subject::Product(_) | Subject::Email(_) => false,
    }
}

fn decided(command: &Command, context: &Context, reader: &Reader<'_>) -> Decision {
    match command {
        Command::CreateProduct(c) => product::create(c, reader),
        Command::UpdateProduct(c) => product::update(c, reader),
        Command::ChangePrice(c) => product::change_price(c, reader),
        Command::DiscontinueProduct(c) => product::discontinue(c, reader),
        Command::ReactivateProduct(c) => product::reactivate(c, reader),
        Command::ReceiveStock(c) => stock::receive(c, reader),
        Command::AdjustStock(c) => stock::adjust(c, reader),
        Command::SetStockPolicy(c) => stock::set_policy(c, reader),
        Command::TransferStock(c) => stock::transfer(c, reader),
        Command::AllocateStock(c) => allocation::allocate(c, reader),
        Command::DeallocateStock(c) => allocation::deallocate(c, reader),
        Command::HoldStock(c) => stock_hold::place(c, context, reader),
        Command::ReleaseStockHold(c) => stock_hold::release(c, reader),
        Command::ExpireHold(c) => stock_hold::expire(c, context, reader),
        Command::RegisterCustomer(c) => customer::register(c, context, reader),
        Command::UpdateCustomer(c) => customer::update(c, reader),
        Command::EraseCustomer(c) => customer::erase(c, reader),
        Command::PlaceOrder(c) => place::place(c, context, reader),
        Command::RecordPayment(c) => payment::record(c, reader),
        Command::CreateFulfilment(c) => fulfilment::create(c, reader),
        Command::ShipFulfilment(c) => fulfilment::ship(c, reader),
        Command::DeliverFulfilment(c) => fulfilment::deliver(c, reader),
        Command::CancelFulfilment(c) => fulfilment::cancel(c, reader),
        Command::CancelOrder(c) => cancellation::cancel(c, reader),
        Command::RequestReturn(c) => returns::request(c, reader),
        Command::ReceiveReturn(c) => returns::receive(c, reader),
        Command::RejectReturn(c) => returns::reject(c, reader),
        Command::RecordRefund(c) => payment::refund(c, reader),
        Command::AmendOrder(c) => amendment::amend(c, reader),
        Command::HoldOrder(c) => hold::hold(c, reader),
        Command::ReleaseOrder(c) => hold::release(c, reader),
        Command::AddNote(c) => annotation::note(c, reader),
        Command::TagOrder(c) => annotation::tag(c, reader),
        Command::ChangeAddresses(c) => annotation::change_addresses(c, reader),
        Command::AssignCustomer(c) => annotation::assign_customer(c, reader),
        Command::ErasePersonalData(c) => erasure::erase(c, reader),
        Command::ExpireOrder(c) => due::expire(c, context, reader),
        Command::CompleteOrder(c) => due::complete(c, reader),
    }
}

/// The stream that the command addresses: its first event is there, and its answer is about it.
pub fn addressed(command: &Command, new_id: NewId) -> StreamId {
    match command {
        Command::CreateProduct(c) => StreamId::product(&c.body.sku),
        Command::UpdateProduct(c) => StreamId::product(&c.sku),
        Command::ChangePrice(c) => StreamId::product(&c.sku),
        Command::DiscontinueProduct(c) => StreamId::product(&c.sku),
        Command::ReactivateProduct(c) => StreamId::product(&c.sku),
        Command::ReceiveStock(c) => StreamId::stock(&c.sku, &c.location),
        Command::AdjustStock(c) => StreamId::stock(&c.sku, &c.location),
        Command::SetStockPolicy(c) => StreamId::stock(&c.sku, &c.location),
        Command::TransferStock(c) => StreamId::stock(&c.body.sku, &c.body.from),
        Command::AllocateStock(c) => StreamId::stock(&c.sku, &c.location),
        Command::DeallocateStock(c) => StreamId::stock(&c.sku, &c.location),
        Command::HoldStock(c) => StreamId::hold(c.body.id.unwrap_or_else(|| new_id.hold())),
        Command::ReleaseStockHold(c) => StreamId::hold(c.hold_id),
        Command::ExpireHold(c) => StreamId::hold(c.hold_id),
        Command::RegisterCustomer(c) => StreamId::customer(c.body.id.unwrap_or_else(|| new_id.customer())),
        Command::UpdateCustomer(c) => StreamId::customer(c.customer_id),
        Command::EraseCustomer(c) => StreamId::customer(c.customer_id),
        Command::PlaceOrder(c) => StreamId::order(c.body.id.unwrap_or_else(|| new_id.order())),
        Command::RecordPayment(c) => StreamId::order(c.order_id),
        Command::CreateFulfilment(c) => StreamId::order(c.order_id),
        Command::ShipFulfilment(c) => StreamId::order(c.order_id),
        Command::DeliverFulfilment(c) => StreamId::order(c.order_id),
        Command::CancelFulfilment(c) => StreamId::order(c.order_id),
        Command::CancelOrder(c) => StreamId::order(c.order_id),
        Command::RequestReturn(c) => StreamId::order(c.order_id),
        Command::ReceiveReturn(c) => StreamId::order(c.order_id),
        Command::RejectReturn(c) => StreamId::order(c.order_id),
        Command::RecordRefund(c) => StreamId::order(c.order_id),
        Command::AmendOrder(c) => StreamId::order(c.order_id),
        Command::HoldOrder(c) => StreamId::order(c.order_id),
        Command::ReleaseOrder(c) => StreamId::order(c.order_id),
        Command::AddNote(c) => StreamId::order(c.order_id),
        Command::TagOrder(c) => StreamId::order(c.order_id),
        Command::ChangeAddresses(c) => StreamId::order(c.order_id),
        Command::AssignCustomer(c) => StreamId::order(c.order_id),
        Command::ErasePersonalData(c) => StreamId::order(c.order_id),
        Command::ExpireOrder(c) => StreamId::order(c.order_id),
        Command::CompleteOrder(c) => StreamId::order(c.order_id),
    }
}
