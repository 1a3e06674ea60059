//! [`Sender`]: publishes events that were read, and keeps track of what is sent and what is acknowledged. Used by the
//! [`leader`](super::leader), which publishes new events, and by [`republish`](super::republish), which publishes earlier events again.

use std::sync::Arc;
use std::time::{Duration, Instant};

use events::Position;

use super::error::Error;
use super::in_flight::{DeliveryFailure, InFlight, Limit};
use super::log_reader::Events;
use super::measures;
use super::producer::SendError;
use super::sink::Publisher;
use super::watermark::Watermark;

/// Maximum number of events sent in one step. A step takes a fraction of a millisecond, so that other tasks of the thread can run.
const MAX_EVENTS_PER_STEP: usize = 128;

/// Kafka is reported as down after this time without an acknowledgement.
const DOWN_AFTER: Duration = Duration::from_secs(5);

/// Sending ends with an error after this time without an acknowledgement, so that another instance can try. Until then the producer is
/// kept, because a new producer sends the events in flight again.
const END_AFTER: Duration = Duration::from_secs(30);

/// How often an idle sender checks whether Kafka is available again.
const PROBE_INTERVAL: Duration = Duration::from_secs(2);

/// Sends events in the order of the log.
pub struct Sender {
    sent: Watermark,
    acknowledged: Watermark,
    backlog: Option<Backlog>,
    in_flight: Arc<InFlight>,
    publisher: Publisher,
    last_acknowledged: Instant,
    last_probe: Instant,
}

/// Events that were read; the events from index `next` are not sent yet.
struct Backlog {
    events: Events,
    next: usize,
}

impl Sender {
    /// A sender of the events after the watermark. The publisher reports to `in_flight`.
    pub fn new(watermark: Watermark, in_flight: Arc<InFlight>, publisher: Publisher) -> Sender {
        let (sent, acknowledged, now) = (watermark.clone(), watermark, Instant::now());
        Sender { sent, acknowledged, backlog: None, in_flight, publisher, last_acknowledged: now, last_probe: now }
    }

    /// The events up to here were handed to the publisher.
    pub fn sent(&self) -> &Watermark {
        &self.sent
    }

    /// The events up to here were published.
    pub fn acknowledged(&self) -> &Watermark {
        &self.acknowledged
    }

    /// Whether all sent events are acknowledged.
    pub fn is_drained(&self) -> bool {
        self.in_flight.is_empty()
    }

    /// Whether events can be sent, and there are none to send.
    pub fn needs_events(&self) -> bool {
        self.backlog.is_none() && self.has_room()
    }

    /// Whether the limits on events in flight allow one more event.
    pub fn has_room(&self) -> bool {
        self.in_flight.has_room()
    }

    /// Current limit on events in flight.
    pub fn limit(&self) -> Limit {
        self.in_flight.limit()
    }

    /// Sets the events to send next: those after [`Sender::sent`].
    pub fn set_events(&mut self, events: Events) {
        self.backlog = (!events.is_empty()).then_some(Backlog { events, next: 0 });
    }

    /// Waits for acknowledgements or a failure.
    pub async fn changed(&self) {
        self.in_flight.changed().await;
    }

    /// Moves the acknowledged watermark. Returns the number of events.
    pub fn collect_acknowledgements(&mut self) -> Result<usize, Error> {
        let count = self.in_flight.advance(&mut self.acknowledged);
        if count > 0 {
            self.last_acknowledged = Instant::now();
            measures::published(count);
        }
        match self.in_flight.failure() {
            Some(failure) => Err(Error::Undelivered(failure)),
            None => Ok(count),
        }
    }

    /// Reports Kafka as down if no acknowledgement arrives; an error if none arrives for long.
    pub fn check_acknowledgements(&mut self) -> Result<(), Error> {
        if self.in_flight.is_empty() {
            if self.publisher.is_down() && self.last_probe.elapsed() >= PROBE_INTERVAL {
                self.last_probe = Instant::now();
                self.publisher.probe();
            }
            return Ok(());
        }
        let elapsed = self.last_acknowledged.elapsed();
        if elapsed >= END_AFTER {
            return Err(Error::NoAcknowledgement(END_AFTER));
        }
        if elapsed >= DOWN_AFTER {
            self.publisher.report_silence(elapsed);
        }
        Ok(())
    }

    /// Sends events within the limits. Returns the number of events.
    pub fn send(&mut self) -> Result<usize, Error> {
        self.send_until(Position(i64::MAX))
    }

    /// Sends events up to a position within the limits. Returns the number of events.
    pub fn send_until(&mut self, end: Position) -> Result<usize, Error> {
        let Some(backlog) = &mut self.backlog else { return Ok(0) };
        if self.in_flight.is_empty() {
            self.last_acknowledged = Instant::now();
        }
        let start = backlog.next;
        for event in backlog.events.iter().skip(start).take(MAX_EVENTS_PER_STEP).take_while(|it| it.position <= end) {
            let partition = self.sent.partition_of(&event.stream);
            if !self.in_flight.add(event.incarnation, partition, event.payload.len()) {
                break;
            }
            if let Err(error) = self.publisher.send(event, partition, self.sent.last(partition)) {
                self.in_flight.remove_last();
                match error {
                    SendError::Full => break,
                    SendError::Rejected(reason) => {
                        return Err(Error::Undelivered(DeliveryFailure { position: Some(event.position), reason }));
                    }
                }
            }
            self.sent.advance(event.incarnation, event.position, partition);
            backlog.next += 1;
        }
        let count = backlog.next - start;
        self.backlog.take_if(|backlog| backlog.next == backlog.events.len());
        Ok(count)
    }
}
