//! Progress of the projections, observed once for all readers who wait for a projection. `watch::progress` publishes here.
//!
//! While no reader waits, nothing is observed; while readers wait, all of them share one observation. So a waiting reader
//! costs no statement before the projection has come as far as the reader requires.

use read_model::Projection;
use tokio::sync::{Notify, watch};

use super::freshness::Freshness;
use super::source::SourceName;

/// Progress of all projections, as last observed while a reader waited.
pub(super) struct Progress {
    observed: watch::Sender<Option<Observed>>,
    reader_waits: Notify,
}

/// An observation of one database.
#[derive(PartialEq)]
struct Observed {
    source: SourceName,
    projections: Vec<Freshness>,
}

impl Progress {
    pub(super) fn new() -> Progress {
        Progress { observed: watch::Sender::new(None), reader_waits: Notify::new() }
    }

    /// Returns once a projection is observed to satisfy `is_reached`, with the database in which it does.
    pub(super) async fn wait_until(
        &self,
        projection: Projection,
        is_reached: impl Fn(&Freshness) -> bool,
    ) -> SourceName {
        let mut observed = self.observed.subscribe();
        self.reader_waits.notify_one();
        let is_reached = |observed: &Option<Observed>| {
            observed.iter().flat_map(|it| &it.projections).any(|it| it.is_of(projection) && is_reached(it))
        };
        let source = observed.wait_for(is_reached).await.ok().and_then(|it| it.as_ref().map(|it| it.source));
        match source {
            Some(source) => source,
            // The service stops, and nothing is observed any more.
            None => std::future::pending().await,
        }
    }

    /// The last observation of a projection.
    pub(super) fn last(&self, projection: Projection) -> Option<Freshness> {
        self.observed.borrow().as_ref()?.projections.iter().find(|it| it.is_of(projection)).cloned()
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

    /// Publishes an observation of a database, which wakes all waiting readers if it differs from the last one.
    pub(super) fn publish(&self, source: SourceName, projections: Vec<Freshness>) {
        let observed = Some(Observed { source, projections });
        self.observed.send_if_modified(|last| std::mem::replace(last, observed) != *last);
    }
}
