//! Events of an order: one stream contains the order with its payments, fulfilments, returns and refunds.
//!
//! An event contains everything that a fold of the order needs (names, prices, tax, code), so a fold reads no other stream.
//! Quantities, amounts and statuses that follow from the events are in [`progress`]. The amounts of a line follow from its quantity
//! in [`pricing`].

mod amendment;
mod backorders;
mod cancellation;
mod details;
mod event;
mod fulfilment;
mod lifecycle;
mod line;
mod numbers;
mod payment;
mod placed;
pub mod pricing;
pub mod progress;
mod returns;
mod shipping;
mod status;

pub use amendment::{LineChange, OrderAmended};
pub use backorders::{LineBackorders, OrderBackordersChanged};
pub use cancellation::{CancelledLine, OrderCancelled, OrderLinesCancelled, RemainingLine};
pub use details::{OrderAddressesChanged, OrderCustomerAssigned, OrderNoteAdded, OrderPersonalDataErased, OrderTagged};
pub use event::OrderEvent;
pub use fulfilment::{FulfilmentCancelled, FulfilmentCreated, FulfilmentDelivered, FulfilmentShipped};
pub use lifecycle::{OrderCompleted, OrderExpired, OrderHeld, OrderHoldReleased};
pub use line::{Line, LineQuantity};
pub use numbers::{LineNo, PartNo};
pub use payment::{PaymentAuthorized, PaymentCaptured, PaymentFailed, PaymentVoided, RefundKind, RefundRecorded};
pub use placed::OrderPlaced;
pub use returns::{Disposition, ReceivedUnits, ReturnReceived, ReturnRejected, ReturnRequested};
pub use shipping::ShippingLine;
