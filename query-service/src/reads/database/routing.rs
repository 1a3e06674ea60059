//! Runs statements on the replicas, or on the primary while every replica is down or too far behind.
//!
//! A replica is usable while it answers and its lag is within the limit. The usable replicas take turns. A statement that fails on
//! one database is repeated on the next one where that may help. Built on [`super::source`]; [`super::watch`] keeps the state
//! of all databases up to date.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use platform::health::Health;
use read_model::Projection;
use sqlx::postgres::PgRow;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, SemaphorePermit};

use super::config::{Config, Fallback, REPLICA_NAMES};
use super::failure::Failure;
use super::freshness::Freshness;
use super::limits::{Limits, Workload};
use super::progress::Progress;
use super::source::{Source, SourceName, Wait};
use super::statement::Statement;
use crate::reads::latest::Latest;

/// The primary and the replicas. Cheap to clone.
#[derive(Clone)]
pub struct Database(Arc<Inner>);

struct Inner {
    /// The primary, then the replicas.
    sources: Vec<Source>,
    replica_lag_max: Duration,
    fallback: Fallback,
    /// Number of statements so far, with which the replicas take turns.
    turn: AtomicUsize,
    latest: Latest,
    limits: Limits,
    progress: Progress,
    /// One permit for each reader who waits for a consistency token.
    waiting: Semaphore,
}

/// The database that a statement is sent to first.
#[derive(Debug, Clone, Copy)]
enum First {
    /// The one that [`Database::route`] prefers, or this one.
    Routed(Option<SourceName>),
    /// The primary.
    Primary,
}

/// The database that a long read should use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Prefer {
    /// A replica, as other reads do.
    Replica,
    /// The primary, because replay of the write-ahead log may cancel a long read of a replica again and again.
    Primary,
}

impl Database {
    /// Opens no connection: the first statement does. At most `waiting_max` readers wait for a consistency token at once.
    pub fn new(config: &Config, waiting_max: usize, health: &Health, latest: Latest) -> Database {
        let primary = Source::new(SourceName::Primary, config.primary.clone(), config, health.optional("primary"));
        let names = if config.replicas.len() == 1 { &["replica"][..] } else { &REPLICA_NAMES };
        let replicas = config.replicas.iter().zip(names).map(|(options, name)| {
            Source::new(SourceName::Replica(name), options.clone(), config, health.optional(name))
        });
        Database(Arc::new(Inner {
            sources: std::iter::once(primary).chain(replicas).collect(),
            replica_lag_max: config.replica_lag_max,
            fallback: config.fallback,
            turn: AtomicUsize::new(0),
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
        self.fetch_on(workload, None, statement).await
    }

    /// As [`Database::fetch`], first on this database if it serves reads.
    pub async fn fetch_on(
        &self,
        workload: Workload,
        on: Option<SourceName>,
        statement: Statement,
    ) -> Result<Vec<PgRow>, Failure> {
        let permit = self.0.limits.acquire(workload).await?;
        self.run_to_its_end(Some(permit), First::Routed(on), statement).await
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
                First::Routed(on) => database.run_on(database.route(on), &statement).await,
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

    /// Returns once a projection is observed to satisfy `is_reached`, with the database in which it does. The observation is of
    /// one server behind an address that may have several servers, so the rows must be read together with their freshness.
    pub(crate) async fn projection_reaches(
        &self,
        projection: Projection,
        is_reached: impl Fn(&Freshness) -> bool,
    ) -> SourceName {
        self.0.progress.wait_until(projection, is_reached).await
    }

    /// The progress of a projection when a reader last waited for a projection.
    pub(crate) fn last_progress(&self, projection: Projection) -> Option<Freshness> {
        self.0.progress.last(projection)
    }

    /// The primary, then the replicas.
    pub(super) fn sources(&self) -> &[Source] {
        &self.0.sources
    }

    pub(super) fn primary(&self) -> &Source {
        &self.0.sources[0]
    }

    pub(super) fn replicas(&self) -> &[Source] {
        &self.0.sources[1..]
    }

    pub(super) fn progress(&self) -> &Progress {
        &self.0.progress
    }

    /// Permission to run a read of this workload, until the permit is dropped.
    pub(super) async fn permit(&self, workload: Workload) -> Result<OwnedSemaphorePermit, Failure> {
        self.0.limits.acquire(workload).await
    }

    /// The databases for a long read, in this order. The primary is the first one on request, where the policy allows it.
    pub(super) fn route_long_read(&self, prefer: Prefer) -> Vec<&Source> {
        match prefer {
            Prefer::Primary if self.falls_back() => self.primary_first(),
            Prefer::Primary | Prefer::Replica => self.route(None),
        }
    }

    async fn run_on(&self, sources: Vec<&Source>, statement: &Statement) -> Result<Vec<PgRow>, Failure> {
        let mut failed = None;
        let mut sources = sources.into_iter().peekable();
        while let Some(source) = sources.next() {
            let wait = if sources.peek().is_some() { Wait::UntilUnresponsive } else { Wait::ToTheEnd };
            match source.run(statement, wait).await {
                Ok(rows) => return Ok(rows),
                Err(failure) if failure.may_succeed_elsewhere() => failed = Some(failure),
                Err(failure) => return Err(failure),
            }
        }
        Err(failed.unwrap_or_else(|| self.nothing_serves()))
    }

    /// Why no database serves reads.
    pub(super) fn nothing_serves(&self) -> Failure {
        match self.replicas().iter().any(Source::answers) {
            true => Failure::ReplicasBehind,
            false => Failure::Down,
        }
    }

    /// The databases that answer, the primary first, then the replicas that are least behind.
    fn primary_first(&self) -> Vec<&Source> {
        let mut replicas: Vec<&Source> = self.answering_replicas().collect();
        replicas.sort_by_key(|replica| replica.lag());
        Some(self.primary()).filter(|primary| primary.answers()).into_iter().chain(replicas).collect()
    }

    /// The databases that a statement may be sent to, in this order: those that serve reads, beginning with the one whose turn
    /// it is or with `on`, and then those that replace them.
    fn route(&self, on: Option<SourceName>) -> Vec<&Source> {
        let mut route = self.serving();
        if route.len() > 1 {
            let turn = self.0.turn.fetch_add(1, Ordering::Relaxed) % route.len();
            route.rotate_left(turn);
        }
        if self.falls_back() {
            for other in self.primary_first() {
                if !route.iter().any(|source| source.name == other.name) {
                    route.push(other);
                }
            }
        }
        if let Some(at) = route.iter().position(|source| Some(source.name) == on) {
            route[..=at].rotate_right(1);
        }
        route
    }

    /// The databases that serve reads: the usable replicas, or where there is none, what replaces them.
    pub(super) fn serving(&self) -> Vec<&Source> {
        let usable = |replica: &&Source| replica.lag() <= self.0.replica_lag_max;
        let usable: Vec<&Source> = self.answering_replicas().filter(usable).collect();
        if !usable.is_empty() || !self.falls_back() {
            return usable;
        }
        match self.primary().answers() {
            true => vec![self.primary()],
            false => self.answering_replicas().collect(),
        }
    }

    /// Of the databases that serve reads, the one that is least behind.
    pub(super) fn least_behind(&self) -> Option<&Source> {
        self.serving().into_iter().min_by_key(|source| source.lag())
    }

    fn answering_replicas(&self) -> impl Iterator<Item = &Source> {
        self.replicas().iter().filter(|replica| replica.answers())
    }

    /// Whether the primary serves reads while no replica is usable.
    fn falls_back(&self) -> bool {
        self.0.fallback == Fallback::Primary || self.replicas().is_empty()
    }
}

#[cfg(test)]
mod tests {
    use sqlx::postgres::PgConnectOptions;

    use super::*;

    fn database(replicas: usize, fallback: Fallback) -> Database {
        let config = Config {
            primary: PgConnectOptions::new(),
            replicas: vec![PgConnectOptions::new(); replicas],
            connections: 1,
            acquire_timeout: Duration::from_millis(1),
            statement_timeout: Duration::from_secs(1),
            probe_timeout: Duration::from_secs(1),
            replica_lag_max: Duration::from_secs(5),
            fallback,
            freshness_interval: Duration::from_millis(100),
        };
        Database::new(&config, 1, &Health::new(), Latest::default())
    }

    fn names(sources: Vec<&Source>) -> Vec<&'static str> {
        sources.into_iter().map(|source| source.name.as_str()).collect()
    }

    fn route(database: &Database) -> Vec<&'static str> {
        names(database.route(None))
    }

    #[tokio::test]
    async fn the_replica_is_preferred_unless_it_is_down_or_too_far_behind() {
        let database = database(1, Fallback::Primary);
        let (primary, replica) = (database.primary(), &database.replicas()[0]);
        assert_eq!(route(&database), ["replica", "primary"]);
        replica.set_lag(Duration::from_secs(5));
        assert_eq!(route(&database), ["replica", "primary"]);
        replica.set_lag(Duration::from_secs(6));
        assert_eq!(route(&database), ["primary", "replica"], "old data is better than no data");
        replica.set_lag(Duration::ZERO);
        replica.down(&Failure::Unresponsive);
        assert_eq!(route(&database), ["primary"]);
        primary.down(&Failure::Unresponsive);
        assert!(route(&database).is_empty() && matches!(database.nothing_serves(), Failure::Down));
        replica.up();
        assert_eq!(route(&database), ["replica"]);
    }

    #[tokio::test]
    async fn without_a_replica_the_primary_serves_reads() {
        for fallback in [Fallback::Primary, Fallback::Reject] {
            assert_eq!(route(&database(0, fallback)), ["primary"]);
        }
    }

    #[tokio::test]
    async fn usable_replicas_take_turns_and_replace_each_other_before_the_primary_does() {
        let database = database(3, Fallback::Primary);
        assert_eq!(route(&database), ["replica-1", "replica-2", "replica-3", "primary"]);
        assert_eq!(route(&database), ["replica-2", "replica-3", "replica-1", "primary"]);
        assert_eq!(route(&database), ["replica-3", "replica-1", "replica-2", "primary"]);
        database.replicas()[1].down(&Failure::Unresponsive);
        database.replicas()[2].set_lag(Duration::from_secs(6));
        for _ in 0..3 {
            assert_eq!(route(&database), ["replica-1", "primary", "replica-3"]);
        }
        database.replicas()[0].down(&Failure::Unresponsive);
        assert_eq!(names(database.serving()), ["primary"]);
        database.replicas()[1].up();
        assert_eq!(names(database.serving()), ["replica-2"], "a replica returns as soon as it answers");
    }

    #[tokio::test]
    async fn the_primary_serves_no_reads_if_the_policy_is_to_reject_them() {
        let database = database(2, Fallback::Reject);
        assert_eq!(route(&database), ["replica-1", "replica-2"]);
        database.replicas().iter().for_each(|replica| replica.set_lag(Duration::from_secs(6)));
        assert!(route(&database).is_empty() && matches!(database.nothing_serves(), Failure::ReplicasBehind));
        database.replicas().iter().for_each(|replica| replica.down(&Failure::Unresponsive));
        assert!(matches!(database.nothing_serves(), Failure::Down));
        assert_eq!(names(database.primary_first()), ["primary"], "reads that need the newest data use it");
    }

    #[tokio::test]
    async fn a_reader_who_waits_reads_from_the_database_that_is_least_behind() {
        let database = database(3, Fallback::Primary);
        [3, 1, 2]
            .into_iter()
            .zip(database.replicas())
            .for_each(|(lag, replica)| replica.set_lag(Duration::from_secs(lag)));
        assert_eq!(database.least_behind().map(|source| source.name), Some(SourceName::Replica("replica-2")));
        let on = |name| names(database.route(Some(SourceName::Replica(name))))[0];
        assert_eq!(["replica-2", "replica-1", "replica-3"].map(on), ["replica-2", "replica-1", "replica-3"]);
        assert_eq!(names(database.primary_first()), ["primary", "replica-2", "replica-3", "replica-1"]);
    }
}
