//! The program `projector`: without a command it serves, `projector retry-parked` retries parked streams. `config.rs`
//! has the settings.

use std::process::ExitCode;
use std::time::Duration;

use clap::{Parser, Subcommand};
use events::StreamId;
use platform::config::Settings;
use platform::shutdown::Shutdown;
use projector::config::{Config, RetryConfig};
use projector::retry::{self, RetryOutcome};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Timeout for blocking work at the end of the process.
const EXIT_DEADLINE: Duration = Duration::from_secs(1);

/// Projects events into read models. Without a command, runs the projector until it is stopped. Settings are read from
/// the environment.
#[derive(Parser)]
#[command(version)]
struct Arguments {
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Subcommand)]
enum Command {
    /// Retry streams that are parked because an event could not be applied. Safe while a projector runs; only one
    /// process at a time can retry
    RetryParked {
        /// Stream to retry, such as order-01890c5e-...; without this option all parked streams are retried
        #[arg(long)]
        stream: Option<StreamId>,
    },
}

fn main() -> ExitCode {
    match run(Arguments::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("projector: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: Arguments) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Runtime::new()?;
    let done = runtime.block_on(async {
        match arguments.command {
            None => serve().await,
            Some(Command::RetryParked { stream }) => retry_parked(stream).await,
        }
    });
    runtime.shutdown_timeout(EXIT_DEADLINE);
    done
}

async fn serve() -> anyhow::Result<()> {
    let config = Config::read(Settings::from_env())?;
    platform::logs::init("projector", config.logs.format, &config.logs.filter)?;
    projector::serve::run(config, Shutdown::on_signals()?).await
}

async fn retry_parked(stream: Option<StreamId>) -> anyhow::Result<()> {
    let config = RetryConfig::read(Settings::from_env())?;
    platform::logs::init("projector", config.logs.format, &config.logs.filter)?;
    let mut still_parked = 0;
    let mut report = |stream: &str, outcome: &RetryOutcome| match outcome {
        RetryOutcome::Resumed(events) => println!("{stream}: resumed, {events} events applied"),
        RetryOutcome::NotParked => println!("{stream}: not parked"),
        RetryOutcome::StillParked(reason) => {
            still_parked += 1;
            println!("{stream}: still parked: {reason}");
        }
    };
    retry::retry(&config.database_url, stream.as_ref(), &mut report).await?;
    anyhow::ensure!(still_parked == 0, "{still_parked} streams are still parked");
    Ok(())
}
