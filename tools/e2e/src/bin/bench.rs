//! Measures the platform: `bench main`, `bench write`. Needs the `TEST_*` variables of `deploy/servers` and the services'
//! release binaries beside it; `deploy/bench main` brings both.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::{Parser, Subcommand};
use e2e::bench::figures::Figures;
use e2e::bench::machine::Machine;
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
    /// All figures of the write side. Exits with 1 if one misses its target.
    Write(Write),
    /// Serves a route that does nothing, to compare with.
    #[command(hide = true)]
    Noop {
        /// Where to listen.
        addr: SocketAddr,
    },
}

#[derive(Debug, clap::Args)]
struct Measured {
    /// Writes the figures for machines.
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Measures these only: keys of figures with a comma between them.
    #[arg(long, value_name = "KEYS", value_delimiter = ',')]
    only: Vec<String>,
    /// Length of every measurement, instead of its own.
    #[arg(long, value_name = "N")]
    seconds: Option<u64>,
}

#[derive(Debug, clap::Args)]
struct Main {
    #[command(flatten)]
    measured: Measured,
    /// Orders a second for the pipeline, instead of finding out what it bears.
    #[arg(long, value_name = "N")]
    rate: Option<u64>,
    /// The file for import_s.
    #[arg(long, value_name = "FILE")]
    data: Option<PathBuf>,
}

#[derive(Debug, clap::Args)]
struct Write {
    #[command(flatten)]
    measured: Measured,
    /// Part of all numbers of orders, keys and events, such as 0.01: to try whether all works, not for figures.
    #[arg(long, value_name = "PART", default_value_t = 1.0, value_parser = part)]
    share: f64,
}

fn part(text: &str) -> Result<f64, String> {
    text.parse().ok().filter(|part| *part > 0.0 && *part <= 1.0).ok_or("a number above 0, at most 1".to_owned())
}

fn main() -> anyhow::Result<ExitCode> {
    let what = Arguments::parse().what;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let ended = match what {
        What::Noop { addr } => runtime.block_on(bare::serve_noop(addr)).map(|()| ExitCode::SUCCESS),
        What::Main(Main { measured, rate, data }) => {
            let plan = Plan { pipeline_rate: rate, data, ..measured.plan() };
            runtime.block_on(measure(measured, bench::run(&plan)))
        }
        What::Write(Write { measured, share }) => {
            let plan = Plan { share, ..measured.plan() };
            runtime.block_on(measure(measured, bench::write::run(&plan)))
        }
    };
    // A load generator that was interrupted may still be on its thread.
    runtime.shutdown_background();
    ended
}

impl Measured {
    fn plan(&self) -> Plan {
        let length = self.seconds.map(Duration::from_secs);
        Plan { only: self.only.clone(), length, share: 1.0, pipeline_rate: None, data: None }
    }
}

async fn measure(
    measured: Measured,
    run: impl Future<Output = anyhow::Result<(Machine, Figures)>>,
) -> anyhow::Result<ExitCode> {
    let (machine, figures) = tokio::select! {
        measured = run => measured?,
        // Dropping the run ends the services that it started.
        _ = tokio::signal::ctrl_c() => return Ok(ExitCode::from(130)),
    };
    println!("\n{}", figures.table(&machine));
    if let Some(file) = &measured.json {
        figures.write_json(file, &machine)?;
    }
    Ok(if figures.all_met() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
