//! Appending a batch: the statement does nothing if the log has grown or was replaced since the state that the batch was decided
//! on.

use std::time::Duration;

use chrono::{DateTime, Utc};
use sqlx::postgres::PgConnection;

use super::batch::{Appended, NewRow};
use super::end::Expected;
use super::{Log, Store};
use crate::database::within;

/// `recorded_at` never decreases along positions, whatever the clocks of the writers say ($4). The statement reads the last
/// event's time in addition to `log_head.recorded_at`, because an instance of the release before that column, which may still
/// run, does not set the column.
///
/// Positions are assigned again after the log has lost its tail, so the last event must be the one that the writer knows ($15
/// to $20). That row is read for its time in any case.
const APPEND: &str = "
    with head as (
        update log_head set position = position + $1, recorded_at = greatest(
            $4, recorded_at, (select last.recorded_at from events last where last.position = $2))
        where position = $2 and incarnation = $3 and ($15::text is null or exists (
            select from events last
            where last.position = $2 and last.stream_id = $15 and last.version = $16 and last.incarnation = $17
                and last.recorded_at = $18 and last.command_id is not distinct from $19 and last.payload::text = $20))
        returning position - $1 as base, recorded_at
    ),
    inserted as (
        insert into events (position, incarnation, stream_id, version, event_type, schema_version, payload, metadata,
            recorded_at, command_id, fingerprint, command_size, claim)
        select head.base + e.ord, $3, e.stream_id, e.version, e.event_type, e.schema_version, e.payload::json,
            e.metadata::json, head.recorded_at, e.command_id, e.fingerprint, e.command_size, e.claim
        from head, unnest($5::text[], $6::int[], $7::text[], $8::smallint[], $9::text[], $10::text[], $11::uuid[],
            $12::bigint[], $13::smallint[], $14::text[]) with ordinality
            as e(stream_id, version, event_type, schema_version, payload, metadata, command_id, fingerprint, command_size,
            claim, ord)
        returning 1
    )
    select head.recorded_at, (select count(*) from inserted) as count from head";

impl Log {
    /// Appends `rows` if the log still ends as `expected`, with one statement in one round trip; the events are durable when it
    /// returns. `clock` is the writer's time, truncated to microseconds.
    pub async fn append(&self, expected: impl Into<Expected<'_>>, clock: DateTime<Utc>, rows: &[NewRow]) -> Appended {
        let expected = expected.into();
        let pool = match &self.0 {
            Store::Postgres(pool) => pool,
            Store::Memory(memory) => return memory.append(expected, clock, rows).await,
        };
        let mut acquired = match pool.acquire().await {
            Ok(acquired) => acquired,
            Err(error) => return Appended::Unknown(error),
        };
        let appended = append_within(pool.timeout(), &mut acquired, expected, clock, rows).await;
        match appended {
            Appended::Unknown(_) => acquired.discard(),
            _ => acquired.release(),
        }
        appended
    }
}

/// Time added to the limit for each row: five times what inserting a row takes on two slow cores, so that a large group of
/// commands is not mistaken for a frozen database.
const TIMEOUT_PER_ROW: Duration = Duration::from_micros(100);

pub(super) async fn append_within(
    timeout: Duration,
    connection: &mut PgConnection,
    expected: Expected<'_>,
    clock: DateTime<Utc>,
    rows: &[NewRow],
) -> Appended {
    let timeout = timeout + TIMEOUT_PER_ROW * u32::try_from(rows.len()).unwrap_or(u32::MAX);
    let appending = async { Ok(append(connection, expected, clock, rows).await) };
    within(timeout, appending).await.unwrap_or_else(Appended::Unknown)
}

async fn append(
    connection: &mut PgConnection,
    Expected { head, last }: Expected<'_>,
    clock: DateTime<Utc>,
    rows: &[NewRow],
) -> Appended {
    fn column<'a, T>(rows: &'a [NewRow], of: impl Fn(&'a NewRow) -> T) -> Vec<T> {
        rows.iter().map(of).collect()
    }
    let inserted = sqlx::query_as::<_, (DateTime<Utc>, i64)>(APPEND)
        .bind(rows.len() as i64)
        .bind(head.position.0)
        .bind(head.incarnation.0)
        .bind(clock)
        .bind(column(rows, |row| row.stream.as_str()))
        .bind(column(rows, |row| row.version.0))
        .bind(column(rows, |row| row.event_type))
        .bind(column(rows, |row| row.schema_version))
        .bind(column(rows, |row| row.payload.as_str()))
        .bind(column(rows, |row| row.metadata.as_deref()))
        .bind(column(rows, |row| row.command.map(|command| command.id)))
        .bind(column(rows, |row| row.command.map(|command| command.fingerprint)))
        .bind(column(rows, |row| row.command.map(|command| command.size)))
        .bind(column(rows, |row| row.claim.as_deref()))
        .bind(last.map(|last| last.stream.as_str()))
        .bind(last.map(|last| last.version.0))
        .bind(last.map(|last| last.incarnation.0))
        .bind(last.map(|last| last.recorded_at))
        .bind(last.and_then(|last| last.command_id))
        .bind(last.map(|last| last.payload.as_str()))
        .fetch_optional(connection)
        .await;
    match inserted {
        Ok(Some((recorded_at, count))) if count == rows.len() as i64 => Appended::After(head.position, recorded_at),
        Ok(_) => Appended::Lost,
        Err(error) => failed(error),
    }
}

/// Classifies a failure by PostgreSQL's error classes (PostgreSQL manual, appendix A): 22 is invalid data, 23 a violated
/// constraint, 54 a limit. With every other failure (a lost connection, a shutdown, a full disk) the outcome is unknown.
fn failed(error: sqlx::Error) -> Appended {
    let Some(database) = error.as_database_error() else { return Appended::Unknown(error) };
    if database.is_unique_violation() {
        return match database.constraint() {
            Some("events_command_id" | "events_claim") => Appended::Taken,
            _ => Appended::Conflicting(error),
        };
    }
    let code = database.code().unwrap_or_default();
    match &code[..code.len().min(2)] {
        "22" | "23" | "54" => Appended::Refused(error),
        _ => Appended::Unknown(error),
    }
}
