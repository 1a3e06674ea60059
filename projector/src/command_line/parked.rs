//! The commands on parked streams: list and retry them, and skip their events.

use anyhow::{Context, ensure};
use clap::Subcommand;
use events::{Position, StreamId};
use platform::output::print_line;
use read_model::{Generation, Projection};

use crate::config::OperatorConfig;
use crate::retry::{RetryOutcome, Selected, retry};
use crate::skip::{Skip, SkipOutcome, skip};
use crate::{operate, parked_list};

/// A command on parked streams.
#[derive(Debug, Clone, Subcommand)]
pub enum ParkedCommand {
    /// Show the parked streams with their reasons
    List {
        /// Show the events that were skipped, with who skipped them and why, instead of the parked streams
        #[arg(long)]
        skipped: bool,
    },
    /// Retry parked streams. Safe while a projector runs; only one process at a time can retry or skip
    Retry {
        /// Stream to retry, such as order-01890c5e-...; without this option all parked streams are retried
        #[arg(long)]
        stream: Option<StreamId>,
        /// Name of the projection; without this option the streams of all projections are retried
        #[arg(long)]
        projection: Option<String>,
    },
    /// Skip the event at which a stream is parked, and continue with the events after it. The event is tried once more
    /// first; it is recorded with who skipped it and why. Rebuilt generations try it again
    Skip {
        /// Stream that is parked
        stream: StreamId,
        /// Why the event is skipped
        #[arg(long)]
        reason: String,
        /// Name of the projection; without this option the event is skipped wherever the stream is parked
        #[arg(long)]
        projection: Option<String>,
        /// Position at which the stream must be parked: a repeated command then skips no other event
        #[arg(long)]
        position: Option<i64>,
        /// Who skips the event; by default the user of the operating system
        #[arg(long)]
        by: Option<String>,
    },
}

/// Runs a command on parked streams.
pub(super) async fn run(command: ParkedCommand, config: &OperatorConfig) -> anyhow::Result<()> {
    match command {
        ParkedCommand::List { skipped: false } => {
            parked_list::list(&config.database_url, None).await?.iter().for_each(print);
        }
        ParkedCommand::List { skipped: true } => {
            parked_list::list_skipped(&config.database_url, None).await?.iter().for_each(print);
        }
        ParkedCommand::Retry { stream, projection } => {
            let projection = find(projection.as_deref())?;
            retry_parked(config, Selected { projection, stream: stream.as_ref() }).await?;
        }
        ParkedCommand::Skip { stream, reason, projection, position, by } => {
            let projection = find(projection.as_deref())?;
            let by = match by {
                Some(by) => by,
                None => whoami::username().context("the user of the operating system is unknown: set --by")?,
            };
            let (position, by, reason) = (position.map(Position), by.as_str(), reason.as_str());
            skip_event(config, Skip { stream: &stream, projection, position, by, reason }).await?;
        }
    }
    Ok(())
}

fn find(projection: Option<&str>) -> anyhow::Result<Option<Projection>> {
    Ok(projection.map(operate::find).transpose()?)
}

fn print(line: &impl std::fmt::Display) {
    print_line(format_args!("{line}"));
}

async fn retry_parked(config: &OperatorConfig, selected: Selected<'_>) -> anyhow::Result<()> {
    let mut still_parked = 0;
    let mut report = |generation: Generation, stream: &str, outcome: &RetryOutcome| {
        still_parked += usize::from(matches!(outcome, RetryOutcome::StillParked(_)));
        print_line(format_args!("{generation}  {stream}: {outcome}"));
    };
    let was_parked = retry(&config.database_url, selected, &mut report).await?;
    if let (Some(stream), false) = (selected.stream, was_parked) {
        print_line(format_args!("{stream}: not parked"));
    }
    ensure!(still_parked == 0, "{still_parked} streams are still parked");
    Ok(())
}

async fn skip_event(config: &OperatorConfig, skipped: Skip<'_>) -> anyhow::Result<()> {
    let mut still_parked = 0;
    let mut report = |generation: Generation, outcome: &SkipOutcome| {
        still_parked += usize::from(outcome.is_still_parked());
        print_line(format_args!("{generation}  {}: {outcome}", skipped.stream));
    };
    skip(&config.database_url, skipped, &mut report).await?;
    ensure!(still_parked == 0, "{} is still parked in {still_parked} generations", skipped.stream);
    Ok(())
}
