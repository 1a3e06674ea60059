//! The order file importer: creates products, stock, orders and returns from a file of order lines in the columns of the
//! "Online Retail" data set.
//!
//! The importer is a client of a running command service, so that every rule applies to the imported data. It is not the bulk
//! import of the command service (`POST /v1/imports/{kind}`), which executes uploaded commands.
//!
//! | step | modules |
//! |---|---|
//! | read the file and reject lines that cannot be imported | [`lines`], [`header`], [`fields`], [`row`] → [`contents`] |
//! | plan products, orders and returns | [`products`], [`orders`], [`returns`] → [`plan`] |
//! | send the requests, in the required order | [`requests`], [`steps`], [`sender`], [`client`] → [`send`] |
//! | determine the result of every line, and report it | [`outcome`], [`reason`] → [`report`], [`summary`] |
//!
//! Every line of the file is either recorded in the log or listed in the report. Ids and idempotency keys are derived from
//! the content ([`ids`]), so importing a file again, or resuming an import, has no second effect.
//!
//! Owner modules: reqwest in `client.rs` and `requests.rs`.

mod client;
mod contents;
mod date;
mod descriptions;
mod fields;
#[cfg(test)]
mod fixture;
mod header;
mod ids;
mod interned;
mod lines;
mod orders;
mod outcome;
mod plan;
mod price;
mod products;
mod progress;
mod reason;
mod report;
mod requests;
mod returns;
mod row;
mod send;
mod sender;
mod steps;
pub mod summary;

use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::Arc;
use std::time::Instant;

use anyhow::{Context, bail};
use platform::output::print_line;
use platform::shutdown::Shutdown;

use client::{Client, SendError};
use outcome::{LineResults, Outcomes};
use plan::ImportPlan;
use progress::Progress;
use report::Report;
use sender::Sender;
use summary::{Summary, with_commas};

/// Imports order lines in the columns of the "Online Retail" data set; every invoice becomes an order.
#[derive(Debug, clap::Parser)]
#[command(name = "importer", version)]
pub struct Options {
    /// CSV file in UTF-8, plain or compressed with gzip, with the columns InvoiceNo, StockCode, Description, Quantity,
    /// InvoiceDate, UnitPrice, CustomerID and Country in any order.
    pub file: PathBuf,
    /// Address of the running command service.
    #[arg(long, default_value = "http://127.0.0.1:18081")]
    pub url: String,
    /// Reads and checks the file, but sends no request.
    #[arg(long)]
    pub dry_run: bool,
    /// Number of concurrent requests.
    #[arg(long, default_value_t = 64, value_parser = clap::value_parser!(u16).range(1..=1024))]
    pub connections: u16,
    /// Report of the lines that were rejected or imported with a warning [default: FILE.rejected.csv].
    #[arg(long, value_name = "FILE")]
    pub rejections: Option<PathBuf>,
}

/// Most rejected products that are printed one by one.
const MAX_PRODUCTS_PRINTED: usize = 5;

/// Imports a file; prints a summary and returns it.
///
/// The future is boxed: the importer is then compiled once, with this library, and not again with each program that uses it.
pub fn import_file(options: Options) -> Pin<Box<dyn Future<Output = anyhow::Result<Summary>> + Send>> {
    Box::pin(import(options))
}

async fn import(options: Options) -> anyhow::Result<Summary> {
    let started = Instant::now();
    let stop = Shutdown::on_signals().context("listening for Ctrl-C")?;
    let report = Report::begin(&options.file, options.rejections.as_deref())?;
    let plan = Arc::new(read(options.file.clone(), &stop).await?);
    eprintln!("{} read; {} requests to send", options.file.display(), with_commas(plan.requests()));
    let (outcomes, sent) = match options.dry_run {
        true => {
            let planned = with_commas(plan.requests());
            (Outcomes::all_complete(&plan), format!("{planned} would be sent; none was sent (--dry-run)"))
        }
        false => send_all(&options, &plan, stop).await?,
    };
    let results = LineResults::of(&plan, &outcomes);
    let path = report.path().display().to_string();
    report.finish(&options.file, &results, plan.contents.fingerprint)?;
    let summary = Summary::of(&plan, &outcomes, &results);
    print_line(format_args!("{}", summary.to_string().trim_end_matches('\n')));
    for (sku, rejection) in outcomes.products.iter().take(MAX_PRODUCTS_PRINTED) {
        print_line(format_args!("product   {sku}: {} ({})", rejection.detail, rejection.kind));
    }
    let took = started.elapsed().as_secs_f64();
    print_line(format_args!("requests  {sent}\nreport    {path}\ntook      {took:.1} s"));
    if summary.accepted + summary.rejected_lines() != summary.read {
        bail!(
            "accepted and rejected lines do not add up to the lines read: this is a defect of the importer; please report it"
        );
    }
    Ok(summary)
}

/// Reads the file and plans the import on a blocking thread, so that Ctrl-C still works.
async fn read(file: PathBuf, stop: &Shutdown) -> anyhow::Result<ImportPlan> {
    let reading = tokio::task::spawn_blocking(move || ImportPlan::of(Path::new(&file)));
    match stop.unless_requested(reading).await {
        Some(read) => read.context("the task that reads the file failed")?,
        None => bail!("stopped while reading the file; no request was sent"),
    }
}

/// Sends the requests of the plan; returns their outcomes and a sentence about the requests.
async fn send_all(options: &Options, plan: &Arc<ImportPlan>, stop: Shutdown) -> anyhow::Result<(Outcomes, String)> {
    let connections = usize::from(options.connections);
    let client = Client::new(&options.url, connections, stop)?;
    let (progress, _printer) = Progress::of(plan.requests());
    let ended = send::send(&Sender { client, plan: plan.clone(), progress: progress.clone(), connections }).await;
    progress.finish();
    let (sent, replayed) = progress.counts();
    let (sent, replayed) = (with_commas(sent), with_commas(replayed));
    match ended {
        Ok(outcomes) => Ok((outcomes, format!("{sent} sent; {replayed} of them had been accepted in an earlier run"))),
        Err(SendError::Stopped) => bail!(
            "stopped after {sent} of {} requests; run the same command again to resume: no request takes effect twice",
            with_commas(plan.requests())
        ),
        Err(SendError::Unreachable(error)) => Err(error),
    }
}
