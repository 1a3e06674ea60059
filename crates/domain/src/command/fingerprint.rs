//! The fingerprint of a command, and the JSON that it is computed from. The form of the JSON never changes, because
//! fingerprints are stored: the name of the command, then its ids and its body, as in
//! `{"TagOrder":{"order_id":"...","body":{...}}}`. `golden/fingerprints.jsonl` has an example of every command.

use events::{CustomerId, OrderId, Sku, StockHoldId};
use serde::Serialize;
use xxhash_rust::xxh3::xxh3_64;

use crate::command::Command;

#[derive(Serialize)]
struct OfBody<'a, B> {
    body: &'a B,
}

#[derive(Serialize)]
struct OfProduct<'a> {
    sku: &'a Sku,
}

#[derive(Serialize)]
struct OfStockHold<'a> {
    hold_id: &'a StockHoldId,
}

#[derive(Serialize)]
struct OfCustomer<'a> {
    customer_id: &'a CustomerId,
}

#[derive(Serialize)]
struct OfOrder<'a> {
    order_id: &'a OrderId,
}

impl Command {
    /// The fingerprint: XXH3 (xxhash.com) of the JSON of the command, so equal commands have equal fingerprints. White
    /// space, the order of members and the endpoint make no difference. The fingerprint is stored with the events of
    /// the command and never changes.
    pub fn fingerprint(&self) -> i64 {
        xxh3_64(json(self).as_bytes()) as i64
    }
}

/// The JSON of a command.
pub fn json(command: &Command) -> String {
    match command {
        Command::CreateProduct { body } => named("CreateProduct", &OfBody { body }),
        Command::Product(sku, command) => grouped(&OfProduct { sku }, command),
        Command::Stock(item, command) => grouped(item, command),
        Command::TransferStock { body } => named("TransferStock", &OfBody { body }),
        Command::HoldStock { body } => named("HoldStock", &OfBody { body }),
        Command::StockHold(hold_id, command) => grouped(&OfStockHold { hold_id }, command),
        Command::RegisterCustomer(command) => named("RegisterCustomer", command),
        Command::Customer(customer_id, command) => grouped(&OfCustomer { customer_id }, command),
        Command::PlaceOrder(command) => named("PlaceOrder", command),
        Command::Order(order_id, command) => grouped(&OfOrder { order_id }, command),
    }
}

fn named(name: &str, members: &impl Serialize) -> String {
    format!("{{\"{name}\":{}}}", text(members))
}

/// A command of a group is written as `{"TagOrder":{...}}`; the ids of the group come first among its members.
fn grouped(ids: &impl Serialize, command: &impl Serialize) -> String {
    const OPENING: &str = "\":{";
    let (ids, command) = (text(ids), text(command));
    let members_at = command.find(OPENING).map_or(0, |at| at + OPENING.len());
    let (name, members) = command.split_at(members_at);
    let ids = &ids[1..ids.len() - 1];
    let comma = if members.starts_with('}') { "" } else { "," };
    format!("{name}{ids}{comma}{members}")
}

fn text(value: &impl Serialize) -> String {
    serde_json::to_string(value).expect("a command is plain data with text keys")
}
