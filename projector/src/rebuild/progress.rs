//! The progress of a rebuild or a verification: counted by its readers, shown by the command line.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use platform::metrics::process::resident_memory;
use schemars::JsonSchema;
use tokio::sync::SetOnce;

/// Counts what was read. Shared by the readers.
#[derive(Debug)]
pub struct Progress {
    phase: Mutex<&'static str>,
    began: Instant,
    segments: AtomicU64,
    segments_done: AtomicU64,
    events: AtomicU64,
    rows: AtomicU64,
    /// Events of the segments that an earlier run had done.
    events_before: AtomicU64,
    segments_before: AtomicU64,
    is_paused: AtomicBool,
    /// Set when nothing prevents the work any more.
    has_begun: SetOnce<()>,
}

/// The progress at one instant.
#[derive(Debug, Clone, serde::Serialize, JsonSchema)]
pub struct Shown {
    /// What is being done.
    pub phase: &'static str,
    /// Number of segments of the log and of parts of tables that are copied.
    pub segments: u64,
    /// Number of segments that are done.
    pub segments_done: u64,
    /// Number of events that were read, in all runs.
    pub events: u64,
    /// Number of rows that were copied, in all runs.
    pub rows_copied: u64,
    /// Events per second of this run.
    pub events_per_s: u64,
    /// Estimated time until all segments are read, in seconds; unknown before the first segment is done.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub remaining_s: Option<u64>,
    /// Memory of this process, in megabytes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub memory_mb: Option<u64>,
    /// Whether an operator has paused the rebuild.
    pub paused: bool,
}

impl Default for Progress {
    fn default() -> Self {
        Progress {
            phase: Mutex::new("reading the log"),
            began: Instant::now(),
            segments: AtomicU64::new(0),
            segments_done: AtomicU64::new(0),
            events: AtomicU64::new(0),
            rows: AtomicU64::new(0),
            events_before: AtomicU64::new(0),
            segments_before: AtomicU64::new(0),
            is_paused: AtomicBool::new(false),
            has_begun: SetOnce::new(),
        }
    }
}

impl Progress {
    /// Begins the work: sets what there is to do, and what an earlier run has done.
    pub fn begin(&self, segments: u64, done: u64, events: u64) {
        // A verification begins to read a second time to find differences.
        let _ = self.has_begun.set(());
        self.segments.store(segments, Ordering::Relaxed);
        self.segments_done.store(done, Ordering::Relaxed);
        self.segments_before.store(done, Ordering::Relaxed);
        self.events_before.store(events, Ordering::Relaxed);
    }

    /// Adds segments to what there is to do.
    pub fn add_segments(&self, segments: u64) {
        self.segments.fetch_add(segments, Ordering::Relaxed);
    }

    /// Removes events from the count, because they are read again.
    pub fn discard_events(&self, events: u64) {
        self.events.fetch_sub(events, Ordering::Relaxed);
    }

    /// Counts rows that were copied.
    pub fn add_rows(&self, rows: u64) {
        self.rows.fetch_add(rows, Ordering::Relaxed);
    }

    /// Waits until the work has begun: until then it is prevented by the state of the projection, or by other work.
    pub async fn begun(&self) {
        self.has_begun.wait().await;
    }

    /// Whether the work has begun.
    pub fn has_begun(&self) -> bool {
        self.has_begun.get().is_some()
    }

    /// Counts events that were read.
    pub fn add_events(&self, events: u64) {
        self.events.fetch_add(events, Ordering::Relaxed);
    }

    /// Counts a segment as done.
    pub fn finish_segment(&self) {
        self.segments_done.fetch_add(1, Ordering::Relaxed);
    }

    /// Begins the next phase.
    pub fn enter(&self, phase: &'static str) {
        *self.phase.lock().unwrap_or_else(PoisonError::into_inner) = phase;
    }

    /// Records whether the rebuild is paused.
    pub fn set_paused(&self, paused: bool) {
        self.is_paused.store(paused, Ordering::Relaxed);
    }

    /// The progress now.
    pub fn now(&self) -> Shown {
        let (segments, done) = (self.segments.load(Ordering::Relaxed), self.segments_done.load(Ordering::Relaxed));
        let (events, elapsed) = (self.events.load(Ordering::Relaxed), self.began.elapsed());
        let done_now = done - self.segments_before.load(Ordering::Relaxed);
        Shown {
            phase: *self.phase.lock().unwrap_or_else(PoisonError::into_inner),
            segments,
            segments_done: done,
            events: events + self.events_before.load(Ordering::Relaxed),
            rows_copied: self.rows.load(Ordering::Relaxed),
            events_per_s: (events as f64 / elapsed.as_secs_f64().max(0.001)) as u64,
            remaining_s: remaining(segments - done, done_now, elapsed),
            memory_mb: resident_memory().map(|bytes| (bytes / 1e6) as u64),
            paused: self.is_paused.load(Ordering::Relaxed),
        }
    }
}

fn remaining(open: u64, done: u64, elapsed: Duration) -> Option<u64> {
    (done > 0).then(|| (elapsed.as_secs_f64() * open as f64 / done as f64) as u64)
}

impl std::fmt::Display for Shown {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let percent = (self.segments_done * 100).checked_div(self.segments).unwrap_or(100);
        write!(f, "{percent:3} %  {} events  {}/s", self.events, self.events_per_s)?;
        if self.rows_copied > 0 {
            write!(f, "  {} rows copied", self.rows_copied)?;
        }
        if let Some(remaining) = self.remaining_s {
            write!(f, "  {}:{:02} left", remaining / 60, remaining % 60)?;
        }
        if let Some(memory) = self.memory_mb {
            write!(f, "  {memory} MB")?;
        }
        let paused = if self.paused { "  (paused)" } else { "" };
        write!(f, "  {}{paused}", self.phase)
    }
}
