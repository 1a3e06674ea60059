//! The command to place an order.

use chrono::{DateTime, Utc};
use events::{ChannelCode, Currency, CustomerId, HoldId, Location, OrderId, Personal, Quantity, Sku};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::shipping::ShippingLines;
use crate::command::address::{Address, Contact};
use crate::command::amount::{Price, TaxRate};
use crate::command::instant;
use crate::command::lines::Lines;
use crate::command::tags::Tags;
use crate::command::text::{Note, Reference};

/// Places an order and reserves its stock.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PlaceOrder {
    /// What the caller sent.
    pub body: PlaceOrderBody,
    /// What the order does to stock; not for callers to say.
    #[serde(skip_serializing_if = "StockHandling::is_enforce")]
    pub stock: StockHandling,
}

/// What an order does to stock.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum StockHandling {
    /// It takes what can be promised.
    #[default]
    Enforce,
    /// It takes what it asks for; pieces that are missing are counted in along the way.
    Force,
    /// None of its lines moves stock, now or later.
    Skip,
}

impl StockHandling {
    /// Whether it is as for everybody.
    pub fn is_enforce(&self) -> bool {
        *self == StockHandling::Enforce
    }
}

/// What to do where more pieces are asked for than there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum OnShortage {
    /// Refuse.
    Reject,
    /// Promise what is not here, where the stock's policy allows it and up to its limit; else refuse.
    Backorder,
    /// Take what is here; a line with nothing is left out. Its discount shrinks with it. Nothing at all is refused.
    Partial,
}

/// Body of `POST /v1/orders`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PlaceOrderBody {
    /// The order's key, a UUID version 7 whose instant is when it was placed; ours if left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<OrderId>,
    /// Where it comes from; the default channel if left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub channel: Option<ChannelCode>,
    /// Currency of every amount of the order.
    pub currency: Currency,
    /// Who buys; a guest if left out. Who was never registered is taken as given, who is erased is not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub customer_id: Option<CustomerId>,
    /// The order's name elsewhere, unique per channel.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub external_ref: Option<Reference>,
    /// What is bought.
    pub lines: Lines<OrderLine>,
    /// Taken off the whole order, before tax, minor units; spread over the lines by their worth.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub discount: Option<Price>,
    /// Shipping with tax, minor units. Send `shipping_lines` instead, which say what the tax is.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("deprecated" = true))]
    pub shipping: Option<Price>,
    /// What shipping is made of; nothing is charged for it if left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub shipping_lines: Option<ShippingLines>,
    /// The total that the caller showed to the buyer, minor units; the order is refused if it comes to anything else.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expected_total: Option<Price>,
    /// A word from the buyer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub note: Option<Personal<Note>>,
    /// How a guest can be reached; not together with `customer_id`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub contact: Option<Personal<Contact>>,
    /// Where it goes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub shipping_address: Option<Personal<Address>>,
    /// Where the bill goes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub billing_address: Option<Personal<Address>>,
    /// Words to find it by.
    #[serde(default, skip_serializing_if = "Tags::is_empty")]
    pub tags: Tags,
    /// When it expires unless it is paid; within a year from now.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "instant::optional")]
    pub payment_due: Option<DateTime<Utc>>,
    /// The hold that it takes over: what that keeps is there for this order, and what it does not take is given back.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hold_id: Option<HoldId>,
    /// What to do where more pieces are asked for than there are; what the stock's policy says if left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub on_shortage: Option<OnShortage>,
}

/// A line of an order to place.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct OrderLine {
    /// What.
    pub sku: Sku,
    /// How many pieces.
    pub quantity: Quantity,
    /// Price of one piece before discount and tax, minor units; the product's if left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unit_price: Option<Price>,
    /// Taken off the line, before tax, minor units.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub discount: Option<Price>,
    /// Tax on the line, in millionths of what is left after discounts.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tax_rate: Option<TaxRate>,
    /// Where its stock is reserved; `main` if left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub location: Option<Location>,
}
