//! The event that starts an order: [`OrderPlaced`], with its lines, shipping and addresses.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::line::Line;
use super::shipping::ShippingLine;
use crate::id::{CustomerId, OrderId, StockHoldId};
use crate::money::{Currency, Minor};
use crate::name::{ChannelCode, OrderCode};
use crate::omit::is_default;
use crate::payload::Payload;
use crate::personal::{Address, Contact, Personal};

/// An order was placed. Stock for the lines was reserved in the same commit. Version 3; version 1 had no `shipping_lines`,
/// version 2 had no `pricing` of lines and no `discount`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct OrderPlaced {
    /// Identifier of the order (UUID version 7). Its timestamp is the instant at which the order was placed.
    pub order_id: OrderId,
    /// Order code: the prefix of the sales channel and the number of the order in the channel, such as `SON000001`.
    pub code: OrderCode,
    /// Sales channel of the order.
    pub channel: ChannelCode,
    /// Currency of every amount of the order.
    pub currency: Currency,
    /// Customer who placed the order. Missing for a guest order.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub customer_id: Option<CustomerId>,
    /// Reference of the order in another system, such as a marketplace order number or an invoice number. Unique per channel.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub external_ref: Option<String>,
    /// Order lines, in the sequence of the request.
    pub lines: Vec<Line>,
    /// Discount on the whole order, in minor units of the order's currency. Each line contains its share in
    /// `pricing.order_discount`.
    #[serde(default, skip_serializing_if = "is_default")]
    pub discount: Minor,
    /// Shipping including tax, in minor units of the order's currency: the sum of `shipping_lines`.
    pub shipping: Minor,
    /// Shipping charges of the order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub shipping_lines: Vec<ShippingLine>,
    /// Order total in minor units of the order's currency: lines plus shipping, including tax.
    pub total: Minor,
    /// Note from the buyer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<Personal<String>>,
    /// Contact details of the buyer, for orders without a customer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub contact: Option<Personal<Contact>>,
    /// Shipping address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shipping_address: Option<Personal<Address>>,
    /// Billing address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub billing_address: Option<Personal<Address>>,
    /// Tags of the order.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub tags: BTreeSet<String>,
    /// Payment deadline: the order expires at this instant unless it has been paid. Missing for an order without a deadline.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub payment_due: Option<DateTime<Utc>>,
    /// Stock hold whose stock the order took over.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hold_id: Option<StockHoldId>,
}

impl Payload for OrderPlaced {
    const EVENT_TYPE: &'static str = "OrderPlaced";
    const SCHEMA_VERSION: i16 = 3;
}
