//! Commands to an order, its payments, fulfilments, returns and refunds.

use chrono::{DateTime, Utc};
use events::order::{Disposition, PartNo};
use events::{ChannelCode, Currency, CustomerId, Location, OrderId, Quantity, Sku};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::amount::{Amount, Price, TaxRate};
use super::instant;
use super::lines::{Lines, Pieces};
use super::text::{Method, Note, Reason, Reference};

/// Places an order and reserves its stock.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PlaceOrder {
    /// What the caller sent.
    pub body: PlaceOrderBody,
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
    /// Who buys; a guest if left out.
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
    /// Shipping with tax, minor units.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("deprecated" = true))]
    pub shipping: Option<Price>,
    /// The total that the caller showed to the buyer, minor units; the order is refused if it comes to anything else.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expected_total: Option<Price>,
    /// A word from the buyer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub note: Option<Note>,
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

/// Records what happened to money.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RecordPayment {
    /// Of which order.
    pub order_id: OrderId,
    /// What the caller sent.
    pub body: RecordPaymentBody,
}

/// Body of `POST /v1/orders/{id}/payments`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "lowercase", deny_unknown_fields)]
pub enum RecordPaymentBody {
    /// Money was promised; a new payment.
    Authorized {
        /// How much, minor units.
        amount: Amount,
        /// How: card, transfer, cash.
        method: Method,
        /// The provider's name for it.
        #[serde(skip_serializing_if = "Option::is_none")]
        reference: Option<Reference>,
        /// When it happened, if not now.
        #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "instant::optional")]
        occurred_at: Option<DateTime<Utc>>,
    },
    /// Money came in.
    Captured {
        /// The authorized payment that it came from; a new payment if left out.
        #[serde(skip_serializing_if = "Option::is_none")]
        payment: Option<PartNo>,
        /// How much, minor units.
        amount: Amount,
        /// How: card, transfer, cash; that of the named payment if left out.
        #[serde(skip_serializing_if = "Option::is_none")]
        method: Option<Method>,
        /// The provider's name for it.
        #[serde(skip_serializing_if = "Option::is_none")]
        reference: Option<Reference>,
        /// When it happened, if not now.
        #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "instant::optional")]
        occurred_at: Option<DateTime<Utc>>,
    },
    /// What is left of a promise was taken back.
    Voided {
        /// Which payment.
        payment: PartNo,
        /// When it happened, if not now.
        #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "instant::optional")]
        occurred_at: Option<DateTime<Utc>>,
    },
    /// A payment did not work.
    Failed {
        /// Which payment; a new one if left out.
        #[serde(skip_serializing_if = "Option::is_none")]
        payment: Option<PartNo>,
        /// The provider's reason.
        reason: Reason,
        /// When it happened, if not now.
        #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "instant::optional")]
        occurred_at: Option<DateTime<Utc>>,
    },
}

impl RecordPaymentBody {
    /// When it happened, if not now.
    pub fn occurred_at(&self) -> Option<DateTime<Utc>> {
        match self {
            Self::Authorized { occurred_at, .. }
            | Self::Captured { occurred_at, .. }
            | Self::Voided { occurred_at, .. }
            | Self::Failed { occurred_at, .. } => *occurred_at,
        }
    }
}

/// Begins to pack pieces.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CreateFulfilment {
    /// Of which order.
    pub order_id: OrderId,
    /// What the caller sent.
    pub body: CreateFulfilmentBody,
}

/// Body of `POST /v1/orders/{id}/fulfilments`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CreateFulfilmentBody {
    /// Where the pieces lie; where the lines' stock is reserved if left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub location: Option<Location>,
    /// Which pieces; everything unfulfilled at the location if left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lines: Option<Lines<Pieces>>,
    /// When it happened, if not now.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "instant::optional")]
    pub occurred_at: Option<DateTime<Utc>>,
}

/// Packed pieces leave.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ShipFulfilment {
    /// Of which order.
    pub order_id: OrderId,
    /// Number of the fulfilment in the order.
    pub fulfilment: PartNo,
    /// What the caller sent.
    pub body: ShipFulfilmentBody,
}

/// Body of `POST /v1/orders/{id}/fulfilments/{n}/shipment`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ShipFulfilmentBody {
    /// Who carries them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub carrier: Option<Reference>,
    /// The carrier's number.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tracking: Option<Reference>,
    /// When it happened, if not now.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "instant::optional")]
    pub occurred_at: Option<DateTime<Utc>>,
}

/// Shipped pieces arrived.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct DeliverFulfilment {
    /// Of which order.
    pub order_id: OrderId,
    /// Number of the fulfilment in the order.
    pub fulfilment: PartNo,
    /// What the caller sent.
    pub body: DeliverFulfilmentBody,
}

/// Body of `POST /v1/orders/{id}/fulfilments/{n}/delivery`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DeliverFulfilmentBody {
    /// When it happened, if not now.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "instant::optional")]
    pub occurred_at: Option<DateTime<Utc>>,
}

/// Packing is given up.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CancelFulfilment {
    /// Of which order.
    pub order_id: OrderId,
    /// Number of the fulfilment in the order.
    pub fulfilment: PartNo,
    /// What the caller sent.
    pub body: CancelFulfilmentBody,
}

/// Body of `POST /v1/orders/{id}/fulfilments/{n}/cancellation`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CancelFulfilmentBody {
    /// When it happened, if not now.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "instant::optional")]
    pub occurred_at: Option<DateTime<Utc>>,
}

/// Pieces that are not shipped are not wanted any more.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CancelOrder {
    /// Which order.
    pub order_id: OrderId,
    /// What the caller sent.
    pub body: CancelOrderBody,
}

/// Body of `POST /v1/orders/{id}/cancellation`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CancelOrderBody {
    /// Why.
    pub reason: Reason,
    /// Which pieces; everything that is not shipped if left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lines: Option<Lines<Pieces>>,
    /// When it happened, if not now.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "instant::optional")]
    pub occurred_at: Option<DateTime<Utc>>,
}

/// The customer wants to send pieces back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RequestReturn {
    /// Of which order.
    pub order_id: OrderId,
    /// What the caller sent.
    pub body: RequestReturnBody,
}

/// Body of `POST /v1/orders/{id}/returns`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RequestReturnBody {
    /// Which pieces.
    pub lines: Lines<Pieces>,
    /// Why.
    pub reason: Reason,
    /// The return's name elsewhere, such as a credit note.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub external_ref: Option<Reference>,
    /// When it happened, if not now.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "instant::optional")]
    pub occurred_at: Option<DateTime<Utc>>,
}

/// Pieces came back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ReceiveReturn {
    /// Of which order.
    pub order_id: OrderId,
    /// Number of the return in the order.
    pub return_no: PartNo,
    /// What the caller sent.
    pub body: ReceiveReturnBody,
}

/// Body of `POST /v1/orders/{id}/returns/{n}/receipt`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ReceiveReturnBody {
    /// What becomes of them.
    pub disposition: Disposition,
    /// When it happened, if not now.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "instant::optional")]
    pub occurred_at: Option<DateTime<Utc>>,
}

/// A return is refused.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RejectReturn {
    /// Of which order.
    pub order_id: OrderId,
    /// Number of the return in the order.
    pub return_no: PartNo,
    /// What the caller sent.
    pub body: RejectReturnBody,
}

/// Body of `POST /v1/orders/{id}/returns/{n}/rejection`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RejectReturnBody {
    /// Why.
    pub reason: Reason,
    /// When it happened, if not now.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "instant::optional")]
    pub occurred_at: Option<DateTime<Utc>>,
}

/// Money went back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RecordRefund {
    /// Of which order.
    pub order_id: OrderId,
    /// What the caller sent.
    pub body: RecordRefundBody,
}

/// Body of `POST /v1/orders/{id}/refunds`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RecordRefundBody {
    /// Which payment it came from.
    pub payment: PartNo,
    /// How much, minor units.
    pub amount: Amount,
    /// For which return, where there is one.
    #[serde(rename = "return", skip_serializing_if = "Option::is_none")]
    pub return_no: Option<PartNo>,
    /// When it happened, if not now.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "instant::optional")]
    pub occurred_at: Option<DateTime<Utc>>,
}
