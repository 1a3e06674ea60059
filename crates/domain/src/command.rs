//! What callers can ask for: one struct per command, made of the path's ids and a body that HTTP parses.
//!
//! Everything is parsed at the edge into types that prove their bounds ([`text`], [`label`], [`amount`], [`lines`]), so the
//! [`rules`](crate::rules) only decide. Bodies are also written down again to fingerprint a command: fields that were
//! not sent are left out, so a new optional field never changes an old fingerprint.

use chrono::{DateTime, SubsecRound, Utc};
use serde::Serialize;
use xxhash_rust::xxh3::xxh3_64;

pub mod address;
pub mod allocation;
pub mod amount;
pub mod attributes;
pub mod customer;
pub mod email;
pub mod hold;
mod instant;
pub mod label;
pub mod lines;
pub mod order;
pub mod patch;
pub mod product;
pub mod segment;
pub mod stock;
pub mod tags;
pub mod text;

pub use allocation::{AllocateStock, DeallocateStock};
pub use customer::{EraseCustomer, RegisterCustomer, UpdateCustomer};
pub use hold::{ExpireHold, HoldStock, ReleaseStockHold};
pub use order::{
    AddNote, AmendOrder, AssignCustomer, CancelFulfilment, CancelOrder, ChangeAddresses, CompleteOrder,
    CreateFulfilment, DeliverFulfilment, ErasePersonalData, ExpireOrder, HoldOrder, PlaceOrder, ReceiveReturn,
    RecordPayment, RecordRefund, RejectReturn, ReleaseOrder, RequestReturn, ShipFulfilment, TagOrder,
};
pub use product::{ChangePrice, CreateProduct, DiscontinueProduct, ReactivateProduct, UpdateProduct};
pub use stock::policy::SetStockPolicy;
pub use stock::{AdjustStock, ReceiveStock, TransferStock};

/// Something to do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub enum Command {
    /// `POST /v1/products`
    CreateProduct(CreateProduct),
    /// `PATCH /v1/products/{sku}`
    UpdateProduct(UpdateProduct),
    /// `PUT /v1/products/{sku}/prices/{currency}`
    ChangePrice(ChangePrice),
    /// `POST /v1/products/{sku}/discontinuation`
    DiscontinueProduct(DiscontinueProduct),
    /// `POST /v1/products/{sku}/reactivation`
    ReactivateProduct(ReactivateProduct),
    /// `POST /v1/stock/{sku}/{location}/receipts`
    ReceiveStock(ReceiveStock),
    /// `POST /v1/stock/{sku}/{location}/adjustments`
    AdjustStock(AdjustStock),
    /// `PUT /v1/stock/{sku}/{location}/policy`
    SetStockPolicy(SetStockPolicy),
    /// `POST /v1/stock-transfers`
    TransferStock(TransferStock),
    /// The platform's own, when units may be free for orders that wait.
    AllocateStock(AllocateStock),
    /// The platform's own, when assigned units are missing.
    DeallocateStock(DeallocateStock),
    /// `POST /v1/stock-holds`
    HoldStock(HoldStock),
    /// `DELETE /v1/stock-holds/{hold_id}`
    ReleaseStockHold(ReleaseStockHold),
    /// The platform's own, when a hold is due.
    ExpireHold(ExpireHold),
    /// `POST /v1/customers`
    RegisterCustomer(RegisterCustomer),
    /// `PATCH /v1/customers/{customer_id}`
    UpdateCustomer(UpdateCustomer),
    /// `DELETE /v1/customers/{customer_id}`
    EraseCustomer(EraseCustomer),
    /// `POST /v1/orders`
    PlaceOrder(PlaceOrder),
    /// `POST /v1/orders/{id}/payments`
    RecordPayment(RecordPayment),
    /// `POST /v1/orders/{id}/fulfilments`
    CreateFulfilment(CreateFulfilment),
    /// `POST /v1/orders/{id}/fulfilments/{n}/shipment`
    ShipFulfilment(ShipFulfilment),
    /// `POST /v1/orders/{id}/fulfilments/{n}/delivery`
    DeliverFulfilment(DeliverFulfilment),
    /// `POST /v1/orders/{id}/fulfilments/{n}/cancellation`
    CancelFulfilment(CancelFulfilment),
    /// `POST /v1/orders/{id}/cancellation`
    CancelOrder(CancelOrder),
    /// `POST /v1/orders/{id}/returns`
    RequestReturn(RequestReturn),
    /// `POST /v1/orders/{id}/returns/{n}/receipt`
    ReceiveReturn(ReceiveReturn),
    /// `POST /v1/orders/{id}/returns/{n}/rejection`
    RejectReturn(RejectReturn),
    /// `POST /v1/orders/{id}/refunds`
    RecordRefund(RecordRefund),
    /// `POST /v1/orders/{id}/amendments`
    AmendOrder(AmendOrder),
    /// `POST /v1/orders/{id}/holds`
    HoldOrder(HoldOrder),
    /// `POST /v1/orders/{id}/holds/release`
    ReleaseOrder(ReleaseOrder),
    /// `POST /v1/orders/{id}/notes`
    AddNote(AddNote),
    /// `POST /v1/orders/{id}/tags`
    TagOrder(TagOrder),
    /// `POST /v1/orders/{id}/addresses`
    ChangeAddresses(ChangeAddresses),
    /// `PUT /v1/orders/{id}/customer`
    AssignCustomer(AssignCustomer),
    /// `DELETE /v1/orders/{id}/personal-data`
    ErasePersonalData(ErasePersonalData),
    /// The platform's own, at an order's `payment_due`.
    ExpireOrder(ExpireOrder),
    /// The platform's own, when nothing is left to do.
    CompleteOrder(CompleteOrder),
}

impl Command {
    /// A number that is the same for the same command: XXH3 (xxhash.com) of the command's JSON. White space, the order of members
    /// and the way in which the command was sent make no difference. Stored with the events of the command, so it never changes.
    pub fn fingerprint(&self) -> i64 {
        let json = serde_json::to_vec(self).expect("a command is plain data with text keys");
        xxh3_64(&json) as i64
    }

    /// The command in one word, for metrics and logs.
    pub fn name(&self) -> &'static str {
        match self {
            Command::CreateProduct(_) => "create_product",
            Command::UpdateProduct(_) => "update_product",
            Command::ChangePrice(_) => "change_price",
            Command::DiscontinueProduct(_) => "discontinue_product",
            Command::ReactivateProduct(_) => "reactivate_product",
            Command::ReceiveStock(_) => "receive_stock",
            Command::AdjustStock(_) => "adjust_stock",
            Command::SetStockPolicy(_) => "set_stock_policy",
            Command::TransferStock(_) => "transfer_stock",
            Command::AllocateStock(_) => "allocate_stock",
            Command::DeallocateStock(_) => "deallocate_stock",
            Command::HoldStock(_) => "hold_stock",
            Command::ReleaseStockHold(_) => "release_stock_hold",
            Command::ExpireHold(_) => "expire_hold",
            Command::RegisterCustomer(_) => "register_customer",
            Command::UpdateCustomer(_) => "update_customer",
            Command::EraseCustomer(_) => "erase_customer",
            Command::PlaceOrder(_) => "place_order",
            Command::RecordPayment(_) => "record_payment",
            Command::CreateFulfilment(_) => "create_fulfilment",
            Command::ShipFulfilment(_) => "ship_fulfilment",
            Command::DeliverFulfilment(_) => "deliver_fulfilment",
            Command::CancelFulfilment(_) => "cancel_fulfilment",
            Command::CancelOrder(_) => "cancel_order",
            Command::RequestReturn(_) => "request_return",
            Command::ReceiveReturn(_) => "receive_return",
            Command::RejectReturn(_) => "reject_return",
            Command::RecordRefund(_) => "record_refund",
            Command::AmendOrder(_) => "amend_order",
            Command::HoldOrder(_) => "hold_order",
            Command::ReleaseOrder(_) => "release_order",
            Command::AddNote(_) => "add_note",
            Command::TagOrder(_) => "tag_order",
            Command::ChangeAddresses(_) => "change_addresses",
            Command::AssignCustomer(_) => "assign_customer",
            Command::ErasePersonalData(_) => "erase_personal_data",
            Command::ExpireOrder(_) => "expire_order",
            Command::CompleteOrder(_) => "complete_order",
        }
    }

    /// When it happened, to the microsecond, where the caller says so; for what brings its id, the id's instant.
    pub fn occurred_at(&self) -> Option<DateTime<Utc>> {
        let said = match self {
            Command::CreateProduct(c) => c.body.occurred_at,
            Command::UpdateProduct(_) => None,
            Command::ChangePrice(c) => c.body.occurred_at,
            Command::DiscontinueProduct(c) => c.body.occurred_at,
            Command::ReactivateProduct(c) => c.body.occurred_at,
            Command::ReceiveStock(c) => c.body.occurred_at,
            Command::AdjustStock(c) => c.body.occurred_at,
            Command::SetStockPolicy(c) => c.body.occurred_at,
            Command::TransferStock(c) => c.body.occurred_at,
            Command::HoldStock(c) => c.body.id.map(|id| id.instant()),
            Command::ReleaseStockHold(_) | Command::ExpireHold(_) => None,
            Command::RegisterCustomer(c) => c.occurred_at(),
            Command::UpdateCustomer(_) | Command::EraseCustomer(_) => None,
            Command::PlaceOrder(c) => c.body.id.map(|id| id.instant()),
            Command::RecordPayment(c) => c.body.occurred_at(),
            Command::CreateFulfilment(c) => c.body.occurred_at,
            Command::ShipFulfilment(c) => c.body.occurred_at,
            Command::DeliverFulfilment(c) => c.body.occurred_at,
            Command::CancelFulfilment(c) => c.body.occurred_at,
            Command::CancelOrder(c) => c.body.occurred_at,
            Command::RequestReturn(c) => c.body.occurred_at,
            Command::ReceiveReturn(c) => c.body.occurred_at,
            Command::RejectReturn(c) => c.body.occurred_at,
            Command::RecordRefund(c) => c.body.occurred_at,
            Command::AmendOrder(c) => c.body.occurred_at,
            Command::HoldOrder(c) => c.body.occurred_at,
            Command::ReleaseOrder(c) => c.body.occurred_at,
            Command::AddNote(c) => c.body.occurred_at,
            Command::TagOrder(c) => c.body.occurred_at,
            Command::ChangeAddresses(c) => c.body.occurred_at,
            Command::AssignCustomer(c) => c.body.occurred_at,
            Command::AllocateStock(_) | Command::DeallocateStock(_) => None,
            Command::ErasePersonalData(_) | Command::ExpireOrder(_) | Command::CompleteOrder(_) => None,
        };
        said.map(|instant| instant.trunc_subsecs(6))
    }
}

#[cfg(test)]
mod tests;
