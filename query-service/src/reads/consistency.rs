//! Reads that are not older than a consistency token: read once, and where the projection is behind, wait until it has reached
//! the token and read again.
//!
//! Rows and freshness come from one statement, so from one snapshot of one server, even if several replicas share an
//! address. A waiting reader reads again only after the projection was observed at the token, by one observer for all
//! waiting readers ([`crate::reads::database`]), and from the database in which it was observed. So a waiting reader costs two or three statements, however long the wait, and
//! these use a connection limit of their own. Tokens that are never reached do not slow other readers, and a token far beyond
//! the end of the log is refused at once.

use std::time::Duration;

use events::{LogPosition, Position};
use metrics::counter;
use platform::metric_names::{QUERY_TOKEN_READS_TOTAL, QUERY_TOKEN_WAIT_SECONDS};
use read_model::Projection;
use sqlx::Row;
use sqlx::postgres::PgRow;
use tokio::time::Instant;

use crate::reads::database::failure::Failure;
use crate::reads::database::freshness::{Freshness, Scope};
use crate::reads::database::limits::Workload;
use crate::reads::database::routing::Database;
use crate::reads::database::source::SourceName;
use crate::reads::database::statement::{FreshRows, Statement};
use crate::reads::error::{Error, ProjectionLag, Reached};

/// First pause before a read is repeated because another server behind the address was further behind than the observed one.
/// The pause doubles up to [`PAUSE_MAX`].
const PAUSE_MIN: Duration = Duration::from_millis(5);
/// Long enough that a hundred waiting readers cost less than one active reader.
const PAUSE_MAX: Duration = Duration::from_millis(50);
/// Longest duration of the last read, after the wait is over.
const LAST_READ_TIMEOUT: Duration = Duration::from_millis(500);
/// The log cannot have grown by more positions since its end was observed, at most two seconds ago.
pub const LOG_GROWTH_MAX: i64 = 1_000_000;

/// The consistency that a reader requires.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Required {
    /// The result must contain every event up to this position.
    pub position: Position,
    /// How long the reader waits for such a result.
    pub wait: Duration,
    /// End of the wait.
    pub deadline: Instant,
}

/// Adds the select of a read to a statement. Not generic, so that waiting is compiled once and not for every select.
pub type Select<'s> = &'s (dyn Fn(&mut Statement) + Sync);

/// Reads once, or where a position is required, until the result contains it or the reader's wait is over.
pub async fn read(
    database: &Database,
    workload: Workload,
    required: Option<&Required>,
    projection: Projection,
    scope: &Scope,
    select: Select<'_>,
) -> Result<FreshRows, Error> {
    // A report takes long, so it uses the connections of reports even where its reader waits.
    let waiting = if workload == Workload::Report { Workload::Report } else { Workload::Waiting };
    let read = Read { database, projection, scope, select, waiting };
    let Some(required) = required else { return Ok(read.once(workload, None).await?) };
    let token = required.position;
    refuse_beyond_log(database, token)?;
    let began = Instant::now();
    let (outcome, result) = match required.wait.is_zero() {
        true => ("at_once", read.without_waiting(workload, required).await),
        false => read.with_waiting(workload, required).await,
    };
    counter!(QUERY_TOKEN_READS_TOTAL, "outcome" => if result.is_ok() { outcome } else { "too_late" }).increment(1);
    metrics::histogram!(QUERY_TOKEN_WAIT_SECONDS).record(began.elapsed().as_secs_f64());
    result
}

/// Refuses a token that is far beyond the end of the log.
pub fn refuse_beyond_log(database: &Database, token: Position) -> Result<(), Error> {
    match database.latest().log_end().filter(|end| token.0 > end.0.saturating_add(LOG_GROWTH_MAX)) {
        Some(end) => Err(Error::TokenBeyondLog { token, end }),
        None => Ok(()),
    }
}

/// A read of one scope of a projection.
struct Read<'r> {
    database: &'r Database,
    projection: Projection,
    scope: &'r Scope,
    select: Select<'r>,
    /// The connection limit of attempts that follow a wait.
    waiting: Workload,
}

/// The result of one attempt to read at a token.
enum Attempt {
    /// The rows contain the token.
    Sufficient(FreshRows),
    /// The projection was behind the token.
    Behind(Box<Freshness>),
    /// No connection was available.
    Busy,
}

impl Read<'_> {
    /// Reads from the database `on`, if it is given and answers.
    async fn once(&self, workload: Workload, on: Option<SourceName>) -> Result<FreshRows, Failure> {
        let statement = Statement::with_freshness(self.projection, self.scope, self.select);
        let rows = self.database.fetch_on(workload, on, statement).await?;
        FreshRows::decode(rows).map_err(Failure::of)
    }

    async fn without_waiting(&self, workload: Workload, required: &Required) -> Result<FreshRows, Error> {
        let result = self.once(workload, None).await?;
        match self.contains(&result, required.position) {
            true => Ok(result),
            false => Err(self.lag(required, Some(&result.freshness))),
        }
    }

    /// Reads for a waiting reader, who can wait for a connection to become available.
    async fn attempt(&self, workload: Workload, on: Option<SourceName>, token: Position) -> Result<Attempt, Failure> {
        match self.once(workload, on).await {
            Ok(result) if self.contains(&result, token) => Ok(Attempt::Sufficient(result)),
            Ok(result) => Ok(Attempt::Behind(Box::new(result.freshness))),
            Err(Failure::Busy) => Ok(Attempt::Busy),
            Err(failure) => Err(failure),
        }
    }

    async fn with_waiting(&self, workload: Workload, required: &Required) -> (&'static str, Result<FreshRows, Error>) {
        let mut last = None;
        let attempted = match self.was_reached(required.position) {
            true => self.attempt(workload, None, required.position).await,
            false => self.attempt_if_not_busy(required.position).await,
        };
        match attempted {
            Ok(Attempt::Sufficient(result)) => return ("at_once", Ok(result)),
            Ok(Attempt::Behind(freshness)) => last = Some(freshness),
            Ok(Attempt::Busy) => {}
            Err(failure) => return ("at_once", Err(failure.into())),
        }
        let waited = match self.database.waiting_permit() {
            Some(_permit) => {
                tokio::time::timeout_at(required.deadline, self.wait_for(required.position, &mut last)).await
            }
            // Too many readers wait: as if this reader had not asked to wait.
            None => Ok(Ok(None)),
        };
        let result = match waited {
            Ok(Ok(Some(result))) => Ok(result),
            Ok(Err(failure)) => Err(failure.into()),
            Ok(Ok(None)) => Err(self.lag(required, last.as_deref())),
            Err(_) => self.last_attempt(required, last.as_deref()).await,
        };
        ("waited", result)
    }

    /// Returns a result that contains the token, or `None` if waiting cannot help.
    async fn wait_for(&self, token: Position, last: &mut Option<Box<Freshness>>) -> Result<Option<FreshRows>, Failure> {
        let mut pause = PAUSE_MIN;
        while !self.is_parked(token, last.as_deref()) {
            let previous = last.as_deref();
            let is_reached = |now: &Freshness| self.is_worth_reading(now, previous, token);
            let on = self.database.projection_reaches(self.projection, is_reached).await;
            match self.attempt(self.waiting, Some(on), token).await? {
                Attempt::Sufficient(result) => return Ok(Some(result)),
                Attempt::Behind(freshness) => *last = Some(freshness),
                Attempt::Busy => {}
            }
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(PAUSE_MAX);
        }
        Ok(None)
    }

    /// Reads once more after the wait: the rows may contain the token although the projection as a whole never reached it.
    async fn last_attempt(&self, required: &Required, last: Option<&Freshness>) -> Result<FreshRows, Error> {
        match tokio::time::timeout(LAST_READ_TIMEOUT, self.attempt_if_not_busy(required.position)).await {
            Ok(Ok(Attempt::Sufficient(result))) => Ok(result),
            Ok(Ok(Attempt::Behind(freshness))) => Err(self.lag(required, Some(&freshness))),
            Ok(Ok(Attempt::Busy)) | Err(_) => Err(self.lag(required, last)),
            Ok(Err(failure)) => Err(failure.into()),
        }
    }

    /// Does not queue for a connection, because the attempt is unlikely to suffice.
    async fn attempt_if_not_busy(&self, token: Position) -> Result<Attempt, Failure> {
        match self.database.has_capacity(self.waiting) {
            true => self.attempt(self.waiting, None, token).await,
            false => Ok(Attempt::Busy),
        }
    }

    /// Whether the projection had reached the token at the last probe, so that the reader probably need not wait.
    fn was_reached(&self, token: Position) -> bool {
        let report = self.database.latest().report();
        report.is_some_and(|report| report.of(self.projection).is_some_and(|it| it.applied >= token))
    }

    /// The error that reports how far the projection is, as seen by the last attempt or else by the shared observer.
    fn lag(&self, required: &Required, seen: Option<&Freshness>) -> Error {
        let observed = if seen.is_none() { self.database.last_progress(self.projection) } else { None };
        let reached = seen
            .or(observed.as_ref())
            .map(|freshness| Reached { contained: freshness.contained().position, relayed: freshness.relay.position });
        Error::ProjectionLag(Box::new(ProjectionLag { required: required.position, wait: required.wait, reached }))
    }

    /// Whether the result contains the token. A document of one stream whose own position is at the token needs no checkpoint
    /// as proof; where one of many streams is read, the existence of a row is proof enough. Neither is valid if the incarnation
    /// of the snapshot ended before the token.
    fn contains(&self, result: &FreshRows, token: Position) -> bool {
        let is_at_token = |row: &PgRow| row.try_get("position").is_ok_and(|position: i64| position >= token.0);
        let is_proven_by_rows = match self.scope {
            Scope::Stream(_) => result.rows.len() == 1 && is_at_token(&result.rows[0]),
            Scope::OneOf(_) => !result.rows.is_empty(),
            Scope::Streams(_) | Scope::List => false,
        };
        let is_in_log = self.is_in_log(&result.freshness, token);
        is_in_log && (is_proven_by_rows || result.freshness.covers(self.scope, token))
    }

    /// Whether a read is likely to suffice, judging by the observed progress `now`, which does not include parked streams. For
    /// a scope of one of many streams the partition is unknown, so each partition that reaches the token is worth a read.
    fn is_worth_reading(&self, now: &Freshness, previous: Option<&Freshness>, token: Position) -> bool {
        let is_reached = match self.scope {
            Scope::OneOf(_) => {
                now.count_partitions_at(token) > previous.map_or(0, |previous| previous.count_partitions_at(token))
            }
            Scope::Stream(_) | Scope::Streams(_) | Scope::List => now.covers(self.scope, token),
        };
        is_reached && self.is_in_log(now, token)
    }

    /// Whether the token lies in the part of the log that the snapshot shares with the current log.
    fn is_in_log(&self, freshness: &Freshness, token: Position) -> bool {
        let at = LogPosition { incarnation: freshness.incarnation(), position: token };
        self.database.latest().incarnations().include(at)
    }

    /// Whether a stream of the scope is parked before the token, so that waiting cannot help.
    fn is_parked(&self, token: Position, last: Option<&Freshness>) -> bool {
        let needs_all_streams = matches!(self.scope, Scope::Stream(_) | Scope::Streams(_));
        needs_all_streams && last.is_some_and(|last| last.is_parked_before(token))
    }
}
