//! Answers that are not older than a consistency token: look, and while the projection is behind, look again.
//!
//! Rows and freshness come in one statement, so from one snapshot of one server, however many replicas stand behind an
//! address. Between two looks no connection is held.

use std::time::Duration;

use events::Position;
use metrics::counter;
use platform::metric_names::{QUERY_TOKEN_READS_TOTAL, QUERY_TOKEN_WAIT_SECONDS};
use platform::problem::Problem;
use read_model::Projection;
use sqlx::Row;
use sqlx::postgres::PgRow;
use tokio::time::Instant;

use crate::asked::Wanted;
use crate::database::{Database, Found, Scope, Statement};
use crate::problems;

/// The first pause between two looks, about what replay takes on a quiet machine; it doubles up to the last.
const FIRST_PAUSE: Duration = Duration::from_millis(5);
/// Seldom enough that a hundred readers who wait cost less than one who reads.
const LAST_PAUSE: Duration = Duration::from_millis(50);

/// Reads once, or where a token is given until the answer contains what is wanted, for as long as the reader waits.
pub async fn read(
    database: &Database,
    wanted: Option<&Wanted>,
    projection: Projection,
    scope: &Scope,
    select: impl Fn(&mut Statement),
) -> Result<Found, Problem> {
    let enough = |found: &Found, token| contains(found, scope, token);
    read_until(database, wanted, || Statement::fresh(projection, scope, &select), enough).await
}

/// As [`read`], with an opinion of one's own on when an answer is new enough for a token.
pub async fn read_until(
    database: &Database,
    wanted: Option<&Wanted>,
    statement: impl Fn() -> Statement,
    enough: impl Fn(&Found, Position) -> bool,
) -> Result<Found, Problem> {
    let Some(wanted) = wanted else { return look(database, statement()).await };
    let began = Instant::now();
    let mut pause = FIRST_PAUSE;
    loop {
        let found = look(database, statement()).await?;
        if enough(&found, wanted.position) {
            counted(if pause == FIRST_PAUSE { "at_once" } else { "waited" }, began);
            return Ok(found);
        }
        let left = wanted.until.saturating_duration_since(Instant::now());
        if left.is_zero() {
            counted("too_late", began);
            return Err(problems::projection_lag(wanted, &found.freshness));
        }
        tokio::time::sleep(pause.min(left)).await;
        pause = (pause * 2).min(LAST_PAUSE);
    }
}

async fn look(database: &Database, statement: Statement) -> Result<Found, Problem> {
    Found::read(database.fetch(statement).await?).map_err(|error| problems::internal(&error))
}

/// A document of one stream that is itself at the token needs no checkpoint to prove it.
fn contains(found: &Found, scope: &Scope, token: Position) -> bool {
    let is_there = |row: &PgRow| row.try_get("position").is_ok_and(|position: i64| position >= token.0);
    let is_document = matches!(scope, Scope::Stream(_)) && found.rows.len() == 1;
    found.freshness.covers(scope, token) || (is_document && is_there(&found.rows[0]))
}

fn counted(outcome: &'static str, began: Instant) {
    counter!(QUERY_TOKEN_READS_TOTAL, "outcome" => outcome).increment(1);
    metrics::histogram!(QUERY_TOKEN_WAIT_SECONDS).record(began.elapsed().as_secs_f64());
}
