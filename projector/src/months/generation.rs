//! The tables by month of a generation, opened for an operator.

use anyhow::{Context, ensure};
use chrono::Utc;
use platform::config::Secret;
use read_model::Generation;
use sqlx::{AssertSqlSafe, PgConnection};

use super::manifest::Manifest;
use crate::frame::month::Month;
use crate::frame::row_bytes::RowShape;
use crate::frame::schema::TableSchema;
use crate::frame::{ReadModel, rows};
use crate::store::archived_months::{self, MonthTable};
use crate::store::generations::{self, GenerationRow, State};
use crate::store::{self, run};

/// The generation whose months are changed.
#[derive(Debug, Clone)]
pub struct Target {
    /// The primary.
    pub database_url: Secret,
    /// Number of the generation; the live one without it.
    pub generation: Option<i32>,
}

/// The tables by month of a generation, locked for one operator.
pub(super) struct GenerationMonths {
    pub(super) connection: PgConnection,
    pub(super) generation: Generation,
    pub(super) version: i32,
    pub(super) tables: Vec<(TableSchema, RowShape)>,
}

/// Settings for operations that read or check whole months.
const SETTINGS: &str = "set statement_timeout = 0; set idle_in_transaction_session_timeout = 0";

impl GenerationMonths {
    pub(super) async fn open<M: ReadModel>(target: &Target) -> anyhow::Result<GenerationMonths> {
        let name = M::PROJECTION.name();
        let tables = rows::tables::<M>().into_iter().zip(rows::shapes::<M>()).map(|(table, (_, shape))| (table, shape));
        let tables: Vec<_> = tables.filter(|(table, _)| table.partitioned_by.is_some()).collect();
        ensure!(!tables.is_empty(), "no table of {name} is partitioned by month");
        let mut connection = store::connect(&target.database_url).await?;
        let all = run("reading the generations", generations::list(&mut connection)).await?;
        let row = find_generation(&all, name, target.generation)?;
        let generation = Generation { projection: M::PROJECTION, number: row.number };
        ensure!(row.state != State::Building, "{generation} is being rebuilt");
        ensure!(
            row.version == M::VERSION,
            "{generation} has version {}, and this build has version {}",
            row.version,
            M::VERSION
        );
        let is_alone = run("locking the months", archived_months::try_lock(&mut connection, generation)).await?;
        ensure!(
            is_alone,
            "another process detaches, archives or restores a month of {generation}: wait until it has ended"
        );
        sqlx::raw_sql(SETTINGS).execute(&mut connection).await.context("preparing the connection")?;
        store::set_search_path(&mut connection, generation).await.context("preparing the connection")?;
        Ok(GenerationMonths { connection, generation, version: row.version, tables })
    }

    /// The tables of a month that exist.
    pub(super) async fn existing(&mut self, month: Month) -> anyhow::Result<Vec<(TableSchema, RowShape, MonthTable)>> {
        let listed = archived_months::list_tables(&mut self.connection, self.generation);
        let listed = run("reading the tables", listed).await?;
        let of_month = self.tables.iter().filter_map(|(table, shape)| {
            let found = listed.iter().find(|it| it.name == month.table(table.name))?;
            Some((table.clone(), shape.clone(), found.clone()))
        });
        Ok(of_month.collect())
    }

    /// What was archived of a month, and where; `None` if the month is not archived.
    pub(super) async fn archived(&mut self, month: Month) -> anyhow::Result<Option<(Manifest, String)>> {
        let rows = archived_months::list(&mut self.connection, self.generation);
        let rows = run("reading the archived months", rows).await?;
        let Some(row) = rows.into_iter().find(|row| row.month == month.first_day()) else { return Ok(None) };
        let manifest = serde_json::from_str(&row.manifest).context("reading the manifest of the archived month")?;
        Ok(Some((manifest, row.folder)))
    }

    /// Refuses the current month and later ones: events need them all the time.
    pub(super) fn ensure_past(&self, month: Month) -> anyhow::Result<()> {
        let current = Month::of(Utc::now());
        ensure!(
            month < current,
            "month {month} is not over: only months before {current} can be detached and archived"
        );
        Ok(())
    }
}

/// The generation with a number, or the live one.
pub(super) fn find_generation<'a>(
    all: &'a [GenerationRow],
    name: &str,
    number: Option<i32>,
) -> anyhow::Result<&'a GenerationRow> {
    let mut own = all.iter().filter(|row| row.projection == name);
    match number {
        Some(number) => {
            own.find(|row| row.number == number).with_context(|| format!("{name} has no generation {number}"))
        }
        None => own
            .find(|row| row.state == State::Live)
            .with_context(|| format!("{name} has no live generation yet: start the projector")),
    }
}

/// Runs statements whose text is composed of literals of this program and numbers of months.
pub(super) async fn execute(connection: &mut PgConnection, sql: String) -> sqlx::Result<()> {
    sqlx::raw_sql(AssertSqlSafe(sql)).execute(connection).await.map(|_| ())
}
