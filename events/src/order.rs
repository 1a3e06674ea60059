//! What can happen to an order: one stream with its payments, fulfilments, returns and refunds.
//!
//! Everything that a fact needs is in its event (names, prices, tax, code), so a fold never asks elsewhere.
//! The sums and statuses that follow are in [`progress`]; how a line's amounts follow from its quantity is in [`pricing`].

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::id::{CustomerId, HoldId, OrderId};
use crate::money::{Currency, Minor};
use crate::name::{ChannelCode, Location, OrderCode, Sku};
use crate::personal::{Address, Contact, Personal};

pub mod pricing;
pub mod progress;

use pricing::{Amounts, Pricing};

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
    /// Lines or shipping are others now.
    Amended(OrderAmended),
    /// Nothing is to be packed or shipped until further notice.
    Held(OrderHeld),
    /// Packing and shipping may go on.
    HoldReleased(OrderHoldReleased),
    /// Somebody wrote something down.
    NoteAdded(OrderNoteAdded),
    /// It is found by other words.
    Tagged(OrderTagged),
    /// It goes somewhere else, or the bill does.
    AddressesChanged(OrderAddressesChanged),
    /// It belongs to a customer.
    CustomerAssigned(OrderCustomerAssigned),
    /// The personal data of the order was erased.
    PersonalDataErased(OrderPersonalDataErased),
    /// Units on hand were assigned to lines that waited for them, or taken back.
    BackordersChanged(OrderBackordersChanged),
    /// It was not paid in time.
    Expired(OrderExpired),
    /// Everything is delivered or cancelled, and nothing is owed.
    Completed(OrderCompleted),
}

/// An order was placed, and its stock reserved in the same commit. Version 3; version 1 had no `shipping_lines`, version 2 no
/// `pricing` of lines and no `discount`.
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
    /// Discount given on the whole order, minor units; the lines have their shares of it in `pricing.order_discount`.
    #[serde(default, skip_serializing_if = "is_no_money")]
    pub discount: Minor,
    /// Shipping with tax, minor units: the sum of `shipping_lines`.
    pub shipping: Minor,
    /// What shipping is made of.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub shipping_lines: Vec<ShippingLine>,
    /// Sum of lines and shipping, minor units.
    pub total: Minor,
    /// A word from the buyer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<Personal<String>>,
    /// How the buyer can be reached, where that is no customer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub contact: Option<Personal<Contact>>,
    /// Where it goes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shipping_address: Option<Personal<Address>>,
    /// Where the bill goes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub billing_address: Option<Personal<Address>>,
    /// Words to find it by.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub tags: BTreeSet<String>,
    /// When it expires unless it is paid.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub payment_due: Option<DateTime<Utc>>,
    /// The hold that it took over.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hold_id: Option<HoldId>,
}

/// One way in which an order is shipped, priced for good.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ShippingLine {
    /// What people call it.
    pub name: String,
    /// Its price before tax, minor units.
    pub amount: Minor,
    /// Tax rate in millionths of `amount` (200000 is 20 %). Missing where the rate was not given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tax_rate: Option<u32>,
    /// Tax on it, minor units.
    pub tax: Minor,
    /// `amount + tax`.
    pub total: Minor,
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
    /// What discount and tax were computed from, and are computed from again when the quantity changes.
    pub pricing: Pricing,
    /// Where its stock was reserved.
    pub location: Location,
    /// Pieces of it that were promised and not there.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub backordered: u32,
    /// Nobody counts its stock: nothing was reserved, and nothing moves on a shelf because of it.
    #[serde(default, skip_serializing_if = "is_false")]
    pub untracked: bool,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands over references")]
fn is_zero(pieces: &u32) -> bool {
    *pieces == 0
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands over references")]
fn is_false(flag: &bool) -> bool {
    !*flag
}

fn is_no_money(amount: &Minor) -> bool {
    *amount == Minor::ZERO
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
    pub reason: Personal<String>,
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

/// Units that are not shipped were cancelled. Version 2; version 1 did not record what is left of each line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct OrderLinesCancelled {
    /// Which units were cancelled, and what is left of their lines.
    pub lines: Vec<CancelledLine>,
    /// Why.
    pub reason: Personal<String>,
}

/// Units of a line that were cancelled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CancelledLine {
    /// Number of the line in the order.
    pub line: LineNo,
    /// Units cancelled.
    pub quantity: u32,
    /// What is left of the line. Missing in events of version 1, which did not record it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub remaining: Option<RemainingLine>,
}

/// What is left of a line after units of it were cancelled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RemainingLine {
    /// What the units come to that are not cancelled.
    #[serde(flatten)]
    pub amounts: Amounts,
    /// Units that are promised and not on hand.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub backordered: u32,
}

/// Nothing is left of the order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct OrderCancelled {
    /// Why.
    pub reason: Personal<String>,
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
    pub reason: Personal<String>,
    /// The return's name elsewhere (a credit note).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub external_ref: Option<String>,
}

/// What became of returned pieces.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Disposition {
    /// They can be sold again.
    Restock,
    /// They cannot.
    Damaged,
    /// They never arrived.
    Lost,
}

/// Returned units were received, some of those requested or all of them. Version 2; version 1 named one `disposition` for the
/// whole return.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ReturnReceived {
    /// Number of the return in the order.
    #[serde(rename = "return")]
    pub return_no: PartNo,
    /// The received units with their condition.
    pub lines: Vec<ReceivedUnits>,
    /// Condition of every unit that was still requested; only in events that were converted from version 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rest: Option<Disposition>,
}

/// Received units of a line that are in the same condition.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ReceivedUnits {
    /// Number of the line in the order.
    pub line: LineNo,
    /// Number of units.
    pub quantity: u32,
    /// What became of the units.
    pub disposition: Disposition,
}

/// A return was refused.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ReturnRejected {
    /// Number of the return in the order.
    #[serde(rename = "return")]
    pub return_no: PartNo,
    /// Why.
    pub reason: Personal<String>,
}

/// What a refund does to the amount that the buyer has to pay.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum RefundKind {
    /// Money that the buyer did not owe, or that is to be paid in another way: the excess after a cancellation or an
    /// overpayment, a payment that another one replaces. It no longer counts as paid.
    Repayment,
    /// The price of returned goods. The buyer does not have to pay it again.
    Return,
    /// A reduction of the price that the seller grants. The buyer does not have to pay it again.
    Goodwill,
}

/// Money was paid back. Version 2; version 1 did not record the kind.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RefundRecorded {
    /// Which payment it came from.
    pub payment: PartNo,
    /// How much, minor units.
    pub amount: Minor,
    /// What the refund does to the amount that the buyer has to pay. Missing where it was not recorded: in events of version
    /// 1 that name no return.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kind: Option<RefundKind>,
    /// For which return, where there is one.
    #[serde(default, rename = "return", skip_serializing_if = "Option::is_none")]
    pub return_no: Option<PartNo>,
}

/// Lines or shipping are others now; their stock is reserved and released in the same commit. Version 2; version 1 had no
/// `pricing` of lines, and its amounts included units that were cancelled before.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct OrderAmended {
    /// New lines; their numbers go on where those of the order ended.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub added: Vec<Line>,
    /// Lines that are of other quantity or price now.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub changed: Vec<LineChange>,
    /// What shipping is made of from now on, where that changed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shipping_lines: Option<Vec<ShippingLine>>,
    /// Shipping with tax from now on, minor units.
    pub shipping: Minor,
    /// Sum of lines and shipping from now on, without cancelled units, minor units.
    pub total: Minor,
    /// Why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<Personal<String>>,
}

/// How a line is from now on. A line that was taken out has as many pieces as were cancelled before.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct LineChange {
    /// Which line.
    pub line: LineNo,
    /// Units of the line, cancelled ones included.
    pub quantity: u32,
    /// What is taken off the line, minor units.
    pub discount: Minor,
    /// Tax on the line, minor units.
    pub tax: Minor,
    /// `quantity * unit_price - discount + tax`, where `quantity` leaves out cancelled units.
    pub total: Minor,
    /// What discount and tax were computed from, and are computed from again when the quantity changes.
    pub pricing: Pricing,
    /// The amounts include cancelled units: so it was in version 1.
    #[serde(default, skip_serializing_if = "is_false")]
    pub with_cancelled: bool,
    /// Pieces of it that are promised and not there.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub backordered: u32,
}

/// Nothing is to be packed or shipped until further notice.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct OrderHeld {
    /// Why.
    pub reason: Personal<String>,
}

/// Packing and shipping may go on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct OrderHoldReleased {}

/// Somebody wrote something down.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct OrderNoteAdded {
    /// What.
    pub note: Personal<String>,
    /// Who, as the caller says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub author: Option<Personal<String>>,
}

/// The order is found by other words.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct OrderTagged {
    /// New words.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub added: BTreeSet<String>,
    /// Words that are gone.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub removed: BTreeSet<String>,
}

/// The order goes somewhere else, or the bill does. What is missing stays as it was.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct OrderAddressesChanged {
    /// Where it goes from now on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shipping_address: Option<Personal<Address>>,
    /// Where the bill goes from now on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub billing_address: Option<Personal<Address>>,
}

/// The order belongs to a customer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct OrderCustomerAssigned {
    /// Whom.
    pub customer_id: CustomerId,
}

/// The personal data of the order (contact, addresses, notes, reasons) is to be forgotten: that of the events before this one and
/// of those after it. Quantities and sums stay.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct OrderPersonalDataErased {}

/// Units on hand were assigned to lines that waited for them, or taken back; the stock items say the same in the same commit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct OrderBackordersChanged {
    /// The lines that changed.
    pub lines: Vec<LineBackorders>,
}

/// How many units of a line are backordered from now on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct LineBackorders {
    /// Number of the line in the order.
    pub line: LineNo,
    /// Units of the line that no unit on hand is assigned to.
    pub backordered: u32,
}

/// The order was not paid in time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct OrderExpired {}

/// Everything is delivered or cancelled, and nothing is owed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct OrderCompleted {}
