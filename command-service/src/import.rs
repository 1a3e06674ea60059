//! `command-service import online-retail FILE`: real order lines become products, stock, orders and returns.
//!
//! It is a client of a running command-service, so that nothing but the service appends and every rule holds. The way of
//! a file: [`survey`] reads it, [`plan`] says what is to be done, [`send`] does it, [`fate`] says what that means for every
//! line, [`report`] and [`summary`] tell. Every line ends in the log or in the report, and running it again has no second
//! effect: ids and idempotency keys are made of the content ([`ids`]).

mod call;
pub mod client;
mod descriptions;
pub mod fate;
pub mod file;
#[cfg(test)]
mod fixture;
mod header;
mod ids;
mod instant;
mod interned;
pub mod orders;
pub mod plan;
mod price;
pub mod products;
mod progress;
pub mod reason;
mod record;
pub mod report;
pub mod returns;
mod row;
pub mod send;
pub mod summary;
pub mod survey;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use anyhow::{Context, bail};
use clap::{Parser, Subcommand};
use platform::shutdown::Shutdown;

use client::{Client, Failed};
use fate::{Fates, Verdict};
use plan::Plan;
use progress::Progress;
use report::Report;
use send::Sender;
use summary::{Summary, n};

/// What to import.
#[derive(Debug, Parser)]
pub struct Args {
    #[command(subcommand)]
    source: Source,
}

#[derive(Debug, Subcommand)]
enum Source {
    /// Order lines in the columns of the "Online Retail" data set, one invoice one order.
    OnlineRetail(OnlineRetail),
}

/// Settings of an import of order lines.
#[derive(Debug, clap::Args)]
pub struct OnlineRetail {
    /// CSV in UTF-8, plain or gzipped, with the columns InvoiceNo, StockCode, Description, Quantity, InvoiceDate, UnitPrice,
    /// CustomerID and Country in any order.
    pub file: PathBuf,
    /// The running command-service.
    #[arg(long, default_value = "http://127.0.0.1:18081")]
    pub url: String,
    /// Does everything but send.
    #[arg(long)]
    pub dry_run: bool,
    /// Requests at a time.
    #[arg(long, default_value_t = 64, value_parser = clap::value_parser!(u16).range(1..=1024))]
    pub connections: u16,
    /// Where lines are reported that are not in the log, or not as they stand [default: FILE.rejected.csv].
    #[arg(long, value_name = "FILE")]
    pub rejections: Option<PathBuf>,
}

/// Runs an import.
pub async fn run(args: Args) -> anyhow::Result<()> {
    match args.source {
        Source::OnlineRetail(args) => online_retail(args).await.map(drop),
    }
}

/// Imports order lines; prints and gives what that comes to.
pub async fn online_retail(args: OnlineRetail) -> anyhow::Result<Summary> {
    let began = Instant::now();
    let stop = Shutdown::on_signals().context("listening for Ctrl-C")?;
    let report = Report::begin(&args.file, args.rejections.as_deref())?;
    let plan = Arc::new(read(args.file.clone(), &stop).await?);
    eprintln!("{} read; {} requests to send", args.file.display(), n(plan.requests()));
    let (fates, sent) = match args.dry_run {
        true => (Fates::untried(&plan), format!("{} would be sent; nothing was (--dry-run)", n(plan.requests()))),
        false => send_all(&args, &plan, stop).await?,
    };
    let verdict = Verdict::of(&plan, &fates);
    let path = report.path().display().to_string();
    report.finish(&args.file, &verdict, plan.survey.fingerprint)?;
    let summary = Summary::of(&plan, &fates, &verdict);
    print!("{summary}");
    for (sku, refusal) in fates.products.iter().take(MAX_TOLD) {
        println!("product   {sku}: {} ({})", refusal.detail, refusal.kind);
    }
    println!("requests  {sent}\nreport    {path}\ntook      {:.1} s", began.elapsed().as_secs_f64());
    if summary.accepted + summary.rejected_lines() != summary.read {
        bail!("accepted and rejected lines are not the lines read: this is a fault of the import, please report it");
    }
    Ok(summary)
}

/// Most refused products that are told one by one.
const MAX_TOLD: usize = 5;

/// Reads and plans beside the runtime, so that Ctrl-C is heard.
async fn read(file: PathBuf, stop: &Shutdown) -> anyhow::Result<Plan> {
    let reading = tokio::task::spawn_blocking(move || Plan::of(Path::new(&file)));
    match stop.unless_requested(reading).await {
        Some(read) => read.context("reading died")?,
        None => bail!("stopped while reading; nothing was sent"),
    }
}

/// Sends the plan; gives what became of it and a sentence about the requests.
async fn send_all(args: &OnlineRetail, plan: &Arc<Plan>, stop: Shutdown) -> anyhow::Result<(Fates, String)> {
    let connections = usize::from(args.connections);
    let client = Client::new(&args.url, connections, stop)?;
    let (progress, _ticker) = Progress::of(plan.requests());
    let sender = Sender { client, plan: plan.clone(), progress: progress.clone(), connections };
    let ended = sender.send().await;
    progress.finish();
    let (sent, replayed) = progress.counts();
    match ended {
        Ok(fates) => Ok((fates, format!("{} sent, {} of them resumed from an earlier run", n(sent), n(replayed)))),
        Err(Failed::Stopped) => bail!(
            "stopped after {} of {} requests; run the same command again: it resumes, and nothing happens twice",
            n(sent),
            n(plan.requests())
        ),
        Err(Failed::Lost(error)) => Err(error),
    }
}
