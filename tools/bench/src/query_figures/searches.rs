//! `search_p99_ms`: searches by a part of an order code, and by words of a product name.

use anyhow::Context;
use e2e::fleet::Service;

use super::lists::read;
use super::shop::Shop;
use crate::connection::HttpConnection;
use crate::figures::{Figure, Figures, Target};
use crate::load::histogram;
use crate::settings::Settings;

/// Searches of each kind.
const SEARCHES: usize = 300;

pub(super) async fn measure(settings: &Settings, shop: &Shop, figures: &mut Figures) -> anyhow::Result<()> {
    if !settings.wants(&["search_p99_ms"]) {
        return Ok(());
    }
    let service = shop.serve(&[]).await?;
    let addr = service.addr(Service::Query)?;
    let mut connection = HttpConnection::connect(addr).await.context("connecting to the query service")?;
    let codes = shop.codes.iter().filter_map(|code| code.get(code.len().saturating_sub(6)..)).map(ToOwned::to_owned);
    // A search needs words of two characters.
    let names = shop.names.iter().filter(|name| name.split(' ').all(|word| word.len() > 1));
    let names = names.map(|name| name.replace(' ', "%20"));
    let (mut all, mut of_codes) = (histogram()?, histogram()?);
    for (is_code, text) in codes.take(SEARCHES).map(|it| (true, it)).chain(names.take(SEARCHES).map(|it| (false, it))) {
        let (took, _) = read(&mut connection, addr, &format!("/v1/orders?limit=20&q={text}")).await?;
        all.saturating_record(took.as_micros() as u64);
        if is_code {
            of_codes.saturating_record(took.as_micros() as u64);
        }
    }
    shop.stop(service).await?;
    let millis = |histogram: &hdrhistogram::Histogram<u64>, at| histogram.value_at_quantile(at) as f64 / 1_000.0;
    let note = format!("median {:.1} ms; of codes p99 {:.1} ms", millis(&all, 0.5), millis(&of_codes, 0.99));
    figures.add(Figure::new("search_p99_ms", millis(&all, 0.99), "ms").target(Target::Below(20.0)).note(note));
    Ok(())
}
