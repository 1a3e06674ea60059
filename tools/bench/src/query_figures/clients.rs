//! `clients_2000_p99_ms`, `clients_2000_errors`, `query_rss_mb`: two thousand clients that read and then think.

use e2e::fleet::Service;

use super::shop::Shop;
use super::think_time;
use crate::figures::{Figure, Figures, Target};
use crate::machine;
use crate::settings::Settings;

pub(super) async fn measure(settings: &Settings, shop: &Shop, figures: &mut Figures) -> anyhow::Result<()> {
    if !settings.wants(&["clients_2000_p99_ms", "clients_2000_errors", "query_rss_mb"]) {
        return Ok(());
    }
    let service = shop.serve(&[]).await?;
    let addr = service.addr(Service::Query)?;
    let seen = think_time::run(addr, &think_time::paths(shop), settings.length(300)).await?;
    let note = format!("{} requests, think time 1 to 3 s", seen.count());
    figures.add(Figure::new("clients_2000_p99_ms", seen.p99_ms(), "ms").target(Target::Below(100.0)).note(note));
    figures.add(Figure::new("clients_2000_errors", seen.errors() as f64, "errors").target(Target::Exactly(0.0)));
    let mb = service.pid(Service::Query).map_or(0.0, machine::peak_memory_mb);
    figures.add(Figure::new("query_rss_mb", mb, "MB").target(Target::Below(256.0)).note("peak"));
    shop.stop(service).await
}
