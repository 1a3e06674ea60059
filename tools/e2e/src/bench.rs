//! `bench main` and `bench write`: the figures of the platform, each with the limit that the same work has on the same
//! machine in the same run.
//!
//! | file | is |
//! |---|---|
//! | [`wire`], [`requests`], [`generator`] | the load generator, from the socket up |
//! | [`stage`] | services with products and stock |
//! | [`place`], [`pipeline`], [`fresh`], [`cached`], [`import`] | what `main` measures |
//! | [`write`] | what `write` measures, one file each |
//! | [`bare`], [`rows`] | the limits |
//! | [`figures`], [`machine`], [`usage`] | the table and the JSON, and what they belong to |
//!
//! The load generator, the services and the servers share the machine: figures are what one machine does all in all.

pub mod bare;
pub mod cached;
pub mod figures;
pub mod fresh;
pub mod generator;
pub mod import;
pub mod machine;
pub mod pipeline;
pub mod place;
pub mod requests;
pub mod rows;
pub mod stage;
pub mod usage;
pub mod wire;
pub mod write;

use std::path::PathBuf;
use std::time::Duration;

use testbed::Bed;

use figures::{Figure, Figures, Target};
use machine::Machine;
use requests::Basket;
use rows::Of;
use stage::Memory;

/// Connections of the closed loops, as the issue of the figures has it.
pub const CONNECTIONS: usize = 256;

/// What to measure, and how.
#[derive(Debug, Clone)]
pub struct Plan {
    /// Keys of figures; everything if empty.
    pub only: Vec<String>,
    /// Length of every measurement, instead of its own.
    pub length: Option<Duration>,
    /// Part of the numbers of orders, keys and events that a figure is about: 1, or less to try whether all works.
    pub share: f64,
    /// Orders a second that the pipeline has to sustain; found out if missing.
    pub pipeline_rate: Option<u64>,
    /// File for `import_s`.
    pub data: Option<PathBuf>,
}

impl Plan {
    fn wants(&self, keys: &[&str]) -> bool {
        self.only.is_empty() || self.only.iter().any(|only| keys.contains(&only.as_str()))
    }

    fn length(&self, usual_s: u64) -> Duration {
        self.length.unwrap_or(Duration::from_secs(usual_s))
    }

    fn count(&self, usual: u64) -> u64 {
        ((usual as f64 * self.share) as u64).max(1)
    }
}

/// The machine, which is printed.
async fn look() -> anyhow::Result<Machine> {
    let probe = Bed::new().await?;
    let machine = Machine::look(&probe).await?;
    probe.discard().await?;
    println!("{machine}\n");
    Ok(machine)
}

/// Measures what `main` measures, and prints as it goes.
pub async fn run(plan: &Plan) -> anyhow::Result<(Machine, Figures)> {
    let machine = look().await?;
    let (mut figures, mut memory) = (Figures::default(), Memory::default());
    limits(plan, &mut figures).await?;
    if plan.wants(&["place_orders_per_s", "place_p99_ms"]) {
        place::measure(plan.length(20), &mut figures, &mut memory).await?;
    }
    if plan.wants(&["pipeline_orders_per_s", "pipeline_recovery_s"]) {
        pipeline::measure(plan.pipeline_rate, plan.length(60), &mut figures, &mut memory).await?;
    }
    if plan.wants(&["freshness_p99_ms"]) {
        fresh::measure(plan.length(20), &mut figures, &mut memory).await?;
    }
    if plan.wants(&["cached_order_per_s"]) {
        cached::measure(plan.length(10), &mut figures, &mut memory).await?;
    }
    if plan.wants(&["import_s"]) {
        import::measure(plan.data.as_deref(), &mut figures, &mut memory).await?;
    }
    if let Some((mb, told)) = memory.max() {
        figures.add(Figure::new("rss_mb_max", mb, "MB").target(Target::Below(256.0)).note(told));
    }
    Ok((machine, figures))
}

/// Those that are needed to compare the wanted figures with.
async fn limits(plan: &Plan, figures: &mut Figures) -> anyhow::Result<()> {
    if plan.wants(&["bare_http_per_s", "place_orders_per_s", "cached_order_per_s"]) {
        let bare = bare::http(CONNECTIONS, plan.length(5)).await?;
        figures.add(Figure::new("bare_http_per_s", bare.per_second(), "1/s").note(bare.complaints()));
    }
    if plan.wants(&["postgres_insert_orders_per_s", "place_orders_per_s", "pipeline_orders_per_s", "import_s"]) {
        postgres_orders(plan, figures).await?;
    }
    if plan.wants(&["replication_p99_ms", "freshness_p99_ms"]) {
        figures.add(Figure::new("replication_p99_ms", bare::replication().await?, "ms"));
    }
    Ok(())
}

/// PostgreSQL's own pace with the rows of orders of two lines.
async fn postgres_orders(plan: &Plan, figures: &mut Figures) -> anyhow::Result<()> {
    let of = Of::Orders(Basket::TWO_LINES);
    let per_second = bare::insert(of, bare::ORDERS_PER_STATEMENT, plan.length(10)).await?;
    figures.add(Figure::new("postgres_insert_orders_per_s", per_second, "orders/s"));
    Ok(())
}
