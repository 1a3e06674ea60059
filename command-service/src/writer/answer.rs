//! What a caller is told of a command that took effect: derived from its events, so that a repeat years later is told the same.

use events::order::{OrderEvent, PartNo};
use events::{DecodeError, Event, OrderCode, Position, Recorded, StreamId, Version};
use schemars::JsonSchema;
use serde::Serialize;

/// What a command did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// The stream that the command addressed.
    pub stream: StreamId,
    /// The order's code, where the command gave one out.
    pub code: Option<OrderCode>,
    /// The payment, fulfilment or return that the command made or moved.
    pub part: Part,
    /// Version of the addressed stream after the command.
    pub version: Version,
    /// Position of the command's last event; a read that has come this far sees the command's effect.
    pub position: Position,
}

/// The part of an order that a command made or moved.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Part {
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
    /// The answer before anything is known but the stream that the command addresses.
    pub fn about(stream: StreamId, version: Version, position: Position) -> Answer {
        Answer { stream, code: None, part: Part::default(), version, position }
    }

    /// Takes the command's next event into the answer.
    pub fn add(&mut self, stream: &StreamId, version: Version, event: &Event) {
        if *stream != self.stream {
            return;
        }
        self.version = version;
        let Event::Order(event) = event else { return };
        match event {
            OrderEvent::Placed(e) => self.code = Some(e.code.clone()),
            OrderEvent::PaymentAuthorized(e) => self.part.payment = Some(e.payment),
            OrderEvent::PaymentCaptured(e) => self.part.payment = Some(e.payment),
            OrderEvent::PaymentVoided(e) => self.part.payment = Some(e.payment),
            OrderEvent::PaymentFailed(e) => self.part.payment = Some(e.payment),
            OrderEvent::FulfilmentCreated(e) => self.part.fulfilment = Some(e.fulfilment),
            OrderEvent::FulfilmentShipped(e) => self.part.fulfilment = Some(e.fulfilment),
            OrderEvent::FulfilmentDelivered(e) => self.part.fulfilment = Some(e.fulfilment),
            OrderEvent::FulfilmentCancelled(e) => self.part.fulfilment = Some(e.fulfilment),
            OrderEvent::ReturnRequested(e) => self.part.return_no = Some(e.return_no),
            OrderEvent::ReturnReceived(e) => self.part.return_no = Some(e.return_no),
            OrderEvent::ReturnRejected(e) => self.part.return_no = Some(e.return_no),
            OrderEvent::RefundRecorded(e) => self.part.payment = Some(e.payment),
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

    /// The first answer again, from the events that the command wrote to the stream that it addressed, which may be among
    /// others, and the position of its last event; `None` where there are none.
    pub fn again(events: &[Recorded], last: Position) -> Result<Option<Answer>, DecodeError> {
        let Some(first) = events.first() else { return Ok(None) };
        let mut answer = Answer::about(first.stream.clone(), first.version, last);
        for recorded in events.iter().filter(|recorded| recorded.stream == first.stream) {
            answer.add(&recorded.stream, recorded.version, &recorded.decode()?);
        }
        Ok(Some(answer))
    }
}
