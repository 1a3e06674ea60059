//! Copies the rows of streams that a partial rebuild does not fold, from the live generation.
//!
//! The live generation applies events while its rows are copied, and that is harmless. The rebuilt generation begins with the
//! checkpoints that the live one had when the rebuild was planned, so every event that a copied row contains beyond them is
//! applied again, and changes nothing: a state that contains an event is not folded again, and a row is only replaced by one
//! with a later position. An event that an operator skips meanwhile is recorded for the rebuilt generation as well
//! ([`Copying::copy_skipped`]). One order matters: a state must not contain an event whose rows are not copied, so tables with states are
//! copied before the tables to which events add rows, and the months of those are listed after that.

use anyhow::Context;
use chrono::{DateTime, Datelike, Days, Utc};
use read_model::Generation;
use sqlx::{AssertSqlSafe, PgConnection};

use super::selection::Selection;
use super::step::{Part, Step};
use crate::frame::ReadModel;
use crate::frame::month::Month;
use crate::frame::schema::TableSchema;
use crate::operator_error::OperatorError;
use crate::store::rebuilds::RebuildRow;
use crate::store::{incarnations, run};

/// What is copied from which generation.
#[derive(Debug, Clone)]
pub(super) struct Copying {
    pub(super) generation: Generation,
    pub(super) live: Generation,
    /// The streams that are folded, and so not copied.
    pub(super) selection: Selection,
}

impl Copying {
    /// What a rebuild copies; `None` if it folds all streams.
    pub(super) fn of<M: ReadModel>(row: &RebuildRow, generation: Generation) -> Option<Copying> {
        let live = Generation { projection: M::PROJECTION, number: row.copied_generation? };
        Some(Copying { generation, live, selection: row.selection() })
    }

    /// The parts of the tables that have rows of other streams. A month with more rows than `rows_max` is divided into days.
    pub(super) async fn list_parts(
        &self,
        connection: &mut PgConnection,
        tables: &[TableSchema],
        rows_max: i64,
    ) -> sqlx::Result<Vec<Step>> {
        let mut parts = Vec::new();
        for table in tables {
            if table.partitioned_by.is_none() {
                parts.push(Part { table: table.name.to_owned(), month: None, day: None });
                continue;
            }
            for (month, rows) in self.list_months(connection, table).await? {
                let part = |day| Part { table: table.name.to_owned(), month: Some(month), day };
                match rows > rows_max {
                    true => parts.extend((1..=days(month)).map(|day| part(Some(day)))),
                    false => parts.push(part(None)),
                }
            }
        }
        Ok(parts.into_iter().map(Step::Copy).collect())
    }

    /// The months of a table with other streams, and the estimated number of their rows.
    async fn list_months(&self, connection: &mut PgConnection, table: &TableSchema) -> sqlx::Result<Vec<(Month, i64)>> {
        let names: Vec<(String, i64)> = sqlx::query_as(
            "select c.relname::text, c.reltuples::bigint
             from pg_inherits i join pg_class c on c.oid = i.inhrelid
             where i.inhparent = to_regclass($1)
             order by 1",
        )
        .bind(format!("{}.{}", self.live.schema(), table.name))
        .fetch_all(connection)
        .await?;
        let months = names.into_iter().filter_map(|(name, rows)| Some((Month::of_table(table.name, &name)?, rows)));
        Ok(months.filter(|(month, _)| !self.selection.contains_month(*month)).collect())
    }

    /// Copies a part of a table; returns the number of rows.
    pub(super) async fn copy(
        &self,
        connection: &mut PgConnection,
        table: &TableSchema,
        part: &Part,
    ) -> sqlx::Result<u64> {
        let target = part.month.map_or_else(|| table.name.to_owned(), |month| month.table(table.name));
        let (schema, columns, rows) = (self.generation.schema(), table.column_names(), self.rows(table, part));
        let insert = format!("insert into {schema}.{target} ({columns}) select {columns} from {rows}");
        // Safe because the text is composed of literals of this program and numbers of months and generations.
        let inserted = sqlx::raw_sql(AssertSqlSafe(insert)).execute(connection).await?;
        Ok(inserted.rows_affected())
    }

    /// Copies the records of skipped events of the streams that are not folded. Copy them with the plan, and after rows that
    /// may contain a later skip, in the transaction that copies these.
    pub(super) async fn copy_skipped(&self, connection: &mut PgConnection) -> sqlx::Result<()> {
        let Copying { generation, live, selection } = self;
        let is_folded = selection.condition(*generation, "s.stream_id");
        // Safe because the text is composed of literals of this program and numbers of months and generations.
        let copy = format!(
            "insert into skipped_events
                 (projection, generation, stream_id, incarnation, position, failure, skipped_by, reason, skipped_at)
             select projection, $3, stream_id, incarnation, position, failure, skipped_by, reason, skipped_at
             from skipped_events s
             where projection = $1 and generation = $2 and retired_at is null and not {is_folded}
             on conflict (projection, generation, stream_id, incarnation, position) where retired_at is null do nothing"
        );
        sqlx::query(AssertSqlSafe(copy))
            .bind(generation.projection.name())
            .bind(live.number)
            .bind(generation.number)
            .execute(connection)
            .await
            .map(|_| ())
    }

    /// Number of rows that would be copied.
    pub(super) async fn count(
        &self,
        connection: &mut PgConnection,
        table: &TableSchema,
        part: &Part,
    ) -> sqlx::Result<i64> {
        let count = format!("select count(*) from {}", self.rows(table, part));
        sqlx::query_scalar(AssertSqlSafe(count)).fetch_one(connection).await
    }

    /// The rows of a part of a table that are copied.
    fn rows(&self, table: &TableSchema, part: &Part) -> String {
        let is_folded = table
            .stream_id
            .map_or_else(|| "true".to_owned(), |stream_id| self.selection.condition(self.generation, stream_id));
        let period = part.month.map(|month| period(month, part.day));
        let between = period.map_or_else(|| "true".to_owned(), |(from, to)| table.between(from, to));
        format!("{}.{} where {between} and not {is_folded}", self.live.schema(), table.name)
    }

    /// Checks that the live generation still exists and contains only events of the log.
    pub(super) async fn ensure_possible(&self, connection: &mut PgConnection) -> Result<(), OperatorError> {
        let Copying { generation, live, .. } = self;
        let exists: bool = sqlx::query_scalar("select to_regnamespace($1) is not null")
            .bind(live.schema())
            .fetch_one(&mut *connection)
            .await
            .context("finding the generation whose rows are copied")?;
        if !exists {
            return Err(OperatorError::Conflict(format!(
                "{live}, whose rows {generation} copies, was removed: retire {generation} and begin again"
            )));
        }
        let ahead = incarnations::list_ahead(connection, Some(*live));
        let ahead = run("comparing the checkpoints with the log", ahead).await?;
        if !ahead.is_empty() {
            return Err(OperatorError::Conflict(format!(
                "{live} contains events that the log does not contain, so its rows cannot be copied: run `projector repair {}`",
                live.projection.name()
            )));
        }
        Ok(())
    }
}

/// A month or a day of it: the first instant, and the first one after it.
fn period(month: Month, day: Option<u32>) -> (DateTime<Utc>, DateTime<Utc>) {
    match day {
        None => (month.begin(), month.next().begin()),
        Some(day) => {
            let first = |day: u32| month.begin() + Days::new(u64::from(day - 1));
            (first(day), first(day + 1))
        }
    }
}

fn days(month: Month) -> u32 {
    (month.next().begin() - Days::new(1)).day()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_days_of_a_month_cover_it_without_gaps() {
        let february: Month = "2028-02".parse().unwrap();
        assert_eq!(days(february), 29);
        let bounds: Vec<_> = (1..=29).map(|day| period(february, Some(day))).collect();
        assert!(bounds.windows(2).all(|pair| pair[0].1 == pair[1].0));
        assert_eq!((bounds[0].0, bounds[28].1), period(february, None));
    }
}
