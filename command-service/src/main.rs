//! `command-service`: serves commands; `command-service import` brings in data from elsewhere.

use std::process::ExitCode;

use clap::{Parser, Subcommand};
use command_service::config::Config;
use command_service::{import, serve};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Takes commands, decides them, appends their events to the log and relays the log to Kafka.
#[derive(Parser)]
#[command(version)]
struct Args {
    #[command(subcommand)]
    action: Option<Action>,
}

#[derive(Subcommand)]
enum Action {
    /// Serves until told to stop (the default); settings come from the environment, see .env.example.
    Serve,
    /// Brings in data from elsewhere, through a running command-service.
    Import(import::Args),
}

#[tokio::main]
async fn main() -> ExitCode {
    let ended = match Args::parse().action.unwrap_or(Action::Serve) {
        Action::Serve => serve_until_stopped().await,
        Action::Import(args) => import::run(args).await,
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
