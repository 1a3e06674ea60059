//! Keeps snapshots in the background: of the order numbers, and of every stream that has grown long.
//!
//! A stream gets one with each hundredth of its events, whichever writer appends that, so a start from nothing reads a
//! hundred events of it and a few. What is lost here costs a start some time, nothing else: nobody waits for it.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use events::{Category, Incarnation, Position, StreamId, Version};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use crate::log::snapshot::Snapshot;
use crate::log::{self, End, Log};
use domain::state::{self, State};

/// Events of a stream between two of its snapshots. A writer that starts beside others reads the streams of a whole shop
/// while they wait, so it should be few; one row more is written for so many.
pub(super) const EVENTS_PER_SNAPSHOT: usize = 100;

/// What may wait to be kept; more is not kept.
const QUEUE: usize = 1_024;

/// What is kept with one statement.
const AT_ONCE: usize = 256;

/// Longest that keeping may take.
const TIMEOUT: Duration = Duration::from_secs(5);

/// A stream as it was after one of its events.
#[derive(Debug)]
pub(super) struct Portrait {
    pub(super) stream: StreamId,
    pub(super) version: Version,
    pub(super) position: Position,
    pub(super) incarnation: Incarnation,
    pub(super) state: State,
}

#[derive(Debug)]
enum Keep {
    Portrait(Portrait),
    Numbers(End, BTreeMap<String, u64>),
}

/// The way to the task that keeps.
#[derive(Debug)]
pub(super) struct Keeper {
    queue: mpsc::Sender<Keep>,
    task: JoinHandle<()>,
}

impl Keeper {
    pub(super) fn start(log: Log) -> Keeper {
        let (queue, mut waiting) = mpsc::channel(QUEUE);
        let task = tokio::spawn(async move {
            let mut some = Vec::new();
            while waiting.recv_many(&mut some, AT_ONCE).await > 0 {
                match tokio::time::timeout(TIMEOUT, keep(&log, std::mem::take(&mut some))).await {
                    Ok(Ok(())) => {}
                    Ok(Err(error)) => {
                        tracing::warn!(error = &error as &dyn std::error::Error, "saving snapshots failed");
                    }
                    Err(_) => tracing::warn!("saving snapshots took too long"),
                }
            }
        });
        Keeper { queue, task }
    }

    /// Whether the stream gets a snapshot with this version.
    pub(super) fn wants(stream: &StreamId, version: Version) -> bool {
        grows_long(stream) && (version.0 as usize).is_multiple_of(EVENTS_PER_SNAPSHOT)
    }

    pub(super) fn keep(&self, portrait: Portrait) {
        if !grows_long(&portrait.stream) {
            return;
        }
        let _ = self.queue.try_send(Keep::Portrait(portrait));
    }

    pub(super) fn keep_numbers(&self, end: End, numbers: BTreeMap<String, u64>) {
        let _ = self.queue.try_send(Keep::Numbers(end, numbers));
    }

    /// What waits to be kept is of a log that is no more.
    pub(super) fn abandon(self) {
        self.task.abort();
    }

    /// Returns once everything is kept.
    pub(super) async fn finish(self) {
        drop(self.queue);
        let _ = self.task.await;
    }
}

/// Orders and customers stay short, and what they know of people is to stand in one place only: in the log.
fn grows_long(stream: &StreamId) -> bool {
    matches!(stream.category(), Category::Stock | Category::Product)
}

async fn keep(log: &Log, some: Vec<Keep>) -> Result<(), log::Error> {
    let mut last = None;
    let mut snapshots = HashMap::new();
    for one in some {
        match one {
            Keep::Numbers(end, numbers) => last = Some((end, numbers)),
            Keep::Portrait(portrait) => {
                if let Some(snapshot) = snapshot(&portrait) {
                    // The last of each stream.
                    snapshots.insert(portrait.stream, snapshot);
                }
            }
        }
    }
    if let Some((end, numbers)) = last {
        log.save_numbers(&end, &numbers).await?;
    }
    if snapshots.is_empty() {
        return Ok(());
    }
    log.save_snapshots(&snapshots.into_values().collect::<Vec<_>>()).await
}

fn snapshot(portrait: &Portrait) -> Option<Snapshot> {
    Some(Snapshot {
        stream: portrait.stream.clone(),
        version: portrait.version,
        position: portrait.position,
        incarnation: portrait.incarnation,
        shape: state::shape(),
        state: serde_json::to_string(&portrait.state).ok()?,
    })
}
