//! Encoding and decoding of stored events: event type, schema version and JSON payload.
//!
//! [`EVENT_TYPES`] lists the event types. Name and current schema version stand next to the fields of each payload
//! ([`Payload`]). A stored event is never edited: a changed payload is a new schema version, and an upcaster converts payloads of the
//! previous version when they are read ([`crate::upcast`]). `golden/` contains a payload of every version that was ever written.
//!
//! A new event type needs a payload with its [`Payload`] implementation, a variant of the event enum of its stream, a row in
//! [`EVENT_TYPES`], a line in the encoder of its stream, and golden files. A missing row or line does not compile.

use schemars::Schema;

use crate::customer::{
    CustomerEmailFreed, CustomerEmailTaken, CustomerErased, CustomerEvent, CustomerRegistered, CustomerUpdated,
    EmailEvent,
};
use crate::event::Event;
use crate::order::{
    FulfilmentCancelled, FulfilmentCreated, FulfilmentDelivered, FulfilmentShipped, OrderAddressesChanged,
    OrderAmended, OrderBackordersChanged, OrderCancelled, OrderCompleted, OrderCustomerAssigned, OrderEvent,
    OrderExpired, OrderHeld, OrderHoldReleased, OrderLinesCancelled, OrderNoteAdded, OrderPersonalDataErased,
    OrderPlaced, OrderTagged, PaymentAuthorized, PaymentCaptured, PaymentFailed, PaymentVoided, RefundRecorded,
    ReturnReceived, ReturnRejected, ReturnRequested,
};
use crate::payload::Payload;
use crate::product::{
    ProductCreated, ProductDiscontinued, ProductEvent, ProductPriceChanged, ProductReactivated, ProductUpdated,
};
use crate::stock::{
    StockAdjusted, StockBackordersChanged, StockEvent, StockHeld, StockHoldReleased, StockPolicyChanged, StockReceived,
    StockReleased, StockReserved, StockRestocked, StockShipped, StockTransferredIn, StockTransferredOut,
};
use crate::stock_hold::{HoldConsumed, HoldExpired, HoldPlaced, HoldReleased, StockHoldEvent};
use crate::upcast;

/// One event type of this build.
pub struct EventType {
    /// Name under which events of this type are stored.
    pub name: &'static str,
    /// Current schema version. This build reads the versions 1 to `schema_version`.
    pub schema_version: i16,
    /// Generates the JSON Schema of the current schema version.
    pub schema: fn() -> Schema,
    decode: Decode,
}

/// Decodes a JSON payload of the current schema version.
type Decode = fn(&str) -> Result<Event, serde_json::Error>;

impl EventType {
    const fn of<P: Payload>(decode: Decode) -> EventType {
        EventType {
            name: P::EVENT_TYPE,
            schema_version: P::SCHEMA_VERSION,
            schema: || schemars::schema_for!(P),
            decode,
        }
    }
}

/// Every event type. An event whose type is missing here does not compile (see `encode_payload`).
pub const EVENT_TYPES: &[EventType] = &[
    EventType::of::<OrderPlaced>(|payload| json(payload, OrderEvent::Placed)),
    EventType::of::<PaymentAuthorized>(|payload| json(payload, OrderEvent::PaymentAuthorized)),
    EventType::of::<PaymentCaptured>(|payload| json(payload, OrderEvent::PaymentCaptured)),
    EventType::of::<PaymentVoided>(|payload| json(payload, OrderEvent::PaymentVoided)),
    EventType::of::<PaymentFailed>(|payload| json(payload, OrderEvent::PaymentFailed)),
    EventType::of::<FulfilmentCreated>(|payload| json(payload, OrderEvent::FulfilmentCreated)),
    EventType::of::<FulfilmentShipped>(|payload| json(payload, OrderEvent::FulfilmentShipped)),
    EventType::of::<FulfilmentDelivered>(|payload| json(payload, OrderEvent::FulfilmentDelivered)),
    EventType::of::<FulfilmentCancelled>(|payload| json(payload, OrderEvent::FulfilmentCancelled)),
    EventType::of::<OrderLinesCancelled>(|payload| json(payload, OrderEvent::LinesCancelled)),
    EventType::of::<OrderCancelled>(|payload| json(payload, OrderEvent::Cancelled)),
    EventType::of::<ReturnRequested>(|payload| json(payload, OrderEvent::ReturnRequested)),
    EventType::of::<ReturnReceived>(|payload| json(payload, OrderEvent::ReturnReceived)),
    EventType::of::<ReturnRejected>(|payload| json(payload, OrderEvent::ReturnRejected)),
    EventType::of::<RefundRecorded>(|payload| json(payload, OrderEvent::RefundRecorded)),
    EventType::of::<OrderAmended>(|payload| json(payload, OrderEvent::Amended)),
    EventType::of::<OrderHeld>(|payload| json(payload, OrderEvent::Held)),
    EventType::of::<OrderHoldReleased>(|payload| json(payload, OrderEvent::HoldReleased)),
    EventType::of::<OrderNoteAdded>(|payload| json(payload, OrderEvent::NoteAdded)),
    EventType::of::<OrderTagged>(|payload| json(payload, OrderEvent::Tagged)),
    EventType::of::<OrderAddressesChanged>(|payload| json(payload, OrderEvent::AddressesChanged)),
    EventType::of::<OrderCustomerAssigned>(|payload| json(payload, OrderEvent::CustomerAssigned)),
    EventType::of::<OrderPersonalDataErased>(|payload| json(payload, OrderEvent::PersonalDataErased)),
    EventType::of::<OrderBackordersChanged>(|payload| json(payload, OrderEvent::BackordersChanged)),
    EventType::of::<OrderExpired>(|payload| json(payload, OrderEvent::Expired)),
    EventType::of::<OrderCompleted>(|payload| json(payload, OrderEvent::Completed)),
    EventType::of::<StockReceived>(|payload| json(payload, StockEvent::Received)),
    EventType::of::<StockAdjusted>(|payload| json(payload, StockEvent::Adjusted)),
    EventType::of::<StockReserved>(|payload| json(payload, StockEvent::Reserved)),
    EventType::of::<StockReleased>(|payload| json(payload, StockEvent::Released)),
    EventType::of::<StockShipped>(|payload| json(payload, StockEvent::Shipped)),
    EventType::of::<StockRestocked>(|payload| json(payload, StockEvent::Restocked)),
    EventType::of::<StockHeld>(|payload| json(payload, StockEvent::Held)),
    EventType::of::<StockHoldReleased>(|payload| json(payload, StockEvent::HoldReleased)),
    EventType::of::<StockTransferredIn>(|payload| json(payload, StockEvent::TransferredIn)),
    EventType::of::<StockTransferredOut>(|payload| json(payload, StockEvent::TransferredOut)),
    EventType::of::<StockPolicyChanged>(|payload| json(payload, StockEvent::PolicyChanged)),
    EventType::of::<StockBackordersChanged>(|payload| json(payload, StockEvent::BackordersChanged)),
    EventType::of::<ProductCreated>(|payload| json(payload, ProductEvent::Created)),
    EventType::of::<ProductPriceChanged>(|payload| json(payload, ProductEvent::PriceChanged)),
    EventType::of::<ProductDiscontinued>(|payload| json(payload, ProductEvent::Discontinued)),
    EventType::of::<ProductReactivated>(|payload| json(payload, ProductEvent::Reactivated)),
    EventType::of::<ProductUpdated>(|payload| json(payload, ProductEvent::Updated)),
    EventType::of::<CustomerRegistered>(|payload| json(payload, CustomerEvent::Registered)),
    EventType::of::<CustomerUpdated>(|payload| json(payload, CustomerEvent::Updated)),
    EventType::of::<CustomerErased>(|payload| json(payload, CustomerEvent::Erased)),
    EventType::of::<CustomerEmailTaken>(|payload| json(payload, EmailEvent::Taken)),
    EventType::of::<CustomerEmailFreed>(|payload| json(payload, EmailEvent::Freed)),
    EventType::of::<HoldPlaced>(|payload| json(payload, StockHoldEvent::Placed)),
    EventType::of::<HoldReleased>(|payload| json(payload, StockHoldEvent::Released)),
    EventType::of::<HoldExpired>(|payload| json(payload, StockHoldEvent::Expired)),
    EventType::of::<HoldConsumed>(|payload| json(payload, StockHoldEvent::Consumed)),
];

/// Decodes the payload of one event type.
fn json<P: Payload, E: Into<Event>>(payload: &str, event: fn(P) -> E) -> Result<Event, serde_json::Error> {
    serde_json::from_str(payload).map(|payload| event(payload).into())
}

/// An encoded event, ready to be stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Encoded {
    pub event_type: &'static str,
    pub schema_version: i16,
    /// Payload as JSON.
    pub payload: String,
}

/// Encodes an event in the current schema version of its type.
pub fn encode(event: &Event) -> Encoded {
    match event {
        Event::Order(event) => encode_order(event),
        Event::Stock(event) => encode_stock(event),
        Event::Product(event) => encode_product(event),
        Event::Customer(event) => encode_customer(event),
        Event::Email(event) => encode_email(event),
        Event::StockHold(event) => encode_stock_hold(event),
    }
}

fn encode_order(event: &OrderEvent) -> Encoded {
    match event {
        OrderEvent::Placed(e) => encode_payload(e),
        OrderEvent::PaymentAuthorized(e) => encode_payload(e),
        OrderEvent::PaymentCaptured(e) => encode_payload(e),
        OrderEvent::PaymentVoided(e) => encode_payload(e),
        OrderEvent::PaymentFailed(e) => encode_payload(e),
        OrderEvent::FulfilmentCreated(e) => encode_payload(e),
        OrderEvent::FulfilmentShipped(e) => encode_payload(e),
        OrderEvent::FulfilmentDelivered(e) => encode_payload(e),
        OrderEvent::FulfilmentCancelled(e) => encode_payload(e),
        OrderEvent::LinesCancelled(e) => encode_payload(e),
        OrderEvent::Cancelled(e) => encode_payload(e),
        OrderEvent::ReturnRequested(e) => encode_payload(e),
        OrderEvent::ReturnReceived(e) => encode_payload(e),
        OrderEvent::ReturnRejected(e) => encode_payload(e),
        OrderEvent::RefundRecorded(e) => encode_payload(e),
        OrderEvent::Amended(e) => encode_payload(e),
        OrderEvent::Held(e) => encode_payload(e),
        OrderEvent::HoldReleased(e) => encode_payload(e),
        OrderEvent::NoteAdded(e) => encode_payload(e),
        OrderEvent::Tagged(e) => encode_payload(e),
        OrderEvent::AddressesChanged(e) => encode_payload(e),
        OrderEvent::CustomerAssigned(e) => encode_payload(e),
        OrderEvent::PersonalDataErased(e) => encode_payload(e),
        OrderEvent::BackordersChanged(e) => encode_payload(e),
        OrderEvent::Expired(e) => encode_payload(e),
        OrderEvent::Completed(e) => encode_payload(e),
    }
}

fn encode_stock(event: &StockEvent) -> Encoded {
    match event {
        StockEvent::Received(e) => encode_payload(e),
        StockEvent::Adjusted(e) => encode_payload(e),
        StockEvent::Reserved(e) => encode_payload(e),
        StockEvent::Released(e) => encode_payload(e),
        StockEvent::Shipped(e) => encode_payload(e),
        StockEvent::Restocked(e) => encode_payload(e),
        StockEvent::Held(e) => encode_payload(e),
        StockEvent::HoldReleased(e) => encode_payload(e),
        StockEvent::TransferredIn(e) => encode_payload(e),
        StockEvent::TransferredOut(e) => encode_payload(e),
        StockEvent::PolicyChanged(e) => encode_payload(e),
        StockEvent::BackordersChanged(e) => encode_payload(e),
    }
}

fn encode_product(event: &ProductEvent) -> Encoded {
    match event {
        ProductEvent::Created(e) => encode_payload(e),
        ProductEvent::PriceChanged(e) => encode_payload(e),
        ProductEvent::Discontinued(e) => encode_payload(e),
        ProductEvent::Reactivated(e) => encode_payload(e),
        ProductEvent::Updated(e) => encode_payload(e),
    }
}

fn encode_customer(event: &CustomerEvent) -> Encoded {
    match event {
        CustomerEvent::Registered(e) => encode_payload(e),
        CustomerEvent::Updated(e) => encode_payload(e),
        CustomerEvent::Erased(e) => encode_payload(e),
    }
}

fn encode_email(event: &EmailEvent) -> Encoded {
    match event {
        EmailEvent::Taken(e) => encode_payload(e),
        EmailEvent::Freed(e) => encode_payload(e),
    }
}

fn encode_stock_hold(event: &StockHoldEvent) -> Encoded {
    match event {
        StockHoldEvent::Placed(e) => encode_payload(e),
        StockHoldEvent::Released(e) => encode_payload(e),
        StockHoldEvent::Expired(e) => encode_payload(e),
        StockHoldEvent::Consumed(e) => encode_payload(e),
    }
}

fn encode_payload<P: Payload>(payload: &P) -> Encoded {
    const { assert!(is_listed(P::EVENT_TYPE), "every event type must be listed in EVENT_TYPES") };
    let payload = serde_json::to_string(payload).expect("payloads are plain data with text keys");
    Encoded { event_type: P::EVENT_TYPE, schema_version: P::SCHEMA_VERSION, payload }
}

const fn is_listed(event_type: &str) -> bool {
    let mut index = 0;
    while index < EVENT_TYPES.len() {
        if is_equal(EVENT_TYPES[index].name.as_bytes(), event_type.as_bytes()) {
            return true;
        }
        index += 1;
    }
    false
}

/// `a == b`, which is not available in constants.
const fn is_equal(a: &[u8], b: &[u8]) -> bool {
    let mut index = 0;
    while index < a.len() && index < b.len() && a[index] == b[index] {
        index += 1;
    }
    index == a.len() && index == b.len()
}

/// Reason why a stored event cannot be decoded by this build.
#[derive(Debug, thiserror::Error)]
pub enum DecodeError {
    /// The event was written by a newer build or by another system.
    #[error("event type `{0}` is unknown to this build")]
    UnknownType(String),
    /// The event was written by a newer build.
    #[error("`{event_type}` has schema version {found}; this build reads versions 1 to {current}")]
    UnknownVersion { event_type: String, found: i16, current: i16 },
    #[error("the payload of `{event_type}` does not match its schema")]
    Shape {
        event_type: String,
        #[source]
        source: serde_json::Error,
    },
}

/// Decodes a stored event. Payloads of earlier schema versions are upcast to the current version.
pub fn decode(event_type: &str, schema_version: i16, payload: &str) -> Result<Event, DecodeError> {
    let Some(known) = EVENT_TYPES.iter().find(|known| known.name == event_type) else {
        return Err(DecodeError::UnknownType(event_type.to_owned()));
    };
    if !(1..=known.schema_version).contains(&schema_version) {
        return Err(DecodeError::UnknownVersion {
            event_type: event_type.to_owned(),
            found: schema_version,
            current: known.schema_version,
        });
    }
    let upcast = upcast::to_current(event_type, schema_version, payload);
    let decoded = upcast.and_then(|payload| (known.decode)(&payload));
    decoded.map_err(|source| DecodeError::Shape { event_type: event_type.to_owned(), source })
}
