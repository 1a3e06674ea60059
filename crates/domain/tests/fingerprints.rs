//! The fingerprint of every command, pinned: an idempotency key that was used is recognised only while the fingerprint of the
//! same request stays the same. `golden/fingerprints.jsonl` has a line per request: lines are added, never edited.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use domain::command::Command;
use domain::command::fingerprint;
use domain::customer::CustomerCommand;
use domain::customer::register::RegisterCustomer;
use domain::customer::update::UpdateCustomer;
use domain::order::OrderCommand;
use domain::order::place::PlaceOrder;
use domain::order::shortage::StockHandling;
use domain::product::ProductCommand;
use domain::stock::StockCommand;
use domain::stock::item::StockItem;
use domain::stock_hold::StockHoldCommand;
use events::email::EmailIndex;
use events::order::PartNo;
use events::{Currency, CustomerId, Location, OrderId, Sku, StockHoldId};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

/// A request with the JSON that is fingerprinted, and its fingerprint.
#[derive(Deserialize)]
struct Golden {
    command: String,
    /// Body of the command; the orders of a command that the platform issues.
    #[serde(default)]
    body: Value,
    /// What an order does to stock; set by imports.
    stock: Option<String>,
    written: String,
    fingerprint: i64,
}

fn order_id() -> OrderId {
    "0190163d-8694-739b-aea5-966c26f8ad91".parse().unwrap()
}

fn customer_id() -> CustomerId {
    "0190163d-8694-739b-aea5-966c26f8ad92".parse().unwrap()
}

fn hold_id() -> StockHoldId {
    "0190163d-8694-739b-aea5-966c26f8ad93".parse().unwrap()
}

fn sku() -> Sku {
    "MUG-1".parse().unwrap()
}

fn location() -> Location {
    "shop".parse().unwrap()
}

fn currency() -> Currency {
    "GBP".parse().unwrap()
}

const PART: PartNo = 3;

impl Golden {
    fn body<T: DeserializeOwned>(&self) -> T {
        serde_json::from_value(self.body.clone()).unwrap_or_else(|error| panic!("{}: {error}", self.body))
    }

    fn stock(&self) -> StockHandling {
        match self.stock.as_deref() {
            None => StockHandling::Enforce,
            Some("force") => StockHandling::Force,
            Some("skip") => StockHandling::Skip,
            Some(other) => panic!("there is no way to handle stock called {other}"),
        }
    }

    fn command(&self) -> Command {
        let emails = EmailIndex::from_secret(&"k".repeat(32)).unwrap();
        let (order_id, customer_id, hold_id) = (order_id(), customer_id(), hold_id());
        let (sku, location, currency) = (sku(), location(), currency());
        match self.command.as_str() {
            "create_product" => Command::CreateProduct { body: self.body() },
            "update_product" => Command::Product(sku, ProductCommand::UpdateProduct { body: self.body() }),
            "change_price" => Command::Product(sku, ProductCommand::ChangePrice { currency, body: self.body() }),
            "discontinue_product" => Command::Product(sku, ProductCommand::DiscontinueProduct { body: self.body() }),
            "reactivate_product" => Command::Product(sku, ProductCommand::ReactivateProduct { body: self.body() }),
            "receive_stock" => {
                Command::Stock(StockItem { sku, location }, StockCommand::ReceiveStock { body: self.body() })
            }
            "adjust_stock" => {
                Command::Stock(StockItem { sku, location }, StockCommand::AdjustStock { body: self.body() })
            }
            "set_stock_policy" => {
                Command::Stock(StockItem { sku, location }, StockCommand::SetStockPolicy { body: self.body() })
            }
            "transfer_stock" => Command::TransferStock { body: self.body() },
            "allocate_stock" => {
                Command::Stock(StockItem { sku, location }, StockCommand::AllocateStock { orders: self.body() })
            }
            "deallocate_stock" => {
                Command::Stock(StockItem { sku, location }, StockCommand::DeallocateStock { orders: self.body() })
            }
            "hold_stock" => Command::HoldStock { body: self.body() },
            "release_stock_hold" => Command::StockHold(hold_id, StockHoldCommand::ReleaseStockHold {}),
            "expire_hold" => Command::StockHold(hold_id, StockHoldCommand::ExpireHold {}),
            "register_customer" => Command::RegisterCustomer(RegisterCustomer::new(self.body(), &emails)),
            "update_customer" => Command::Customer(
                customer_id,
                CustomerCommand::UpdateCustomer(UpdateCustomer::new(self.body(), &emails)),
            ),
            "erase_customer" => Command::Customer(customer_id, CustomerCommand::EraseCustomer {}),
            "place_order" => Command::PlaceOrder(PlaceOrder { body: self.body(), stock: self.stock() }),
            "record_payment" => Command::Order(order_id, OrderCommand::RecordPayment { body: self.body() }),
            "create_fulfilment" => Command::Order(order_id, OrderCommand::CreateFulfilment { body: self.body() }),
            "ship_fulfilment" => {
                Command::Order(order_id, OrderCommand::ShipFulfilment { fulfilment: PART, body: self.body() })
            }
            "deliver_fulfilment" => {
                Command::Order(order_id, OrderCommand::DeliverFulfilment { fulfilment: PART, body: self.body() })
            }
            "cancel_fulfilment" => {
                Command::Order(order_id, OrderCommand::CancelFulfilment { fulfilment: PART, body: self.body() })
            }
            "cancel_order" => Command::Order(order_id, OrderCommand::CancelOrder { body: self.body() }),
            "request_return" => Command::Order(order_id, OrderCommand::RequestReturn { body: self.body() }),
            "receive_return" => {
                Command::Order(order_id, OrderCommand::ReceiveReturn { return_no: PART, body: self.body() })
            }
            "reject_return" => {
                Command::Order(order_id, OrderCommand::RejectReturn { return_no: PART, body: self.body() })
            }
            "record_refund" => Command::Order(order_id, OrderCommand::RecordRefund { body: self.body() }),
            "amend_order" => Command::Order(order_id, OrderCommand::AmendOrder { body: self.body() }),
            "hold_order" => Command::Order(order_id, OrderCommand::HoldOrder { body: self.body() }),
            "release_order" => Command::Order(order_id, OrderCommand::ReleaseOrder { body: self.body() }),
            "add_note" => Command::Order(order_id, OrderCommand::AddNote { body: self.body() }),
            "tag_order" => Command::Order(order_id, OrderCommand::TagOrder { body: self.body() }),
            "change_addresses" => Command::Order(order_id, OrderCommand::ChangeAddresses { body: self.body() }),
            "assign_customer" => Command::Order(order_id, OrderCommand::AssignCustomer { body: self.body() }),
            "erase_personal_data" => Command::Order(order_id, OrderCommand::ErasePersonalData {}),
            "expire_order" => Command::Order(order_id, OrderCommand::ExpireOrder {}),
            "complete_order" => Command::Order(order_id, OrderCommand::CompleteOrder {}),
            other => panic!("there is no command called {other}"),
        }
    }
}

fn golden() -> Vec<Golden> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("golden/fingerprints.jsonl");
    let lines = fs::read_to_string(path).unwrap();
    lines.lines().map(|line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{line}: {error}"))).collect()
}

#[test]
fn no_fingerprint_has_changed() {
    for golden in golden() {
        let command = golden.command();
        let written = fingerprint::json(&command);
        assert_eq!(
            (command.name(), written.as_str(), command.fingerprint()),
            (golden.command.as_str(), golden.written.as_str(), golden.fingerprint)
        );
    }
}

#[test]
fn every_command_has_its_fingerprint_pinned() {
    let golden = golden();
    let pinned: BTreeSet<&str> = golden.iter().map(|golden| golden.command.as_str()).collect();
    assert_eq!(pinned.len(), 38, "{pinned:?}");
}
