//! One stream: its place in the log, and the batch that it sends. Built by [`super::EventStreams`].

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use events::{Incarnation, LogPosition, Position, Version};
use metrics::counter;
use platform::metric_names::QUERY_STREAM_DATABASE_READS_TOTAL;
use tokio::sync::watch;

use super::batch::Batch;
use super::ring::Next;
use super::shared::Registration;
use crate::reads::database::failure::Failure;
use crate::reads::error::{BeyondLog, Error, EventsLost};
use crate::reads::events::log_range::{Continuity, LogRange, Selection};
use crate::reads::events::{Events, Reader};
use crate::reads::latest::Latest;

/// Pause of a stream before it reads the database again after a failure, or after it found nothing new there.
const PAUSE: Duration = Duration::from_millis(500);
/// Longest wait of a new stream for its turn to read the database; the client then repeats the request.
const FIRST_READ_TIMEOUT: Duration = Duration::from_secs(5);

/// The place of a stream in the log.
#[derive(Debug, Clone, Copy)]
pub struct Cursor {
    /// Every event up to this position was sent or is not selected.
    pub position: Position,
    /// The incarnation of the log in which that was true; `None` for a position as the log is now.
    pub incarnation: Option<Incarnation>,
    /// Version of the last event that was sent; used only if one stream of the log is selected.
    version: Version,
}

impl Cursor {
    /// The place after an event that the reader has.
    pub fn at(at: LogPosition) -> Cursor {
        Cursor { position: at.position, incarnation: Some(at.incarnation), version: Version::NONE }
    }

    /// The place after a position, as the log is now.
    pub fn after(position: Position) -> Cursor {
        Cursor { position, incarnation: None, version: Version::NONE }
    }

    fn log_position(&self) -> Option<LogPosition> {
        self.incarnation.map(|incarnation| LogPosition { incarnation, position: self.position })
    }
}

/// What a stream has next.
#[derive(Debug)]
pub enum Item {
    /// An event, encoded.
    Event(Bytes),
    /// Every selected event up to this log position was sent.
    Progress(LogPosition),
}

/// One stream.
pub struct Subscription {
    events: Events,
    latest: Latest,
    registration: Registration,
    tail: watch::Receiver<Option<LogPosition>>,
    selection: Selection,
    cursor: Cursor,
    held: Option<Held>,
}

/// The batch that a stream sends.
struct Held {
    batch: Arc<Batch>,
    /// Index of the next event.
    next: usize,
    /// The batch is valid in this epoch of the ring.
    epoch: u64,
}

impl Subscription {
    pub(super) fn new(
        events: Events,
        latest: Latest,
        registration: Registration,
        selection: Selection,
        cursor: Cursor,
    ) -> Subscription {
        let tail = registration.shared().watch_tail();
        Subscription { events, latest, registration, tail, selection, cursor, held: None }
    }

    /// Where the stream begins.
    pub fn position(&self) -> Position {
        self.cursor.position
    }

    /// Checks that the log contains the position after which the stream begins.
    pub(super) async fn check_begin(&mut self) -> Result<(), Error> {
        // A position beyond the tail may be beyond the end of the log.
        let is_known = match self.next_in_ring() {
            Next::Batch(..) => true,
            Next::AtTail => self.registration.shared().tail() == self.cursor.log_position(),
            Next::Missing => false,
        };
        if is_known {
            return Ok(());
        }
        let reading = tokio::time::timeout(FIRST_READ_TIMEOUT, self.read_range());
        let range = reading.await.unwrap_or_else(|_| Err(Failure::Busy.into()))?;
        let (head, epoch) = (range.range.head, range.epoch);
        match range.range.continuity(self.cursor.incarnation, self.cursor.position) {
            Continuity::Continues => self.hold(range.range, epoch),
            Continuity::Behind => Err(BeyondLog { position: self.cursor.position, end: head.position }.into()),
            Continuity::Lost => Err(self.events_lost(head).await),
        }
    }

    /// Waits for what comes next. An error ends the stream.
    pub async fn next(&mut self) -> Result<Item, Error> {
        loop {
            if let Some(item) = self.next_held() {
                return Ok(item);
            }
            match self.next_in_ring() {
                Next::Batch(batch, epoch) => {
                    let next = batch.first_after(self.cursor.position);
                    self.held = Some(Held { batch, next, epoch });
                }
                Next::AtTail => self.tail_moves().await,
                Next::Missing => self.read_database().await?,
            }
        }
    }

    fn next_in_ring(&self) -> Next {
        self.cursor.log_position().map_or(Next::Missing, |at| self.registration.shared().next(at))
    }

    /// The next event of the batch, or the end of the batch. A batch that has become invalid is read again.
    fn next_held(&mut self) -> Option<Item> {
        let held = self.held.as_mut()?;
        if held.epoch != self.registration.shared().epoch() {
            self.held = None;
            return None;
        }
        while let Some(event) = held.batch.events.get(held.next) {
            held.next += 1;
            self.cursor.position = event.position;
            if event.is_selected(&self.selection) {
                self.cursor.version = event.version;
                return Some(Item::Event(event.block.clone()));
            }
        }
        self.cursor.position = held.batch.upto.max(self.cursor.position);
        self.held = None;
        self.cursor.log_position().map(Item::Progress)
    }

    /// Returns when the ring has events after the cursor, or belongs to another incarnation of the log.
    async fn tail_moves(&mut self) {
        let cursor = self.cursor;
        let has_moved = |tail: &Option<LogPosition>| {
            tail.is_some_and(|tail| tail.position > cursor.position || Some(tail.incarnation) != cursor.incarnation)
        };
        if self.tail.wait_for(has_moved).await.is_err() {
            std::future::pending::<()>().await;
        }
    }

    /// Reads what the ring does not have. While no database answers, the stream waits.
    async fn read_database(&mut self) -> Result<(), Error> {
        let Read { range, epoch } = match self.read_range().await {
            Ok(read) => read,
            Err(Error::Database(_)) => {
                tokio::time::sleep(PAUSE).await;
                return Ok(());
            }
            Err(error) => return Err(error),
        };
        let head = range.head;
        match range.continuity(self.cursor.incarnation, self.cursor.position) {
            Continuity::Continues if self.is_news(&range) => self.hold(range, epoch),
            Continuity::Continues | Continuity::Behind => {
                tokio::time::sleep(PAUSE).await;
                Ok(())
            }
            Continuity::Lost => Err(self.events_lost(head).await),
        }
    }

    fn is_news(&self, range: &LogRange) -> bool {
        range.covered > self.cursor.position || Some(range.head.incarnation) != self.cursor.incarnation
    }

    fn hold(&mut self, range: LogRange, epoch: u64) -> Result<(), Error> {
        self.cursor.incarnation = Some(range.head.incarnation);
        let batch = Batch::of(self.cursor.position, range)?;
        self.held = Some(Held { batch: Arc::new(batch), next: 0, epoch });
        Ok(())
    }

    /// Reads the range after the cursor: from the database that serves reads, or from the newest one if that has nothing more.
    async fn read_range(&self) -> Result<Read, Error> {
        let Ok(_permit) = self.registration.shared().database_readers.acquire().await else {
            return Err(Failure::Down.into());
        };
        counter!(QUERY_STREAM_DATABASE_READS_TOTAL).increment(1);
        let Cursor { position, version, incarnation } = self.cursor;
        // The epoch before the read: an erasure that the range does not respect yet begins a later epoch.
        let epoch = self.registration.shared().epoch();
        let range = self.events.read_range(Reader::Single, &self.selection, position, version).await?;
        let continues = range.continuity(incarnation, position) == Continuity::Continues;
        if continues && range.covered > position {
            return Ok(Read { range, epoch });
        }
        let range = self.events.read_range(Reader::Newest, &self.selection, position, version).await?;
        Ok(Read { range, epoch })
    }

    /// The error of a stream whose last events were lost in a failover.
    async fn events_lost(&self, head: LogPosition) -> Error {
        let Some(lost) = self.cursor.log_position() else { return Failure::Down.into() };
        loop {
            {
                let incarnations = self.latest.incarnations();
                if incarnations.current() >= head.incarnation {
                    let last_kept = incarnations.last_kept(lost).min(head.position);
                    return EventsLost { lost, last_kept, incarnation: incarnations.current() }.into();
                }
            }
            // The probe of the database has not observed the new incarnation yet.
            tokio::time::sleep(PAUSE).await;
        }
    }
}

/// A range, and the epoch in which it is valid.
struct Read {
    range: LogRange,
    epoch: u64,
}
