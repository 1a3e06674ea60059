//! The document of an order: its fields.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use events::order::ShippingLine;
use events::personal::{Address, Contact, Personal};
use events::{
    ChannelCode, Currency, CustomerId, Incarnation, LogPosition, Minor, OrderCode, OrderId, Position, StockHoldId,
    Version,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::subdocuments::{OrderFulfilment, OrderLine, OrderNote, OrderPayment, OrderReturn};
use crate::status::Status;

/// An order. Amounts are in minor units of `currency`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct OrderDocument {
    /// Id of the order.
    pub id: OrderId,
    /// Code of the order for people, such as `SON000001`.
    pub code: OrderCode,
    /// Sales channel.
    pub channel: ChannelCode,
    /// Currency of all amounts (ISO 4217).
    pub currency: Currency,
    /// Customer of the order; missing for a guest order.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub customer_id: Option<CustomerId>,
    /// Customers that the order was assigned to earlier.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub former_customers: BTreeSet<CustomerId>,
    /// Whether the personal data of the order was erased: contact, addresses, notes and reasons are removed
    /// permanently.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub personal_data_erased: bool,
    /// Reference of the order in another system.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub external_ref: Option<String>,
    /// Note of the buyer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<Personal<String>>,
    /// Contact of the buyer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub contact: Option<Personal<Contact>>,
    /// Shipping address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shipping_address: Option<Personal<Address>>,
    /// Billing address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub billing_address: Option<Personal<Address>>,
    /// Tags for searching and grouping orders.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub tags: BTreeSet<String>,
    /// Internal notes, oldest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<OrderNote>,
    /// Instant at which the order expires unless it is paid.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub payment_due: Option<DateTime<Utc>>,
    /// Id of the stock hold of the checkout that the order took over.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hold_id: Option<StockHoldId>,
    /// Statuses of the order.
    pub status: Status,
    /// Whether the order is on hold: no fulfilment may be created or shipped.
    #[serde(default)]
    pub held: bool,
    /// Reason for the hold of the order.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hold_reason: Option<Personal<String>>,
    /// Reason for the last cancellation of the order or of its lines.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cancel_reason: Option<Personal<String>>,
    /// Instant at which the order was placed; the same instant as in the order id.
    pub placed_at: DateTime<Utc>,
    /// Instant at which the last event of the order occurred.
    pub updated_at: DateTime<Utc>,
    /// Order lines.
    pub lines: Vec<OrderLine>,
    /// Total of shipping, including tax.
    pub shipping: Minor,
    /// Shipping lines that add up to `shipping`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub shipping_lines: Vec<ShippingLine>,
    /// Discount on the whole order; the share of each line is in `pricing.order_discount`.
    #[serde(default)]
    pub discount: Minor,
    /// Total of lines and shipping when the order was placed or last amended.
    pub total: Minor,
    /// Total of the units that are not cancelled, and of shipping.
    pub due: Minor,
    /// Amount that the buyer still has to pay. Refunds for returns and goodwill refunds do not increase this amount.
    pub owed: Minor,
    /// Total of captured payments.
    pub captured: Minor,
    /// Total of refunds.
    pub refunded: Minor,
    /// Payments, by number.
    pub payments: Vec<OrderPayment>,
    /// Fulfilments, by number.
    pub fulfilments: Vec<OrderFulfilment>,
    /// Returns, by number.
    pub returns: Vec<OrderReturn>,
    /// Version of the order's stream that this document contains.
    pub version: Version,
    /// Incarnation of the log that contains the last event of the order.
    pub incarnation: Incarnation,
    /// Position of the last event of the order in the log.
    pub position: Position,
}

impl OrderDocument {
    /// Log position of the last event that this document contains.
    pub fn log_position(&self) -> LogPosition {
        LogPosition { incarnation: self.incarnation, position: self.position }
    }
}
