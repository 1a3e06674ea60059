//! `list_per_s`, `list_p99_ms`, `list_deep_p99_ms`, `filter_worst_ms`: pages of orders.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use chrono::Utc;
use e2e::fleet::Service;
use events::order::progress::Lifecycle;
use query_service::reads::database::statement::Statement;
use query_service::reads::orders::filter::{OrderFilter, OrderSort};
use query_service::reads::orders::select::OrderSelect;
use read_model::Status;
use serde_json::Value;
use uuid::Uuid;

use super::documents::{closed, rate};
use super::shop::Shop;
use crate::connection::HttpConnection;
use crate::figures::{Figure, Figures, Target};
use crate::load::histogram;
use crate::pgbench;
use crate::requests::http::get;
use crate::settings::Settings;
use crate::wrk;

/// Concurrent readers of the same page.
pub(super) const READERS: usize = 32;
/// Connections of pgbench: as many as the query service has to one database.
const PGBENCH_CLIENTS: usize = 16;
/// Pages that are read one after the other.
const PAGES: usize = 1_000;
/// How often each pair of filters is read; the fastest time counts, because the machine does other things as well.
const REPEATS: usize = 3;
/// The page: completed orders.
pub(super) const PAGE: &str = "/v1/orders?lifecycle=completed&limit=20";

pub(super) async fn measure(settings: &Settings, shop: &Shop, figures: &mut Figures) -> anyhow::Result<()> {
    if settings.wants(&["list_per_s", "list_of_pgbench"]) {
        same_page(settings, shop, figures).await?;
    }
    if settings.wants(&["list_p99_ms", "list_deep_p99_ms"]) {
        page_after_page(shop, figures).await?;
    }
    if settings.wants(&["filter_worst_ms"]) {
        every_pair_of_filters(shop, figures).await?;
    }
    Ok(())
}

async fn same_page(settings: &Settings, shop: &Shop, figures: &mut Figures) -> anyhow::Result<()> {
    let length = settings.length(10);
    let service = shop.serve(&[]).await?;
    let pages = [PAGE.to_owned()];
    let run = closed(&service, &pages, READERS, length).await?;
    let by_wrk = wrk::run(service.addr(Service::Query)?, &pages, READERS, length).await?;
    shop.stop(service).await?;
    let url = shop.bed.reader_replica_url()?;
    let limit = pgbench::transactions_per_s(&url, &[statement()], PGBENCH_CLIENTS, length).await?;
    figures.add(Figure::new("pgbench_list_per_s", limit, "1/s").note("the same select, prepared, on the replica"));
    figures.add(rate("list_per_s", &run).limit(Some(limit), "pgbench"));
    let note = format!("the same, measured by wrk {}", by_wrk.failures);
    figures.add(Figure::new("list_wrk_per_s", by_wrk.per_second, "1/s").note(note.trim_end()));
    figures.add_ratio("list_of_pgbench", ("list_per_s", "pgbench_list_per_s"), Target::AtLeast(0.6));
    Ok(())
}

/// The statement that the query service runs for [`PAGE`], with its values as literals: the first of the numbers of statuses,
/// the first and the last order id, and all numbers.
fn statement() -> String {
    let filter = OrderFilter { lifecycle: vec![Lifecycle::Completed], ..OrderFilter::default() };
    let numbers: Vec<i32> =
        Status::all().filter(|it| it.lifecycle == Lifecycle::Completed).map(Status::number).collect();
    let select = OrderSelect::new(&filter, OrderSort::NewestFirst, None, 21);
    let (newest, _) = select.months(Utc::now());
    let statement = Statement::plain(|statement| select.push(newest, statement));
    let all = format!("array[{}]", numbers.iter().map(i32::to_string).collect::<Vec<_>>().join(","));
    let ids = [Uuid::nil(), Uuid::max()].map(|id| format!("'{id}'"));
    let values = [numbers[0].to_string(), ids[0].clone(), ids[1].clone(), all];
    let text = (1..)
        .zip(values)
        .fold(statement.text().to_owned(), |text, (number, value)| text.replace(&format!("${number}"), &value));
    text + ";"
}

async fn page_after_page(shop: &Shop, figures: &mut Figures) -> anyhow::Result<()> {
    let service = shop.serve(&[]).await?;
    let addr = service.addr(Service::Query)?;
    let mut connection = HttpConnection::connect(addr).await.context("connecting to the query service")?;
    let (mut first, mut deep) = (histogram()?, histogram()?);
    let mut path = Some(PAGE.to_owned());
    let mut pages = 0;
    while let Some(next) = path.filter(|_| pages < PAGES) {
        let (took, body) = read(&mut connection, addr, &next).await?;
        let page: Value = serde_json::from_slice(&body).context("parsing a page")?;
        path = page["next"].as_str().map(ToOwned::to_owned);
        pages += 1;
        let histogram = if pages <= PAGES / 10 { &mut first } else { &mut deep };
        histogram.saturating_record(took.as_micros() as u64);
    }
    let millis = |histogram: &hdrhistogram::Histogram<u64>| histogram.value_at_quantile(0.99) as f64 / 1_000.0;
    let note = format!("pages 1 to {}, one after the other", PAGES / 10);
    figures.add(Figure::new("list_p99_ms", millis(&first), "ms").target(Target::Below(20.0)).note(note));
    let note = format!("pages up to {pages}");
    figures.add(Figure::new("list_deep_p99_ms", millis(&deep), "ms").target(Target::Below(20.0)).note(note));
    shop.stop(service).await?;
    Ok(())
}

/// Reads a path; returns the time and the body.
pub(super) async fn read(
    connection: &mut HttpConnection,
    addr: SocketAddr,
    path: &str,
) -> anyhow::Result<(Duration, Vec<u8>)> {
    let request = get(addr, path, &[]);
    let began = Instant::now();
    let answer = connection.exchange(&request).await.with_context(|| format!("reading {path}"))?;
    let took = began.elapsed();
    ensure!(answer.is_success(), "{path}: {} {}", answer.status, String::from_utf8_lossy(answer.body));
    Ok((took, answer.body.to_vec()))
}

/// Filters, each with the name of its parameter, of which a pair has only one.
fn filters(shop: &Shop) -> Vec<String> {
    let fixed = [
        "lifecycle=completed",
        "lifecycle=expired",
        "payment=paid",
        "payment=partially_refunded",
        "fulfilment=delivered",
        "fulfilment=on_hold",
        "return=none",
        "return=requested",
        "channel=web",
        "channel=none",
        "tag=gift",
        "total[gte]=1",
        "total[gte]=1000000",
        "due[gt]=100000",
        "owed[gte]=1",
        "owed[gte]=1000000",
        "q=mug",
        "q=teapot",
        "external_ref=none",
        "code=none000001",
    ];
    let sku = |number: usize| shop.skus.get(number).map(|sku| format!("sku={sku}"));
    let customer = shop.customers.first().map(|id| format!("customer_id={id}"));
    let code = shop.codes.first().and_then(|code| code.get(4..)).map(|part| format!("q={part}"));
    fixed
        .map(ToOwned::to_owned)
        .into_iter()
        .chain(sku(0))
        .chain(sku(shop.skus.len() / 2))
        .chain(customer)
        .chain(code)
        .collect()
}

async fn every_pair_of_filters(shop: &Shop, figures: &mut Figures) -> anyhow::Result<()> {
    let service = shop.serve(&[]).await?;
    let addr = service.addr(Service::Query)?;
    let mut connection = HttpConnection::connect(addr).await.context("connecting to the query service")?;
    let filters = filters(shop);
    let name = |filter: &str| filter.split('=').next().map(ToOwned::to_owned);
    let mut slowest = Vec::new();
    for (index, first) in filters.iter().enumerate() {
        for second in filters[index..].iter().filter(|second| *second == first || name(second) != name(first)) {
            let query = if first == second { first.clone() } else { format!("{first}&{second}") };
            let path = format!("/v1/orders?limit=20&{query}");
            let mut fastest = Duration::MAX;
            for _ in 0..REPEATS {
                fastest = fastest.min(read(&mut connection, addr, &path).await?.0);
            }
            slowest.push((fastest, query));
        }
    }
    slowest.sort();
    let worst: Vec<String> =
        slowest.iter().rev().take(5).map(|(took, query)| format!("{query} {:.1}", took.as_secs_f64() * 1e3)).collect();
    let value = slowest.last().map_or(0.0, |(took, _)| took.as_secs_f64() * 1e3);
    let note = format!("of {} filters and pairs: {}", slowest.len(), worst.join(", "));
    figures.add(Figure::new("filter_worst_ms", value, "ms").target(Target::Below(50.0)).note(note));
    shop.stop(service).await?;
    Ok(())
}
