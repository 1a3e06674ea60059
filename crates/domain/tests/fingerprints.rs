//! The fingerprint of every command, pinned: an idempotency key that was used is recognised only while the fingerprint of the
//! same request stays the same. `golden/fingerprints.jsonl` has a line per request: lines are added, never edited.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use domain::command::email::EmailIndex;
use domain::command::order::StockHandling;
use domain::command::*;
use events::order::PartNo;
use events::{Currency, CustomerId, HoldId, Location, OrderId, Sku};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

/// A request with the JSON that is fingerprinted, and its fingerprint.
#[derive(Deserialize)]
struct Golden {
    command: String,
    /// What the caller sent; the orders to look at of a command that the platform gives itself.
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

fn hold_id() -> HoldId {
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
            "create_product" => Command::CreateProduct(CreateProduct { body: self.body() }),
            "update_product" => Command::UpdateProduct(UpdateProduct { sku, body: self.body() }),
            "change_price" => Command::ChangePrice(ChangePrice { sku, currency, body: self.body() }),
            "discontinue_product" => Command::DiscontinueProduct(DiscontinueProduct { sku, body: self.body() }),
            "reactivate_product" => Command::ReactivateProduct(ReactivateProduct { sku, body: self.body() }),
            "receive_stock" => Command::ReceiveStock(ReceiveStock { sku, location, body: self.body() }),
            "adjust_stock" => Command::AdjustStock(AdjustStock { sku, location, body: self.body() }),
            "set_stock_policy" => Command::SetStockPolicy(SetStockPolicy { sku, location, body: self.body() }),
            "transfer_stock" => Command::TransferStock(TransferStock { body: self.body() }),
            "allocate_stock" => Command::AllocateStock(AllocateStock { sku, location, orders: self.body() }),
            "deallocate_stock" => Command::DeallocateStock(DeallocateStock { sku, location, orders: self.body() }),
            "hold_stock" => Command::HoldStock(HoldStock { body: self.body() }),
            "release_stock_hold" => Command::ReleaseStockHold(ReleaseStockHold { hold_id }),
            "expire_hold" => Command::ExpireHold(ExpireHold { hold_id }),
            "register_customer" => Command::RegisterCustomer(RegisterCustomer::new(self.body(), &emails)),
            "update_customer" => Command::UpdateCustomer(UpdateCustomer::new(customer_id, self.body(), &emails)),
            "erase_customer" => Command::EraseCustomer(EraseCustomer { customer_id }),
            "place_order" => Command::PlaceOrder(PlaceOrder { body: self.body(), stock: self.stock() }),
            "record_payment" => Command::RecordPayment(RecordPayment { order_id, body: self.body() }),
            "create_fulfilment" => Command::CreateFulfilment(CreateFulfilment { order_id, body: self.body() }),
            "ship_fulfilment" => {
                Command::ShipFulfilment(ShipFulfilment { order_id, fulfilment: PART, body: self.body() })
            }
            "deliver_fulfilment" => {
                Command::DeliverFulfilment(DeliverFulfilment { order_id, fulfilment: PART, body: self.body() })
            }
            "cancel_fulfilment" => {
                Command::CancelFulfilment(CancelFulfilment { order_id, fulfilment: PART, body: self.body() })
            }
            "cancel_order" => Command::CancelOrder(CancelOrder { order_id, body: self.body() }),
            "request_return" => Command::RequestReturn(RequestReturn { order_id, body: self.body() }),
            "receive_return" => Command::ReceiveReturn(ReceiveReturn { order_id, return_no: PART, body: self.body() }),
            "reject_return" => Command::RejectReturn(RejectReturn { order_id, return_no: PART, body: self.body() }),
            "record_refund" => Command::RecordRefund(RecordRefund { order_id, body: self.body() }),
            "amend_order" => Command::AmendOrder(AmendOrder { order_id, body: self.body() }),
            "hold_order" => Command::HoldOrder(HoldOrder { order_id, body: self.body() }),
            "release_order" => Command::ReleaseOrder(ReleaseOrder { order_id, body: self.body() }),
            "add_note" => Command::AddNote(AddNote { order_id, body: self.body() }),
            "tag_order" => Command::TagOrder(TagOrder { order_id, body: self.body() }),
            "change_addresses" => Command::ChangeAddresses(ChangeAddresses { order_id, body: self.body() }),
            "assign_customer" => Command::AssignCustomer(AssignCustomer { order_id, body: self.body() }),
            "erase_personal_data" => Command::ErasePersonalData(ErasePersonalData { order_id }),
            "expire_order" => Command::ExpireOrder(ExpireOrder { order_id }),
            "complete_order" => Command::CompleteOrder(CompleteOrder { order_id }),
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
        let written = serde_json::to_string(&command).unwrap();
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
