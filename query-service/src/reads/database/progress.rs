//! Progress of the projections, observed once for all readers who wait for a projection. `watch::progress` publishes here.
//!
//! While no reader waits, nothing is observed; while readers wait, all of them share one observation. So a waiting reader
//! costs no statement before the projection has come as far as the reader requires.

use read_model::Projection;
use tokio::sync::{Notify, watch};

use super::freshness::Freshness;

/// Progress of all projections, as last observed while a reader waited.
pub(super) struct Progress {
    observed: watch::Sender<Vec<Freshness>>,
    reader_waits: Notify,
}

impl Progress {
    pub(super) fn new() -> Progress {
        Progress { observed: watch::Sender::new(Vec::new()), reader_waits: Notify::new() }
    }

    /// Returns once a projection is observed to satisfy `is_reached`.
    pub(super) async fn wait_until(&self, projection: Projection, is_reached: impl Fn(&Freshness) -> bool) {
        let mut observed = self.observed.subscribe();
        self.reader_waits.notify_one();
        let is_reached = |all: &Vec<Freshness>| all.iter().any(|it| it.is_of(projection) && is_reached(it));
        if observed.wait_for(is_reached).await.is_err() {
            // The service stops, and nothing is observed any more.
            std::future::pending::<()>().await;
        }
    }

    /// The last observation of a projection.
    pub(super) fn last(&self, projection: Projection) -> Option<Freshness> {
        self.observed.borrow().iter().find(|it| it.is_of(projection)).cloned()
    }

    /// Number of readers who wait.
    pub(super) fn waiting(&self) -> usize {
        self.observed.receiver_count()
    }

    /// Returns once a reader waits.
    pub(super) async fn reader_waits(&self) {
        while self.waiting() == 0 {
            self.reader_waits.notified().await;
        }
    }

    /// Publishes an observation, which wakes all waiting readers if it differs from the last one.
    pub(super) fn publish(&self, observation: Vec<Freshness>) {
        self.observed.send_if_modified(|last| std::mem::replace(last, observation) != *last);
    }
}
