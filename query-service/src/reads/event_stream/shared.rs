//! What all streams share: the ring, the signal that it has a new batch, and the number of streams. [`super::follower`] writes it,
//! [`super::subscription`] reads it.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, PoisonError, RwLock, RwLockWriteGuard};
use std::time::Instant;

use events::LogPosition;
use tokio::sync::{Notify, Semaphore, watch};

use super::batch::Batch;
use super::ring::{CAPACITY, Next, Ring};
use crate::reads::database::failure::Failure;
use crate::reads::error::Error;

/// Streams that read the database at the same time, so that they leave connections for lists.
const DATABASE_READERS_MAX: usize = 2;

/// The state that all streams share.
pub(super) struct Shared {
    ring: RwLock<Ring>,
    /// Copy of the epoch of the ring, which a stream checks before each event.
    epoch: AtomicU64,
    /// The tail of the ring. Changes wake all streams.
    tail: watch::Sender<Option<LogPosition>>,
    /// The result of the last attempt to read up to the end of the log, and when that attempt began.
    polled: watch::Sender<Option<(Instant, Result<LogPosition, Error>)>>,
    streams: AtomicUsize,
    /// Wakes the follower.
    wake: Notify,
    /// One permit for each stream that reads the database.
    pub(super) database_readers: Semaphore,
}

/// A stream, counted until it is dropped.
pub(super) struct Registration(Arc<Shared>);

impl Shared {
    pub(super) fn new() -> Shared {
        Shared {
            ring: RwLock::new(Ring::new(CAPACITY)),
            epoch: AtomicU64::new(0),
            tail: watch::Sender::new(None),
            polled: watch::Sender::new(None),
            streams: AtomicUsize::new(0),
            wake: Notify::new(),
            database_readers: Semaphore::new(DATABASE_READERS_MAX),
        }
    }

    /// Counts a stream, and starts the follower if it is the first one.
    pub(super) fn register(shared: &Arc<Shared>) -> Registration {
        shared.streams.fetch_add(1, Ordering::Relaxed);
        shared.wake.notify_one();
        Registration(Arc::clone(shared))
    }

    /// The end of the log, read after `asked_at`.
    pub(super) async fn end_of_log(&self, asked_at: Instant) -> Result<LogPosition, Error> {
        let mut polled = self.polled.subscribe();
        let is_new = |last: &Option<(Instant, Result<LogPosition, Error>)>| {
            last.as_ref().is_some_and(|(began, _)| *began >= asked_at)
        };
        match polled.wait_for(is_new).await.as_deref() {
            Ok(Some((_, end))) => end.clone(),
            Ok(None) | Err(_) => Err(Failure::Down.into()),
        }
    }

    /// Whether the last attempt to read up to the end of the log failed.
    pub(super) fn is_failing(&self) -> bool {
        matches!(&*self.polled.borrow(), Some((_, Err(_))))
    }

    /// Whether there is a stream.
    pub(super) fn has_streams(&self) -> bool {
        self.streams.load(Ordering::Relaxed) > 0
    }

    /// Returns when a stream was added, and at once if one was added since the last call.
    pub(super) async fn stream_added(&self) {
        self.wake.notified().await;
    }

    pub(super) fn tail(&self) -> Option<LogPosition> {
        self.ring.read().unwrap_or_else(PoisonError::into_inner).tail()
    }

    /// The tail of the ring, and its changes.
    pub(super) fn watch_tail(&self) -> watch::Receiver<Option<LogPosition>> {
        self.tail.subscribe()
    }

    /// What the ring has for a stream.
    pub(super) fn next(&self, at: LogPosition) -> Next {
        self.ring.read().unwrap_or_else(PoisonError::into_inner).next(at)
    }

    /// The epoch in which batches are valid that are read now.
    pub(super) fn epoch(&self) -> u64 {
        self.epoch.load(Ordering::Acquire)
    }

    /// Publishes the batch after the tail.
    pub(super) fn push(&self, batch: Batch) {
        self.change(|ring| ring.push(batch));
    }

    /// Makes all batches invalid, also those that streams hold.
    pub(super) fn invalidate(&self) {
        self.change(Ring::invalidate);
    }

    /// Continues at another place of the log, or nowhere.
    pub(super) fn move_tail(&self, tail: Option<LogPosition>) {
        self.change(|ring| ring.move_tail(tail));
    }

    /// Records the result of an attempt to read up to the end of the log.
    pub(super) fn record_poll(&self, began: Instant, end: Result<LogPosition, Error>) {
        self.polled.send_replace(Some((began, end)));
    }

    fn change(&self, change: impl FnOnce(&mut Ring)) {
        let tail = {
            let mut ring = self.write();
            change(&mut ring);
            // Within the lock, so that no stream takes an old batch with the new epoch.
            self.epoch.store(ring.epoch(), Ordering::Release);
            ring.tail()
        };
        self.tail.send_if_modified(|last| std::mem::replace(last, tail) != tail);
    }

    fn write(&self) -> RwLockWriteGuard<'_, Ring> {
        self.ring.write().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Registration {
    pub(super) fn shared(&self) -> &Arc<Shared> {
        &self.0
    }
}

impl Drop for Registration {
    fn drop(&mut self) {
        self.0.streams.fetch_sub(1, Ordering::Relaxed);
    }
}
