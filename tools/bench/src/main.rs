//! `bench main`, `bench write`, `bench rebuild`, `bench query` and `bench cost`: measure the platform. The work is in [`bench`]. `deploy/bench` provides what the program
//! needs: the `TEST_*` variables of `deploy/servers`, and the release binaries in the folder of the program.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use bench::figures::Figures;
use bench::generated_log::{LargeLog, LogSize};
use bench::machine::Machine;
use bench::settings::Settings;
use bench::{cost, limits, main_figures, query_figures, rebuild_figures, write_figures};
use clap::{Parser, Subcommand};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Measures the platform and compares the figures with their targets and physical limits.
#[derive(Debug, Parser)]
#[command(name = "bench")]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Measures the whole platform. Exit status 1 if a figure misses its target.
    Main(Main),
    /// Measures the write side. Exit status 1 if a figure misses its target.
    Write(Write),
    /// Measures rebuilds, verification and live projections. Exit status 1 if a figure misses its target.
    Rebuild(Rebuild),
    /// Measures reads, lists and searches. Exit status 1 if a figure misses its target.
    Query(Query),
    /// Measures what an order costs in every process of the platform, at several rates.
    Cost(Measured),
    /// Serves a route that does nothing; used to measure the limit of HTTP.
    #[command(hide = true)]
    Noop {
        /// Address to listen on.
        addr: SocketAddr,
    },
}

#[derive(Debug, clap::Args)]
struct Measured {
    /// Writes the figures as JSON to this file.
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Keys of the figures to measure, separated by commas [default: all figures].
    #[arg(long, value_name = "KEYS", value_delimiter = ',')]
    only: Vec<String>,
    /// Duration of every measurement in seconds, instead of the default of each measurement.
    #[arg(long, value_name = "N")]
    seconds: Option<u64>,
}

#[derive(Debug, clap::Args)]
struct Main {
    #[command(flatten)]
    measured: Measured,
    /// Orders per second for the pipeline, instead of searching for the highest rate. Freshness is measured at half of this rate if the
    /// pipeline is not measured.
    #[arg(long, value_name = "N")]
    rate: Option<u64>,
    /// The file for the figure import_s.
    #[arg(long, value_name = "FILE")]
    data: Option<PathBuf>,
}

#[derive(Debug, clap::Args)]
struct Write {
    #[command(flatten)]
    measured: Measured,
    /// Share of the numbers of orders, keys and events, such as 0.01, for a trial run without valid figures.
    #[arg(long, value_name = "SHARE", default_value_t = 1.0, value_parser = share)]
    share: f64,
}

#[derive(Debug, clap::Args)]
struct Rebuild {
    #[command(flatten)]
    measured: Measured,
    /// Number of events of the large log; four to an order. The figures are defined for the default.
    #[arg(long, value_name = "N", default_value_t = 20_000_000, value_parser = clap::value_parser!(u64).range(10_000..=100_000_000))]
    events: u64,
    /// Seed of the generated logs.
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u64,
    /// Keeps the large log in its database, where the next run with the same seed and number of events finds it.
    #[arg(long)]
    keep_log: bool,
    /// Orders per second for the pipeline.
    #[arg(long, value_name = "N")]
    rate: Option<u64>,
}

#[derive(Debug, clap::Args)]
struct Query {
    #[command(flatten)]
    measured: Measured,
    /// Number of events of the log; four to an order. The figures are defined for the default.
    #[arg(long, value_name = "N", default_value_t = 20_000_000, value_parser = clap::value_parser!(u64).range(10_000..=100_000_000))]
    events: u64,
    /// Seed of the generated log.
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u64,
    /// Keeps the log and its projections, where the next run with the same seed and number of events finds them.
    #[arg(long)]
    keep_log: bool,
}

fn share(text: &str) -> Result<f64, String> {
    text.parse().ok().filter(|share| *share > 0.0 && *share <= 1.0).ok_or("must be above 0 and at most 1".to_owned())
}

fn main() -> anyhow::Result<ExitCode> {
    let command = Arguments::parse().command;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let ended = match command {
        Command::Noop { addr } => runtime.block_on(limits::serve_noop(addr)).map(|()| ExitCode::SUCCESS),
        Command::Main(Main { measured, rate, data }) => {
            let settings = Settings { pipeline_rate: rate, data, ..measured.settings() };
            runtime.block_on(measure(measured, main_figures::run(&settings)))
        }
        Command::Cost(measured) => {
            let settings = measured.settings();
            runtime.block_on(measure(measured, cost::run(&settings)))
        }
        Command::Write(Write { measured, share }) => {
            let settings = Settings { share, ..measured.settings() };
            runtime.block_on(measure(measured, write_figures::run(&settings)))
        }
        Command::Rebuild(Rebuild { measured, events, seed, keep_log, rate }) => {
            let settings = Settings { pipeline_rate: rate, ..measured.settings() };
            let log = LargeLog { size: LogSize { seed, events }, is_kept: keep_log };
            runtime.block_on(measure(measured, rebuild_figures::run(&settings, &log)))
        }
        Command::Query(Query { measured, events, seed, keep_log }) => {
            let settings = measured.settings();
            let log = LargeLog { size: LogSize { seed, events }, is_kept: keep_log };
            runtime.block_on(measure(measured, query_figures::run(&settings, &log)))
        }
    };
    // The thread of an interrupted load generator may still be running.
    runtime.shutdown_background();
    ended
}

impl Measured {
    fn settings(&self) -> Settings {
        let length = self.seconds.map(Duration::from_secs);
        Settings { only: self.only.clone(), length, share: 1.0, pipeline_rate: None, data: None }
    }
}

async fn measure(
    measured: Measured,
    run: impl Future<Output = anyhow::Result<(Machine, Figures)>>,
) -> anyhow::Result<ExitCode> {
    let (machine, figures) = tokio::select! {
        measured = run => measured?,
        // Dropping the run kills the services that it started.
        _ = tokio::signal::ctrl_c() => return Ok(ExitCode::from(130)),
    };
    println!("\n{}", figures.table(&machine));
    if let Some(file) = &measured.json {
        figures.write_json(file, &machine)?;
    }
    Ok(if figures.all_met() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
