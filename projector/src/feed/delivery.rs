//! [`Delivery`]: what a feed delivers, and the limits of a batch, which are the same for every feed.

use std::time::Duration;

use events::cloudevents::{InvalidMessage, Message};

/// Longest wait for the first message of a batch; then the worker does its other work.
pub(super) const IDLE: Duration = Duration::from_millis(200);

/// Window of a batch of a projection with moderate latency, under load.
pub(super) const MODERATE_WINDOW: Duration = Duration::from_millis(100);

/// A batch ends with the message whose payload makes the batch reach this number of bytes.
pub const BATCH_BYTES_MAX: usize = 4 * 1024 * 1024;

/// A message that a feed delivered.
#[derive(Debug, Clone)]
pub struct Delivery {
    /// Partition of the message.
    pub partition: i32,
    /// Offset of the message in its partition of Kafka; position of the event if the message comes from the log.
    pub offset: i64,
    /// The event, or the reason why the message is not an event.
    pub message: Result<Message, InvalidMessage>,
}

impl Delivery {
    /// Size of the payload in bytes; 0 for a message that is not an event, whose payload is not kept.
    pub fn bytes(&self) -> usize {
        self.message.as_ref().map_or(0, |message| message.event.payload.len())
    }
}
