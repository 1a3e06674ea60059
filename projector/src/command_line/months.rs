//! The commands `projector months`: operators list, detach, archive and restore months.

use std::path::PathBuf;

use anyhow::ensure;
use clap::Subcommand;
use platform::output::print_line;

use crate::config::OperatorConfig;
use crate::frame::month::Month;
use crate::months::manifest::Manifest;
use crate::months::{self, AfterArchive, Done, Operation, RowCount, Target, operate};

/// A command on months.
#[derive(Debug, Clone, Subcommand)]
pub enum MonthsCommand {
    /// Show the months of the live generations with state, rows and bytes
    List {
        /// Name of the projection; without it, all projections
        name: Option<String>,
        /// Number of the generation instead of the live one
        #[arg(long, requires = "name")]
        generation: Option<i32>,
        /// Count the rows, which reads the tables, instead of showing the estimates of PostgreSQL
        #[arg(long)]
        exact: bool,
        /// Write JSON instead of a table
        #[arg(long)]
        json: bool,
    },
    /// Take a past month out of reads; its tables stay. An event that needs the month attaches it again
    Detach {
        #[command(flatten)]
        month: MonthArguments,
    },
    /// Write a detached month to Parquet files with checksums, and read them back
    Archive {
        #[command(flatten)]
        month: MonthArguments,
        /// Folder of all archives; the files are written to its subfolder NAME/MONTH
        #[arg(long)]
        to: PathBuf,
        /// Drop the tables of the month after that. An event that needs the month then parks its stream
        #[arg(long)]
        drop: bool,
    },
    /// Attach a detached month, or load an archived one
    Restore {
        #[command(flatten)]
        month: MonthArguments,
        /// Folder of all archives, for an archived month
        #[arg(long)]
        from: Option<PathBuf>,
    },
}

/// A month of a projection.
#[derive(Debug, Clone, clap::Args)]
pub struct MonthArguments {
    /// Name of the projection
    name: String,
    /// The month, such as 2026-08
    month: Month,
    /// Number of the generation instead of the live one
    #[arg(long)]
    generation: Option<i32>,
}

/// Runs a command on months.
pub(super) async fn run(command: MonthsCommand, config: &OperatorConfig) -> anyhow::Result<()> {
    match command {
        MonthsCommand::List { name, generation, exact, json } => {
            let count = if exact { RowCount::Exact } else { RowCount::Estimated };
            show(config, name.as_deref(), generation, count, json).await
        }
        MonthsCommand::Detach { month } => change(config, month, Operation::Detach).await,
        MonthsCommand::Archive { month, to, drop } => {
            let then = if drop { AfterArchive::Drop } else { AfterArchive::Keep };
            change(config, month, |month| Operation::Archive(month, to, then)).await
        }
        MonthsCommand::Restore { month, from } => change(config, month, |month| Operation::Restore(month, from)).await,
    }
}

async fn show(
    config: &OperatorConfig,
    name: Option<&str>,
    generation: Option<i32>,
    count: RowCount,
    json: bool,
) -> anyhow::Result<()> {
    let all = months::list(&config.database_url, name, generation, count).await?;
    if json {
        print_line(format_args!("{}", serde_json::to_string(&all)?));
        return Ok(());
    }
    ensure!(!all.is_empty(), "there are no months yet");
    print_line(format_args!("{}", months::HEADING));
    all.iter().for_each(|month| print_line(format_args!("{month}")));
    if all.iter().any(|month| month.rows_estimated) {
        print_line(format_args!("Rows with ~ are estimates of PostgreSQL; --exact counts them"));
    }
    Ok(())
}

async fn change(
    config: &OperatorConfig,
    MonthArguments { name, month, generation }: MonthArguments,
    operation: impl FnOnce(Month) -> Operation,
) -> anyhow::Result<()> {
    let target = Target { database_url: config.database_url.clone(), generation };
    match operate(&name, target, operation(month)).await? {
        Done::Detached(generation) => {
            print_line(format_args!(
                "{generation}: month {month} is detached; next: `projector months archive {name} {month} --to FOLDER`"
            ));
        }
        Done::Archived(generation, manifest, folder) => {
            show_files(&manifest);
            print_line(format_args!(
                "{generation}: month {month} is in {} and was read back; its tables are still detached (--drop drops them)",
                folder.display()
            ));
        }
        Done::Dropped(generation, manifest, folder) => {
            show_files(&manifest);
            print_line(format_args!(
                "{generation}: month {month} is in {} and was read back; its tables are dropped",
                folder.display()
            ));
        }
        Done::Attached(generation) => print_line(format_args!("{generation}: month {month} is attached again")),
        Done::Restored(generation, manifest) => {
            show_files(&manifest);
            print_line(format_args!(
                "{generation}: month {month} is restored; `projector parked retry` applies the events that waited for it"
            ));
        }
    }
    Ok(())
}

fn show_files(manifest: &Manifest) {
    for table in &manifest.tables {
        print_line(format_args!(
            "{:<32}{:>12} rows{:>14} bytes  sha256 {}",
            table.file, table.rows, table.bytes, table.sha256
        ));
    }
}
