//! Sends the events of a range, step by step.

use std::time::{Duration, Instant};

use events::Category;

use super::error::Error;
use super::lease::HeldLease;
use super::progress::Progress;
use super::report::Report;
use crate::relay::error;
use crate::relay::log_reader::LogReader;
use crate::relay::lost_events::LostEvents;
use crate::relay::sender::Sender;
use crate::relay::topic_selection::Topics;

/// Longest wait without an acknowledgement until the next step, which then reports that Kafka does not respond.
const CHECK_INTERVAL: Duration = Duration::from_secs(1);

/// Outcome of a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Outcome {
    /// This number of events was handed to the producer, including events of other topics, which are skipped.
    Sent(usize),
    /// Events are in flight.
    Waiting,
    /// All events of the range are acknowledged.
    Done,
}

/// Sends the events of a range.
pub(super) struct Worker {
    reader: LogReader,
    sender: Sender,
    topics: Topics,
    progress: Progress,
    /// Events that were read, by category.
    counts: [u64; Category::ALL.len()],
}

impl Worker {
    /// The sender is positioned before the range that the progress reports.
    pub(super) fn new(reader: LogReader, sender: Sender, topics: Topics, progress: Progress) -> Worker {
        Worker { reader, sender, topics, progress, counts: Default::default() }
    }

    /// Does the work that can be done without waiting for Kafka.
    pub(super) async fn step(&mut self, lease: &mut HeldLease) -> Result<Outcome, error::Error> {
        lease.renew_if_due().await?;
        self.sender.collect_acknowledgements()?;
        let acknowledged = self.sender.acknowledged().position;
        self.progress.advance(acknowledged);
        if acknowledged >= self.progress.to() {
            return Ok(Outcome::Done);
        }
        self.sender.check_acknowledgements()?;
        if self.sender.needs_events() && self.sender.sent().position < self.progress.to() {
            self.read_events().await?;
        }
        match self.sender.send_until(self.progress.to())? {
            0 => Ok(Outcome::Waiting),
            count => Ok(Outcome::Sent(count)),
        }
    }

    /// Waits until there may be work to do.
    pub(super) async fn wait(&self, lease: &HeldLease) {
        let wake = lease.renew_at().min(Instant::now() + CHECK_INTERVAL);
        tokio::select! {
            () = self.sender.changed() => {}
            () = tokio::time::sleep_until(wake.into()) => {}
        }
    }

    async fn read_events(&mut self) -> Result<(), error::Error> {
        let sent = self.sender.sent();
        let events = self.reader.read_page(sent).await?;
        if events.is_empty() {
            let (incarnation, position) = (sent.incarnation, self.progress.to());
            return Err(LostEvents::BehindCheckpoint { incarnation, position }.into());
        }
        let categories =
            events.iter().take_while(|it| it.position <= self.progress.to()).map(|it| it.stream.category());
        for category in categories.filter(|category| self.topics.contains(*category)) {
            self.counts[category as usize] += 1;
        }
        self.sender.set_events(events);
        Ok(())
    }

    pub(super) fn progress(&self) -> &Progress {
        &self.progress
    }

    /// The error that ended the work, with the position after which it can be continued.
    pub(super) fn stopped(&self, cause: Error) -> Error {
        Error::Stopped { after: self.sender.acknowledged().position, cause: Box::new(cause) }
    }

    /// The result, after all events are acknowledged.
    pub(super) fn report(&self, prefix: &str) -> Report {
        let published =
            Category::ALL.into_iter().zip(self.counts).filter(|(category, _)| self.topics.contains(*category));
        Report::new(self.progress.from()..=self.progress.to(), prefix, published)
    }
}
