//! Saves snapshots in the background: of the order numbers, and of long streams.
//!
//! A snapshot of a stream is saved with each hundredth of its events, whichever writer appends that event, so that loading the
//! stream reads about a hundred events. A snapshot that is lost makes the next load longer, nothing else; no caller waits for it.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use events::{Category, Incarnation, Position, StreamId, Version};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use crate::log::snapshot::Snapshot;
use crate::log::{self, End, Log};
use domain::state;
use domain::state::State;

/// Events of a stream between two of its snapshots. A writer that starts beside others loads the streams of a whole shop while
/// the others wait, so the number should be small; saving writes one more row for this many events.
pub(super) const EVENTS_PER_SNAPSHOT: usize = 100;

/// Snapshots that may wait to be saved; more are dropped.
const QUEUE: usize = 1_024;

/// Snapshots that are saved with one statement.
const SAVED_AT_ONCE: usize = 256;

/// Positions between two snapshots of the order numbers: a start counts at most the orders among this many events, which takes a
/// fraction of a second.
const NUMBERS_EVERY: i64 = 50_000;

/// Limit of one save.
const TIMEOUT: Duration = Duration::from_secs(5);

/// The state of a stream after one of its events.
#[derive(Debug)]
pub(super) struct StreamSnapshot {
    pub(super) stream: StreamId,
    pub(super) version: Version,
    pub(super) position: Position,
    pub(super) incarnation: Incarnation,
    pub(super) state: State,
}

#[derive(Debug)]
enum Save {
    Stream(StreamSnapshot),
    OrderNumbers(End, BTreeMap<String, u64>),
}

/// Passes snapshots to the task that saves them.
#[derive(Debug)]
pub(super) struct Snapshots {
    log: Log,
    queue: mpsc::Sender<Save>,
    task: JoinHandle<()>,
    /// Position of the latest snapshot of the order numbers.
    numbers_saved: Position,
}

impl Snapshots {
    /// Starts the task; `numbers_saved` is the position of the latest snapshot of the order numbers.
    pub(super) fn start(log: Log, numbers_saved: Position) -> Snapshots {
        let (queue, waiting) = mpsc::channel(QUEUE);
        let task = tokio::spawn(save_all(log.clone(), waiting));
        Snapshots { log, queue, task, numbers_saved }
    }

    /// Whether a snapshot of the stream is saved at this version.
    pub(super) fn is_due(stream: &StreamId, version: Version) -> bool {
        grows_long(stream) && (version.0 as usize).is_multiple_of(EVENTS_PER_SNAPSHOT)
    }

    pub(super) fn save(&self, snapshot: StreamSnapshot) {
        if !grows_long(&snapshot.stream) {
            return;
        }
        let _ = self.queue.try_send(Save::Stream(snapshot));
    }

    /// Whether enough events were appended since the last snapshot of the order numbers.
    pub(super) fn numbers_are_due(&self, head: Position) -> bool {
        head.0 - self.numbers_saved.0 >= NUMBERS_EVERY
    }

    pub(super) fn save_numbers(&mut self, end: End, numbers: BTreeMap<String, u64>) {
        self.numbers_saved = end.head.position;
        let _ = self.queue.try_send(Save::OrderNumbers(end, numbers));
    }

    /// Drops the snapshots that wait to be saved, because the log was replaced, and starts again.
    pub(super) fn restart(&mut self, numbers_saved: Position) {
        self.task.abort();
        *self = Snapshots::start(self.log.clone(), numbers_saved);
    }

    /// Returns once all snapshots are saved.
    pub(super) async fn finish(self) {
        drop(self.queue);
        let _ = self.task.await;
    }
}

/// Orders and customers stay short, and their personal data must be stored only in the log.
fn grows_long(stream: &StreamId) -> bool {
    matches!(stream.category(), Category::Stock | Category::Product)
}

async fn save_all(log: Log, mut waiting: mpsc::Receiver<Save>) {
    let mut snapshots = Vec::new();
    while waiting.recv_many(&mut snapshots, SAVED_AT_ONCE).await > 0 {
        match tokio::time::timeout(TIMEOUT, save(&log, std::mem::take(&mut snapshots))).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::warn!(error = &error as &dyn std::error::Error, "saving snapshots failed"),
            Err(_) => tracing::warn!("saving snapshots took too long"),
        }
    }
}

async fn save(log: &Log, waiting: Vec<Save>) -> Result<(), log::Error> {
    let mut last_numbers = None;
    let mut snapshots = HashMap::new();
    for one in waiting {
        match one {
            Save::OrderNumbers(end, numbers) => last_numbers = Some((end, numbers)),
            Save::Stream(state) => {
                if let Some(snapshot) = encode(&state) {
                    // Only the last snapshot of each stream.
                    snapshots.insert(state.stream, snapshot);
                }
            }
        }
    }
    if let Some((end, numbers)) = last_numbers {
        log.save_numbers(&end, &numbers).await?;
    }
    if snapshots.is_empty() {
        return Ok(());
    }
    log.save_snapshots(&snapshots.into_values().collect::<Vec<_>>()).await
}

fn encode(snapshot: &StreamSnapshot) -> Option<Snapshot> {
    Some(Snapshot {
        stream: snapshot.stream.clone(),
        version: snapshot.version,
        position: snapshot.position,
        incarnation: snapshot.incarnation,
        shape: state::shape(),
        state: serde_json::to_string(&snapshot.state).ok()?,
    })
}
