//! Appending: a batch commits only if the log has not moved since the state that it was decided on.

use std::time::Duration;

use chrono::{DateTime, Utc};
use events::{Event, Incarnation, LogPosition, Position, Recorded, StreamId, Version, codec};
use sqlx::postgres::PgConnection;
use uuid::Uuid;

use super::memory;
use super::read::{self, Since};
use super::{End, Error, Log, Store};
use crate::database::{self, timed_out, within};

/// An event on its way into the log; its position is its place in the batch.
#[derive(Debug, Clone)]
pub struct NewRow {
    /// Whose history it belongs to.
    pub stream: StreamId,
    /// Number in the stream.
    pub version: Version,
    /// The type.
    pub event_type: &'static str,
    /// Shape of the payload.
    pub schema_version: i16,
    /// JSON.
    pub payload: String,
    /// JSON of [`events::Metadata`], where there is any.
    pub metadata: Option<String>,
    /// The command, on its first event only.
    pub command: Option<CommandMark>,
    /// A name that the event takes for good.
    pub claim: Option<String>,
}

impl NewRow {
    /// An event with nothing around it.
    pub fn new(stream: StreamId, version: Version, event: &Event) -> NewRow {
        let codec::Encoded { event_type, schema_version, payload } = codec::encode(event);
        NewRow { stream, version, event_type, schema_version, payload, metadata: None, command: None, claim: None }
    }

    /// Bytes of its JSON.
    pub fn bytes(&self) -> usize {
        self.payload.len() + self.metadata.as_ref().map_or(0, String::len)
    }
}

/// What the first event of a command remembers of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CommandMark {
    /// The idempotency key as an id.
    pub id: Uuid,
    /// What was asked, as a hash.
    pub fingerprint: i64,
    /// How many events the command wrote.
    pub size: i16,
}

/// Where a batch expects the log to end, and with which event, if that is known.
#[derive(Debug, Clone, Copy)]
pub struct Expected<'a> {
    pub(super) head: LogPosition,
    pub(super) last: Option<&'a Recorded>,
}

/// For tools and tests, which know where the log ends and not with which event.
impl From<LogPosition> for Expected<'_> {
    fn from(head: LogPosition) -> Self {
        Expected { head, last: None }
    }
}

impl<'a> From<&'a End> for Expected<'a> {
    fn from(end: &'a End) -> Self {
        Expected { head: end.head, last: end.last.as_deref() }
    }
}

/// What became of an append.
#[derive(Debug)]
pub enum Appended {
    /// The batch is in the log, after this position, and was recorded at this instant: that of the clock, or that of the
    /// event before it where the clock is behind.
    After(Position, DateTime<Utc>),
    /// Another writer appended first, or the log is not the one that the batch was decided on; nothing happened.
    Lost,
    /// A command or a claim of the batch is in the log already; nothing happened.
    Taken,
    /// A version of a stream or a position of the batch is in the log already, so the batch was decided on something that
    /// the log does not say; nothing happened.
    Conflicting(sqlx::Error),
    /// The database refuses the data of this batch; nothing happened.
    Refused(sqlx::Error),
    /// The answer got lost: the batch is in the log or not.
    Unknown(sqlx::Error),
}

/// `recorded_at` never decreases along positions, whatever the clocks of the writers say ($4). The last event is asked beside
/// `log_head.recorded_at` because an instance of the release before that column, which may still run, does not set it.
///
/// Positions are given out again after the log has lost its tail, so the last event must be the one that is known ($15 to
/// $20): that row is read for its time anyway.
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
    /// Appends `rows` if the log still ends as `expected`: one statement, one round trip, durable when it returns. `clock` is
    /// the writer's, to the microsecond.
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

    /// Takes the head of the log, so that no other writer can win the next race, and reads at most `limit` of the events
    /// after a position. Writers that wait for it get it one after the other; whoever has it and is paused loses it.
    pub async fn lock(&self, after: Position, limit: i64) -> Result<Locked, Error> {
        // The events are read by a statement of their own: it sees what was committed while the lock was waited for, which the
        // statement that waits does not.
        const LOCK: &str = "select position from log_head for update";
        let pool = match &self.0 {
            Store::Postgres(pool) => pool,
            Store::Memory(memory) => {
                let end = memory.lock().await;
                return Ok(Locked { held: Held::Memory(memory.clone(), end), since: memory.read_since(after, limit) });
            }
        };
        let mut transaction = pool.begin(LOCK).await.map_err(Error::database("locking the head of the log"))?;
        let reading = tokio::time::timeout(pool.timeout(), read::read_since(&mut *transaction, after, limit));
        let since = match reading.await {
            Ok(since) => since?,
            Err(_) => {
                transaction.discard();
                return Err(Error::database("reading the locked log")(timed_out(pool.timeout())));
            }
        };
        Ok(Locked { held: Held::Postgres(transaction), since })
    }
}

/// The head of the log, held until dropped or appended to.
#[derive(Debug)]
pub struct Locked {
    held: Held,
    /// Where the log ends for as long as this is held, and the events up to there.
    pub since: Since,
}

#[derive(Debug)]
enum Held {
    Postgres(database::Transaction),
    Memory(memory::Memory, memory::End),
}

impl Locked {
    /// Appends `rows` and commits. A commit whose answer is lost is [`Appended::Unknown`].
    pub async fn append(self, expected: impl Into<Expected<'_>>, clock: DateTime<Utc>, rows: &[NewRow]) -> Appended {
        let expected = expected.into();
        let mut transaction = match self.held {
            Held::Postgres(transaction) => transaction,
            Held::Memory(memory, _end) => return memory.append_at_end(expected, clock, rows),
        };
        match append_within(transaction.timeout(), &mut transaction, expected, clock, rows).await {
            Appended::After(position, recorded_at) => match transaction.commit().await {
                Ok(()) => Appended::After(position, recorded_at),
                Err(error) => Appended::Unknown(error),
            },
            unknown @ Appended::Unknown(_) => {
                transaction.discard();
                unknown
            }
            nothing_happened => {
                // Where that fails the connection is gone, and the lock with it.
                let _ = transaction.rollback().await;
                nothing_happened
            }
        }
    }

    /// Lets the next one have it.
    pub async fn release(self) {
        if let Held::Postgres(transaction) = self.held {
            // Where that fails the connection is gone, and the lock with it.
            let _ = transaction.rollback().await;
        }
    }
}

/// How much longer the database may be silent for each row: five times what inserting one takes on two slow cores, so that a
/// large group of commands is not taken for a database that is frozen.
const TIMEOUT_PER_ROW: Duration = Duration::from_micros(100);

async fn append_within(
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

/// Sorts a failure by what is known about it. Classes are those of PostgreSQL's appendix A: 22 is bad data, 23 a broken
/// constraint, 54 a limit. Everything else (a lost connection, a shutdown, a full disk) leaves the outcome open.
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

/// Events as readers see them, from rows that are in the log after `base`.
pub fn recorded(
    rows: Vec<NewRow>,
    incarnation: Incarnation,
    base: Position,
    recorded_at: DateTime<Utc>,
) -> Result<Vec<Recorded>, serde_json::Error> {
    let one = |(index, row): (usize, NewRow)| {
        Ok(Recorded {
            incarnation,
            position: base.plus(index + 1),
            stream: row.stream,
            version: row.version,
            event_type: row.event_type.to_owned(),
            schema_version: row.schema_version,
            payload: row.payload,
            metadata: row.metadata.as_deref().map(serde_json::from_str).transpose()?.unwrap_or_default(),
            command_id: row.command.map(|command| command.id),
            recorded_at,
        })
    };
    rows.into_iter().enumerate().map(one).collect()
}
