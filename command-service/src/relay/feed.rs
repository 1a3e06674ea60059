//! Where the relay gets its events: from the writer's memory while that is contiguous, else from the log.
//!
//! The log is the truth; memory only spares the database from being asked. The writer drops batches when we are slow, other
//! instances do not tell us at all: both look like a gap here, and gaps are read from the log.
//!
//! What goes on must go on after the event that was handed out last. The log may have lost that event (a restore, a failover),
//! and others may have written another one to its position. So the log is read from that event on, and a batch of the writer's
//! begins with the event before it.

use std::ops::Deref;
use std::sync::Arc;

use events::{Position, Recorded};
use tokio::sync::mpsc;

use super::chain::Mark;
use super::error::LostTail;
use crate::log::{self, Log};

/// Events in one read: large enough to catch up fast, small enough that a page of large orders fits in memory.
const PAGE: i64 = 500;

/// Source of events.
#[derive(Debug)]
pub struct Feed {
    log: Log,
    batches: mpsc::Receiver<Arc<[Recorded]>>,
    held: Option<Arc<[Recorded]>>,
    /// The event that was handed out last; none where nothing was, or not by this feed.
    last: Option<Recorded>,
    /// Whether the log is known to hold more than was read.
    behind: bool,
}

/// Events in the order of the log.
#[derive(Debug)]
pub enum Events {
    /// A batch of the writer's, from an index on.
    Memory(Arc<[Recorded]>, usize),
    /// A page of the log.
    Log(Vec<Recorded>),
}

impl Deref for Events {
    type Target = [Recorded];

    fn deref(&self) -> &[Recorded] {
        match self {
            Events::Memory(batch, from) => &batch[*from..],
            Events::Log(page) => page,
        }
    }
}

/// Why there are no events.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The log cannot be read.
    #[error("reading the log for Kafka")]
    Log(#[from] log::Error),
    /// Positions are gapless, so this is no log of ours any more.
    #[error("the log goes on with position {found} after {after}: events are missing, and the relay does not skip any")]
    Gap {
        /// The last event that we have.
        after: Position,
        /// The next one that there is.
        found: Position,
    },
    /// The event that was relayed last is not in the log any more.
    #[error(transparent)]
    LostTail(#[from] LostTail),
}

impl Feed {
    /// Reads `log` and listens to the writer.
    pub fn new(log: Log, batches: mpsc::Receiver<Arc<[Recorded]>>) -> Feed {
        Feed { log, batches, held: None, last: None, behind: true }
    }

    /// The events after `mark` if they are in memory; waits for nothing.
    pub fn take(&mut self, mark: &Mark) -> Option<Events> {
        loop {
            let batch = match self.held.take() {
                Some(batch) => batch,
                None => self.batches.try_recv().ok()?,
            };
            match fit(&batch, mark, self.last.as_ref()) {
                Fit::Old => {}
                Fit::From(index) => {
                    self.last = batch.last().cloned();
                    return Some(Events::Memory(batch, index));
                }
                Fit::Gap => {
                    self.held = Some(batch);
                    self.behind = true;
                    return None;
                }
            }
        }
    }

    /// Whether the log is known to hold events that memory does not.
    pub fn is_behind(&self) -> bool {
        self.behind
    }

    /// A new leader knows nothing: the log may hold more.
    pub fn look_again(&mut self) {
        self.behind = true;
        self.last = None;
    }

    /// The next page of the log after `mark`; empty at its end. Fails where the log does not hold the event at `mark`.
    pub async fn read(&mut self, mark: &Mark) -> Result<Events, Error> {
        let mut page = self.log.read_after(Position((mark.position.0 - 1).max(0)), PAGE + 1).await?;
        if mark.position > Position::ZERO {
            let at_mark = page.first().filter(|event| is_same(event, mark, self.last.as_ref()));
            if at_mark.is_none() {
                let (incarnation, position) = (mark.incarnation, mark.position);
                return Err(LostTail::BehindCheckpoint { incarnation, position }.into());
            }
            self.last = Some(page.remove(0));
        }
        if let Some(first) = page.first()
            && first.position != mark.position.plus(1)
        {
            return Err(Error::Gap { after: mark.position, found: first.position });
        }
        self.behind = page.len() as i64 >= PAGE;
        if let Some(last) = page.last() {
            self.last = Some(last.clone());
        } else {
            // What is held was committed before this read, so it is not ours: memory of a log that is no more.
            self.held = None;
        }
        Ok(Events::Log(page))
    }

    /// Returns when the writer has said something new; never if there is no writer any more.
    pub async fn arrived(&mut self) {
        if self.held.is_some() {
            return std::future::pending().await;
        }
        match self.batches.recv().await {
            Some(batch) => self.held = Some(batch),
            None => std::future::pending().await,
        }
    }

    /// Forgets what the writer says, for as long as this is polled.
    pub async fn ignore(&mut self) {
        self.held = None;
        while self.batches.recv().await.is_some() {}
        std::future::pending().await
    }
}

/// Whether this is the event at `mark`: the one that was handed out last, or where that is not known, one of the same life of the
/// log.
fn is_same(event: &Recorded, mark: &Mark, last: Option<&Recorded>) -> bool {
    match last.filter(|last| last.position == mark.position) {
        Some(last) => event == last,
        None => event.position == mark.position && event.incarnation == mark.incarnation,
    }
}

/// How a batch of the writer's fits to where we are.
#[derive(Debug, PartialEq, Eq)]
enum Fit {
    /// Nothing new in it.
    Old,
    /// It goes on from this index.
    From(usize),
    /// Something is missing between, or it may be another log.
    Gap,
}

fn fit(batch: &[Recorded], mark: &Mark, handed_out: Option<&Recorded>) -> Fit {
    let (Some(first), Some(last)) = (batch.first(), batch.last()) else { return Fit::Old };
    if last.position <= mark.position {
        return Fit::Old;
    }
    if first.position.plus(batch.len() - 1) != last.position {
        return Fit::Gap;
    }
    let index = mark.position.0 + 1 - first.position.0;
    match (usize::try_from(index), handed_out) {
        // Before the first event every log is as good as another.
        (Ok(0), _) if mark.position == Position::ZERO => Fit::From(0),
        (Ok(index @ 1..), Some(handed_out)) if batch[index - 1] == *handed_out => Fit::From(index),
        _ => Fit::Gap,
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

    fn at(position: i64, incarnation: i32) -> Mark {
        let mut mark = Mark::new(1);
        mark.advance(Incarnation(incarnation), Position(position), mark.slot_of(&"stock-A@main".parse().unwrap()));
        mark
    }

    fn last(position: i64, incarnation: i32) -> Option<Recorded> {
        batch(position..=position, incarnation).pop()
    }

    #[test]
    fn memory_is_used_only_where_it_goes_on() {
        let handed_out = last(5, 1);
        let fits = |positions| fit(&batch(positions, 1), &at(5, 1), handed_out.as_ref());
        assert_eq!(fits(5..=8), Fit::From(1));
        assert_eq!(fits(4..=8), Fit::From(2));
        assert_eq!(fits(3..=5), Fit::Old);
        assert_eq!(fits(7..=8), Fit::Gap);
        assert_eq!(fits(6..=8), Fit::Gap, "the event before it is not there");
        assert_eq!(fit(&[], &at(5, 1), handed_out.as_ref()), Fit::Old);
        assert_eq!(fit(&batch(5..=8, 1), &at(5, 1), None), Fit::Gap, "what was handed out is not known");
    }

    #[test]
    fn another_log_is_read_from_the_log() {
        assert_eq!(fit(&batch(5..=8, 2), &at(5, 1), last(5, 1).as_ref()), Fit::Gap);
        let mut other = last(5, 1);
        if let Some(other) = &mut other {
            other.payload = r#"{"quantity":6}"#.into();
        }
        assert_eq!(fit(&batch(5..=8, 1), &at(5, 1), other.as_ref()), Fit::Gap);
        assert_eq!(fit(&batch(1..=2, 2), &Mark::new(1), None), Fit::From(0));
    }

    #[test]
    fn a_batch_with_a_hole_is_read_from_the_log() {
        let mut holed = batch(5..=9, 1);
        holed.remove(2);
        assert_eq!(fit(&holed, &at(5, 1), last(5, 1).as_ref()), Fit::Gap);
    }

    #[tokio::test]
    async fn memory_spares_the_log() {
        let (offer, batches) = mpsc::channel(2);
        let mut feed = Feed::new(Log::in_memory(), batches);
        offer.send(batch(1..=3, 1).into()).await.unwrap();
        offer.send(batch(3..=5, 1).into()).await.unwrap();
        let first = feed.take(&Mark::new(1)).unwrap();
        assert!(matches!(first, Events::Memory(_, 0)), "{first:?}");
        let second = feed.take(&at(3, 1)).unwrap();
        assert!(matches!(second, Events::Memory(_, 1)), "{second:?}");
    }
}
