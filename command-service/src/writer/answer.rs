//! The answer to a command that took effect. It is derived from the events of the command, so that a repeat gets the same answer
//! years later.

use events::order::{OrderEvent, PartNo};
use events::{DecodeError, Event, OrderCode, Position, Recorded, StreamId, Version};
use schemars::JsonSchema;
use serde::Serialize;

/// The effect of a command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// The stream that the command addressed.
    pub stream: StreamId,
    /// Code of the order that the command placed.
    pub code: Option<OrderCode>,
    /// Numbers of the payment, fulfilment or return that the command created or changed.
    pub numbers: PartNumbers,
    /// Version of the addressed stream after the command.
    pub version: Version,
    /// Position of the command's last event; a read model at this position contains the effect of the command.
    pub position: Position,
}

/// Numbers, within the order, of the payment, fulfilment or return that a command created or changed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, JsonSchema)]
pub struct PartNumbers {
    /// Number of a payment.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub payment: Option<PartNo>,
    /// Number of a fulfilment.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fulfilment: Option<PartNo>,
    /// Number of a return.
    #[serde(rename = "return", skip_serializing_if = "Option::is_none")]
    pub return_no: Option<PartNo>,
}

impl Answer {
    /// An answer that contains only the stream that the command addresses.
    pub fn about(stream: StreamId, version: Version, position: Position) -> Answer {
        Answer { stream, code: None, numbers: PartNumbers::default(), version, position }
    }

    /// Adds the command's next event to the answer.
    pub fn add(&mut self, stream: &StreamId, version: Version, event: &Event) {
        if *stream != self.stream {
            return;
        }
        self.version = version;
        let Event::Order(event) = event else { return };
        match event {
            OrderEvent::Placed(e) => self.code = Some(e.code.clone()),
            OrderEvent::PaymentAuthorized(e) => self.numbers.payment = Some(e.payment),
            OrderEvent::PaymentCaptured(e) => self.numbers.payment = Some(e.payment),
            OrderEvent::PaymentVoided(e) => self.numbers.payment = Some(e.payment),
            OrderEvent::PaymentFailed(e) => self.numbers.payment = Some(e.payment),
            OrderEvent::FulfilmentCreated(e) => self.numbers.fulfilment = Some(e.fulfilment),
            OrderEvent::FulfilmentShipped(e) => self.numbers.fulfilment = Some(e.fulfilment),
            OrderEvent::FulfilmentDelivered(e) => self.numbers.fulfilment = Some(e.fulfilment),
            OrderEvent::FulfilmentCancelled(e) => self.numbers.fulfilment = Some(e.fulfilment),
            OrderEvent::ReturnRequested(e) => self.numbers.return_no = Some(e.return_no),
            OrderEvent::ReturnReceived(e) => self.numbers.return_no = Some(e.return_no),
            OrderEvent::ReturnRejected(e) => self.numbers.return_no = Some(e.return_no),
            OrderEvent::RefundRecorded(e) => self.numbers.payment = Some(e.payment),
            OrderEvent::LinesCancelled(_)
            | OrderEvent::Cancelled(_)
            | OrderEvent::Amended(_)
            | OrderEvent::Held(_)
            | OrderEvent::HoldReleased(_)
            | OrderEvent::NoteAdded(_)
            | OrderEvent::Tagged(_)
            | OrderEvent::AddressesChanged(_)
            | OrderEvent::CustomerAssigned(_)
            | OrderEvent::PersonalDataErased(_)
            | OrderEvent::BackordersChanged(_)
            | OrderEvent::Expired(_)
            | OrderEvent::Completed(_) => {}
        }
    }

    /// The first answer to a command, from its events (at least those in the stream that it addressed) and the position of its
    /// last event; `None` without events.
    pub fn from_events(events: &[Recorded], last: Position) -> Result<Option<Answer>, DecodeError> {
        let Some(first) = events.first() else { return Ok(None) };
        let mut answer = Answer::about(first.stream.clone(), first.version, last);
        for recorded in events.iter().filter(|recorded| recorded.stream == first.stream) {
            answer.add(&recorded.stream, recorded.version, &recorded.decode()?);
        }
        Ok(Some(answer))
    }
}
