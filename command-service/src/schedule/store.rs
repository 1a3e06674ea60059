//! The plan as it is kept: `schedule`, `waiting_orders` and `schedule_checkpoint`. A sqlx door.
//!
//! Entries are made and ended by the log alone: [`Store::follow`] writes what a stretch of it changes and moves the checkpoint in
//! one statement, which does nothing if another instance has moved it. In between they are [taken](Store::take) for some time, so
//! that instances share the work, and [put back](Store::settle) with what became of them.
//!
//! Nothing here waits for the disk: what a crash loses is followed and asked again, which is allowed, and the writer's commits
//! would wait in the same line.

use std::collections::HashSet;
use std::time::Duration;

use chrono::{DateTime, Utc};
use events::{Incarnation, LogPosition, OrderId, Position, Recorded, StreamId};
use uuid::Uuid;

use super::plan::{self, Change, Kind, Plan, Planned, Units, Waiting};
use crate::database::{Database, within};

/// The tables; cheap to clone.
#[derive(Debug, Clone)]
pub struct Store {
    database: Database,
}

/// Where the log and the plan stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Standing {
    /// Where the log ends.
    pub head: Position,
    /// How far it has been followed.
    pub mark: LogPosition,
    /// Whether the log still is the one that was followed; one that has lost its tail is not. Comparing incarnations is enough:
    /// the checkpoint is written after the events and to the same database, so what loses them loses it too.
    pub holds: bool,
    /// Whose [rules](plan::EDITION) the plan was made by.
    pub edition: i32,
}

impl Standing {
    /// Events that have not been followed.
    pub fn lag(&self) -> i64 {
        self.head.0 - self.mark.position.0
    }
}

/// What is due.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// To which stream.
    pub stream: StreamId,
    /// Which command.
    pub kind: Kind,
    /// The event that says so.
    pub position: Position,
    /// Its id.
    pub cause: Uuid,
    /// How often it has been taken without a reply, this time included.
    pub attempts: u32,
}

/// An order that waits for units of a stock item.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WaitingOrder {
    /// Which.
    pub order_id: OrderId,
    /// The event since which it waits.
    pub position: Position,
}

/// What to do with an entry that was taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    /// The rules have spoken: nothing to ask before the stream's next event.
    Asleep,
    /// Nobody knows: ask again then.
    Again(DateTime<Utc>),
}

/// What is late.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Overdue {
    /// How many entries are due and were not answered.
    pub entries: i64,
    /// How long the first of them has been due.
    pub oldest: Duration,
}

/// Why the tables could not be read or written.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The database did not answer, or refused.
    #[error("{doing}")]
    Database {
        /// What we were doing.
        doing: &'static str,
        /// What came back.
        #[source]
        source: sqlx::Error,
    },
    /// A row that no version of ours wrote.
    #[error("the schedule holds an entry that is none: {0}; `command-service schedule rebuild` makes it anew")]
    Row(String),
}

fn database(doing: &'static str) -> impl FnOnce(sqlx::Error) -> Error {
    move |source| Error::Database { doing, source }
}

impl Store {
    /// The tables in this database.
    pub fn new(database: Database) -> Store {
        Store { database }
    }

    /// Where the log and the plan stand.
    pub async fn standing(&self) -> Result<Standing, Error> {
        const STANDING: &str = "
            select head.position, mark.edition, mark.incarnation, mark.position,
                mark.position = 0 or exists (
                    select from events e where e.position = mark.position and e.incarnation = mark.incarnation)
            from log_head head, schedule_checkpoint mark";
        let (head, edition, incarnation, position, holds) = sqlx::query_as::<_, (i64, i32, i32, i64, bool)>(STANDING)
            .fetch_one(&self.database)
            .await
            .map_err(database("reading the schedule's checkpoint"))?;
        let mark = LogPosition { incarnation: Incarnation(incarnation), position: Position(position) };
        Ok(Standing { head: Position(head), mark, holds, edition })
    }

    /// What the database's clock says.
    pub async fn clock(&self) -> Result<DateTime<Utc>, Error> {
        sqlx::query_scalar("select clock_timestamp()")
            .fetch_one(&self.database)
            .await
            .map_err(database("reading the database's clock"))
    }

    /// Writes what the log after `from` up to its event `last` changes; `false` where another instance has moved the checkpoint,
    /// or the log does not hold that event any more, and nothing happened.
    pub async fn follow(&self, from: LogPosition, last: &Recorded, plan: &Plan) -> Result<bool, Error> {
        const FOLLOW: &str = "
            with no_wait as (select set_config('synchronous_commit', 'off', true)),
            moved as (
                update schedule_checkpoint
                set position = $3, incarnation = $23
                from no_wait
                where position = $1 and incarnation = $2 and edition = $16 and exists (
                    select from events last
                    where last.position = $3 and last.incarnation = $23 and last.stream_id = $24 and last.version = $25
                        and last.recorded_at = $26)
                returning 1
            ),
            over as (
                delete from schedule s
                using moved, unnest($4::text[], $5::text[]) as c(stream_id, kind)
                where s.stream_id = c.stream_id and s.kind = c.kind
            ),
            again as (
                update schedule s
                set due_at = greatest(s.due_at, c.due_at), try_at = greatest(s.due_at, c.due_at), attempts = 0,
                    position = c.position, cause = c.cause
                from moved, unnest($6::text[], $7::text[], $8::timestamptz[], $9::bigint[], $10::uuid[])
                    as c(stream_id, kind, due_at, position, cause)
                where s.stream_id = c.stream_id and s.kind = c.kind
            ),
            due as (
                insert into schedule as s (stream_id, kind, due_at, try_at, position, cause)
                select c.stream_id, c.kind, c.due_at, c.due_at, c.position, c.cause
                from moved, unnest($11::text[], $12::text[], $13::timestamptz[], $14::bigint[], $15::uuid[])
                    as c(stream_id, kind, due_at, position, cause)
                on conflict (stream_id, kind) do update
                set due_at = greatest(s.due_at, excluded.due_at), try_at = greatest(s.due_at, excluded.due_at),
                    attempts = 0, position = excluded.position, cause = excluded.cause
            ),
            ended as (
                delete from waiting_orders w using moved where w.order_id = any($17::uuid[])
            ),
            counted as (
                select c.stream_id, c.order_id, c.position,
                    c.units + case when c.is_total then 0 else coalesce(w.backordered, 0) end as backordered
                from moved
                cross join unnest($18::text[], $19::uuid[], $20::bigint[], $21::boolean[], $22::bigint[])
                    as c(stream_id, order_id, units, is_total, position)
                left join waiting_orders w on w.stream_id = c.stream_id and w.order_id = c.order_id
            ),
            served as (
                delete from waiting_orders w using counted c
                where w.stream_id = c.stream_id and w.order_id = c.order_id and c.backordered <= 0
            ),
            waiting as (
                insert into waiting_orders as w (stream_id, order_id, backordered, position)
                select stream_id, order_id, backordered, position from counted where backordered > 0
                on conflict (stream_id, order_id) do update set backordered = excluded.backordered
            )
            select count(*) from moved";
        let awaited = self.find_awaited(plan).await?;
        let columns = Columns::of(plan, &awaited);
        let waiting = WaitingColumns::of(&plan.waiting);
        let moved = sqlx::query_scalar::<_, i64>(FOLLOW)
            .bind(from.position.0)
            .bind(from.incarnation.0)
            .bind(last.position.0)
            .bind(columns.over.streams)
            .bind(columns.over.kinds)
            .bind(columns.again.streams)
            .bind(columns.again.kinds)
            .bind(columns.again.instants)
            .bind(columns.again.positions)
            .bind(columns.again.causes)
            .bind(columns.due.streams)
            .bind(columns.due.kinds)
            .bind(columns.due.instants)
            .bind(columns.due.positions)
            .bind(columns.due.causes)
            .bind(plan::EDITION)
            .bind(plan.waiting.ended.iter().map(|order_id| order_id.uuid()).collect::<Vec<_>>())
            .bind(waiting.streams)
            .bind(waiting.orders)
            .bind(waiting.units)
            .bind(waiting.is_total)
            .bind(waiting.positions)
            .bind(last.incarnation.0)
            .bind(last.stream.as_str())
            .bind(last.version.0)
            .bind(last.recorded_at)
            .fetch_one(&self.database)
            .await
            .map_err(database("moving the schedule's checkpoint"))?;
        Ok(moved > 0)
    }

    /// The streams of the plan's conditional entries for whose units orders wait. The table changes only together with the
    /// checkpoint, so what is read here still is so when the checkpoint is moved.
    async fn find_awaited(&self, plan: &Plan) -> Result<HashSet<String>, Error> {
        let conditional = plan.entries.iter().filter(|(_, planned)| matches!(planned.change, Change::IfWaiting(_)));
        let streams: Vec<&str> = conditional.map(|((stream, _), _)| stream.as_str()).collect();
        let mut awaited: HashSet<String> =
            plan.waiting.orders.keys().map(|(stream, _)| stream.as_str().to_owned()).collect();
        if !streams.is_empty() {
            const AWAITED: &str = "
                select c.stream_id from unnest($1::text[]) as c(stream_id)
                where exists (select from waiting_orders w where w.stream_id = c.stream_id)";
            let found: Vec<String> = sqlx::query_scalar(AWAITED)
                .bind(streams)
                .fetch_all(&self.database)
                .await
                .map_err(database("looking which orders wait"))?;
            awaited.extend(found);
        }
        Ok(awaited)
    }

    /// At most `limit` orders that wait for units of a stock item since after `after`, the first to come first.
    pub async fn list_waiting(
        &self,
        stream: &StreamId,
        after: Position,
        limit: usize,
    ) -> Result<Vec<WaitingOrder>, Error> {
        const LIST_WAITING: &str = "
            select order_id, position from waiting_orders where stream_id = $1 and position > $2 order by position limit $3";
        let rows = sqlx::query_as::<_, (Uuid, i64)>(LIST_WAITING)
            .bind(stream.as_str())
            .bind(after.0)
            .bind(limit as i64)
            .fetch_all(&self.database)
            .await
            .map_err(database("looking which orders wait"))?;
        rows.into_iter()
            .map(|(order_id, position)| {
                let order_id = OrderId::try_from(order_id).map_err(|_| Error::Row(order_id.to_string()))?;
                Ok(WaitingOrder { order_id, position: Position(position) })
            })
            .collect()
    }

    /// Takes at most `limit` entries that are due at `now`, for `lease`: nobody else takes them before it ends.
    pub async fn take(&self, now: DateTime<Utc>, lease: Duration, limit: usize) -> Result<Vec<Entry>, Error> {
        const TAKE: &str = "
            with no_wait as (select set_config('synchronous_commit', 'off', true)),
            free as (
                select stream_id, kind from schedule
                where try_at <= $1 order by try_at limit $3 for update skip locked
            )
            update schedule s set try_at = $1 + make_interval(secs => $2), attempts = s.attempts + 1
            from no_wait, free
            where s.stream_id = free.stream_id and s.kind = free.kind
            returning s.stream_id, s.kind, s.position, s.cause, s.attempts";
        let rows = sqlx::query_as::<_, (String, String, i64, Uuid, i32)>(TAKE)
            .bind(now)
            .bind(lease.as_secs_f64())
            .bind(limit as i64)
            .fetch_all(&self.database)
            .await
            .map_err(database("taking what is due"))?;
        rows.into_iter()
            .map(|(stream, kind, position, cause, attempts)| {
                let stream = stream.parse().map_err(|_| Error::Row(stream))?;
                let kind = Kind::find(&kind).ok_or(Error::Row(kind))?;
                Ok(Entry { stream, kind, position: Position(position), cause, attempts: attempts.unsigned_abs() })
            })
            .collect()
    }

    /// Puts entries back. One that an event has moved meanwhile stays as that event made it.
    pub async fn settle(&self, fates: &[(Entry, Fate)]) -> Result<(), Error> {
        // The checkpoint is locked first, as `follow` does: both touch many entries, and in orders of their own.
        const SETTLE: &str = "
            with no_wait as (select set_config('synchronous_commit', 'off', true)),
            calm as (select from schedule_checkpoint for share)
            update schedule s
            set due_at = case when c.try_at is null then null else s.due_at end, try_at = c.try_at,
                attempts = case when c.try_at is null then 0 else s.attempts end
            from no_wait, calm, unnest($1::text[], $2::text[], $3::bigint[], $4::timestamptz[])
                as c(stream_id, kind, position, try_at)
            where s.stream_id = c.stream_id and s.kind = c.kind and s.position = c.position";
        let try_at = |fate: &Fate| match fate {
            Fate::Asleep => None,
            Fate::Again(instant) => Some(*instant),
        };
        sqlx::query(SETTLE)
            .bind(fates.iter().map(|(entry, _)| entry.stream.as_str()).collect::<Vec<_>>())
            .bind(fates.iter().map(|(entry, _)| entry.kind.as_str()).collect::<Vec<_>>())
            .bind(fates.iter().map(|(entry, _)| entry.position.0).collect::<Vec<_>>())
            .bind(fates.iter().map(|(_, fate)| try_at(fate)).collect::<Vec<_>>())
            .execute(&self.database)
            .await
            .map_err(database("putting back what was due"))?;
        Ok(())
    }

    /// When there is something to ask next.
    pub async fn next(&self) -> Result<Option<DateTime<Utc>>, Error> {
        sqlx::query_scalar("select min(try_at) from schedule")
            .fetch_one(&self.database)
            .await
            .map_err(database("looking what is due next"))
    }

    /// What is due at `now` and was not answered; `horizon` is the longest that an entry is put off.
    pub async fn overdue(&self, now: DateTime<Utc>, horizon: Duration) -> Result<Overdue, Error> {
        // By try_at, which has the index: what sleeps or comes due later than the horizon is not looked at.
        const OVERDUE: &str = "
            select count(*), coalesce(extract(epoch from $1 - min(due_at)), 0)::float8
            from schedule where try_at <= $1 + make_interval(secs => $2) and due_at <= $1";
        let (entries, oldest_s) = sqlx::query_as::<_, (i64, f64)>(OVERDUE)
            .bind(now)
            .bind(horizon.as_secs_f64())
            .fetch_one(&self.database)
            .await
            .map_err(database("counting what is due"))?;
        Ok(Overdue { entries, oldest: Duration::try_from_secs_f64(oldest_s).unwrap_or_default() })
    }

    /// Empties the tables, so that they are made anew from the log. Entries that are being asked for right now do no harm.
    pub async fn clear(&self) -> Result<(), Error> {
        // The table first: `follow` takes its locks in the same order.
        const RESET: &str = "update schedule_checkpoint set position = 0, incarnation = 1, edition = $1";
        const EMPTY: &str = "truncate schedule, waiting_orders";
        let mut transaction = self.database.begin(EMPTY).await.map_err(database("emptying the schedule"))?;
        let resetting = sqlx::query(RESET).bind(plan::EDITION).execute(&mut *transaction);
        within(self.database.timeout(), resetting).await.map_err(database("setting the schedule's checkpoint back"))?;
        transaction.commit().await.map_err(database("emptying the schedule"))
    }
}

/// A plan as parameters of a statement.
#[derive(Default)]
struct Columns<'a> {
    over: Column<'a>,
    again: Column<'a>,
    due: Column<'a>,
}

#[derive(Default)]
struct Column<'a> {
    streams: Vec<&'a str>,
    kinds: Vec<&'static str>,
    instants: Vec<DateTime<Utc>>,
    positions: Vec<i64>,
    causes: Vec<Uuid>,
}

impl<'a> Columns<'a> {
    /// `awaited` are the streams for whose units orders wait.
    fn of(plan: &'a Plan, awaited: &HashSet<String>) -> Columns<'a> {
        let mut columns = Columns::default();
        for ((stream, kind), Planned { change, position, cause }) in &plan.entries {
            let (column, instant) = match change {
                Change::Over => (&mut columns.over, None),
                Change::Again(instant) => (&mut columns.again, Some(*instant)),
                Change::IfWaiting(_) if !awaited.contains(stream.as_str()) => continue,
                Change::Due(instant) | Change::IfWaiting(instant) => (&mut columns.due, Some(*instant)),
            };
            column.streams.push(stream.as_str());
            column.kinds.push(kind.as_str());
            column.instants.extend(instant);
            column.positions.push(position.0);
            column.causes.push(*cause);
        }
        columns
    }
}

/// Waiting orders as parameters of a statement.
#[derive(Default)]
struct WaitingColumns<'a> {
    streams: Vec<&'a str>,
    orders: Vec<Uuid>,
    units: Vec<i64>,
    is_total: Vec<bool>,
    positions: Vec<i64>,
}

impl<'a> WaitingColumns<'a> {
    fn of(waiting: &'a Waiting) -> WaitingColumns<'a> {
        let mut columns = WaitingColumns::default();
        for ((stream, order_id), wait) in &waiting.orders {
            let (units, is_total) = match wait.units {
                Units::More(units) => (units, false),
                Units::Total(units) => (units, true),
            };
            columns.streams.push(stream.as_str());
            columns.orders.push(order_id.uuid());
            columns.units.push(units);
            columns.is_total.push(is_total);
            columns.positions.push(wait.position.0);
        }
        columns
    }
}
