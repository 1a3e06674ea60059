//! Months of generations, for operators: [`list`] shows their tables, [`detach`] takes a month out of reads, [`archive`]
//! writes a detached month to files and can drop its tables, and [`restore`] brings a month back.
//!
//! Invariant: a read model is never silently wrong. A month that is detached is attached again when an event needs it
//! ([`TableSchema::ensure_month`]). A month that is archived is recorded in table `archived_months` in the transaction that
//! drops its tables; an event that needs it parks its stream, with a reason that names the command that restores the
//! month. This holds for sums as well, because nothing is added to a month that is not attached. A rebuild creates all
//! months again, because the log has every event.
//!
//! [`absent`] reads which months the tables do not show, [`manifest`] describes an archived month, [`row_file`] and
//! [`columns`] have the format of the files, [`files`] the folder.

use std::path::PathBuf;
use std::pin::Pin;

use anyhow::{Context, ensure};
use chrono::Utc;
use platform::config::Secret;
use read_model::Generation;
use sqlx::{AssertSqlSafe, PgConnection};

use crate::frame::row_bytes::RowShape;
use crate::frame::schema::{Month, TableSchema};
use crate::frame::{ReadModel, rows};
use crate::operate::find;
use crate::projections::{WithReadModel, with_read_model};
use crate::store::archived_months::{self, MonthTable};
use crate::store::generations::{self, GenerationRow, State};
use crate::store::{self, run};

pub mod absent;
mod archive;
mod columns;
mod detach;
mod files;
mod list;
pub mod manifest;
mod restore;
mod row_file;

pub use archive::AfterArchive;
pub use list::{HEADING, MonthState, MonthStatus, RowCount, list};
use manifest::Manifest;

/// The generation whose months are changed.
#[derive(Debug, Clone)]
pub struct Target {
    /// The primary.
    pub database_url: Secret,
    /// Number of the generation; the live one without it.
    pub generation: Option<i32>,
}

/// A command on a month.
#[derive(Debug, Clone)]
pub enum Operation {
    /// Take the month out of reads.
    Detach(Month),
    /// Write a detached month to files in a folder.
    Archive(Month, PathBuf, AfterArchive),
    /// Attach a detached month, or restore an archived one from files in a folder.
    Restore(Month, Option<PathBuf>),
}

/// The result of an [`Operation`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Done {
    /// Readers do not see the month any more.
    Detached(Generation),
    /// The month is in the files of a folder; its tables are still there.
    Archived(Generation, Manifest, PathBuf),
    /// The month is in the files of a folder; its tables are dropped.
    Dropped(Generation, Manifest, PathBuf),
    /// A detached month is attached again.
    Attached(Generation),
    /// The rows of an archived month are in tables again.
    Restored(Generation, Manifest),
}

/// Runs an operation on a month of a projection.
pub async fn operate(name: &str, target: Target, operation: Operation) -> anyhow::Result<Done> {
    let running = with_read_model(find(name)?, (target, operation));
    running.with_context(|| format!("this build has no fold of {name}"))?.await
}

impl WithReadModel for (Target, Operation) {
    type Output = Pin<Box<dyn Future<Output = anyhow::Result<Done>> + Send>>;

    fn call<M: ReadModel>(self) -> Self::Output {
        let (target, operation) = self;
        Box::pin(async move {
            let months = GenerationMonths::open::<M>(&target).await?;
            match operation {
                Operation::Detach(month) => detach::detach(months, month).await,
                Operation::Archive(month, folder, then) => archive::archive(months, month, folder, then).await,
                Operation::Restore(month, folder) => restore::restore(months, month, folder).await,
            }
        })
    }
}

/// The tables by month of a generation, locked for one operator.
struct GenerationMonths {
    connection: PgConnection,
    generation: Generation,
    version: i32,
    tables: Vec<(TableSchema, RowShape)>,
}

/// Settings for operations that read or check whole months.
const SETTINGS: &str = "set statement_timeout = 0; set idle_in_transaction_session_timeout = 0";

impl GenerationMonths {
    async fn open<M: ReadModel>(target: &Target) -> anyhow::Result<GenerationMonths> {
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
    async fn existing(&mut self, month: Month) -> anyhow::Result<Vec<(TableSchema, RowShape, MonthTable)>> {
        let listed = archived_months::list_tables(&mut self.connection, self.generation);
        let listed = run("reading the tables", listed).await?;
        let of_month = self.tables.iter().filter_map(|(table, shape)| {
            let found = listed.iter().find(|it| it.name == month.table(table.name))?;
            Some((table.clone(), shape.clone(), found.clone()))
        });
        Ok(of_month.collect())
    }

    /// What was archived of a month, and where; `None` if the month is not archived.
    async fn archived(&mut self, month: Month) -> anyhow::Result<Option<(Manifest, String)>> {
        let rows = archived_months::list(&mut self.connection, self.generation);
        let rows = run("reading the archived months", rows).await?;
        let Some(row) = rows.into_iter().find(|row| row.month == month.first_day()) else { return Ok(None) };
        let manifest = serde_json::from_str(&row.manifest).context("reading the manifest of the archived month")?;
        Ok(Some((manifest, row.folder)))
    }

    /// Refuses the current month and later ones: events need them all the time.
    fn ensure_past(&self, month: Month) -> anyhow::Result<()> {
        let current = Month::of(Utc::now());
        ensure!(
            month < current,
            "month {month} is not over: only months before {current} can be detached and archived"
        );
        Ok(())
    }
}

/// The generation with a number, or the live one.
fn find_generation<'a>(all: &'a [GenerationRow], name: &str, number: Option<i32>) -> anyhow::Result<&'a GenerationRow> {
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
async fn execute(connection: &mut PgConnection, sql: String) -> sqlx::Result<()> {
    sqlx::raw_sql(AssertSqlSafe(sql)).execute(connection).await.map(|_| ())
}
