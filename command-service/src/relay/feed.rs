//! Where the relay gets its events: from the writer's memory while that is contiguous, else from the log.
//!
//! The log is the truth; memory only spares the database from being asked. The writer drops batches when we are slow, other
//! instances do not tell us at all: both look like a gap here, and gaps are read from the log.

use std::ops::Deref;
use std::sync::Arc;

use events::{Incarnation, Position, Recorded};
use tokio::sync::mpsc;

use super::chain::Mark;
use crate::log::{self, Log};

/// Events in one read: large enough to catch up fast, small enough that a page of large orders fits in memory.
const PAGE: i64 = 500;

/// Source of events.
#[derive(Debug)]
pub struct Feed {
    log: Log,
    batches: mpsc::Receiver<Arc<[Recorded]>>,
    held: Option<Arc<[Recorded]>>,
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
}

impl Feed {
    /// Reads `log` and listens to the writer.
    pub fn new(log: Log, batches: mpsc::Receiver<Arc<[Recorded]>>) -> Feed {
        Feed { log, batches, held: None, behind: true }
    }

    /// The events after `mark` if they are in memory; waits for nothing.
    pub fn take(&mut self, mark: &Mark) -> Option<Events> {
        loop {
            let batch = match self.held.take() {
                Some(batch) => batch,
                None => self.batches.try_recv().ok()?,
            };
            match fit(&batch, mark) {
                Fit::Old => {}
                Fit::From(index) => return Some(Events::Memory(batch, index)),
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
    }

    /// The next page of the log after `mark`; empty at its end.
    pub async fn read(&mut self, mark: &Mark) -> Result<Events, Error> {
        let page = self.log.read_after(mark.position, PAGE).await?;
        if let Some(first) = page.first()
            && first.position != mark.position.plus(1)
        {
            return Err(Error::Gap { after: mark.position, found: first.position });
        }
        self.behind = page.len() as i64 == PAGE;
        if page.is_empty() {
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

/// How a batch of the writer's fits to where we are.
#[derive(Debug, PartialEq, Eq)]
enum Fit {
    /// Nothing new in it.
    Old,
    /// It goes on from this index.
    From(usize),
    /// Something is missing between.
    Gap,
}

fn fit(batch: &[Recorded], mark: &Mark) -> Fit {
    let (Some(first), Some(last)) = (batch.first(), batch.last()) else { return Fit::Old };
    if last.position <= mark.position {
        return Fit::Old;
    }
    let index = mark.position.0 + 1 - first.position.0;
    let gapless = first.position.plus(batch.len() - 1) == last.position;
    let Ok(index) = usize::try_from(index) else { return Fit::Gap };
    if gapless && same_life(mark, first.incarnation) { Fit::From(index) } else { Fit::Gap }
}

/// Before the first event every life is as good as another.
fn same_life(mark: &Mark, incarnation: Incarnation) -> bool {
    mark.position == Position::ZERO || mark.incarnation == incarnation
}

#[cfg(test)]
mod tests {
    use chrono::DateTime;
    use events::{Metadata, Version};

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

    #[test]
    fn memory_is_used_only_where_it_goes_on() {
        assert_eq!(fit(&batch(6..=8, 1), &at(5, 1)), Fit::From(0));
        assert_eq!(fit(&batch(4..=8, 1), &at(5, 1)), Fit::From(2));
        assert_eq!(fit(&batch(3..=5, 1), &at(5, 1)), Fit::Old);
        assert_eq!(fit(&batch(7..=8, 1), &at(5, 1)), Fit::Gap);
        assert_eq!(fit(&[], &at(5, 1)), Fit::Old);
    }

    #[test]
    fn another_life_of_the_log_is_read_from_the_log() {
        assert_eq!(fit(&batch(6..=8, 2), &at(5, 1)), Fit::Gap);
        assert_eq!(fit(&batch(1..=2, 2), &Mark::new(1)), Fit::From(0));
    }

    #[test]
    fn a_batch_with_a_hole_is_read_from_the_log() {
        let mut holed = batch(6..=9, 1);
        holed.remove(1);
        assert_eq!(fit(&holed, &at(5, 1)), Fit::Gap);
    }
}
