//! Measures the platform: `bench main`. Needs the `TEST_*` variables of `deploy/servers` and the services' release binaries
//! beside it; `deploy/bench main` brings both.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::{Parser, Subcommand};
use e2e::bench::{self, Plan, bare};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Measures the platform and compares it with its targets and with its physical limits.
#[derive(Debug, Parser)]
#[command(name = "bench")]
struct Arguments {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// All figures of the main job. Exits with 1 if one misses its target.
    Main(Main),
    /// Serves a route that does nothing, to compare with.
    #[command(hide = true)]
    Noop {
        /// Where to listen.
        addr: SocketAddr,
    },
}

#[derive(Debug, clap::Args)]
struct Main {
    /// Writes the figures for machines.
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Measures these only, such as place_orders_per_s,freshness_p99_ms.
    #[arg(long, value_name = "KEYS", value_delimiter = ',')]
    only: Vec<String>,
    /// Length of every measurement, instead of its own.
    #[arg(long, value_name = "N")]
    seconds: Option<u64>,
    /// Orders a second for the pipeline, instead of finding out what it bears.
    #[arg(long, value_name = "N")]
    rate: Option<u64>,
    /// The file for import_s.
    #[arg(long, value_name = "FILE")]
    data: Option<PathBuf>,
}

fn main() -> anyhow::Result<ExitCode> {
    let what = Arguments::parse().what;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let ended = match what {
        What::Noop { addr } => runtime.block_on(bare::serve_noop(addr)).map(|()| ExitCode::SUCCESS),
        What::Main(arguments) => runtime.block_on(measure(arguments)),
    };
    // A load generator that was interrupted may still be on its thread.
    runtime.shutdown_background();
    ended
}

async fn measure(arguments: Main) -> anyhow::Result<ExitCode> {
    let plan = Plan {
        only: arguments.only,
        length: arguments.seconds.map(Duration::from_secs),
        pipeline_rate: arguments.rate,
        data: arguments.data,
    };
    let (machine, figures) = tokio::select! {
        measured = bench::run(&plan) => measured?,
        // Dropping the run ends the services that it started.
        _ = tokio::signal::ctrl_c() => return Ok(ExitCode::from(130)),
    };
    println!("\n{}", figures.table(&machine));
    if let Some(file) = &arguments.json {
        figures.write_json(file, &machine)?;
    }
    Ok(if figures.all_met() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
