//! PostgreSQL, read only: the replica first, the primary when the replica is down or too far behind.
//!
//! A [`Statement`] goes to one `source` and, where that one is at fault, to the other. [`watch`] looks at both all the
//! time: it decides which one is asked, and knows how fresh the answers are. [`Freshness`] is the exact figure that comes
//! in the same statement as the rows; `progress` says when it is worth to read it again. A [`Class`] keeps one kind of query
//! from taking all connections. The door to sqlx of this crate, together with the selects beside the documents.

mod class;
mod failure;
mod freshness;
mod probe;
mod progress;
pub mod row;
mod source;
mod statement;
mod watch;

use std::sync::Arc;
use std::time::Duration;

use platform::health::Health;
use platform::problem::Problem;
use read_model::Projection;
use sqlx::postgres::{PgConnectOptions, PgRow};
use tokio::sync::{Semaphore, SemaphorePermit};

pub use class::Class;
pub use failure::Failure;
pub use freshness::{Freshness, Scope};
pub use statement::{Found, Statement};
pub use watch::watch;

use crate::freshness::Current;
use crate::problems;
use class::Classes;
use progress::Progress;
use source::{Name, Source, Wait};

/// Where the databases are and how long to bear with them.
#[derive(Debug, Clone)]
pub struct Config {
    /// The primary, as the role that may only read.
    pub primary: PgConnectOptions,
    /// The replica; without one the primary is read.
    pub replica: Option<PgConnectOptions>,
    /// Connections to each of them.
    pub connections: u32,
    /// Longest wait for a free connection.
    pub acquire_timeout: Duration,
    /// Longest that a statement runs.
    pub statement_timeout: Duration,
    /// Longest that a look at the replica takes; one at the primary, which nobody stands in for, may take twice as long.
    pub probe_timeout: Duration,
    /// A replica that is further behind is not asked while the primary answers.
    pub replica_lag_max: Duration,
    /// Between two looks at the freshness.
    pub freshness_interval: Duration,
}

/// The databases. Cheap to clone.
#[derive(Clone)]
pub struct Database(Arc<Inner>);

struct Inner {
    primary: Source,
    replica: Option<Source>,
    replica_lag_max: Duration,
    current: Current,
    classes: Classes,
    progress: Progress,
    /// Places for readers who wait.
    waiting_room: Semaphore,
}

impl Database {
    /// Connects to nothing yet: statements do, when they need to. At most `waiting_max` readers wait at once.
    pub fn new(config: &Config, waiting_max: usize, health: &Health, current: Current) -> Database {
        let primary = Source::new(Name::Primary, config.primary.clone(), config, health.optional("primary"));
        let replica = config.replica.clone();
        let replica = replica.map(|it| Source::new(Name::Replica, it, config, health.optional("replica")));
        Database(Arc::new(Inner {
            primary,
            replica,
            replica_lag_max: config.replica_lag_max,
            current,
            classes: Classes::new(config.connections, config.acquire_timeout),
            progress: Progress::new(),
            waiting_room: Semaphore::new(waiting_max),
        }))
    }

    /// What is known of the freshness of answers.
    pub fn current(&self) -> &Current {
        &self.0.current
    }

    /// Runs a statement to its end, even when whoever asked goes away: a connection is never left in the middle of it.
    pub async fn fetch(&self, class: Class, statement: Statement) -> Result<Vec<PgRow>, Problem> {
        self.try_fetch(class, statement).await.map_err(|failure| problems::database(&failure))
    }

    /// As [`Database::fetch`], for those who can live with a failure.
    pub(crate) async fn try_fetch(&self, class: Class, statement: Statement) -> Result<Vec<PgRow>, Failure> {
        let place = self.0.classes.enter(class).await?;
        let database = self.clone();
        let running = tokio::spawn(async move {
            let _place = place;
            database.run_on(database.route(), &statement).await
        });
        running.await.unwrap_or_else(|died| Err(Failure::Died(died)))
    }

    /// Whether a statement of this class would run at once.
    pub(crate) fn has_room(&self, class: Class) -> bool {
        self.0.classes.has_room(class)
    }

    /// A place for somebody who is going to wait; `None` where too many wait.
    pub(crate) fn waiting_place(&self) -> Option<SemaphorePermit<'_>> {
        self.0.waiting_room.try_acquire().ok()
    }

    /// Returns once the projection was seen to have come far enough, in the opinion of who waits. What is seen is of one
    /// server behind an address that may have several, so the rows themselves must be read with their freshness.
    pub(crate) async fn has_come(&self, projection: Projection, far_enough: impl Fn(&Freshness) -> bool) {
        self.0.progress.until(projection, far_enough).await;
    }

    /// How far the projection had come when somebody last waited for one.
    pub(crate) fn last_progress(&self, projection: Projection) -> Option<Freshness> {
        self.0.progress.last(projection)
    }

    /// As [`Database::fetch`], from the primary where that answers: for small statements whose answer must not be late. They
    /// are few and shared by many, so they are of no class.
    pub async fn fetch_from_primary(&self, statement: Statement) -> Result<Vec<PgRow>, Problem> {
        let database = self.clone();
        let running = tokio::spawn(async move { database.run_on(database.primary_first(), &statement).await });
        let ended = running.await.unwrap_or_else(|died| Err(Failure::Died(died)));
        ended.map_err(|failure| problems::database(&failure))
    }

    async fn run_on<'s>(
        &self,
        sources: impl Iterator<Item = &'s Source>,
        statement: &Statement,
    ) -> Result<Vec<PgRow>, Failure> {
        let mut failed = None;
        let mut sources = sources.peekable();
        while let Some(source) = sources.next() {
            let wait = if sources.peek().is_some() { Wait::UnlessSilent } else { Wait::ToTheEnd };
            match source.run(statement, wait).await {
                Ok(rows) => return Ok(rows),
                Err(failure) if failure.is_of_the_source() => failed = Some(failure),
                Err(failure) => return Err(failure),
            }
        }
        Err(failed.unwrap_or(Failure::Down))
    }

    /// The sources that answer, the primary first.
    fn primary_first(&self) -> impl Iterator<Item = &Source> {
        let Inner { primary, replica, .. } = &*self.0;
        [Some(primary), replica.as_ref()].into_iter().flatten().filter(|source| source.answers())
    }

    /// The sources that answer, the preferred one first.
    fn route(&self) -> impl Iterator<Item = &Source> {
        let Inner { primary, replica, replica_lag_max, .. } = &*self.0;
        let (near, far) = match replica {
            Some(replica) if replica.lag() <= *replica_lag_max => (Some(replica), Some(primary)),
            Some(replica) => (Some(primary), Some(replica)),
            None => (Some(primary), None),
        };
        near.into_iter().chain(far).filter(|source| source.answers())
    }
}

#[cfg(test)]
mod tests {
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
        Database::new(&config, 1, &Health::new(), Current::default())
    }

    fn route(database: &Database) -> Vec<&'static str> {
        database.route().map(|source| source.name.word()).collect()
    }

    #[tokio::test]
    async fn the_replica_is_asked_first_unless_it_is_down_or_too_far_behind() {
        let database = database(true);
        let (primary, replica) = (&database.0.primary, database.0.replica.as_ref().expect("a replica"));
        assert_eq!(route(&database), ["replica", "primary"]);
        replica.lags_by(Duration::from_secs(5));
        assert_eq!(route(&database), ["replica", "primary"]);
        replica.lags_by(Duration::from_secs(6));
        assert_eq!(route(&database), ["primary", "replica"], "late is better than nothing");
        replica.lags_by(Duration::ZERO);
        replica.down(&Failure::Silent);
        assert_eq!(route(&database), ["primary"]);
        primary.down(&Failure::Silent);
        assert!(route(&database).is_empty());
        replica.up();
        assert_eq!(route(&database), ["replica"]);
    }

    #[tokio::test]
    async fn without_a_replica_the_primary_is_asked() {
        assert_eq!(route(&database(false)), ["primary"]);
    }
}
