//! The rules: what a command does to the world, or why not. Pure: no clock, no randomness, no I/O.
//!
//! The rules read the world through a [`Reader`]; [`decide`] names the streams that are not in memory, so that the writer can
//! load them and decide again. One file per part of the domain.

use chrono::{DateTime, Utc};
use events::stream::Subject;
use events::{Event, OrderId, Sku, StreamId};

use crate::command::{
    Command, CustomerCommand, OrderCommand, ProductCommand, StockCommand, StockHoldCommand, StockItem,
};
use crate::new_id::NewId;
use crate::rejection::Rejection;

mod allocation;
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
mod guards;
mod hold;
mod hold_conversion;
mod instant;
mod line_pricing;
mod payment;
mod place;
mod pricing;
mod product;
mod reader;
mod reservation;
mod returns;
mod size;
mod stock;
mod stock_hold;
mod stock_items;
mod units;

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
        .map_err(|rejection| erasure::advised(rejection, &command.target(context.new_id), reader))?;
    size::check(&events, reader)?;
    Ok(events)
}

/// The versions of new events count on from streams in memory, and so does the answer to a command that changes nothing.
fn require_all(events: &[NewEvent], command: &Command, new_id: NewId, reader: &Reader<'_>) {
    let unchanged = events.is_empty().then(|| command.target(new_id));
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
        Command::CreateProduct { body } => product::create(body, reader),
        Command::Product(sku, command) => of_product(sku, command, reader),
        Command::Stock(item, command) => of_stock(item, command, reader),
        Command::TransferStock { body } => stock::transfer(body, reader),
        Command::HoldStock { body } => stock_hold::place(body, context, reader),
        Command::StockHold(hold_id, StockHoldCommand::ReleaseStockHold {}) => stock_hold::release(*hold_id, reader),
        Command::StockHold(hold_id, StockHoldCommand::ExpireHold {}) => stock_hold::expire(*hold_id, context, reader),
        Command::RegisterCustomer(command) => customer::register(command, context, reader),
        Command::Customer(id, CustomerCommand::UpdateCustomer(command)) => customer::update(*id, command, reader),
        Command::Customer(id, CustomerCommand::EraseCustomer {}) => customer::erase(*id, reader),
        Command::PlaceOrder(command) => place::place(command, context, reader),
        Command::Order(order_id, command) => of_order(*order_id, command, context, reader),
    }
}

fn of_product(sku: &Sku, command: &ProductCommand, reader: &Reader<'_>) -> Decision {
    match command {
        ProductCommand::UpdateProduct { body } => product::update(sku, body, reader),
        ProductCommand::ChangePrice { currency, body } => product::change_price(sku, *currency, body, reader),
        ProductCommand::DiscontinueProduct { .. } => product::discontinue(sku, reader),
        ProductCommand::ReactivateProduct { .. } => product::reactivate(sku, reader),
    }
}

fn of_stock(item: &StockItem, command: &StockCommand, reader: &Reader<'_>) -> Decision {
    match command {
        StockCommand::ReceiveStock { body } => stock::receive(item, body, reader),
        StockCommand::AdjustStock { body } => stock::adjust(item, body, reader),
        StockCommand::SetStockPolicy { body } => stock::set_policy(item, body, reader),
        StockCommand::AllocateStock { orders } => allocation::allocate(item, orders, reader),
        StockCommand::DeallocateStock { orders } => allocation::deallocate(item, orders, reader),
    }
}

fn of_order(id: OrderId, command: &OrderCommand, context: &Context, reader: &Reader<'_>) -> Decision {
    use OrderCommand::*;
    match command {
        AmendOrder { body } => amendment::amend(id, body, reader),
        CancelOrder { body } => cancellation::cancel(id, body, reader),
        HoldOrder { body } => hold::hold(id, body, reader),
        ReleaseOrder { .. } => hold::release(id, reader),
        RecordPayment { body } => payment::record(id, body, reader),
        RecordRefund { body } => payment::refund(id, body, reader),
        CreateFulfilment { body } => fulfilment::create(id, body, reader),
        ShipFulfilment { fulfilment, body } => fulfilment::ship(id, *fulfilment, body, reader),
        DeliverFulfilment { fulfilment, .. } => fulfilment::deliver(id, *fulfilment, reader),
        CancelFulfilment { fulfilment, .. } => fulfilment::cancel(id, *fulfilment, reader),
        RequestReturn { body } => returns::request(id, body, reader),
        ReceiveReturn { return_no, body } => returns::receive(id, *return_no, body, reader),
        RejectReturn { return_no, body } => returns::reject(id, *return_no, body, reader),
        AddNote { body } => annotation::note(id, body, reader),
        TagOrder { body } => annotation::tag(id, body, reader),
        ChangeAddresses { body } => annotation::change_addresses(id, body, reader),
        AssignCustomer { body } => annotation::assign_customer(id, body, reader),
        ErasePersonalData {} => erasure::erase(id, reader),
        ExpireOrder {} => due::expire(id, context, reader),
        CompleteOrder {} => due::complete(id, reader),
    }
}
