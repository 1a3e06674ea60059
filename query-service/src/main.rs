//! `query-service`: answers queries until told to stop.

use std::process::ExitCode;

use clap::Parser;
use query_service::config::Config;
use query_service::serve;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Answers queries from the replica and the caches; settings come from the environment, see .env.example.
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
