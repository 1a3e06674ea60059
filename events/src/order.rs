//! What can happen to an order: one stream with its payments, fulfilments, returns and refunds.
//!
//! Everything that a fact needs is in its event (names, prices, tax, code), so a fold never asks elsewhere.
//! The sums and statuses that follow are in [`progress`].

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::id::{CustomerId, OrderId};
use crate::money::{Currency, Minor};
use crate::name::{ChannelCode, Location, OrderCode, Sku};

pub mod progress;

/// Number of a line in its order, from 1.
pub type LineNo = u32;

/// Number of a payment, fulfilment or return in its order, from 1.
pub type PartNo = u32;

/// What happened to an order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OrderEvent {
    /// It was placed.
    Placed(OrderPlaced),
    /// Money was promised.
    PaymentAuthorized(PaymentAuthorized),
    /// Money came in.
    PaymentCaptured(PaymentCaptured),
    /// A promise of money was taken back.
    PaymentVoided(PaymentVoided),
    /// A payment did not work.
    PaymentFailed(PaymentFailed),
    /// Pieces are being packed.
    FulfilmentCreated(FulfilmentCreated),
    /// Packed pieces left.
    FulfilmentShipped(FulfilmentShipped),
    /// Shipped pieces arrived.
    FulfilmentDelivered(FulfilmentDelivered),
    /// Packing was given up; its pieces are unfulfilled again.
    FulfilmentCancelled(FulfilmentCancelled),
    /// Unshipped pieces are not wanted any more.
    LinesCancelled(OrderLinesCancelled),
    /// Nothing is left of the order.
    Cancelled(OrderCancelled),
    /// The customer wants to send pieces back.
    ReturnRequested(ReturnRequested),
    /// Pieces came back.
    ReturnReceived(ReturnReceived),
    /// A return was refused.
    ReturnRejected(ReturnRejected),
    /// Money went back.
    RefundRecorded(RefundRecorded),
}

/// An order was placed, and its stock reserved in the same commit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct OrderPlaced {
    /// Its key; carries the instant at which it was placed.
    pub order_id: OrderId,
    /// What people call it.
    pub code: OrderCode,
    /// Where it came from.
    pub channel: ChannelCode,
    /// Currency of every amount of the order.
    pub currency: Currency,
    /// Who bought; a guest where missing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub customer_id: Option<CustomerId>,
    /// The order's name elsewhere (a marketplace, an invoice); unique per channel.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub external_ref: Option<String>,
    /// What was bought, in the order given.
    pub lines: Vec<Line>,
    /// Shipping with tax, minor units.
    pub shipping: Minor,
    /// Sum of lines and shipping, minor units.
    pub total: Minor,
    /// A word from the buyer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}

/// One line of an order, priced for good.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Line {
    /// Its number in the order, from 1.
    pub line: LineNo,
    /// What.
    pub sku: Sku,
    /// What it was called then.
    pub name: String,
    /// How many pieces.
    pub quantity: u32,
    /// Price of one piece before discount and tax, minor units.
    pub unit_price: Minor,
    /// What is taken off the line, its share of the order's discount included, minor units.
    pub discount: Minor,
    /// Tax on the line, minor units.
    pub tax: Minor,
    /// `quantity * unit_price - discount + tax`.
    pub total: Minor,
    /// Where its stock was reserved.
    pub location: Location,
}

/// Some pieces of a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct LineQuantity {
    /// Which line.
    pub line: LineNo,
    /// How many pieces.
    pub quantity: u32,
}

/// Money was promised.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PaymentAuthorized {
    /// Number of the payment in the order.
    pub payment: PartNo,
    /// How much, minor units.
    pub amount: Minor,
    /// How: card, transfer, cash.
    pub method: String,
    /// The provider's name for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reference: Option<String>,
}

/// Money came in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PaymentCaptured {
    /// Number of the payment in the order; one that was authorized, or a new one.
    pub payment: PartNo,
    /// How much, minor units.
    pub amount: Minor,
    /// How: card, transfer, cash.
    pub method: String,
    /// The provider's name for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reference: Option<String>,
}

/// A promise of money was taken back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PaymentVoided {
    /// Number of the payment in the order.
    pub payment: PartNo,
}

/// A payment did not work.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PaymentFailed {
    /// Number of the payment in the order.
    pub payment: PartNo,
    /// The provider's reason.
    pub reason: String,
}

/// Pieces are being packed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct FulfilmentCreated {
    /// Number of the fulfilment in the order.
    pub fulfilment: PartNo,
    /// Where they lie.
    pub location: Location,
    /// Which pieces.
    pub lines: Vec<LineQuantity>,
}

/// Packed pieces left.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct FulfilmentShipped {
    /// Number of the fulfilment in the order.
    pub fulfilment: PartNo,
    /// Who carries them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub carrier: Option<String>,
    /// The carrier's number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tracking: Option<String>,
}

/// Shipped pieces arrived.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct FulfilmentDelivered {
    /// Number of the fulfilment in the order.
    pub fulfilment: PartNo,
}

/// Packing was given up.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct FulfilmentCancelled {
    /// Number of the fulfilment in the order.
    pub fulfilment: PartNo,
}

/// Unshipped pieces are not wanted any more.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct OrderLinesCancelled {
    /// Which pieces.
    pub lines: Vec<LineQuantity>,
    /// Why.
    pub reason: String,
}

/// Nothing is left of the order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct OrderCancelled {
    /// Why.
    pub reason: String,
}

/// The customer wants to send pieces back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ReturnRequested {
    /// Number of the return in the order.
    #[serde(rename = "return")]
    pub return_no: PartNo,
    /// Which pieces.
    pub lines: Vec<LineQuantity>,
    /// Why.
    pub reason: String,
    /// The return's name elsewhere (a credit note).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub external_ref: Option<String>,
}

/// What became of returned pieces.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Disposition {
    /// They can be sold again.
    Restock,
    /// They cannot.
    Damaged,
    /// They never arrived.
    Lost,
}

/// Pieces came back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ReturnReceived {
    /// Number of the return in the order.
    #[serde(rename = "return")]
    pub return_no: PartNo,
    /// What became of them.
    pub disposition: Disposition,
}

/// A return was refused.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ReturnRejected {
    /// Number of the return in the order.
    #[serde(rename = "return")]
    pub return_no: PartNo,
    /// Why.
    pub reason: String,
}

/// Money went back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RefundRecorded {
    /// Which payment it came from.
    pub payment: PartNo,
    /// How much, minor units.
    pub amount: Minor,
    /// For which return, where there is one.
    #[serde(default, rename = "return", skip_serializing_if = "Option::is_none")]
    pub return_no: Option<PartNo>,
}
