//! `projector` serves; `projector retry-parked` takes parked streams up again. Settings: `config.rs`.

use std::process::ExitCode;
use std::time::Duration;

use clap::{Parser, Subcommand};
use events::StreamId;
use platform::config::Settings;
use platform::shutdown::Shutdown;
use projector::config::{Config, RetryConfig};
use projector::retry::{self, Retried};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Longest that blocking work may hold up the end of the process.
const EXIT_DEADLINE: Duration = Duration::from_secs(1);

/// Turns events into read models. Settings come from the environment; without a command it serves.
#[derive(Parser)]
#[command(version)]
struct Arguments {
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Subcommand)]
enum Command {
    /// Take up again the streams that wait because an event could not be applied; safe while a projector serves, and one
    /// process at a time
    RetryParked {
        /// Only this one, such as order-01890c5e-...; otherwise all
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
    projector::serve::serve(config, Shutdown::on_signals()?).await
}

async fn retry_parked(stream: Option<StreamId>) -> anyhow::Result<()> {
    let config = RetryConfig::read(Settings::from_env())?;
    platform::logs::init("projector", config.logs.format, &config.logs.filter)?;
    let mut waiting = 0;
    retry::retry(&config.database_url, stream.as_ref(), |stream, retried| match retried {
        Retried::Unparked(events) => println!("{stream}: flows again, {events} events applied"),
        Retried::NotParked => println!("{stream}: is not parked"),
        Retried::StillParked(reason) => {
            waiting += 1;
            println!("{stream}: still parked: {reason}");
        }
    })
    .await?;
    anyhow::ensure!(waiting == 0, "{waiting} streams are still parked");
    Ok(())
}
