//! How events are written down and read back: a type, a schema version and a JSON payload.
//!
//! Stored events are never edited. A new shape is a new schema version here and an upcaster that turns the old
//! payload into the new one ([`crate::upcast`]); `golden/` holds a payload of every version ever written.

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::customer::{CustomerEvent, EmailEvent};
use crate::hold::HoldEvent;
use crate::order::OrderEvent;
use crate::product::ProductEvent;
use crate::stock::StockEvent;
use crate::upcast;

/// Anything that can happen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// To an order.
    Order(OrderEvent),
    /// To a stock item.
    Stock(StockEvent),
    /// To a product.
    Product(ProductEvent),
    /// To a customer.
    Customer(CustomerEvent),
    /// To an e-mail address.
    Email(EmailEvent),
    /// To a hold.
    Hold(HoldEvent),
}

impl From<OrderEvent> for Event {
    fn from(event: OrderEvent) -> Self {
        Event::Order(event)
    }
}

impl From<StockEvent> for Event {
    fn from(event: StockEvent) -> Self {
        Event::Stock(event)
    }
}

impl From<ProductEvent> for Event {
    fn from(event: ProductEvent) -> Self {
        Event::Product(event)
    }
}

impl From<CustomerEvent> for Event {
    fn from(event: CustomerEvent) -> Self {
        Event::Customer(event)
    }
}

impl From<EmailEvent> for Event {
    fn from(event: EmailEvent) -> Self {
        Event::Email(event)
    }
}

impl From<HoldEvent> for Event {
    fn from(event: HoldEvent) -> Self {
        Event::Hold(event)
    }
}

/// Why a stored event cannot be read by this build.
#[derive(Debug, thiserror::Error)]
pub enum DecodeError {
    /// A newer build wrote it, or it is not ours.
    #[error("event type `{0}` is unknown to this build")]
    UnknownType(String),
    /// A newer build wrote it.
    #[error("`{event_type}` has schema version {found}; this build knows 1 to {known}")]
    UnknownVersion {
        /// The type.
        event_type: String,
        /// The version that was found.
        found: i16,
        /// The newest version that this build reads.
        known: i16,
    },
    /// The payload is not of the shape that its type and version promise.
    #[error("the payload of `{event_type}` does not have its shape")]
    Shape {
        /// The type.
        event_type: String,
        /// What was wrong.
        #[source]
        source: serde_json::Error,
    },
}

/// Every event type with its current schema version.
pub const EVENT_TYPES: &[(&str, i16)] = &[
    ("OrderPlaced", 3),
    ("PaymentAuthorized", 1),
    ("PaymentCaptured", 1),
    ("PaymentVoided", 1),
    ("PaymentFailed", 1),
    ("FulfilmentCreated", 1),
    ("FulfilmentShipped", 1),
    ("FulfilmentDelivered", 1),
    ("FulfilmentCancelled", 1),
    ("OrderLinesCancelled", 2),
    ("OrderCancelled", 1),
    ("ReturnRequested", 1),
    ("ReturnReceived", 2),
    ("ReturnRejected", 1),
    ("RefundRecorded", 2),
    ("OrderAmended", 2),
    ("OrderHeld", 1),
    ("OrderHoldReleased", 1),
    ("OrderNoteAdded", 1),
    ("OrderTagged", 1),
    ("OrderAddressesChanged", 1),
    ("OrderCustomerAssigned", 1),
    ("OrderPersonalDataErased", 1),
    ("OrderBackordersChanged", 1),
    ("OrderExpired", 1),
    ("OrderCompleted", 1),
    ("StockReceived", 1),
    ("StockAdjusted", 1),
    ("StockReserved", 2),
    ("StockReleased", 2),
    ("StockShipped", 1),
    ("StockRestocked", 1),
    ("StockHeld", 2),
    ("StockHoldReleased", 2),
    ("StockTransferredIn", 1),
    ("StockTransferredOut", 1),
    ("StockPolicyChanged", 1),
    ("StockBackordersChanged", 1),
    ("ProductCreated", 1),
    ("ProductPriceChanged", 1),
    ("ProductDiscontinued", 1),
    ("ProductReactivated", 1),
    ("ProductUpdated", 1),
    ("CustomerRegistered", 1),
    ("CustomerUpdated", 1),
    ("CustomerErased", 1),
    ("CustomerEmailTaken", 1),
    ("CustomerEmailFreed", 1),
    ("HoldPlaced", 1),
    ("HoldReleased", 1),
    ("HoldExpired", 1),
    ("HoldConsumed", 1),
];

/// An event ready to be stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Encoded {
    /// The type.
    pub event_type: &'static str,
    /// The current schema version of the type.
    pub schema_version: i16,
    /// JSON.
    pub payload: String,
}

/// Writes an event down in today's shape.
pub fn encode(event: &Event) -> Encoded {
    match event {
        Event::Order(event) => encode_order(event),
        Event::Stock(event) => encode_stock(event),
        Event::Product(event) => encode_product(event),
        Event::Customer(event) => encode_customer(event),
        Event::Email(event) => encode_email(event),
        Event::Hold(event) => encode_hold(event),
    }
}

fn encode_order(event: &OrderEvent) -> Encoded {
    match event {
        OrderEvent::Placed(e) => written("OrderPlaced", 3, e),
        OrderEvent::PaymentAuthorized(e) => written("PaymentAuthorized", 1, e),
        OrderEvent::PaymentCaptured(e) => written("PaymentCaptured", 1, e),
        OrderEvent::PaymentVoided(e) => written("PaymentVoided", 1, e),
        OrderEvent::PaymentFailed(e) => written("PaymentFailed", 1, e),
        OrderEvent::FulfilmentCreated(e) => written("FulfilmentCreated", 1, e),
        OrderEvent::FulfilmentShipped(e) => written("FulfilmentShipped", 1, e),
        OrderEvent::FulfilmentDelivered(e) => written("FulfilmentDelivered", 1, e),
        OrderEvent::FulfilmentCancelled(e) => written("FulfilmentCancelled", 1, e),
        OrderEvent::LinesCancelled(e) => written("OrderLinesCancelled", 2, e),
        OrderEvent::Cancelled(e) => written("OrderCancelled", 1, e),
        OrderEvent::ReturnRequested(e) => written("ReturnRequested", 1, e),
        OrderEvent::ReturnReceived(e) => written("ReturnReceived", 2, e),
        OrderEvent::ReturnRejected(e) => written("ReturnRejected", 1, e),
        OrderEvent::RefundRecorded(e) => written("RefundRecorded", 2, e),
        OrderEvent::Amended(e) => written("OrderAmended", 2, e),
        OrderEvent::Held(e) => written("OrderHeld", 1, e),
        OrderEvent::HoldReleased(e) => written("OrderHoldReleased", 1, e),
        OrderEvent::NoteAdded(e) => written("OrderNoteAdded", 1, e),
        OrderEvent::Tagged(e) => written("OrderTagged", 1, e),
        OrderEvent::AddressesChanged(e) => written("OrderAddressesChanged", 1, e),
        OrderEvent::CustomerAssigned(e) => written("OrderCustomerAssigned", 1, e),
        OrderEvent::PersonalDataErased(e) => written("OrderPersonalDataErased", 1, e),
        OrderEvent::BackordersChanged(e) => written("OrderBackordersChanged", 1, e),
        OrderEvent::Expired(e) => written("OrderExpired", 1, e),
        OrderEvent::Completed(e) => written("OrderCompleted", 1, e),
    }
}

fn encode_stock(event: &StockEvent) -> Encoded {
    match event {
        StockEvent::Received(e) => written("StockReceived", 1, e),
        StockEvent::Adjusted(e) => written("StockAdjusted", 1, e),
        StockEvent::Reserved(e) => written("StockReserved", 2, e),
        StockEvent::Released(e) => written("StockReleased", 2, e),
        StockEvent::Shipped(e) => written("StockShipped", 1, e),
        StockEvent::Restocked(e) => written("StockRestocked", 1, e),
        StockEvent::Held(e) => written("StockHeld", 2, e),
        StockEvent::HoldReleased(e) => written("StockHoldReleased", 2, e),
        StockEvent::TransferredIn(e) => written("StockTransferredIn", 1, e),
        StockEvent::TransferredOut(e) => written("StockTransferredOut", 1, e),
        StockEvent::PolicyChanged(e) => written("StockPolicyChanged", 1, e),
        StockEvent::BackordersChanged(e) => written("StockBackordersChanged", 1, e),
    }
}

fn encode_product(event: &ProductEvent) -> Encoded {
    match event {
        ProductEvent::Created(e) => written("ProductCreated", 1, e),
        ProductEvent::PriceChanged(e) => written("ProductPriceChanged", 1, e),
        ProductEvent::Discontinued(e) => written("ProductDiscontinued", 1, e),
        ProductEvent::Reactivated(e) => written("ProductReactivated", 1, e),
        ProductEvent::Updated(e) => written("ProductUpdated", 1, e),
    }
}

fn encode_customer(event: &CustomerEvent) -> Encoded {
    match event {
        CustomerEvent::Registered(e) => written("CustomerRegistered", 1, e),
        CustomerEvent::Updated(e) => written("CustomerUpdated", 1, e),
        CustomerEvent::Erased(e) => written("CustomerErased", 1, e),
    }
}

fn encode_email(event: &EmailEvent) -> Encoded {
    match event {
        EmailEvent::Taken(e) => written("CustomerEmailTaken", 1, e),
        EmailEvent::Freed(e) => written("CustomerEmailFreed", 1, e),
    }
}

fn encode_hold(event: &HoldEvent) -> Encoded {
    match event {
        HoldEvent::Placed(e) => written("HoldPlaced", 1, e),
        HoldEvent::Released(e) => written("HoldReleased", 1, e),
        HoldEvent::Expired(e) => written("HoldExpired", 1, e),
        HoldEvent::Consumed(e) => written("HoldConsumed", 1, e),
    }
}

fn written(event_type: &'static str, schema_version: i16, event: &impl Serialize) -> Encoded {
    let payload = serde_json::to_string(event).expect("an event of ours is plain data with text keys");
    Encoded { event_type, schema_version, payload }
}

/// Reads an event back, upcast to today's shape.
pub fn decode(event_type: &str, schema_version: i16, payload: &str) -> Result<Event, DecodeError> {
    let Some((_, known)) = EVENT_TYPES.iter().find(|(known, _)| *known == event_type) else {
        return Err(DecodeError::UnknownType(event_type.to_owned()));
    };
    if !(1..=*known).contains(&schema_version) {
        return Err(DecodeError::UnknownVersion {
            event_type: event_type.to_owned(),
            found: schema_version,
            known: *known,
        });
    }
    let today = upcast::to_today(event_type, schema_version, payload).and_then(|payload| read(event_type, &payload));
    today.map_err(|source| DecodeError::Shape { event_type: event_type.to_owned(), source })
}

fn read(event_type: &str, payload: &str) -> Result<Event, serde_json::Error> {
    fn from<T: DeserializeOwned, E: Into<Event>>(payload: &str, wrap: fn(T) -> E) -> Result<Event, serde_json::Error> {
        serde_json::from_str(payload).map(|event| wrap(event).into())
    }
    match event_type {
        "OrderPlaced" => from(payload, OrderEvent::Placed),
        "PaymentAuthorized" => from(payload, OrderEvent::PaymentAuthorized),
        "PaymentCaptured" => from(payload, OrderEvent::PaymentCaptured),
        "PaymentVoided" => from(payload, OrderEvent::PaymentVoided),
        "PaymentFailed" => from(payload, OrderEvent::PaymentFailed),
        "FulfilmentCreated" => from(payload, OrderEvent::FulfilmentCreated),
        "FulfilmentShipped" => from(payload, OrderEvent::FulfilmentShipped),
        "FulfilmentDelivered" => from(payload, OrderEvent::FulfilmentDelivered),
        "FulfilmentCancelled" => from(payload, OrderEvent::FulfilmentCancelled),
        "OrderLinesCancelled" => from(payload, OrderEvent::LinesCancelled),
        "OrderCancelled" => from(payload, OrderEvent::Cancelled),
        "ReturnRequested" => from(payload, OrderEvent::ReturnRequested),
        "ReturnReceived" => from(payload, OrderEvent::ReturnReceived),
        "ReturnRejected" => from(payload, OrderEvent::ReturnRejected),
        "RefundRecorded" => from(payload, OrderEvent::RefundRecorded),
        "OrderAmended" => from(payload, OrderEvent::Amended),
        "OrderHeld" => from(payload, OrderEvent::Held),
        "OrderHoldReleased" => from(payload, OrderEvent::HoldReleased),
        "OrderNoteAdded" => from(payload, OrderEvent::NoteAdded),
        "OrderTagged" => from(payload, OrderEvent::Tagged),
        "OrderAddressesChanged" => from(payload, OrderEvent::AddressesChanged),
        "OrderCustomerAssigned" => from(payload, OrderEvent::CustomerAssigned),
        "OrderPersonalDataErased" => from(payload, OrderEvent::PersonalDataErased),
        "OrderBackordersChanged" => from(payload, OrderEvent::BackordersChanged),
        "OrderExpired" => from(payload, OrderEvent::Expired),
        "OrderCompleted" => from(payload, OrderEvent::Completed),
        "StockReceived" => from(payload, StockEvent::Received),
        "StockAdjusted" => from(payload, StockEvent::Adjusted),
        "StockReserved" => from(payload, StockEvent::Reserved),
        "StockReleased" => from(payload, StockEvent::Released),
        "StockShipped" => from(payload, StockEvent::Shipped),
        "StockRestocked" => from(payload, StockEvent::Restocked),
        "StockHeld" => from(payload, StockEvent::Held),
        "StockHoldReleased" => from(payload, StockEvent::HoldReleased),
        "StockTransferredIn" => from(payload, StockEvent::TransferredIn),
        "StockTransferredOut" => from(payload, StockEvent::TransferredOut),
        "StockPolicyChanged" => from(payload, StockEvent::PolicyChanged),
        "StockBackordersChanged" => from(payload, StockEvent::BackordersChanged),
        "ProductCreated" => from(payload, ProductEvent::Created),
        "ProductPriceChanged" => from(payload, ProductEvent::PriceChanged),
        "ProductDiscontinued" => from(payload, ProductEvent::Discontinued),
        "ProductReactivated" => from(payload, ProductEvent::Reactivated),
        "ProductUpdated" => from(payload, ProductEvent::Updated),
        "CustomerRegistered" => from(payload, CustomerEvent::Registered),
        "CustomerUpdated" => from(payload, CustomerEvent::Updated),
        "CustomerErased" => from(payload, CustomerEvent::Erased),
        "CustomerEmailTaken" => from(payload, EmailEvent::Taken),
        "CustomerEmailFreed" => from(payload, EmailEvent::Freed),
        "HoldPlaced" => from(payload, HoldEvent::Placed),
        "HoldReleased" => from(payload, HoldEvent::Released),
        "HoldExpired" => from(payload, HoldEvent::Expired),
        "HoldConsumed" => from(payload, HoldEvent::Consumed),
        other => Err(serde::de::Error::custom(format!("`{other}` is listed but not read"))),
    }
}
