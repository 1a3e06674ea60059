//! The commands of the program `projector` besides serving: operators list, rebuild, verify and promote generations.
//! [`parked`] has the commands on parked streams, [`months`] those on months. Results go to standard output; progress goes to
//! standard error ([`output`]).

use std::sync::Arc;

use anyhow::{Context, ensure};
use clap::{Subcommand, ValueEnum};
use platform::output::print_line;
use read_model::Projection;

use crate::config::OperatorConfig;
use crate::frame::month::Month;
use crate::operate::{self, Done, Operation, operate};
use crate::promote::Check;
use crate::rebuild::from_kafka;
use crate::rebuild::progress::Progress;
use crate::rebuild::selection::Selection;
use crate::scan::plan::EVENTS_PER_SEGMENT;
use crate::{rebuild, status, verify};

mod months;
mod output;
mod parked;
mod repairing;
mod upgrading;

pub use months::MonthsCommand;
use output::shown;
pub use parked::ParkedCommand;

/// A command of an operator.
#[derive(Debug, Clone, Subcommand)]
pub enum Command {
    /// Show all generations of all projections: state, version, lag, parked streams, verification, progress of rebuilds
    Status {
        /// Write JSON instead of a table
        #[arg(long)]
        json: bool,
    },
    /// Derive a new generation of a projection from the log, beside the live one; continues an interrupted rebuild.
    /// Afterwards verify and promote it. With --from or --months, rows of other streams are copied from the live generation
    Rebuild {
        /// Name of the projection
        #[arg(required_unless_present = "all")]
        name: Option<String>,
        /// Rebuild all projections, one after the other
        #[arg(long, conflicts_with = "name")]
        all: bool,
        /// Fold only streams with an event at or after this position of the log
        #[arg(long, value_name = "POSITION", value_parser = clap::value_parser!(i64).range(1..), conflicts_with = "all")]
        from: Option<i64>,
        /// Fold only streams of these months (UTC), such as 2026-10,2026-11; for projections of orders and of stock holds
        #[arg(long, value_delimiter = ',', conflicts_with_all = ["all", "from"])]
        months: Vec<Month>,
        /// Show what would be done, and change nothing
        #[arg(long)]
        dry_run: bool,
        /// Number of parts of the log that are read at the same time
        #[arg(long, default_value_t = 2)]
        readers: usize,
        /// Maximum number of events and copied rows per second; 0 for no limit. Can be changed by running the command again
        #[arg(long)]
        throttle: Option<i64>,
        /// What the generation is derived from. Rebuilding from Kafka and verifying checks that Kafka and the log agree
        #[arg(long, value_enum, default_value_t = Source::Log, conflicts_with_all = ["dry_run", "readers", "throttle", "from", "months"])]
        source: Source,
    },
    /// Let the rebuild of a projection wait, whichever process runs it
    Pause {
        /// Name of the projection
        name: String,
    },
    /// Let a paused rebuild continue
    Resume {
        /// Name of the projection
        name: String,
    },
    /// Compare the tables of a generation with the log; the exit status is 1 if they differ
    Verify {
        /// Name of the projection
        name: String,
        /// Number of the generation; without this option the rebuilt one, or the live one if there is none
        #[arg(long)]
        generation: Option<i32>,
        /// Number of parts of the log that are read at the same time
        #[arg(long, default_value_t = 2)]
        readers: usize,
        /// Write JSON instead of text
        #[arg(long)]
        json: bool,
    },
    /// Replace projections that contain events which the log does not contain any more, after a restore: rebuild, verify and
    /// promote them, and remove the wrong generations. Run `command-service raise-incarnation` before; can be repeated
    Repair {
        /// Name of the projection; without it, all projections that need it are repaired
        name: Option<String>,
        /// Show what would be done, and change nothing
        #[arg(long)]
        dry_run: bool,
        /// Number of parts of the log that are read at the same time
        #[arg(long, default_value_t = 2)]
        readers: usize,
    },
    /// Replace the live generations that have an older version than this build: rebuild, verify and promote. Run it with the
    /// new build while the old one serves; can be repeated
    Upgrade {
        /// Show what would be done, and change nothing
        #[arg(long)]
        dry_run: bool,
        /// Number of parts of the log that are read at the same time
        #[arg(long, default_value_t = 2)]
        readers: usize,
    },
    /// Make the rebuilt generation live. It must be verified and contain what the live one contains
    Promote {
        /// Name of the projection
        name: String,
        /// Promote a generation that is not verified, differs from the log, or is behind the live one
        #[arg(long)]
        force: bool,
    },
    /// Make the generation that was live before live again
    Rollback {
        /// Name of the projection
        name: String,
    },
    /// Remove a generation that is not live, with its tables
    Retire {
        /// Name of the projection
        name: String,
        /// Number of the generation
        generation: i32,
    },
    /// Streams that are parked because an event could not be applied
    #[command(subcommand)]
    Parked(ParkedCommand),
    /// Months of the tables: list, detach, archive to files, and restore
    #[command(subcommand)]
    Months(MonthsCommand),
}

/// What a rebuild derives a generation from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Source {
    /// The log.
    Log,
    /// The topic alone, from its first message on.
    Kafka,
}

/// Runs a command.
pub async fn run(command: Command, config: &OperatorConfig) -> anyhow::Result<()> {
    let url = || config.database_url.clone();
    match command {
        Command::Status { json } => show_status(config, json).await,
        Command::Rebuild { name, all: _, from, months, dry_run, readers, throttle, source } => {
            let options = rebuild_options(config, Selection::of(from, months), readers, throttle);
            let names = match name {
                Some(name) => vec![name],
                None => Projection::ALL.iter().map(|projection| projection.name().to_owned()).collect(),
            };
            for name in names {
                match source {
                    Source::Log => rebuild_one(&name, dry_run, options.clone()).await?,
                    Source::Kafka => rebuild_from_kafka(&name, config).await?,
                }
            }
            Ok(())
        }
        Command::Pause { name } => {
            let paused = operate::set_paused(&url(), &name, true).await?;
            print_line(format_args!("{paused}: the rebuild waits after the segments that are being read"));
            Ok(())
        }
        Command::Resume { name } => {
            print_line(format_args!("{}: the rebuild continues", operate::set_paused(&url(), &name, false).await?));
            Ok(())
        }
        Command::Verify { name, generation, readers, json } => {
            let (database_url, source_url) = (url(), config.source_url.clone());
            let options = verify::Options { database_url, source_url, readers, segment_events: EVENTS_PER_SEGMENT };
            verify_one(&name, generation, options, json).await
        }
        Command::Repair { name, dry_run, readers } => {
            let options = rebuild_options(config, Selection::All, readers, None);
            repairing::repair(name.as_deref(), dry_run, options).await
        }
        Command::Upgrade { dry_run, readers } => {
            upgrading::upgrade(dry_run, rebuild_options(config, Selection::All, readers, None)).await
        }
        Command::Promote { name, force } => {
            let check = if force { Check::None } else { Check::All };
            live(operate(&name, Operation::Promote(url(), check)).await?)
        }
        Command::Rollback { name } => live(operate(&name, Operation::Rollback(url())).await?),
        Command::Retire { name, generation } => {
            operate(&name, Operation::Retire(url(), generation)).await?;
            print_line(format_args!("{name} generation {generation} is removed"));
            Ok(())
        }
        Command::Months(command) => months::run(command, config).await,
        Command::Parked(command) => parked::run(command, config).await,
    }
}

fn rebuild_options(
    config: &OperatorConfig,
    selection: Selection,
    readers: usize,
    throttle: Option<i64>,
) -> rebuild::Options {
    let (database_url, source_url) = (config.database_url.clone(), config.source_url.clone());
    rebuild::Options { database_url, source_url, selection, readers, segment_events: EVENTS_PER_SEGMENT, throttle }
}

async fn show_status(config: &OperatorConfig, json: bool) -> anyhow::Result<()> {
    let all = status::list(&config.database_url).await?;
    if json {
        print_line(format_args!("{}", serde_json::to_string(&all)?));
        return Ok(());
    }
    print_line(format_args!("{}", status::HEADING));
    all.iter().for_each(|generation| print_line(format_args!("{generation}")));
    Ok(())
}

async fn rebuild_one(name: &str, dry_run: bool, options: rebuild::Options) -> anyhow::Result<()> {
    operate::find(name)?;
    if dry_run {
        if let Done::Planned(plan) = operate(name, Operation::Plan(options)).await? {
            print_line(format_args!("{plan}"));
        }
        return Ok(());
    }
    let progress = Arc::new(Progress::default());
    let rebuilding = operate(name, Operation::Rebuild(options, Arc::clone(&progress)));
    if let Done::Rebuilt(generation) = shown(name, &progress, rebuilding).await? {
        print_line(format_args!("{generation} is rebuilt; next: projector verify {name}, projector promote {name}"));
    }
    Ok(())
}

async fn rebuild_from_kafka(name: &str, config: &OperatorConfig) -> anyhow::Result<()> {
    let feed = config.feed.clone().context("set KAFKA_BROKERS to the bootstrap servers, such as localhost:9092")?;
    let options = from_kafka::Options { database_url: config.database_url.clone(), feed };
    let progress = Arc::new(Progress::default());
    let rebuilding = operate(name, Operation::RebuildFromKafka(options, Arc::clone(&progress)));
    let Done::RebuiltFromKafka(rebuilt) = shown(name, &progress, rebuilding).await? else { return Ok(()) };
    let from_kafka::Rebuilt { generation, messages, read_from_log } = rebuilt;
    ensure!(
        read_from_log == 0,
        "{generation} is rebuilt from {messages} messages and {read_from_log} events that Kafka does not have: its retention has \
         deleted them, or the topic was lost (`command-service republish`)"
    );
    print_line(format_args!("{generation} is rebuilt from {messages} messages; next: projector verify {name}"));
    Ok(())
}

async fn verify_one(name: &str, generation: Option<i32>, options: verify::Options, json: bool) -> anyhow::Result<()> {
    operate::find(name)?;
    let progress = Arc::new(Progress::default());
    let verifying = operate(name, Operation::Verify(generation, options, Arc::clone(&progress)));
    let Done::Verified(report) = shown(name, &progress, verifying).await? else { return Ok(()) };
    if json {
        print_line(format_args!("{}", serde_json::to_string(&report)?));
    } else {
        for table in &report.tables {
            print_line(format_args!("{:<24}{:>12} rows, {:>12} expected", table.table, table.stored, table.expected));
        }
        report.absent_months.iter().for_each(|month| print_line(format_args!("{month}")));
        report.differences.iter().for_each(|difference| print_line(format_args!("{difference}")));
    }
    let (generation, position) = (report.generation, report.position);
    ensure!(
        report.is_equal(),
        "{} rows of {name} generation {generation} differ from the log at position {position}",
        report.differences_total
    );
    if !json {
        let skipped = match report.events_skipped {
            0 => String::new(),
            events => format!(" without {events} skipped events"),
        };
        print_line(format_args!("{name} generation {generation} equals the log up to position {position}{skipped}"));
    }
    Ok(())
}

fn live(done: Done) -> anyhow::Result<()> {
    if let Done::Live(live, former) = done {
        print_line(format_args!("{live} is live"));
        if let Some(former) = former {
            print_line(format_args!(
                "{former} is kept and followed: go back with `projector rollback {}`",
                live.projection.name()
            ));
        }
    }
    Ok(())
}
