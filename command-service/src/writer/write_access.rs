//! How a writer shares the log with the writers of other instances.
//!
//! A writer that is alone appends without a lock (optimistic concurrency). A writer that lost a race has decided a batch in vain,
//! so while others write it first acquires the write lock ([`crate::log::write_lock`]) and keeps it for some batches. A holder of
//! the write lock that is overtaken all the same, by a writer that does not use the lock, locks the head of the log, which no
//! writer can pass.

use std::time::{Duration, Instant};

use crate::log::Log;
use crate::log::write_lock::WriteLock;

/// Batches in which no other writer appended before the writer appends without a lock again. With other writers at work the
/// write lock is faster than races; alone it costs three round trips for nothing.
const QUIET_BATCHES: u32 = 16;

/// How long the write lock is kept while there is something to append: some batches, so that the round trips of acquiring the lock
/// do not count, and at most what the callers of the other instances wait for it.
const HOLD: Duration = Duration::from_millis(40);

/// The access of this writer to the log.
#[derive(Debug, Default)]
pub(super) struct WriteAccess {
    state: State,
    /// Batches for which the write lock is acquired before the writer appends without a lock again.
    locked_batches: u32,
}

#[derive(Debug, Default)]
enum State {
    /// No lock: the writer is alone, or has just lost a race.
    #[default]
    Optimistic,
    /// The writer holds the write lock until this instant.
    Locked(WriteLock, Instant),
    /// The writer holds the write lock, and another writer appended all the same.
    Overtaken(WriteLock),
}

/// What the writer must do before it decides the next batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Preparation {
    /// Nothing: append, and lose the race if another writer was first.
    None,
    /// Acquire the write lock.
    AcquireWriteLock,
    /// Lock the head of the log.
    LockHead,
}

impl WriteAccess {
    pub(super) fn preparation(&self) -> Preparation {
        match self.state {
            State::Optimistic if self.locked_batches > 0 => Preparation::AcquireWriteLock,
            State::Overtaken(_) => Preparation::LockHead,
            State::Optimistic | State::Locked(..) => Preparation::None,
        }
    }

    /// Acquires the write lock. The lock is advisory: if it cannot be acquired, because its holder is paused or the log does not
    /// answer, the batch is appended without it, and a log that does not answer is noticed at once.
    pub(super) async fn acquire(&mut self, log: &Log) {
        match log.acquire_write_lock().await {
            Ok(lock) => self.state = State::Locked(lock, Instant::now() + HOLD),
            Err(error) => tracing::warn!(
                error = &error as &dyn std::error::Error,
                "could not acquire the write lock; appending without the lock"
            ),
        }
    }

    /// Counts a batch before which no other writer appended.
    pub(super) fn count_quiet_batch(&mut self) {
        self.locked_batches = self.locked_batches.saturating_sub(1);
    }

    /// Another writer appended before a batch: the write lock is used for the next batches.
    pub(super) fn count_busy_batch(&mut self) {
        self.locked_batches = QUIET_BATCHES;
    }

    /// Another writer appended after a batch was decided. A holder of the write lock locks the head of the log next.
    pub(super) fn overtaken(&mut self) {
        self.count_busy_batch();
        self.state = match std::mem::take(&mut self.state) {
            State::Optimistic => State::Optimistic,
            State::Locked(lock, _) | State::Overtaken(lock) => State::Overtaken(lock),
        };
    }

    /// Whether the writer holds the write lock.
    pub(super) fn is_locked(&self) -> bool {
        !matches!(self.state, State::Optimistic)
    }

    /// Whether the next batch should be another writer's.
    pub(super) fn is_over(&self) -> bool {
        match &self.state {
            State::Optimistic => false,
            State::Locked(_, until) => Instant::now() >= *until,
            State::Overtaken(_) => true,
        }
    }

    /// Releases the write lock, if the writer holds it.
    pub(super) async fn release(&mut self) {
        match std::mem::take(&mut self.state) {
            State::Optimistic => {}
            State::Locked(lock, _) | State::Overtaken(lock) => lock.release().await,
        }
    }

    /// Drops the write lock by closing its connection, because the log may not answer.
    pub(super) fn drop_lock(&mut self) {
        self.state = State::Optimistic;
    }
}
