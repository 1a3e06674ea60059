//! The rules: what a command does to the world, or why not. Pure: no clock, no randomness, no I/O.
//!
//! The writer asks [`reads`] which streams a command looks at, loads those that are not in memory,
//! and lets [`decide`] say what happens. One file per part of the domain; [`lookup`] is how they read the world.

use chrono::{DateTime, Utc};
use events::{Event, StreamId};

use crate::command::Command;
use crate::new_id::NewId;
use crate::rejection::Rejection;
use crate::world::World;

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
mod lookup;
mod offer;
mod payment;
mod pieces;
mod place;
mod pricing;
mod product;
mod returns;
mod shelf;
mod size;
mod standing;
mod stock;
mod stock_hold;
mod takeover;

#[cfg(test)]
mod tests;

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

/// Why a command cannot be decided with yes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refusal {
    /// The answer is no.
    Rejected(Rejection),
    /// These streams are not in memory: load them, then ask again.
    Needs(Vec<StreamId>),
}

impl From<Rejection> for Refusal {
    fn from(rejection: Rejection) -> Self {
        Refusal::Rejected(rejection)
    }
}

impl NewEvent {
    fn new(stream: &StreamId, event: impl Into<Event>) -> NewEvent {
        NewEvent { stream: stream.clone(), event: event.into(), claim: None }
    }
}

type Decision = Result<Vec<NewEvent>, Refusal>;

/// What happens: the first event is on the stream that the command addresses; none if everything is so already.
pub fn decide(command: &Command, context: &Context, world: &World) -> Result<Vec<NewEvent>, Refusal> {
    instant::check(command.occurred_at(), context.now)?;
    currency::check(command, context.now)?;
    let events = decided(command, context, world)
        .map_err(|refusal| erasure::advised(refusal, &addressed(command, context.new_id), world))?;
    size::check(&events, world)?;
    Ok(events)
}

fn decided(command: &Command, context: &Context, world: &World) -> Decision {
    match command {
        Command::CreateProduct(c) => product::create(c, world),
        Command::UpdateProduct(c) => product::update(c, world),
        Command::ChangePrice(c) => product::change_price(c, world),
        Command::DiscontinueProduct(c) => product::discontinue(c, world),
        Command::ReactivateProduct(c) => product::reactivate(c, world),
        Command::ReceiveStock(c) => stock::receive(c, world),
        Command::AdjustStock(c) => stock::adjust(c, world),
        Command::SetStockPolicy(c) => stock::set_policy(c, world),
        Command::TransferStock(c) => stock::transfer(c, world),
        Command::AllocateStock(c) => allocation::allocate(c, world),
        Command::DeallocateStock(c) => allocation::deallocate(c, world),
        Command::HoldStock(c) => stock_hold::place(c, context, world),
        Command::ReleaseStockHold(c) => stock_hold::release(c, world),
        Command::ExpireHold(c) => stock_hold::expire(c, context, world),
        Command::RegisterCustomer(c) => customer::register(c, context, world),
        Command::UpdateCustomer(c) => customer::update(c, world),
        Command::EraseCustomer(c) => customer::erase(c, world),
        Command::PlaceOrder(c) => place::place(c, context, world),
        Command::RecordPayment(c) => payment::record(c, world),
        Command::CreateFulfilment(c) => fulfilment::create(c, world),
        Command::ShipFulfilment(c) => fulfilment::ship(c, world),
        Command::DeliverFulfilment(c) => fulfilment::deliver(c, world),
        Command::CancelFulfilment(c) => fulfilment::cancel(c, world),
        Command::CancelOrder(c) => cancellation::cancel(c, world),
        Command::RequestReturn(c) => returns::request(c, world),
        Command::ReceiveReturn(c) => returns::receive(c, world),
        Command::RejectReturn(c) => returns::reject(c, world),
        Command::RecordRefund(c) => payment::refund(c, world),
        Command::AmendOrder(c) => amendment::amend(c, world),
        Command::HoldOrder(c) => hold::hold(c, world),
        Command::ReleaseOrder(c) => hold::release(c, world),
        Command::AddNote(c) => annotation::note(c, world),
        Command::TagOrder(c) => annotation::tag(c, world),
        Command::ChangeAddresses(c) => annotation::change_addresses(c, world),
        Command::AssignCustomer(c) => annotation::assign_customer(c, world),
        Command::ErasePersonalData(c) => erasure::erase(c, world),
        Command::ExpireOrder(c) => due::expire(c, context, world),
        Command::CompleteOrder(c) => due::complete(c, world),
    }
}

/// The streams that the command looks at, as far as the world tells: an order's stock only shows once the order is there.
pub fn reads(command: &Command, world: &World) -> Vec<StreamId> {
    match command {
        Command::CreateProduct(c) => vec![StreamId::product(&c.body.sku)],
        Command::UpdateProduct(c) => vec![StreamId::product(&c.sku)],
        Command::ChangePrice(c) => vec![StreamId::product(&c.sku)],
        Command::DiscontinueProduct(c) => vec![StreamId::product(&c.sku)],
        Command::ReactivateProduct(c) => vec![StreamId::product(&c.sku)],
        Command::ReceiveStock(c) => vec![StreamId::stock(&c.sku, &c.location), StreamId::product(&c.sku)],
        Command::AdjustStock(c) => vec![StreamId::stock(&c.sku, &c.location), StreamId::product(&c.sku)],
        Command::SetStockPolicy(c) => vec![StreamId::stock(&c.sku, &c.location), StreamId::product(&c.sku)],
        Command::TransferStock(c) => stock::transfer_reads(c),
        Command::AllocateStock(c) => allocation::reads(&c.sku, &c.location, &c.orders),
        Command::DeallocateStock(c) => allocation::reads(&c.sku, &c.location, &c.orders),
        Command::HoldStock(c) => stock_hold::reads(c),
        Command::ReleaseStockHold(c) => takeover::reads(c.hold_id, world),
        Command::ExpireHold(c) => takeover::reads(c.hold_id, world),
        Command::RegisterCustomer(c) => customer::register_reads(c),
        Command::UpdateCustomer(c) => customer::reads(c.customer_id, c.email_hash(), world),
        Command::EraseCustomer(c) => customer::reads(c.customer_id, None, world),
        Command::PlaceOrder(c) => place::reads(c, world),
        Command::RecordPayment(c) => vec![StreamId::order(c.order_id)],
        Command::CreateFulfilment(c) => shelf::reads(c.order_id, world, |order| fulfilment::chosen(c, order).ok()),
        Command::ShipFulfilment(c) => shelf::reads(c.order_id, world, |order| fulfilment::packed(order, c.fulfilment)),
        Command::DeliverFulfilment(c) => vec![StreamId::order(c.order_id)],
        Command::CancelFulfilment(c) => {
            shelf::reads(c.order_id, world, |order| fulfilment::packed(order, c.fulfilment))
        }
        Command::CancelOrder(c) => shelf::reads(c.order_id, world, |order| cancellation::pieces(c, order).ok()),
        Command::RequestReturn(c) => vec![StreamId::order(c.order_id)],
        Command::ReceiveReturn(c) => shelf::reads(c.order_id, world, |order| returns::pieces(c, order)),
        Command::RejectReturn(c) => vec![StreamId::order(c.order_id)],
        Command::RecordRefund(c) => vec![StreamId::order(c.order_id)],
        Command::AmendOrder(c) => amendment::reads(c, world),
        Command::HoldOrder(c) => vec![StreamId::order(c.order_id)],
        Command::ReleaseOrder(c) => vec![StreamId::order(c.order_id)],
        Command::AddNote(c) => erasure::reads(c.order_id, world),
        Command::TagOrder(c) => vec![StreamId::order(c.order_id)],
        Command::ChangeAddresses(c) => erasure::reads(c.order_id, world),
        Command::AssignCustomer(c) => annotation::assign_reads(c, world),
        Command::ErasePersonalData(c) => vec![StreamId::order(c.order_id)],
        Command::ExpireOrder(c) => shelf::reads(c.order_id, world, |order| Some(due::pieces(order))),
        Command::CompleteOrder(c) => vec![StreamId::order(c.order_id)],
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
