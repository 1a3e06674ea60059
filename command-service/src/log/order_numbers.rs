//! The last number of each order prefix: read from a snapshot and from the orders placed since.

use std::collections::BTreeMap;

use events::{LogPosition, Position};
use sqlx::types::Json;

use super::end::Expected;
use super::error::Error;
use super::snapshot::OrderNumbers;
use super::{Log, Store};
use crate::database::{Database, during};

/// The name of this snapshot in the table `snapshots`; no stream has this name.
const ORDER_NUMBERS: &str = "order-numbers";

/// Positions that one statement covers when it counts orders, a tenth of a second: without a snapshot the whole log is read, and
/// one statement for all of it would exceed the time limit of the database.
const POSITIONS_PER_STATEMENT: i64 = 100_000;

impl Log {
    /// The last number of each order prefix up to `head`. Only the numbers are read, not the orders.
    pub async fn load_numbers(&self, head: LogPosition) -> Result<OrderNumbers, Error> {
        match &self.0 {
            Store::Postgres(pool) => load_numbers(pool, head).await,
            Store::Memory(memory) => Ok(memory.numbers(head)),
        }
    }

    /// Saves the order numbers at this end of the log, unless newer ones are saved or the log does not hold this last event.
    pub async fn save_numbers(
        &self,
        end: impl Into<Expected<'_>>,
        numbers: &BTreeMap<String, u64>,
    ) -> Result<(), Error> {
        let end = end.into();
        match &self.0 {
            Store::Postgres(pool) => save_numbers(pool, end, numbers).await,
            Store::Memory(memory) => {
                memory.save_numbers(end.head, numbers);
                Ok(())
            }
        }
    }
}

async fn load_numbers(pool: &Database, head: LogPosition) -> Result<OrderNumbers, Error> {
    const SAVED: &str = "
        select s.position, s.state from snapshots s
        join events last on last.position = s.position and last.incarnation = s.incarnation
        where s.name = $1 and s.position <= $2";
    const PLACED_SINCE: &str = "
        select regexp_replace(code, '[0-9]+$', '') as prefix, max(substring(code from '[0-9]+$')::bigint) as last
        from (
            select payload->>'code' as code from events
            where position > $1 and position <= $2 and event_type = 'OrderPlaced'
        ) placed
        group by prefix";
    let saved = sqlx::query_as::<_, (i64, Json<BTreeMap<String, u64>>)>(SAVED)
        .bind(ORDER_NUMBERS)
        .bind(head.position.0)
        .fetch_optional(pool)
        .await
        .map_err(during("loading the order numbers"))?;
    let mut numbers = match saved {
        Some((position, Json(last))) => OrderNumbers { saved: Position(position), last },
        None => OrderNumbers::default(),
    };
    let mut after = numbers.saved.0;
    while after < head.position.0 {
        let until = head.position.0.min(after + POSITIONS_PER_STATEMENT);
        let since = sqlx::query_as::<_, (String, i64)>(PLACED_SINCE)
            .bind(after)
            .bind(until)
            .fetch_all(pool)
            .await
            .map_err(during("reading the numbers of the last orders"))?;
        numbers.last.extend(since.into_iter().map(|(prefix, last)| (prefix, last as u64)));
        after = until;
    }
    Ok(numbers)
}

/// A saved snapshot of the same position is replaced too, so that numbers that were saved wrongly are corrected.
async fn save_numbers(
    pool: &Database,
    Expected { head, last }: Expected<'_>,
    numbers: &BTreeMap<String, u64>,
) -> Result<(), Error> {
    const SAVE: &str = "
        insert into snapshots (name, position, incarnation, state)
        select $1, $2, $3, $4
        where $5::text is null or exists (
            select from events last
            where last.position = $2 and last.stream_id = $5 and last.version = $6 and last.incarnation = $3
                and last.recorded_at = $7 and last.command_id is not distinct from $8 and last.payload::text = $9)
        on conflict (name) do update set position = excluded.position, incarnation = excluded.incarnation,
            state = excluded.state
        where snapshots.position <= excluded.position or snapshots.incarnation < excluded.incarnation
            or snapshots.position > (select position from log_head)";
    sqlx::query(SAVE)
        .bind(ORDER_NUMBERS)
        .bind(head.position.0)
        .bind(last.map_or(head.incarnation, |last| last.incarnation).0)
        .bind(Json(numbers))
        .bind(last.map(|last| last.stream.as_str()))
        .bind(last.map(|last| last.version.0))
        .bind(last.map(|last| last.recorded_at))
        .bind(last.and_then(|last| last.command_id))
        .bind(last.map(|last| last.payload.as_str()))
        .execute(pool)
        .await
        .map_err(during("saving the order numbers"))?;
    Ok(())
}
