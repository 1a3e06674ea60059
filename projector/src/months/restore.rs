//! Brings a month back: attaches a detached month, or loads an archived one from its files.
//!
//! The rows are loaded into tables that are not attached yet, then indexed, then all tables of the month are attached in one
//! transaction with the record of the archive. Attaching locks out no reader. A restore that was interrupted begins again.

use std::path::PathBuf;

use anyhow::{Context, bail, ensure};
use bytes::BytesMut;
use sqlx::{Connection, PgConnection};

use super::detach::attempt;
use super::done::Done;
use super::files::MonthFolder;
use super::generation::{GenerationMonths, execute};
use super::manifest::{ArchivedTable, Manifest};
use super::row_file::RowFileReader;
use crate::frame::binary::{HEADER, TRAILER};
use crate::frame::month::Month;
use crate::frame::row_bytes::RowShape;
use crate::frame::schema::TableSchema;
use crate::row_checksum::RowChecksum;
use crate::store::archived_months;

/// Bytes that are sent to PostgreSQL at once.
const SENT_AT_ONCE: usize = 256 * 1024;

/// Restores a month.
pub(super) async fn restore(
    mut months: GenerationMonths,
    month: Month,
    folder: Option<PathBuf>,
) -> anyhow::Result<Done> {
    let generation = months.generation;
    let Some((recorded, _)) = months.archived(month).await? else { return attach(months, month).await };
    let archives =
        folder.with_context(|| format!("month {month} of {generation} is archived: name its folder with --from"))?;
    let folder = MonthFolder::of(&archives, generation.projection.name(), month);
    let manifest = find_manifest(&months, &folder, month)?;
    ensure!(
        manifest.has_rows_of(&recorded),
        "{} contains other rows than those that were archived of {generation}",
        folder.path().display()
    );
    let mut files = Vec::new();
    for (table, shape) in &months.tables {
        // A table that had no rows in the month has no file.
        let Some(archived) = manifest.find(table.name) else { continue };
        files.push((table.clone(), shape.clone(), archived.clone(), folder.open(archived, shape)?));
    }
    let connection = &mut months.connection;
    for (table, shape, archived, reader) in &files {
        let place = || format!("restoring {} from {}", table.name, folder.path().display());
        load(connection, month, table, shape, archived, reader).await.with_context(place)?;
    }
    let mut transaction = connection.begin().await.context("attaching the month")?;
    let attach = files.iter().map(|(table, ..)| table.attach(month)).collect();
    execute(&mut transaction, attach).await.context("attaching the month")?;
    let deleted = archived_months::delete(&mut transaction, generation, month.first_day()).await;
    deleted.context("attaching the month")?;
    transaction.commit().await.context("attaching the month")?;
    Ok(Done::Restored(generation, manifest))
}

/// Attaches a month that is only detached.
async fn attach(mut months: GenerationMonths, month: Month) -> anyhow::Result<Done> {
    let generation = months.generation;
    let existing = months.existing(month).await?;
    ensure!(!existing.is_empty(), "{generation} has no month {month}, and none is archived");
    let detached = existing.iter().filter(|(.., found)| !found.is_attached);
    let attach: String = detached.map(|(table, ..)| table.attach(month)).collect();
    ensure!(!attach.is_empty(), "{generation} has month {month} already");
    attempt(&mut months.connection, attach).await?;
    Ok(Done::Attached(generation))
}

/// The manifest in the folder, if it is one of this month and of tables like those of the generation.
fn find_manifest(months: &GenerationMonths, folder: &MonthFolder, month: Month) -> anyhow::Result<Manifest> {
    let path = folder.path().display();
    let Some(manifest) = folder.manifest()? else { bail!("{path} contains no archived month (no manifest.json)") };
    let (generation, version) = (months.generation, months.version);
    ensure!(
        manifest.is_of(generation, version, &month.to_string()),
        "{path} contains month {} of {} version {}, not month {month} of {} version {version}",
        manifest.month,
        manifest.projection,
        manifest.version,
        generation.projection.name(),
    );
    Ok(manifest)
}

/// Loads a file into the table of the month, which is created without indexes and not attached yet, and creates the indexes.
async fn load(
    connection: &mut PgConnection,
    month: Month,
    table: &TableSchema,
    shape: &RowShape,
    archived: &ArchivedTable,
    reader: &RowFileReader,
) -> anyhow::Result<()> {
    let name = month.table(table.name);
    let mut transaction = connection.begin().await?;
    execute(&mut transaction, table.drop_month(month) + &table.create_unindexed(&name)).await?;
    let mut checksum = RowChecksum::default();
    for group in 0..reader.groups() {
        let mut copying = transaction.copy_in_raw(&format!("copy {name} from stdin with (format binary)")).await?;
        let mut sending = BytesMut::from(HEADER);
        for row in reader.read_group(group)? {
            checksum.add(shape, &row);
            sending.extend_from_slice(&row);
            if sending.len() >= SENT_AT_ONCE {
                copying.send(sending.split().freeze()).await?;
            }
        }
        sending.extend_from_slice(TRAILER);
        copying.send(sending.freeze()).await?;
        copying.finish().await?;
    }
    ensure!(checksum == archived.row_checksum(), "the rows of {} are not those of the manifest", archived.file);
    execute(&mut transaction, table.index_month(month)).await?;
    transaction.commit().await?;
    execute(connection, format!("analyze {name}")).await?;
    Ok(())
}
