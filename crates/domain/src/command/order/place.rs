//! The command to place an order.

use chrono::{DateTime, Utc};
use events::{ChannelCode, Currency, CustomerId, HoldId, Location, OrderId, Personal, Quantity, Sku};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::shipping::ShippingLines;
use crate::value::address::{Address, Contact};
use crate::value::amount::{Price, TaxRate};
use crate::value::instant;
use crate::value::lines::Lines;
use crate::value::tags::Tags;
use crate::value::text::{Note, Reference};

/// Places an order and reserves its stock.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PlaceOrder {
    /// What the caller sent.
    pub body: PlaceOrderBody,
    /// How the order reserves stock; set by the platform, not by callers.
    #[serde(skip_serializing_if = "StockHandling::is_enforce")]
    pub stock: StockHandling,
}

/// How an order reserves stock.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum StockHandling {
    /// The order reserves the units that the stock policy allows.
    #[default]
    Enforce,
    /// The order reserves all units; missing units are added to the stock by an adjustment.
    Force,
    /// No line of the order changes stock, now or later.
    Skip,
}

impl StockHandling {
    /// Whether stock is reserved as for every order of a caller.
    pub fn is_enforce(&self) -> bool {
        *self == StockHandling::Enforce
    }
}

/// What to do if more units are requested than are in stock.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum OnShortage {
    /// Reject the command.
    Reject,
    /// Backorder the missing units, if the stock policy allows backorders and up to its limit; otherwise reject the command.
    Backorder,
    /// Order the units in stock, with discounts in proportion. A line without any unit in stock is left out; the command is rejected if no line has one.
    Partial,
}

/// An order to place.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PlaceOrderBody {
    /// Id of the order: a UUID version 7 that carries the instant at which the order was placed; generated if left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<OrderId>,
    /// Sales channel; the default channel if left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub channel: Option<ChannelCode>,
    /// Currency of every amount of the order.
    pub currency: Currency,
    /// Id of the customer; a guest order if left out. The customer need not be registered here, but must not be erased.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub customer_id: Option<CustomerId>,
    /// Id of the order in another system, unique per channel.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub external_ref: Option<Reference>,
    /// Lines of the order.
    pub lines: Lines<OrderLine>,
    /// Discount on the whole order before tax, in minor units; spread over the lines in proportion to their amounts.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub discount: Option<Price>,
    /// Shipping charge including tax, in minor units. Send `shipping_lines` instead, which state the tax.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("deprecated" = true))]
    pub shipping: Option<Price>,
    /// Shipping charges; no shipping charge if left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub shipping_lines: Option<ShippingLines>,
    /// Total that was shown to the buyer, in minor units; the order is rejected if its total differs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expected_total: Option<Price>,
    /// Note of the buyer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub note: Option<Personal<Note>>,
    /// Contact of a guest; not together with `customer_id`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub contact: Option<Personal<Contact>>,
    /// Shipping address.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub shipping_address: Option<Personal<Address>>,
    /// Billing address.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub billing_address: Option<Personal<Address>>,
    /// Tags of the order.
    #[serde(default, skip_serializing_if = "Tags::is_empty")]
    pub tags: Tags,
    /// Instant at which the order expires if it is unpaid; at most 366 days ahead.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "instant::optional")]
    pub payment_due: Option<DateTime<Utc>>,
    /// Id of the stock hold that the order consumes: the held units are reserved for the order, and held units that the order does not need are released.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hold_id: Option<HoldId>,
    /// What to do if more units are requested than are in stock; the stock policy decides if left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub on_shortage: Option<OnShortage>,
}

/// A line of an order to place.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct OrderLine {
    /// SKU of the product.
    pub sku: Sku,
    /// Number of units.
    pub quantity: Quantity,
    /// Price of one unit before discount and tax, in minor units; the price of the product if left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unit_price: Option<Price>,
    /// Discount on the line before tax, in minor units.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub discount: Option<Price>,
    /// Tax rate of the line, in millionths of the amount after discounts.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tax_rate: Option<TaxRate>,
    /// Location at which the stock is reserved; `main` if left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub location: Option<Location>,
}
