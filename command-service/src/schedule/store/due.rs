//! Due entries of the schedule: claimed by one instance at a time, and updated with the outcomes of their commands.

use std::time::Duration;

use chrono::{DateTime, Utc};
use events::{Position, StreamId};
use uuid::Uuid;

use super::Store;
use super::error::Error;
use crate::database::during;
use crate::schedule::command::ScheduledCommand;

/// A due entry of the schedule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DueEntry {
    /// Stream on which the command is to be decided.
    pub stream: StreamId,
    pub command: ScheduledCommand,
    /// Position of the event that scheduled the command.
    pub position: Position,
    /// Id of the event that scheduled the command.
    pub cause: Uuid,
    /// Number of attempts without a reply, including the current attempt.
    pub attempts: u32,
}

/// Outcome of an attempt to execute the command of an entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AttemptOutcome {
    /// The command was decided. The entry is not due again before the next event of the stream.
    Answered,
    /// The outcome of the command is unknown. The command is retried at this instant.
    RetryAt(DateTime<Utc>),
}

/// Overdue entries.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Overdue {
    /// Number of due entries without a reply.
    pub entries: i64,
    /// Time since the oldest of these entries became due.
    pub oldest: Duration,
}

impl Store {
    /// Claims at most `limit` entries that are due at `now`. No other instance can claim them before the end of the lease.
    pub async fn claim(&self, now: DateTime<Utc>, lease: Duration, limit: usize) -> Result<Vec<DueEntry>, Error> {
        const CLAIM: &str = "
            with no_wait as (select set_config('synchronous_commit', 'off', true)),
            free as (
                select stream_id, kind from schedule
                where try_at <= $1 order by try_at limit $3 for update skip locked
            )
            update schedule s set try_at = $1 + make_interval(secs => $2), attempts = s.attempts + 1
            from no_wait, free
            where s.stream_id = free.stream_id and s.kind = free.kind
            returning s.stream_id, s.kind, s.position, s.cause, s.attempts";
        let rows = sqlx::query_as::<_, (String, String, i64, Uuid, i32)>(CLAIM)
            .bind(now)
            .bind(lease.as_secs_f64())
            .bind(limit as i64)
            .fetch_all(&self.database)
            .await
            .map_err(during("claiming due schedule entries"))?;
        rows.into_iter()
            .map(|(stream, kind, position, cause, attempts)| {
                let stream = stream.parse().map_err(|_| Error::Row(stream))?;
                let command = ScheduledCommand::find(&kind).ok_or(Error::Row(kind))?;
                Ok(DueEntry { stream, command, position: Position(position), cause, attempts: attempts.unsigned_abs() })
            })
            .collect()
    }

    /// Records the outcomes of claimed entries. An entry that an event has changed in the meantime is left unchanged.
    pub async fn record_outcomes(&self, outcomes: &[(DueEntry, AttemptOutcome)]) -> Result<(), Error> {
        // The checkpoint is locked first, as in `apply`: both statements lock many entries, in different orders.
        const RECORD: &str = "
            with no_wait as (select set_config('synchronous_commit', 'off', true)),
            locked as (select from schedule_checkpoint for share)
            update schedule s
            set due_at = case when c.try_at is null then null else s.due_at end, try_at = c.try_at,
                attempts = case when c.try_at is null then 0 else s.attempts end
            from no_wait, locked, unnest($1::text[], $2::text[], $3::bigint[], $4::timestamptz[])
                as c(stream_id, kind, position, try_at)
            where s.stream_id = c.stream_id and s.kind = c.kind and s.position = c.position";
        let try_at = |outcome: &AttemptOutcome| match outcome {
            AttemptOutcome::Answered => None,
            AttemptOutcome::RetryAt(instant) => Some(*instant),
        };
        sqlx::query(RECORD)
            .bind(outcomes.iter().map(|(entry, _)| entry.stream.as_str()).collect::<Vec<_>>())
            .bind(outcomes.iter().map(|(entry, _)| entry.command.as_str()).collect::<Vec<_>>())
            .bind(outcomes.iter().map(|(entry, _)| entry.position.0).collect::<Vec<_>>())
            .bind(outcomes.iter().map(|(_, outcome)| try_at(outcome)).collect::<Vec<_>>())
            .execute(&self.database)
            .await
            .map_err(during("recording outcomes of schedule entries"))?;
        Ok(())
    }

    /// Instant at which the next entry is due.
    pub async fn next_due_at(&self) -> Result<Option<DateTime<Utc>>, Error> {
        let next = sqlx::query_scalar("select min(try_at) from schedule")
            .fetch_one(&self.database)
            .await
            .map_err(during("reading the next due schedule entry"))?;
        Ok(next)
    }

    /// Entries that are due at `now` and have no reply. `max_delay` is the longest delay of a retry.
    pub async fn overdue(&self, now: DateTime<Utc>, max_delay: Duration) -> Result<Overdue, Error> {
        // `try_at` has an index; entries that are due later than the longest delay are not read.
        const OVERDUE: &str = "
            select count(*), coalesce(extract(epoch from $1 - min(due_at)), 0)::float8
            from schedule where try_at <= $1 + make_interval(secs => $2) and due_at <= $1";
        let (entries, oldest_s) = sqlx::query_as::<_, (i64, f64)>(OVERDUE)
            .bind(now)
            .bind(max_delay.as_secs_f64())
            .fetch_one(&self.database)
            .await
            .map_err(during("counting overdue schedule entries"))?;
        Ok(Overdue { entries, oldest: Duration::try_from_secs_f64(oldest_s).unwrap_or_default() })
    }
}
