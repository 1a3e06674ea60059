//! Reads the events to publish: batches that the writer has just committed, as long as they are contiguous, otherwise pages of the log.
//!
//! Batches from the writer only save queries. The writer drops batches if the relay is slow, and other instances do not send their
//! batches to this instance: both are gaps, and gaps are read from the log.
//!
//! Events must continue after the last event that was read. The log may have lost that event (a restore, a failover), and another event
//! may have been written at its position. The log is therefore read starting with that event, and a batch of the writer starts with the
//! event before the batch.

use std::collections::VecDeque;
use std::ops::Deref;
use std::sync::Arc;
use std::time::Instant;

use events::{Position, Recorded};
use tokio::sync::mpsc;

use super::lost_events::LostEvents;
use super::watermark::Watermark;
use crate::log::{self, Log};

/// Events in one page: large enough to catch up fast, and small enough that a page of large orders fits in memory.
const PAGE: i64 = 500;

/// Events that are collected before they are sent; more stay in the writer's queue.
const HELD_EVENTS_MAX: usize = 4_096;

/// Reader of the events to publish.
#[derive(Debug)]
pub struct LogReader {
    log: Log,
    batches: mpsc::Receiver<Arc<[Recorded]>>,
    /// Batches that were collected and not taken, each with the time at which it was collected.
    held: VecDeque<(Instant, Arc<[Recorded]>)>,
    /// The last event that was read; `None` before the first event that was read by this reader.
    last: Option<Recorded>,
    /// Whether the log may contain events that were not read.
    behind: bool,
}

/// Consecutive events of the log.
#[derive(Debug)]
pub enum Events {
    /// A batch of the writer, starting at an index.
    Batch(Arc<[Recorded]>, usize),
    /// A page of the log.
    Page(Vec<Recorded>),
}

impl Deref for Events {
    type Target = [Recorded];

    fn deref(&self) -> &[Recorded] {
        match self {
            Events::Batch(batch, from) => &batch[*from..],
            Events::Page(page) => page,
        }
    }
}

/// Events could not be read.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("reading the log for the relay")]
    Log(#[from] log::Error),
    /// Positions in the log have no gaps, so events were removed from the log.
    #[error(
        "the log continues with position {found} after position {after}: events are missing, and the relay does not skip events"
    )]
    Gap {
        /// Position of the last event that was read.
        after: Position,
        /// Position of the next event in the log.
        found: Position,
    },
    #[error(transparent)]
    LostEvents(#[from] LostEvents),
}

impl LogReader {
    /// A reader of `log` and of the batches of the writer.
    pub fn new(log: Log, batches: mpsc::Receiver<Arc<[Recorded]>>) -> LogReader {
        LogReader { log, batches, held: VecDeque::new(), last: None, behind: true }
    }

    /// A reader of `log` that gets no batches of a writer.
    pub fn of_log(log: Log) -> LogReader {
        LogReader::new(log, mpsc::channel(1).1)
    }

    /// The events after the watermark, if a batch with these events was [collected](Self::collect).
    pub fn take_batch(&mut self, watermark: &Watermark) -> Option<Events> {
        while let Some((collected, batch)) = self.held.pop_front() {
            match continuation(&batch, watermark, self.last.as_ref()) {
                Continuation::Old => {}
                Continuation::From(index) => {
                    self.last = batch.last().cloned();
                    return Some(Events::Batch(batch, index));
                }
                Continuation::Gap => {
                    self.held.push_front((collected, batch));
                    self.behind = true;
                    return None;
                }
            }
        }
        None
    }

    /// Whether the log may contain events that the writer has not sent.
    pub fn is_behind(&self) -> bool {
        self.behind
    }

    /// Starts again for a new leader: the log may contain more events.
    pub fn reset(&mut self) {
        self.behind = true;
        self.last = None;
    }

    /// The next page of the log after the watermark; empty at the end of the log. [`LostEvents`] if the log does not contain the event at
    /// the watermark.
    pub async fn read_page(&mut self, watermark: &Watermark) -> Result<Events, Error> {
        let mut page = self.log.read_after(Position((watermark.position.0 - 1).max(0)), PAGE + 1).await?;
        if watermark.position > Position::ZERO {
            let at_watermark = page.first().filter(|event| is_same(event, watermark, self.last.as_ref()));
            if at_watermark.is_none() {
                let (incarnation, position) = (watermark.incarnation, watermark.position);
                return Err(LostEvents::BehindCheckpoint { incarnation, position }.into());
            }
            self.last = Some(page.remove(0));
        }
        if let Some(first) = page.first()
            && first.position != watermark.position.plus(1)
        {
            return Err(Error::Gap { after: watermark.position, found: first.position });
        }
        self.behind = page.len() as i64 >= PAGE;
        if let Some(last) = page.last() {
            self.last = Some(last.clone());
        } else {
            // The held batches were committed before this read. They are not in the log, so they belong to a state of the log that was
            // lost.
            self.held.clear();
        }
        Ok(Events::Page(page))
    }

    /// Collects the batches that have arrived, without waiting, unless the reader is full.
    pub fn collect(&mut self) {
        while !self.is_full()
            && let Ok(batch) = self.batches.try_recv()
        {
            self.held.push_back((Instant::now(), batch));
        }
    }

    /// Time at which the first batch was collected that was not taken yet.
    pub fn waiting_since(&self) -> Option<Instant> {
        self.held.front().map(|(collected, _)| *collected)
    }

    /// Whether no more events may be collected before some are taken.
    pub fn is_full(&self) -> bool {
        self.held.iter().map(|(_, batch)| batch.len()).sum::<usize>() >= HELD_EVENTS_MAX
    }

    /// Waits for the first batch of the writer; forever if there is no writer any more. More batches are [collected](Self::collect)
    /// without waiting: to wake the relay for each of them would cost as much as to send them.
    pub async fn batch_arrived(&mut self) {
        if !self.held.is_empty() {
            return std::future::pending().await;
        }
        match self.batches.recv().await {
            Some(batch) => self.held.push_back((Instant::now(), batch)),
            None => std::future::pending().await,
        }
    }

    /// Discards the batches of the writer while it is polled.
    pub async fn discard_batches(&mut self) {
        self.held.clear();
        while self.batches.recv().await.is_some() {}
        std::future::pending().await
    }
}

/// Whether this is the event at the watermark: the last event that was read, or if that is not known, an event of the same incarnation.
fn is_same(event: &Recorded, watermark: &Watermark, last: Option<&Recorded>) -> bool {
    match last.filter(|last| last.position == watermark.position) {
        Some(last) => event == last,
        None => event.position == watermark.position && event.incarnation == watermark.incarnation,
    }
}

/// How a batch of the writer continues after the watermark.
#[derive(Debug, PartialEq, Eq)]
enum Continuation {
    /// The batch contains no new events.
    Old,
    /// The new events start at this index.
    From(usize),
    /// Events are missing before the batch, or the batch belongs to another state of the log.
    Gap,
}

fn continuation(batch: &[Recorded], watermark: &Watermark, last_read: Option<&Recorded>) -> Continuation {
    let (Some(first), Some(last)) = (batch.first(), batch.last()) else { return Continuation::Old };
    if last.position <= watermark.position {
        return Continuation::Old;
    }
    if first.position.plus(batch.len() - 1) != last.position {
        return Continuation::Gap;
    }
    let index = watermark.position.0 + 1 - first.position.0;
    match (usize::try_from(index), last_read) {
        // Before the first event, there is no event to compare.
        (Ok(0), _) if watermark.position == Position::ZERO => Continuation::From(0),
        (Ok(index @ 1..), Some(last_read)) if batch[index - 1] == *last_read => Continuation::From(index),
        _ => Continuation::Gap,
    }
}

#[cfg(test)]
mod tests {
    use chrono::DateTime;
    use events::{Incarnation, Metadata, Version};

    use super::*;

    fn batch(positions: std::ops::RangeInclusive<i64>, incarnation: i32) -> Vec<Recorded> {
        let event = |position| Recorded {
            incarnation: Incarnation(incarnation),
            position: Position(position),
            stream: "stock-A@main".parse().unwrap(),
            version: Version(position as i32),
            event_type: "StockReceived".into(),
            schema_version: 1,
            payload: r#"{"quantity":5}"#.into(),
            metadata: Metadata::default(),
            command_id: None,
            recorded_at: DateTime::UNIX_EPOCH,
        };
        positions.map(event).collect()
    }

    fn at(position: i64, incarnation: i32) -> Watermark {
        let mut watermark = Watermark::new(1);
        watermark.advance(
            Incarnation(incarnation),
            Position(position),
            watermark.partition_of(&"stock-A@main".parse().unwrap()),
        );
        watermark
    }

    fn last(position: i64, incarnation: i32) -> Option<Recorded> {
        batch(position..=position, incarnation).pop()
    }

    #[test]
    fn a_batch_is_used_only_if_it_continues_after_the_last_event() {
        let last_read = last(5, 1);
        let next = |positions| continuation(&batch(positions, 1), &at(5, 1), last_read.as_ref());
        assert_eq!(next(5..=8), Continuation::From(1));
        assert_eq!(next(4..=8), Continuation::From(2));
        assert_eq!(next(3..=5), Continuation::Old);
        assert_eq!(next(7..=8), Continuation::Gap);
        assert_eq!(next(6..=8), Continuation::Gap, "the batch does not contain the event before it");
        assert_eq!(continuation(&[], &at(5, 1), last_read.as_ref()), Continuation::Old);
        assert_eq!(continuation(&batch(5..=8, 1), &at(5, 1), None), Continuation::Gap, "the last event is not known");
    }

    #[test]
    fn a_batch_of_another_state_of_the_log_is_not_used() {
        assert_eq!(continuation(&batch(5..=8, 2), &at(5, 1), last(5, 1).as_ref()), Continuation::Gap);
        let mut other = last(5, 1);
        if let Some(other) = &mut other {
            other.payload = r#"{"quantity":6}"#.into();
        }
        assert_eq!(continuation(&batch(5..=8, 1), &at(5, 1), other.as_ref()), Continuation::Gap);
        assert_eq!(continuation(&batch(1..=2, 2), &Watermark::new(1), None), Continuation::From(0));
    }

    #[test]
    fn a_batch_with_a_gap_is_not_used() {
        let mut incomplete = batch(5..=9, 1);
        incomplete.remove(2);
        assert_eq!(continuation(&incomplete, &at(5, 1), last(5, 1).as_ref()), Continuation::Gap);
    }

    #[tokio::test]
    async fn contiguous_batches_are_used() {
        let (writer, batches) = mpsc::channel(2);
        let mut reader = LogReader::new(Log::in_memory(), batches);
        writer.send(batch(1..=3, 1).into()).await.unwrap();
        writer.send(batch(3..=5, 1).into()).await.unwrap();
        reader.collect();
        let first = reader.take_batch(&Watermark::new(1)).unwrap();
        assert!(matches!(first, Events::Batch(_, 0)), "{first:?}");
        let second = reader.take_batch(&at(3, 1)).unwrap();
        assert!(matches!(second, Events::Batch(_, 1)), "{second:?}");
    }
}
