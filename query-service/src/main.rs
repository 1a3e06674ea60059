//! The program `query-service`: serves queries until it receives a signal to stop.

use std::process::ExitCode;

use clap::Parser;
use query_service::config::Config;
use query_service::serve;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Serves queries from the caches and the replica. Settings come from the environment, see .env.example.
#[derive(Parser)]
#[command(version)]
struct Args {}

#[tokio::main]
async fn main() -> ExitCode {
    Args::parse();
    match serve_until_stopped().await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("query-service: {error:#}");
            ExitCode::FAILURE
        }
    }
}

async fn serve_until_stopped() -> anyhow::Result<()> {
    let config = Config::from_env()?;
    platform::logs::init("query-service", config.log_format, &config.log_level)?;
    let shutdown = platform::shutdown::Shutdown::on_signals()?;
    serve::run(config, shutdown).await
}
