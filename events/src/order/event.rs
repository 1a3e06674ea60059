//! [`OrderEvent`]: every event of an order's stream. The payloads are in the modules beside this one.

use super::amendment::OrderAmended;
use super::backorders::OrderBackordersChanged;
use super::cancellation::{OrderCancelled, OrderLinesCancelled};
use super::details::{
    OrderAddressesChanged, OrderCustomerAssigned, OrderNoteAdded, OrderPersonalDataErased, OrderTagged,
};
use super::fulfilment::{FulfilmentCancelled, FulfilmentCreated, FulfilmentDelivered, FulfilmentShipped};
use super::lifecycle::{OrderCompleted, OrderExpired, OrderHeld, OrderHoldReleased};
use super::payment::{PaymentAuthorized, PaymentCaptured, PaymentFailed, PaymentVoided, RefundRecorded};
use super::placed::OrderPlaced;
use super::returns::{ReturnReceived, ReturnRejected, ReturnRequested};

/// An event of an order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OrderEvent {
    Placed(OrderPlaced),
    PaymentAuthorized(PaymentAuthorized),
    PaymentCaptured(PaymentCaptured),
    PaymentVoided(PaymentVoided),
    PaymentFailed(PaymentFailed),
    FulfilmentCreated(FulfilmentCreated),
    FulfilmentShipped(FulfilmentShipped),
    FulfilmentDelivered(FulfilmentDelivered),
    FulfilmentCancelled(FulfilmentCancelled),
    LinesCancelled(OrderLinesCancelled),
    Cancelled(OrderCancelled),
    ReturnRequested(ReturnRequested),
    ReturnReceived(ReturnReceived),
    ReturnRejected(ReturnRejected),
    RefundRecorded(RefundRecorded),
    Amended(OrderAmended),
    Held(OrderHeld),
    HoldReleased(OrderHoldReleased),
    NoteAdded(OrderNoteAdded),
    Tagged(OrderTagged),
    AddressesChanged(OrderAddressesChanged),
    CustomerAssigned(OrderCustomerAssigned),
    PersonalDataErased(OrderPersonalDataErased),
    BackordersChanged(OrderBackordersChanged),
    Expired(OrderExpired),
    Completed(OrderCompleted),
}
