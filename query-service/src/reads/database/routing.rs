//! Runs statements on the replica first, or on the primary while the replica is down or too far behind.
//!
//! A statement that fails on one database is repeated on the other where that may help. Built on [`super::source`];
//! [`super::watch`] keeps the state of both databases up to date.

use std::sync::Arc;
use std::time::Duration;

use platform::health::Health;
use read_model::Projection;
use sqlx::postgres::PgRow;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, SemaphorePermit};

use super::config::Config;
use super::failure::Failure;
use super::freshness::Freshness;
use super::limits::{Limits, Workload};
use super::progress::Progress;
use super::source::{Source, SourceName, Wait};
use super::statement::Statement;
use crate::reads::latest::Latest;

/// The primary and the replica. Cheap to clone.
#[derive(Clone)]
pub struct Database(Arc<Inner>);

struct Inner {
    primary: Source,
    replica: Option<Source>,
    replica_lag_max: Duration,
    latest: Latest,
    limits: Limits,
    progress: Progress,
    /// One permit for each reader who waits for a consistency token.
    waiting: Semaphore,
}

/// The database that a statement is sent to first.
#[derive(Debug, Clone, Copy)]
enum First {
    /// The one that [`Database::route`] prefers.
    Routed,
    /// The primary.
    Primary,
}

impl Database {
    /// Opens no connection: the first statement does. At most `waiting_max` readers wait for a consistency token at once.
    pub fn new(config: &Config, waiting_max: usize, health: &Health, latest: Latest) -> Database {
        let primary = Source::new(SourceName::Primary, config.primary.clone(), config, health.optional("primary"));
        let replica = config.replica.clone();
        let replica = replica.map(|it| Source::new(SourceName::Replica, it, config, health.optional("replica")));
        Database(Arc::new(Inner {
            primary,
            replica,
            replica_lag_max: config.replica_lag_max,
            latest,
            limits: Limits::new(config.connections, config.acquire_timeout),
            progress: Progress::new(),
            waiting: Semaphore::new(waiting_max),
        }))
    }

    /// The latest observations of the databases.
    pub fn latest(&self) -> &Latest {
        &self.0.latest
    }

    /// Runs a statement within the connection limit of a workload.
    pub async fn fetch(&self, workload: Workload, statement: Statement) -> Result<Vec<PgRow>, Failure> {
        let permit = self.0.limits.acquire(workload).await?;
        self.run_to_its_end(Some(permit), First::Routed, statement).await
    }

    /// As [`Database::fetch`], from the primary while it answers: for statements of single readers that need the newest data.
    pub async fn fetch_newest(&self, workload: Workload, statement: Statement) -> Result<Vec<PgRow>, Failure> {
        let permit = self.0.limits.acquire(workload).await?;
        self.run_to_its_end(Some(permit), First::Primary, statement).await
    }

    /// As [`Database::fetch_newest`], for small statements that are few and shared by many readers, so that no connection
    /// limit applies to them.
    pub async fn fetch_from_primary(&self, statement: Statement) -> Result<Vec<PgRow>, Failure> {
        self.run_to_its_end(None, First::Primary, statement).await
    }

    /// Runs a statement to its end, even when the reader disconnects: a connection is never left in the middle of it.
    async fn run_to_its_end(
        &self,
        permit: Option<OwnedSemaphorePermit>,
        first: First,
        statement: Statement,
    ) -> Result<Vec<PgRow>, Failure> {
        let database = self.clone();
        let running = tokio::spawn(async move {
            let _permit = permit;
            match first {
                First::Routed => database.run_on(database.route(), &statement).await,
                First::Primary => database.run_on(database.primary_first(), &statement).await,
            }
        });
        running.await.unwrap_or_else(|panicked| Err(Failure::Panicked(panicked)))
    }

    /// Whether a statement of this workload would start at once.
    pub(crate) fn has_capacity(&self, workload: Workload) -> bool {
        self.0.limits.has_capacity(workload)
    }

    /// Permission to wait for a consistency token; `None` while too many readers wait.
    pub(crate) fn waiting_permit(&self) -> Option<SemaphorePermit<'_>> {
        self.0.waiting.try_acquire().ok()
    }

    /// Returns once a projection is observed to satisfy `is_reached`. The observation is of one server behind an address that
    /// may have several servers, so the rows must be read together with their freshness.
    pub(crate) async fn projection_reaches(&self, projection: Projection, is_reached: impl Fn(&Freshness) -> bool) {
        self.0.progress.wait_until(projection, is_reached).await;
    }

    /// The progress of a projection when a reader last waited for a projection.
    pub(crate) fn last_progress(&self, projection: Projection) -> Option<Freshness> {
        self.0.progress.last(projection)
    }

    pub(super) fn primary(&self) -> &Source {
        &self.0.primary
    }

    pub(super) fn replica(&self) -> Option<&Source> {
        self.0.replica.as_ref()
    }

    pub(super) fn progress(&self) -> &Progress {
        &self.0.progress
    }

    async fn run_on<'s>(
        &self,
        sources: impl Iterator<Item = &'s Source>,
        statement: &Statement,
    ) -> Result<Vec<PgRow>, Failure> {
        let mut failed = None;
        let mut sources = sources.peekable();
        while let Some(source) = sources.next() {
            let wait = if sources.peek().is_some() { Wait::UntilUnresponsive } else { Wait::ToTheEnd };
            match source.run(statement, wait).await {
                Ok(rows) => return Ok(rows),
                Err(failure) if failure.may_succeed_elsewhere() => failed = Some(failure),
                Err(failure) => return Err(failure),
            }
        }
        Err(failed.unwrap_or(Failure::Down))
    }

    /// The databases that answer, the primary first.
    fn primary_first(&self) -> impl Iterator<Item = &Source> {
        [Some(self.primary()), self.replica()].into_iter().flatten().filter(|source| source.answers())
    }

    /// The databases that answer, the preferred one first.
    pub(super) fn route(&self) -> impl Iterator<Item = &Source> {
        let Inner { primary, replica, replica_lag_max, .. } = &*self.0;
        let (preferred, other) = match replica {
            Some(replica) if replica.lag() <= *replica_lag_max => (Some(replica), Some(primary)),
            Some(replica) => (Some(primary), Some(replica)),
            None => (Some(primary), None),
        };
        preferred.into_iter().chain(other).filter(|source| source.answers())
    }
}

#[cfg(test)]
mod tests {
    use sqlx::postgres::PgConnectOptions;

    use super::*;

    fn database(has_replica: bool) -> Database {
        let config = Config {
            primary: PgConnectOptions::new(),
            replica: has_replica.then(PgConnectOptions::new),
            connections: 1,
            acquire_timeout: Duration::from_millis(1),
            statement_timeout: Duration::from_secs(1),
            probe_timeout: Duration::from_secs(1),
            replica_lag_max: Duration::from_secs(5),
            freshness_interval: Duration::from_millis(100),
        };
        Database::new(&config, 1, &Health::new(), Latest::default())
    }

    fn route(database: &Database) -> Vec<&'static str> {
        database.route().map(|source| source.name.as_str()).collect()
    }

    #[tokio::test]
    async fn the_replica_is_preferred_unless_it_is_down_or_too_far_behind() {
        let database = database(true);
        let (primary, replica) = (database.primary(), database.replica().expect("a replica"));
        assert_eq!(route(&database), ["replica", "primary"]);
        replica.set_lag(Duration::from_secs(5));
        assert_eq!(route(&database), ["replica", "primary"]);
        replica.set_lag(Duration::from_secs(6));
        assert_eq!(route(&database), ["primary", "replica"], "old data is better than no data");
        replica.set_lag(Duration::ZERO);
        replica.down(&Failure::Unresponsive);
        assert_eq!(route(&database), ["primary"]);
        primary.down(&Failure::Unresponsive);
        assert!(route(&database).is_empty());
        replica.up();
        assert_eq!(route(&database), ["replica"]);
    }

    #[tokio::test]
    async fn without_a_replica_the_primary_serves_reads() {
        assert_eq!(route(&database(false)), ["primary"]);
    }
}
