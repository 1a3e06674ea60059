//! Answers that are not older than a consistency token: look once, and where the projection is behind, wait until it has come
//! so far and look again.
//!
//! Rows and freshness come in one statement, so from one snapshot of one server, however many replicas stand behind an
//! address. Nobody looks again before the projection was seen at the token, by one watcher for all who wait: a reader who waits
//! costs the database two or three statements, however long the wait, and these have a share of the connections that is theirs.
//! So tokens that are never reached take nothing from other readers, and a token beyond any end that the log can have is
//! refused at once.

use std::time::Duration;

use events::{LogPosition, Position};
use metrics::counter;
use platform::metric_names::{QUERY_TOKEN_READS_TOTAL, QUERY_TOKEN_WAIT_SECONDS};
use platform::problem::Problem;
use read_model::Projection;
use sqlx::Row;
use sqlx::postgres::PgRow;
use tokio::time::Instant;

use crate::asked::Wanted;
use crate::database::{Class, Database, Failure, Found, Freshness, Scope, Statement};
use crate::problems;

/// Before another look that should have sufficed: another server behind the address is further behind than the one that was
/// seen. It doubles up to the last.
const FIRST_PAUSE: Duration = Duration::from_millis(5);
/// Seldom enough that a hundred readers who wait cost less than one who reads.
const LAST_PAUSE: Duration = Duration::from_millis(50);
/// For the look at the end of a wait.
const LAST_LOOK: Duration = Duration::from_millis(500);
/// The log may have grown by so much since its end was seen, a second ago or two; nobody writes that fast.
const GROWTH_MAX: i64 = 1_000_000;

/// Reads once, or where a token is given until the answer contains what is wanted, for as long as the reader waits.
pub async fn read(
    database: &Database,
    class: Class,
    wanted: Option<&Wanted>,
    projection: Projection,
    scope: &Scope,
    select: impl Fn(&mut Statement),
) -> Result<Found, Problem> {
    let reading = Reading { database, projection, scope, select };
    let Some(wanted) = wanted else {
        return reading.look(class).await.map_err(|failure| problems::database(&failure));
    };
    if let Some(end) = database.current().log_end().filter(|end| wanted.position.0 > end.0.saturating_add(GROWTH_MAX)) {
        return Err(problems::token_beyond_the_log(wanted.position, end));
    }
    let began = Instant::now();
    let (outcome, found) = match wanted.wait.is_zero() {
        true => ("at_once", reading.once(class, wanted).await),
        false => reading.wait(class, wanted).await,
    };
    counter!(QUERY_TOKEN_READS_TOTAL, "outcome" => if found.is_ok() { outcome } else { "too_late" }).increment(1);
    metrics::histogram!(QUERY_TOKEN_WAIT_SECONDS).record(began.elapsed().as_secs_f64());
    found
}

/// What is read, and from where.
struct Reading<'r, S> {
    database: &'r Database,
    projection: Projection,
    scope: &'r Scope,
    select: S,
}

/// Why a look did not suffice.
enum Lacking {
    /// It saw the projection so far.
    Behind(Box<Freshness>),
    /// There was no place for it among those who wait.
    Busy,
}

impl<S: Fn(&mut Statement)> Reading<'_, S> {
    async fn look(&self, class: Class) -> Result<Found, Failure> {
        let statement = Statement::fresh(self.projection, self.scope, &self.select);
        let rows = self.database.try_fetch(class, statement).await?;
        Found::read(rows).map_err(Failure::of)
    }

    async fn once(&self, class: Class, wanted: &Wanted) -> Result<Found, Problem> {
        let found = self.look(class).await.map_err(|failure| problems::database(&failure))?;
        match self.contains(&found, wanted.position) {
            true => Ok(found),
            false => Err(problems::projection_lag(wanted, Some(&found.freshness))),
        }
    }

    /// A look of somebody who waits. A database that is busy is one that cannot say it yet.
    async fn look_for(&self, class: Class, token: Position) -> Result<Result<Found, Lacking>, Problem> {
        match self.look(class).await {
            Ok(found) if self.contains(&found, token) => Ok(Ok(found)),
            Ok(found) => Ok(Err(Lacking::Behind(Box::new(found.freshness)))),
            Err(Failure::Busy) => Ok(Err(Lacking::Busy)),
            Err(failure) => Err(problems::database(&failure)),
        }
    }

    async fn wait(&self, class: Class, wanted: &Wanted) -> (&'static str, Result<Found, Problem>) {
        let mut seen = None;
        let looked = match self.is_applied(wanted.position) {
            true => self.look_for(class, wanted.position).await,
            false => self.look_if_there_is_room(wanted.position).await,
        };
        match looked {
            Ok(Ok(found)) => return ("at_once", Ok(found)),
            Ok(Err(Lacking::Behind(freshness))) => seen = Some(freshness),
            Ok(Err(Lacking::Busy)) => {}
            Err(problem) => return ("at_once", Err(problem)),
        }
        let waited = match self.database.waiting_place() {
            Some(_place) => tokio::time::timeout_at(wanted.until, self.wait_for(wanted.position, &mut seen)).await,
            // As if the reader had not wanted to wait.
            None => Ok(Ok(None)),
        };
        let found = match waited {
            Ok(Ok(Some(found))) => Ok(found),
            Ok(Err(problem)) => Err(problem),
            Ok(Ok(None)) => Err(self.lag(wanted, seen.as_deref())),
            Err(_) => self.last_look(wanted, seen.as_deref()).await,
        };
        ("waited", found)
    }

    /// Returns what contains the token, once there is such a thing; `None` where waiting for it is in vain.
    async fn wait_for(&self, token: Position, seen: &mut Option<Box<Freshness>>) -> Result<Option<Found>, Problem> {
        let mut pause = FIRST_PAUSE;
        while !self.is_in_vain(token, seen.as_deref()) {
            let last = seen.as_deref();
            self.database.has_come(self.projection, |now| self.promises(now, last, token)).await;
            match self.look_for(Class::Waiting, token).await? {
                Ok(found) => return Ok(Some(found)),
                Err(Lacking::Behind(freshness)) => *seen = Some(freshness),
                Err(Lacking::Busy) => {}
            }
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(LAST_PAUSE);
        }
        Ok(None)
    }

    /// The wait is over; rows may be there although the projection as a whole never came so far.
    async fn last_look(&self, wanted: &Wanted, seen: Option<&Freshness>) -> Result<Found, Problem> {
        match tokio::time::timeout(LAST_LOOK, self.look_if_there_is_room(wanted.position)).await {
            Ok(Ok(Ok(found))) => Ok(found),
            Ok(Ok(Err(Lacking::Behind(freshness)))) => Err(problems::projection_lag(wanted, Some(&freshness))),
            Ok(Ok(Err(Lacking::Busy))) | Err(_) => Err(self.lag(wanted, seen)),
            Ok(Err(problem)) => Err(problem),
        }
    }

    /// Nobody queues for a look that is not likely to suffice.
    async fn look_if_there_is_room(&self, token: Position) -> Result<Result<Found, Lacking>, Problem> {
        match self.database.has_room(Class::Waiting) {
            true => self.look_for(Class::Waiting, token).await,
            false => Ok(Err(Lacking::Busy)),
        }
    }

    /// Whether the token was reached when the database was last watched, so that probably nobody has to wait for it.
    fn is_applied(&self, token: Position) -> bool {
        let snapshot = self.database.current().snapshot();
        snapshot.is_some_and(|known| known.of(self.projection).is_some_and(|standing| standing.applied >= token))
    }

    fn lag(&self, wanted: &Wanted, seen: Option<&Freshness>) -> Problem {
        match seen {
            Some(seen) => problems::projection_lag(wanted, Some(seen)),
            None => problems::projection_lag(wanted, self.database.last_progress(self.projection).as_ref()),
        }
    }

    /// A document of one stream that is itself at the token needs no checkpoint to prove it; that it is one of many is
    /// enough where one of many is wanted. Neither counts in a life of the log that ended before the token.
    fn contains(&self, found: &Found, token: Position) -> bool {
        let is_there = |row: &PgRow| row.try_get("position").is_ok_and(|position: i64| position >= token.0);
        let is_proven_by_rows = match self.scope {
            Scope::Stream(_) => found.rows.len() == 1 && is_there(&found.rows[0]),
            Scope::OneOf(_) => !found.rows.is_empty(),
            Scope::Streams(_) | Scope::List => false,
        };
        let is_alive = self.is_alive(&found.freshness, token);
        is_alive && (is_proven_by_rows || found.freshness.covers(self.scope, token))
    }

    /// Whether a look is worth while, as far as the projection `now`, which does not say what is parked, can tell. Which
    /// stream it will be is unknown for one of many: then each partition that comes to the token is worth a look.
    fn promises(&self, now: &Freshness, last: Option<&Freshness>, token: Position) -> bool {
        let has_come = match self.scope {
            Scope::OneOf(_) => now.partitions_at(token) > last.map_or(0, |last| last.partitions_at(token)),
            Scope::Stream(_) | Scope::Streams(_) | Scope::List => now.covers(self.scope, token),
        };
        has_come && self.is_alive(now, token)
    }

    /// Whether the token lies in the part of the log that the snapshot shares with the log as it is.
    fn is_alive(&self, freshness: &Freshness, token: Position) -> bool {
        self.database.current().incarnations().include(LogPosition { incarnation: freshness.life(), position: token })
    }

    /// A stream that is parked stays so until somebody starts it again.
    fn is_in_vain(&self, token: Position, seen: Option<&Freshness>) -> bool {
        let is_needed = matches!(self.scope, Scope::Stream(_) | Scope::Streams(_));
        is_needed && seen.is_some_and(|seen| seen.is_parked_before(token))
    }
}
