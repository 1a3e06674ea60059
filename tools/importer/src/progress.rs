//! Progress of the import: a progress bar on a terminal, otherwise a line every few seconds.

use std::io::IsTerminal;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};
use tokio::task::JoinHandle;

/// Interval between two lines where there is no terminal.
const LINE_EVERY: Duration = Duration::from_secs(5);

/// Interval between two updates of the progress bar.
const TICK: Duration = Duration::from_millis(200);

/// Counters of requests; cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct Progress {
    bar: ProgressBar,
    replayed: Arc<AtomicUsize>,
    sent: Arc<AtomicUsize>,
}

/// Prints lines until dropped.
#[derive(Debug)]
pub(crate) struct LinePrinter(Option<JoinHandle<()>>);

impl Drop for LinePrinter {
    fn drop(&mut self) {
        if let Some(task) = &self.0 {
            task.abort();
        }
    }
}

impl Progress {
    /// The progress of an import with this number of requests.
    pub(crate) fn of(requests: usize) -> (Progress, LinePrinter) {
        let bar = ProgressBar::new(requests as u64);
        let progress = Progress { bar, replayed: Arc::default(), sent: Arc::default() };
        if std::io::stderr().is_terminal() {
            let template = "{msg:9} {wide_bar} {human_pos}/{human_len} {per_sec} {eta}";
            progress
                .bar
                .set_style(ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar()));
            progress.bar.enable_steady_tick(TICK);
            return (progress, LinePrinter(None));
        }
        progress.bar.set_draw_target(indicatif::ProgressDrawTarget::hidden());
        let shown = progress.clone();
        let lines = tokio::spawn(async move {
            loop {
                tokio::time::sleep(LINE_EVERY).await;
                eprintln!("{}: {} of {} requests", shown.bar.message(), shown.bar.position(), requests);
            }
        });
        (progress, LinePrinter(Some(lines)))
    }

    /// Names the current phase: products, orders or returns.
    pub(crate) fn begin(&self, phase: &'static str) {
        self.bar.set_message(phase);
    }

    /// Counts an answered request.
    pub(crate) fn answered(&self) {
        self.sent.fetch_add(1, Ordering::Relaxed);
        self.bar.inc(1);
    }

    /// Counts a request that had been accepted in an earlier run.
    pub(crate) fn replayed(&self) {
        self.replayed.fetch_add(1, Ordering::Relaxed);
    }

    /// Counts requests that are not sent.
    pub(crate) fn skip(&self, requests: usize) {
        self.bar.inc(requests as u64);
    }

    /// Number of answered requests, and how many of them had been accepted in an earlier run.
    pub(crate) fn counts(&self) -> (usize, usize) {
        (self.sent.load(Ordering::Relaxed), self.replayed.load(Ordering::Relaxed))
    }

    /// Removes the progress bar.
    pub(crate) fn finish(&self) {
        self.bar.finish_and_clear();
    }
}
