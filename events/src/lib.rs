//! The language of the platform: events, identifiers, money, streams and positions, and how they are written down.
//!
//! Every other crate speaks it; it does no I/O and knows no service. Start with [`order`], [`stock`], [`hold`],
//! [`product`] and [`customer`] for what can happen, [`Recorded`] for how it is kept, [`codec`] for how it is read back,
//! [`cloudevents`], [`schemas`] and [`topics`] for how it leaves the platform, [`personal`] and [`erasure`] for what is to be
//! forgotten.

pub mod cloudevents;
pub mod codec;
pub mod customer;
pub mod erasure;
pub mod exact;
pub mod hold;
pub mod id;
pub mod log_id;
pub mod money;
pub mod name;
pub mod order;
pub mod personal;
pub mod position;
pub mod product;
pub mod recorded;
pub mod schemas;
pub mod stock;
pub mod stream;
pub mod text;
pub mod topics;
mod upcast;

pub use codec::{DecodeError, Event};
pub use exact::MAX_EXACT;
pub use id::{CustomerId, EventId, HoldId, OrderId};
pub use log_id::{LogId, Source};
pub use money::{Currency, Minor};
pub use name::{ChannelCode, Location, OrderCode, Quantity, Sku};
pub use personal::Personal;
pub use position::{Incarnation, LogPosition, Position, Version};
pub use recorded::{Metadata, Recorded};
pub use stream::{Category, EmailHash, StreamId};
