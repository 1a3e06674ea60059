//! The program `projector`: without a command it serves; the commands of operators are in [`projector::command_line`].
//! `config.rs` has the settings.

use std::process::ExitCode;
use std::time::Duration;

use clap::Parser;
use platform::config::Settings;
use platform::shutdown::Shutdown;
use projector::command_line::{self, Command};
use projector::config::{Config, OperatorConfig};

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
            Some(command) => operate(command).await,
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

async fn operate(command: Command) -> anyhow::Result<()> {
    let config = OperatorConfig::read(Settings::from_env())?;
    platform::logs::init("projector", config.logs.format, &config.logs.filter)?;
    command_line::run(command, &config).await
}
