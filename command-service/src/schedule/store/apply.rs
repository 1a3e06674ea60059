//! Applies the changes of a range of events to the schedule.

use std::collections::HashSet;

use chrono::{DateTime, Utc};
use events::{LogPosition, Recorded};
use uuid::Uuid;

use super::Store;
use super::error::Error;
use crate::database::during;
use crate::schedule::action::Action;
use crate::schedule::backorder_changes::{BackorderChanges, UnitsChange};
use crate::schedule::changes::{EntryChange, ScheduleChanges};
use crate::schedule::rules;

/// Moves the checkpoint, and applies the changes only if the checkpoint was moved.
const APPLY: &str = "
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
    removed as (
        delete from schedule s
        using moved, unnest($4::text[], $5::text[]) as c(stream_id, kind)
        where s.stream_id = c.stream_id and s.kind = c.kind
    ),
    rescheduled as (
        update schedule s
        set due_at = greatest(s.due_at, c.due_at), try_at = greatest(s.due_at, c.due_at), attempts = 0,
            position = c.position, cause = c.cause
        from moved, unnest($6::text[], $7::text[], $8::timestamptz[], $9::bigint[], $10::uuid[])
            as c(stream_id, kind, due_at, position, cause)
        where s.stream_id = c.stream_id and s.kind = c.kind
    ),
    scheduled as (
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
    allocated as (
        delete from waiting_orders w using counted c
        where w.stream_id = c.stream_id and w.order_id = c.order_id and c.backordered <= 0
    ),
    backordered as (
        insert into waiting_orders as w (stream_id, order_id, backordered, position)
        select stream_id, order_id, backordered, position from counted where backordered > 0
        on conflict (stream_id, order_id) do update set backordered = excluded.backordered
    )
    select count(*) from moved";

impl Store {
    /// Applies the changes of the events after `from` up to and including the event `last`. `false` if nothing was changed, because
    /// another instance has moved the checkpoint or the log does not contain `last` any more.
    pub async fn apply(&self, from: LogPosition, last: &Recorded, changes: &ScheduleChanges) -> Result<bool, Error> {
        let backordered = self.find_backordered(changes).await?;
        let columns = Columns::of(changes, &backordered);
        let backorders = BackorderColumns::of(&changes.backorders);
        let moved = sqlx::query_scalar::<_, i64>(APPLY)
            .bind(from.position.0)
            .bind(from.incarnation.0)
            .bind(last.position.0)
            .bind(columns.remove.streams)
            .bind(columns.remove.kinds)
            .bind(columns.reschedule.streams)
            .bind(columns.reschedule.kinds)
            .bind(columns.reschedule.instants)
            .bind(columns.reschedule.positions)
            .bind(columns.reschedule.causes)
            .bind(columns.schedule.streams)
            .bind(columns.schedule.kinds)
            .bind(columns.schedule.instants)
            .bind(columns.schedule.positions)
            .bind(columns.schedule.causes)
            .bind(rules::EDITION)
            .bind(changes.backorders.ended.iter().map(|order_id| order_id.uuid()).collect::<Vec<_>>())
            .bind(backorders.streams)
            .bind(backorders.orders)
            .bind(backorders.units)
            .bind(backorders.is_total)
            .bind(backorders.positions)
            .bind(last.incarnation.0)
            .bind(last.stream.as_str())
            .bind(last.version.0)
            .bind(last.recorded_at)
            .fetch_one(&self.database)
            .await
            .map_err(during("moving the schedule checkpoint"))?;
        Ok(moved > 0)
    }

    /// The stock items with backordered orders, among those of conditional actions. The table changes only together with the checkpoint,
    /// so the result is still valid when the checkpoint is moved.
    async fn find_backordered(&self, changes: &ScheduleChanges) -> Result<HashSet<String>, Error> {
        let conditional =
            changes.entries.iter().filter(|(_, change)| matches!(change.action, Action::ScheduleIfBackordered(_)));
        let streams: Vec<&str> = conditional.map(|((stream, _), _)| stream.as_str()).collect();
        let mut backordered: HashSet<String> =
            changes.backorders.orders.keys().map(|(stream, _)| stream.as_str().to_owned()).collect();
        if !streams.is_empty() {
            const BACKORDERED: &str = "
                select c.stream_id from unnest($1::text[]) as c(stream_id)
                where exists (select from waiting_orders w where w.stream_id = c.stream_id)";
            let found: Vec<String> = sqlx::query_scalar(BACKORDERED)
                .bind(streams)
                .fetch_all(&self.database)
                .await
                .map_err(during("finding backordered stock items"))?;
            backordered.extend(found);
        }
        Ok(backordered)
    }
}

/// Changes of entries as parameters of a statement.
#[derive(Default)]
struct Columns<'a> {
    remove: Column<'a>,
    reschedule: Column<'a>,
    schedule: Column<'a>,
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
    /// `backordered` are the stock items with backordered orders.
    fn of(changes: &'a ScheduleChanges, backordered: &HashSet<String>) -> Columns<'a> {
        let mut columns = Columns::default();
        for ((stream, command), EntryChange { action, position, cause }) in &changes.entries {
            let (column, instant) = match action {
                Action::Remove => (&mut columns.remove, None),
                Action::Reschedule(instant) => (&mut columns.reschedule, Some(*instant)),
                Action::ScheduleIfBackordered(_) if !backordered.contains(stream.as_str()) => continue,
                Action::Schedule(instant) | Action::ScheduleIfBackordered(instant) => {
                    (&mut columns.schedule, Some(*instant))
                }
            };
            column.streams.push(stream.as_str());
            column.kinds.push(command.as_str());
            column.instants.extend(instant);
            column.positions.push(position.0);
            column.causes.push(*cause);
        }
        columns
    }
}

/// Changes of backordered units as parameters of a statement.
#[derive(Default)]
struct BackorderColumns<'a> {
    streams: Vec<&'a str>,
    orders: Vec<Uuid>,
    units: Vec<i64>,
    is_total: Vec<bool>,
    positions: Vec<i64>,
}

impl<'a> BackorderColumns<'a> {
    fn of(changes: &'a BackorderChanges) -> BackorderColumns<'a> {
        let mut columns = BackorderColumns::default();
        for ((stream, order_id), change) in &changes.orders {
            let (units, is_total) = match change.units {
                UnitsChange::Add(units) => (units, false),
                UnitsChange::Set(units) => (units, true),
            };
            columns.streams.push(stream.as_str());
            columns.orders.push(order_id.uuid());
            columns.units.push(units);
            columns.is_total.push(is_total);
            columns.positions.push(change.position.0);
        }
        columns
    }
}
