//! `report_ms`, `stats_p99_ms`: a sales report of a year by day and channel, and the statistics of a dashboard.

use anyhow::Context;
use e2e::fleet::Service;

use super::lists::read;
use super::shop::Shop;
use crate::connection::HttpConnection;
use crate::figures::{Figure, Figures, Target};
use crate::load::{self, LoadTarget};
use crate::requests::http::Gets;
use crate::settings::Settings;

/// How often a report is read; the median counts.
const REPORTS: usize = 9;
/// Readers of the dashboard.
const CONNECTIONS: usize = 64;
/// Requests per second for the dashboard, on a machine whose bare server answers 100,000/s.
const STATS_PER_S: f64 = 5_000.0;

pub(super) async fn measure(settings: &Settings, shop: &Shop, figures: &mut Figures) -> anyhow::Result<()> {
    if settings.wants(&["report_ms"]) {
        sales_report(shop, figures).await?;
    }
    if settings.wants(&["stats_p99_ms"]) {
        dashboard(settings, shop, figures).await?;
    }
    Ok(())
}

async fn sales_report(shop: &Shop, figures: &mut Figures) -> anyhow::Result<()> {
    let service = shop.serve(&[]).await?;
    let addr = service.addr(Service::Query)?;
    let mut connection = HttpConnection::connect(addr).await.context("connecting to the query service")?;
    let (from, to) = (&shop.year.0, &shop.year.1);
    let path = format!("/v1/reports/sales?from={from}&to={to}&group_by=day,channel");
    let (mut times, mut bytes) = (Vec::with_capacity(REPORTS), 0);
    for _ in 0..REPORTS {
        let (took, body) = read(&mut connection, addr, &path).await?;
        bytes = body.len();
        times.push(took);
    }
    shop.stop(service).await?;
    times.sort();
    let median = times[REPORTS / 2].as_secs_f64() * 1e3;
    let note = format!("{from} to {to} by day and channel, median of {REPORTS}, {bytes} bytes");
    figures.add(Figure::new("report_ms", median, "ms").target(Target::Below(200.0)).note(note));
    Ok(())
}

async fn dashboard(settings: &Settings, shop: &Shop, figures: &mut Figures) -> anyhow::Result<()> {
    let service = shop.serve(&[]).await?;
    let addr = service.addr(Service::Query)?;
    let target = LoadTarget { addr, connections: CONNECTIONS };
    let requests = Gets::of(addr, &["/v1/stats".to_owned()]);
    let scale = figures.value("bare_http_per_s").map_or(1.0, |bare| (bare / 100_000.0).min(1.0));
    let (per_s, length) = ((STATS_PER_S * scale) as u64, settings.length(10));
    let run = load::on_own_thread(move || load::open(target, requests, per_s, length)).await?;
    shop.stop(service).await?;
    let note = format!("at {per_s}/s {}", run.failures());
    figures.add(Figure::new("stats_p99_ms", run.quantile_ms(0.99), "ms").target(Target::Below(10.0)).note(note));
    Ok(())
}
