//! How far an import has come: a bar on a terminal, a line every few seconds elsewhere.

use std::io::IsTerminal;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};
use tokio::task::JoinHandle;

/// Time between two lines where there is no terminal.
const LINE_EVERY: Duration = Duration::from_secs(5);

/// Time between two looks of the bar.
const TICK: Duration = Duration::from_millis(200);

/// Counts requests; cheap to clone.
#[derive(Debug, Clone)]
pub struct Progress {
    bar: ProgressBar,
    replayed: Arc<AtomicUsize>,
    sent: Arc<AtomicUsize>,
}

/// Prints lines until it is dropped.
#[derive(Debug)]
pub struct Ticker(Option<JoinHandle<()>>);

impl Drop for Ticker {
    fn drop(&mut self) {
        if let Some(task) = &self.0 {
            task.abort();
        }
    }
}

impl Progress {
    /// Of so many requests.
    pub fn of(requests: usize) -> (Progress, Ticker) {
        let bar = ProgressBar::new(requests as u64);
        let progress = Progress { bar, replayed: Arc::default(), sent: Arc::default() };
        if std::io::stderr().is_terminal() {
            let template = "{msg:9} {wide_bar} {human_pos}/{human_len} {per_sec} {eta}";
            progress
                .bar
                .set_style(ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar()));
            progress.bar.enable_steady_tick(TICK);
            return (progress, Ticker(None));
        }
        progress.bar.set_draw_target(indicatif::ProgressDrawTarget::hidden());
        let shown = progress.clone();
        let lines = tokio::spawn(async move {
            loop {
                tokio::time::sleep(LINE_EVERY).await;
                eprintln!("{}: {} of {} requests", shown.bar.message(), shown.bar.position(), requests);
            }
        });
        (progress, Ticker(Some(lines)))
    }

    /// What is being sent now.
    pub fn begin(&self, phase: &'static str) {
        self.bar.set_message(phase);
    }

    /// One request was answered.
    pub fn answered(&self) {
        self.sent.fetch_add(1, Ordering::Relaxed);
        self.bar.inc(1);
    }

    /// One request had been answered by an earlier run.
    pub fn replayed(&self) {
        self.replayed.fetch_add(1, Ordering::Relaxed);
    }

    /// So many requests will not be sent.
    pub fn skip(&self, requests: usize) {
        self.bar.inc(requests as u64);
    }

    /// Requests answered, and how many of them by an earlier run.
    pub fn counts(&self) -> (usize, usize) {
        (self.sent.load(Ordering::Relaxed), self.replayed.load(Ordering::Relaxed))
    }

    /// Takes the bar away.
    pub fn finish(&self) {
        self.bar.finish_and_clear();
    }
}
