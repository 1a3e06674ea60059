//! `command-service`: serves commands; `command-service schedule rebuild` rebuilds the schedule from the log.

use std::process::ExitCode;

use clap::{Parser, Subcommand};
use command_service::config::{self, Config};
use command_service::{log, schedule, serve};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Accepts commands, decides them, appends their events to the log and publishes the log to Kafka.
#[derive(Parser)]
#[command(version)]
struct Args {
    #[command(subcommand)]
    action: Option<Action>,
}

#[derive(Subcommand)]
enum Action {
    /// Serves until SIGTERM or SIGINT (the default). Settings are read from the environment; see .env.example.
    Serve,
    /// Maintains the schedule of the platform's own commands, such as the expiry of unpaid orders.
    #[command(subcommand)]
    Schedule(ScheduleAction),
}

#[derive(Subcommand)]
enum ScheduleAction {
    /// Empties the tables of the schedule; running instances rebuild them from the log. Needs DATABASE_URL.
    Rebuild,
}

#[tokio::main]
async fn main() -> ExitCode {
    let ended = match Args::parse().action.unwrap_or(Action::Serve) {
        Action::Serve => serve_until_stopped().await,
        Action::Schedule(ScheduleAction::Rebuild) => rebuild_schedule().await,
    };
    match ended {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("command-service: {error:#}");
            ExitCode::FAILURE
        }
    }
}

async fn serve_until_stopped() -> anyhow::Result<()> {
    let config = Config::from_env()?;
    platform::logs::init("command-service", config.log_format, &config.log_level)?;
    let shutdown = platform::shutdown::Shutdown::on_signals()?;
    serve::run(config, shutdown).await
}

async fn rebuild_schedule() -> anyhow::Result<()> {
    schedule::rebuild(log::connect(config::database_from_env()?, 1)).await
}
