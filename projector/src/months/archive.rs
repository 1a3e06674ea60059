//! Writes a detached month to files, and drops its tables if the operator wants that.
//!
//! The tables are locked against changes until the end, and the files are read back and compared with the rows before
//! anything is dropped. An archive that was interrupted can be repeated: complete files with the same rows are kept. An
//! event that needs the month meanwhile parks its stream.
//!
//! Files are written and read in blocking mode, because the process of the command does nothing else.

use std::path::{Path, PathBuf};

use anyhow::{Context, bail, ensure};
use sqlx::{AssertSqlSafe, Connection, PgConnection};

use super::done::Done;
use super::files::MonthFolder;
use super::generation::{GenerationMonths, execute};
use super::manifest::{ArchivedTable, FORMAT, Manifest};
use super::row_file::RowFileWriter;
use crate::frame::month::Month;
use crate::frame::row_bytes::RowShape;
use crate::frame::schema::TableSchema;
use crate::row_checksum::RowChecksum;
use crate::store::archived_months::{self, ArchivedRow};
use crate::store::{copy_out, run};

/// What happens to the tables of an archived month.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AfterArchive {
    /// The tables stay detached.
    Keep,
    /// The tables are dropped.
    Drop,
}

/// Archives a month.
pub(super) async fn archive(
    mut months: GenerationMonths,
    month: Month,
    archives: PathBuf,
    then: AfterArchive,
) -> anyhow::Result<Done> {
    months.ensure_past(month)?;
    let generation = months.generation;
    if let Some((_, folder)) = months.archived(month).await? {
        bail!("month {month} of {generation} is archived in {folder} already");
    }
    let archives = std::path::absolute(&archives).context("finding the folder")?;
    let folder = MonthFolder::of(&archives, generation.projection.name(), month);
    let existing = months.existing(month).await?;
    ensure!(!existing.is_empty(), "{generation} has no month {month}");
    let tables: Vec<(TableSchema, RowShape)> = existing.into_iter().map(|(table, shape, _)| (table, shape)).collect();
    let mut transaction = months.connection.begin().await.context("beginning a transaction")?;
    lock(&mut transaction, month, &tables).await?;
    let mut manifest = Manifest {
        format: FORMAT,
        projection: generation.projection.name().to_owned(),
        generation: generation.number,
        version: months.version,
        month: month.to_string(),
        tables: Vec::new(),
    };
    match folder.manifest()? {
        Some(found) => {
            ensure_same_rows(&mut transaction, &folder, &found, &manifest, month, &tables).await?;
            manifest = found;
        }
        None => {
            folder.create()?;
            for (table, shape) in &tables {
                let description = description(&manifest, table);
                manifest.tables.push(write(&mut transaction, &folder, month, (table, shape), &description).await?);
            }
        }
    }
    for ((_, shape), archived) in tables.iter().zip(&manifest.tables) {
        folder.verify(archived, shape)?;
    }
    folder.write_manifest(&manifest)?;
    let path = folder.path().to_owned();
    if then == AfterArchive::Keep {
        return Ok(Done::Archived(generation, manifest, path));
    }
    let row = ArchivedRow {
        month: month.first_day(),
        folder: archives.display().to_string(),
        manifest: serde_json::to_string(&manifest)?,
    };
    lock_month(&mut transaction, month, &tables).await?;
    archived_months::insert(&mut transaction, generation, &row).await.context("recording the archived month")?;
    let drop = tables.iter().map(|(table, _)| table.drop_month(month)).collect();
    execute(&mut transaction, drop).await.context("dropping the tables of the month")?;
    transaction.commit().await.context("dropping the tables of the month")?;
    Ok(Done::Dropped(generation, manifest, path))
}

/// What the file of a table says about itself.
fn description(manifest: &Manifest, table: &TableSchema) -> [(&'static str, String); 5] {
    [
        ("order-platform.projection", manifest.projection.clone()),
        ("order-platform.generation", manifest.generation.to_string()),
        ("order-platform.version", manifest.version.to_string()),
        ("order-platform.month", manifest.month.clone()),
        ("order-platform.table", table.name.to_owned()),
    ]
}

/// Locks the tables of the month against changes, and makes sure that they are detached: an event may have attached them
/// again.
async fn lock(connection: &mut PgConnection, month: Month, tables: &[(TableSchema, RowShape)]) -> anyhow::Result<()> {
    let names: Vec<String> = tables.iter().map(|(table, _)| month.table(table.name)).collect();
    let lock = format!("set local lock_timeout = '10s'; lock table {} in share mode", names.join(", "));
    execute(connection, lock).await.context("locking the tables of the month")?;
    let attached = sqlx::query_scalar::<_, String>(
        "select relname::text from pg_class
         where relnamespace = current_schema()::regnamespace and relname = any($1) and relispartition",
    );
    let attached = run("reading the tables", attached.bind(&names).fetch_all(connection)).await?;
    ensure!(
        attached.is_empty(),
        "the month is attached ({}): run `projector months detach` first (an event that needs a detached month attaches it again)",
        attached.join(", ")
    );
    Ok(())
}

/// Waits until no event creates or attaches the month. Without waiting in PostgreSQL, because such an event in turn waits for
/// the tables, for a second.
async fn lock_month(
    connection: &mut PgConnection,
    month: Month,
    tables: &[(TableSchema, RowShape)],
) -> anyhow::Result<()> {
    const ATTEMPTS_MAX: usize = 300;
    for (table, _) in tables {
        let mut attempts = 0;
        // Safe because the text is composed of literals of this program and the number of a month.
        while !sqlx::query_scalar::<_, bool>(AssertSqlSafe(table.try_lock_month(month)))
            .fetch_one(&mut *connection)
            .await?
        {
            attempts += 1;
            ensure!(attempts < ATTEMPTS_MAX, "events need month {month} all the time: nothing was dropped");
            tokio::time::sleep(std::time::Duration::from_millis(100)).await;
        }
    }
    Ok(())
}

/// The query for the rows of a month.
fn rows_of(month: Month, (table, shape): (&TableSchema, &RowShape)) -> String {
    format!("select {} from {} order by {}", shape.names(), month.table(table.name), shape.key_names())
}

/// Writes the file of a table.
async fn write(
    connection: &mut PgConnection,
    folder: &MonthFolder,
    month: Month,
    (table, shape): (&TableSchema, &RowShape),
    description: &[(&str, String)],
) -> anyhow::Result<ArchivedTable> {
    let file = format!("{}.parquet", table.name);
    let path: &Path = &folder.partial(&file);
    let place = || format!("writing {}", path.display());
    let mut writer = RowFileWriter::create(path, shape, description).with_context(place)?;
    copy_out::for_each_row(connection, &rows_of(month, (table, shape)), |row| writer.add(row))
        .await
        .with_context(place)?;
    let RowChecksum { rows, sum } = writer.finish().with_context(place)?;
    folder.complete(&file)?;
    let (bytes, sha256) = folder.digest(&file)?;
    Ok(ArchivedTable { table: table.name.to_owned(), file, rows, bytes, sha256, checksum: sum })
}

/// Makes sure that the files that exist already have the rows of the month.
async fn ensure_same_rows(
    connection: &mut PgConnection,
    folder: &MonthFolder,
    found: &Manifest,
    wanted: &Manifest,
    month: Month,
    tables: &[(TableSchema, RowShape)],
) -> anyhow::Result<()> {
    let mut current = wanted.clone();
    for (table, shape) in tables {
        let mut checksum = RowChecksum::default();
        let add = |row: &[u8]| {
            checksum.add(shape, row);
            Ok(())
        };
        copy_out::for_each_row(connection, &rows_of(month, (table, shape)), add).await.context("reading the month")?;
        let (table, file, sha256) = (table.name.to_owned(), String::new(), String::new());
        let RowChecksum { rows, sum } = checksum;
        current.tables.push(ArchivedTable { table, file, rows, bytes: 0, sha256, checksum: sum });
    }
    ensure!(
        found.has_rows_of(&current),
        "{} contains another archive of the month: name another folder, or remove that one",
        folder.path().display()
    );
    Ok(())
}
