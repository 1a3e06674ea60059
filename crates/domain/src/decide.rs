//! The entry of the rules: decides a command with the states that a [`Reader`] finds. Each group of commands decides in
//! its own file, such as [`order`]; what holds for all commands is checked here. Pure: no clock, no randomness, no I/O.

mod currency;
mod instant;
pub(crate) mod order_size;

use events::StreamId;
use events::stream::Subject;

use crate::command::Command;
use crate::decision::{Context, Decision, NewEvent};
use crate::new_id::NewId;
use crate::reader::{MissingStreams, Reader};
use crate::{customer, order, product, stock, stock_hold};

/// Decides a command on the streams that `reader` finds. Nothing is decided while a stream is missing that the rules
/// requested or that an event is written to.
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
    let events = decided(command, context, reader)?;
    order_size::check(&events, reader)?;
    Ok(events)
}

/// Requests the streams of new events, because their versions continue from the streams in memory; for a command that
/// changes nothing, the addressed stream, whose version is in the answer.
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
        Subject::StockHold(id) => id == new_id.hold(),
        Subject::Stock(..) | Subject::Product(_) | Subject::Email(_) => false,
    }
}

fn decided(command: &Command, context: &Context, reader: &Reader<'_>) -> Decision {
    match command {
        Command::CreateProduct { body } => product::create::create(body, reader),
        Command::Product(sku, command) => product::decide(sku, command, reader),
        Command::Stock(item, command) => stock::decide(item, command, reader),
        Command::TransferStock { body } => stock::transfer::transfer(body, reader),
        Command::HoldStock { body } => stock_hold::place::place(body, context, reader),
        Command::StockHold(id, command) => stock_hold::decide(*id, command, context, reader),
        Command::RegisterCustomer(command) => customer::register::register(command, context, reader),
        Command::Customer(id, command) => customer::decide(*id, command, reader),
        Command::PlaceOrder(command) => order::place::place(command, context, reader),
        Command::Order(id, command) => order::decide(*id, command, context, reader),
    }
}
