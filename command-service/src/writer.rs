//! One writer at a time: takes every command that waits, decides them in memory, appends what was accepted in one statement.
//!
//! A [`Mailbox`] is how the rest of the process reaches it. [`batch`] decides, [`answer`] is what callers are told, [`key`]
//! how they repeat themselves. A batch grows by itself while the one before it commits, so there are no timers.
//!
//! What a reader cannot see: the [`World`] is ahead of the log only between `begin` and `commit`, and only this task touches
//! it. Nobody is answered before the batch is durable, not even those who are refused: what they were refused for may
//! have been decided a moment ago by a batch that then does not commit.

pub mod answer;
mod batch;
pub mod key;
mod recover;

use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use events::{Metadata, OrderId, Position, Recorded};
use lru::LruCache;
use platform::health::Component;
use platform::metric_names;
use platform::shutdown::Shutdown;
use tokio::sync::{mpsc, oneshot};
use uuid::Uuid;

use crate::command::Command;
use crate::log::{self, Head, Log};
use crate::rejection::Rejection;
use crate::world::World;
use answer::Answer;
use key::Key;

/// How large things may grow.
#[derive(Debug, Clone)]
pub struct Limits {
    /// Commands that may wait; one more is told to come again.
    pub mailbox: usize,
    /// Commands in one batch: bounds a statement's size and how long the first of a batch waits for the last.
    pub batch: usize,
    /// Streams kept in memory between batches.
    pub streams: NonZeroUsize,
    /// Answers kept in memory for callers that repeat themselves soon.
    pub answers: NonZeroUsize,
}

impl Default for Limits {
    fn default() -> Self {
        Limits { mailbox: 4096, batch: 512, streams: nonzero(50_000), answers: nonzero(50_000) }
    }
}

fn nonzero(number: usize) -> NonZeroUsize {
    NonZeroUsize::new(number).unwrap_or(NonZeroUsize::MIN)
}

/// A command with all that its decision may depend on.
#[derive(Debug)]
pub struct Request {
    /// Its name, for repeats.
    pub key: Key,
    /// What is asked.
    pub command: Command,
    /// The caller's clock.
    pub now: DateTime<Utc>,
    /// Id for an order that the command places without one.
    pub new_id: OrderId,
    /// What stands around its events.
    pub metadata: Metadata,
}

/// What became of a command.
#[derive(Debug, Clone, PartialEq)]
pub enum Reply {
    /// It took effect, and that is durable.
    Done {
        /// What it did.
        answer: Answer,
        /// Whether this is the answer of an earlier time.
        replayed: bool,
    },
    /// The rules refuse it; nothing happened.
    Rejected(Rejection),
    /// Its key was used for something else; nothing happened.
    KeyReused,
    /// The database refuses its data, or a stream that it needs cannot be read; nothing happened.
    Unreadable,
    /// The log could not be reached: it took effect or not, and repeating the key settles which.
    Unknown,
}

/// The mailbox is full: nothing happened, and it is better to come again than to wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Full;

/// The way to the writer; cheap to clone.
#[derive(Debug, Clone)]
pub struct Mailbox(mpsc::Sender<Waiting>);

impl Mailbox {
    /// Hands a command to the writer and waits for its reply.
    pub async fn submit(&self, request: Request) -> Result<Reply, Full> {
        let (reply, replied) = oneshot::channel();
        self.0.try_send(Waiting { request, reply }).map_err(|_| Full)?;
        Ok(replied.await.unwrap_or(Reply::Unknown))
    }
}

/// A command and the one who waits for it.
#[derive(Debug)]
struct Waiting {
    request: Request,
    reply: oneshot::Sender<Reply>,
}

/// The writer's task.
pub struct Writer {
    log: Log,
    world: World,
    head: Head,
    /// Whether the world may be behind the log, because an answer got lost.
    stale: bool,
    answers: LruCache<Uuid, (i64, Answer)>,
    limits: Limits,
    waiting: mpsc::Receiver<Waiting>,
    committed: Option<mpsc::Sender<Arc<[Recorded]>>>,
    health: Component,
    numbers_saved: Position,
}

/// Why a writer cannot start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The log could not be read.
    #[error("reading the log")]
    Log(#[from] log::Error),
    /// An order of the log cannot be read.
    #[error("reading the last order numbers")]
    Numbers(#[from] events::DecodeError),
    /// Others have seen more of the log than there is.
    #[error(
        "the log ends at position {head}, but position {seen} has been seen: it has lost its tail (a restore or a failover). \
         Restore the missing events; appending now would give positions out twice"
    )]
    LostTail {
        /// Where it ends.
        head: Position,
        /// What has been seen of it.
        seen: Position,
    },
}

/// Events read at a time while catching up.
const PAGE: i64 = 10_000;

/// Positions between two snapshots of the order numbers: what a start has to read at most, a fraction of a second.
const SNAPSHOT_EVERY: i64 = 50_000;

impl Writer {
    /// A writer that knows where the log ends. Batches that it commits are offered to `committed`, whose other end may miss
    /// some: the log has them.
    pub async fn start(
        log: Log,
        limits: Limits,
        committed: Option<mpsc::Sender<Arc<[Recorded]>>>,
        health: Component,
    ) -> Result<(Writer, Mailbox), StartError> {
        let head = log.head().await?;
        let seen = log.seen().await?;
        if seen > head.position {
            return Err(StartError::LostTail { head: head.position, seen });
        }
        let mut world = World::new(limits.streams);
        let numbers_saved = read_numbers(&log, &mut world, head.position).await?;
        let (sender, waiting) = mpsc::channel(limits.mailbox);
        let answers = LruCache::new(limits.answers);
        let writer =
            Writer { log, world, head, stale: false, answers, limits, waiting, committed, health, numbers_saved };
        Ok((writer, Mailbox(sender)))
    }

    /// Works until asked to stop; what was taken until then is answered first.
    pub async fn run(mut self, stop: Shutdown) {
        while self.step(&stop).await {}
        save(&self.log, self.head.position, self.world.numbers()).await;
    }

    /// Decides and appends what waits; waits for something first. `false` once nothing can come any more.
    pub async fn step(&mut self, stop: &Shutdown) -> bool {
        let batch = self.receive(stop).await;
        if batch.is_empty() {
            return false;
        }
        metrics::histogram!(metric_names::WRITER_BATCH_COMMANDS).record(batch.len() as f64);
        self.process(batch).await;
        if self.head.position.0 - self.numbers_saved.0 >= SNAPSHOT_EVERY {
            self.numbers_saved = self.head.position;
            let (log, numbers, position) = (self.log.clone(), self.world.numbers().clone(), self.head.position);
            tokio::spawn(async move { save(&log, position, &numbers).await });
        }
        true
    }

    /// What waits, at most a batch of it; nothing once the mailbox is closed and empty.
    async fn receive(&mut self, stop: &Shutdown) -> Vec<Waiting> {
        let mut batch = Vec::with_capacity(self.limits.batch);
        loop {
            let closed = self.waiting.is_closed();
            tokio::select! {
                biased;
                _ = self.waiting.recv_many(&mut batch, self.limits.batch) => return batch,
                () = stop.requested(), if !closed => self.waiting.close(),
            }
        }
    }
}

/// A snapshot that cannot be saved costs the next start some time, nothing else.
async fn save(log: &Log, position: Position, numbers: &std::collections::BTreeMap<String, u64>) {
    let saved = tokio::time::timeout(SAVE_TIMEOUT, log.save_numbers(position, numbers)).await;
    match saved {
        Ok(Ok(())) => {}
        Ok(Err(error)) => tracing::warn!(error = &error as &dyn std::error::Error, "saving the order numbers failed"),
        Err(_) => tracing::warn!("saving the order numbers took too long"),
    }
}

const SAVE_TIMEOUT: Duration = Duration::from_secs(5);

/// Folds the order numbers from the snapshot and the orders after it; gives the snapshot's position.
async fn read_numbers(log: &Log, world: &mut World, head: Position) -> Result<Position, StartError> {
    let (saved, numbers) = log.load_numbers().await?;
    if saved <= head {
        world.restore_numbers(numbers);
    }
    let mut cursor = if saved <= head { saved } else { Position::ZERO };
    loop {
        let page = log.read_type_after("OrderPlaced", cursor, PAGE).await?;
        let Some(last) = page.last() else { return Ok(saved) };
        cursor = last.position;
        for recorded in &page {
            world.count(&recorded.decode()?);
        }
    }
}
