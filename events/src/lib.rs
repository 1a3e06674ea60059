//! The shared vocabulary of the platform: events, identifiers, money, streams and positions, and their encoding.
//!
//! Every other crate uses this crate. It does no I/O and depends on no service. The events are in [`order`], [`stock`], [`hold`],
//! [`product`] and [`customer`]; [`Recorded`] is an event with its place in the log; [`codec`] encodes and decodes stored events;
//! [`cloudevents`], [`schemas`] and [`topics`] define the messages on Kafka; [`personal`] and [`erasure`] define which data is personal
//! and how it is removed; [`email`] defines when two e-mail addresses are the same.

pub mod cloudevents;
pub mod codec;
pub mod customer;
pub mod email;
pub mod erasure;
pub mod event;
pub mod exact;
pub mod id;
pub mod log_id;
pub mod money;
pub mod name;
mod omit;
pub mod order;
pub mod payload;
pub mod personal;
pub mod position;
pub mod product;
pub mod recorded;
pub mod schemas;
pub mod stock;
pub mod stock_hold;
pub mod stream;
pub mod text;
pub mod topics;
mod upcast;

pub use codec::DecodeError;
pub use event::Event;
pub use exact::MAX_EXACT;
pub use id::{CustomerId, EventId, OrderId, StockHoldId};
pub use log_id::{LogId, Source};
pub use money::{Currency, Minor};
pub use name::{ChannelCode, Location, OrderCode, Quantity, Sku};
pub use personal::Personal;
pub use position::{Incarnation, LogPosition, Position, Version};
pub use recorded::{Metadata, Recorded};
pub use stream::{Category, EmailHash, StreamId};
