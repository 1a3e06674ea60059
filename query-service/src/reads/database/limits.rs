//! Limits on the connections that each workload may use at once, so that no workload uses all of them.
//!
//! The limits overlap: while only lists are requested, lists use most of the connections, but never the last ones.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::failure::Failure;

/// Exports that run at once. Each keeps its connection for minutes, so it does not use one of the pool.
const EXPORTS_MAX: usize = 1;

/// A kind of read with a connection limit of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Workload {
    /// A single document by its key.
    Document,
    /// A page of a list.
    List,
    /// A report, which takes longer than other reads.
    Report,
    /// Any read of a reader who waits for a consistency token.
    Waiting,
    /// An export, which has a connection of its own: none of those that the other workloads share.
    Export,
}

/// The connection limits of all workloads.
pub(super) struct Limits {
    documents: Arc<Semaphore>,
    lists: Arc<Semaphore>,
    waiting: Arc<Semaphore>,
    reports: Arc<Semaphore>,
    exports: Arc<Semaphore>,
    acquire_timeout: Duration,
}

impl Limits {
    /// Divides the connections among the workloads. [`Limits::acquire`] fails after `acquire_timeout`.
    pub(super) fn new(connections: u32, acquire_timeout: Duration) -> Limits {
        let connections = connections as usize;
        // Waiting readers have time, so a quarter is enough for them; an eighth stays free for the next reader.
        let (waiting, free) = ((connections / 4).max(1), (connections / 8).max(1));
        // Reports keep connections longer than all other reads, so they get few; further reports are refused.
        let reports = (connections / 8).max(1);
        let others = connections.saturating_sub(waiting + reports + free).max(1);
        let permits = |count| Arc::new(Semaphore::new(count));
        Limits {
            documents: permits(others),
            lists: permits(others),
            waiting: permits(waiting),
            reports: permits(reports),
            exports: permits(EXPORTS_MAX),
            acquire_timeout,
        }
    }

    /// Permission to use a connection, until the permit is dropped.
    pub(super) async fn acquire(&self, workload: Workload) -> Result<OwnedSemaphorePermit, Failure> {
        let acquiring = Arc::clone(self.of(workload)).acquire_owned();
        match tokio::time::timeout(self.acquire_timeout, acquiring).await {
            Ok(Ok(permit)) => Ok(permit),
            Ok(Err(_)) | Err(_) => Err(Failure::Busy),
        }
    }

    /// Whether a permit is available at this moment.
    pub(super) fn has_capacity(&self, workload: Workload) -> bool {
        self.of(workload).available_permits() > 0
    }

    fn of(&self, workload: Workload) -> &Arc<Semaphore> {
        match workload {
            Workload::Document => &self.documents,
            Workload::List => &self.lists,
            Workload::Waiting => &self.waiting,
            Workload::Report => &self.reports,
            Workload::Export => &self.exports,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn permits(connections: u32) -> [usize; 4] {
        let limits = Limits::new(connections, Duration::ZERO);
        [Workload::Document, Workload::List, Workload::Waiting, Workload::Report]
            .map(|it| limits.of(it).available_permits())
    }

    #[test]
    fn all_other_workloads_together_leave_a_connection_for_documents_and_for_lists() {
        assert_eq!(permits(16), [8, 8, 4, 2]);
        for connections in 4..100 {
            let [documents, lists, waiting, reports] = permits(connections);
            assert!(documents.max(lists) + waiting + reports < connections as usize, "{connections}");
        }
        assert_eq!(permits(1), [1, 1, 1, 1], "one connection cannot be divided");
    }

    #[tokio::test]
    async fn one_export_runs_at_a_time_and_takes_no_connection_from_the_other_workloads() {
        for connections in [1, 16] {
            let limits = Limits::new(connections, Duration::from_millis(1));
            let before = permits(connections);
            let _running = limits.acquire(Workload::Export).await.expect("the first export");
            assert!(matches!(limits.acquire(Workload::Export).await, Err(Failure::Busy)));
            let others = [Workload::Document, Workload::List, Workload::Waiting, Workload::Report];
            assert_eq!(others.map(|it| limits.of(it).available_permits()), before);
        }
    }

    #[tokio::test]
    async fn a_workload_at_its_limit_is_busy_and_the_others_are_not() {
        let limits = Limits::new(3, Duration::from_millis(1));
        let permit = limits.acquire(Workload::List).await.expect("the first permit");
        let refused = limits.acquire(Workload::List).await;
        assert!(matches!(refused, Err(Failure::Busy)) && !limits.has_capacity(Workload::List));
        assert!(limits.acquire(Workload::Document).await.is_ok() && limits.has_capacity(Workload::Waiting));
        assert!(limits.has_capacity(Workload::Report) && limits.has_capacity(Workload::Export));
        drop(permit);
        assert!(limits.acquire(Workload::List).await.is_ok());
    }
}
