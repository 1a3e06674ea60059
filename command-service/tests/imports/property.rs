//! Whatever the bytes of a file are: every row is applied or in the report, and what was applied is in the log.

mod expected;
mod files;

use std::collections::BTreeSet;

use axum::body::Body;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use serde_json::Value;

use self::expected::Said;
use self::files::File;
use super::site::Site;

/// Files of a run. Each is imported twice, once as a dry run, which takes some tens of milliseconds.
const CASES: u32 = 96;

#[tokio::test(flavor = "multi_thread")]
async fn every_row_of_any_file_is_in_the_log_or_in_the_report() {
    let site = Site::open().await;
    site.stocked().await;
    let handle = tokio::runtime::Handle::current();
    tokio::task::spawn_blocking(move || {
        let mut runner = TestRunner::new(Config { cases: CASES, failure_persistence: None, ..Config::default() });
        runner.run(&files::file(), |file| handle.block_on(check(&site, &file))).unwrap();
    })
    .await
    .unwrap();
}

async fn check(site: &Site, file: &File) -> Result<(), TestCaseError> {
    let rows = expected::rows(file);
    let (total, kind) = (rows.len() as i64, file.shape.kind);
    let Some(tried) = work(site, file, &format!("{kind}?dry_run=true")).await? else {
        prop_assert_eq!(total, 0, "only a file without rows is not taken");
        return Ok(());
    };
    prop_assert_eq!((&tried["state"], counts(&tried)[..3].to_vec()), (&"succeeded".into(), vec![total, total, 0]));
    prop_assert_eq!(in_log(site, kind, &tried, &BTreeSet::new()).await, Said::default(), "a dry run has no effect");

    let job = work(site, file, &format!("{kind}?stock=skip")).await?.unwrap();
    let [all, read, applied, rejected] = counts(&job);
    prop_assert_eq!((&job["state"], all, read), (&"succeeded".into(), total, total), "{}", job);
    prop_assert_eq!(read, applied + rejected, "{}", job);
    let report = site.rejections(&job).await;
    let refused: BTreeSet<i64> = report.iter().map(|row| row["line"].as_i64().unwrap()).collect();
    prop_assert_eq!((report.len() as i64, refused.len() as i64), (rejected, rejected), "each row once");
    prop_assert!(refused.iter().all(|line| rows.iter().any(|row| row.line == *line)), "{:?} {:?}", refused, rows);

    let said = expected::said(rows.iter().filter(|row| !refused.contains(&row.line)));
    prop_assert_eq!(said.rows as i64, applied);
    prop_assert_eq!(in_log(site, kind, &job, &said.skus).await, said.of(kind));
    Ok(())
}

/// Uploads a file in parts and works it; `None` where it has no rows.
async fn work(site: &Site, file: &File, path: &str) -> Result<Option<Value>, TestCaseError> {
    let parts: Vec<_> = file.bytes.chunks(file.part).map(|part| Ok::<_, std::io::Error>(part.to_vec())).collect();
    let body = Body::from_stream(futures::stream::iter(parts));
    let accepted = site.upload(path, file.shape.media_type, body).await;
    if accepted.status == 422 {
        prop_assert_eq!(accepted.problem().1, "no-rows");
        return Ok(None);
    }
    prop_assert_eq!(accepted.status, 202, "{:?}", accepted);
    site.runner().work(accepted.json()["id"].as_str().unwrap().parse().unwrap(), 1).await.unwrap();
    Ok(Some(site.job(&accepted).await))
}

fn counts(job: &Value) -> [i64; 4] {
    ["total", "read", "applied", "rejected"].map(|name| job["progress"][name].as_i64().unwrap())
}

impl Said {
    /// As far as events of this kind say it too.
    fn of(self, kind: &str) -> Said {
        match kind {
            "stock" => Said { skus: BTreeSet::new(), ..self },
            "orders" => Said { rows: 0, skus: BTreeSet::new(), ..self },
            "products" => Said { rows: 0, units: 0, ..self },
            _ => Said { units: 0, skus: BTreeSet::new(), ..self },
        }
    }
}

/// What the events say that a job brought about; and of these products those that are there, because a row may repeat what an
/// earlier file said and then brings about nothing.
async fn in_log(site: &Site, kind: &str, job: &Value, products: &BTreeSet<String>) -> Said {
    let id = job["id"].as_str().unwrap();
    match kind {
        "stock" => {
            let rows = site.events_of(job, "StockReceived").await as usize;
            Said { rows, units: units(site, RECEIVED, id).await, ..Said::default() }
        }
        "orders" => Said { units: units(site, ORDERED, id).await, ..Said::default() },
        "products" => Said { skus: skus(site, id, products).await, ..Said::default() },
        _ => Said { rows: site.events_of(job, "CustomerRegistered").await as usize, ..Said::default() },
    }
}

const RECEIVED: &str = "
    select coalesce(sum((payload->>'quantity')::bigint), 0)::bigint from events
    where event_type = 'StockReceived' and metadata->>'correlation_id' = $1";

const ORDERED: &str = "
    select coalesce(sum((line->>'quantity')::bigint), 0)::bigint
    from events, json_array_elements(payload->'lines') line
    where event_type = 'OrderPlaced' and metadata->>'correlation_id' = $1";

async fn units(site: &Site, select: &'static str, import: &str) -> i64 {
    sqlx::query_scalar(select).bind(import).fetch_one(&mut site.owner().await).await.unwrap()
}

async fn skus(site: &Site, import: &str, products: &BTreeSet<String>) -> BTreeSet<String> {
    const FIND: &str = "
        select distinct substr(stream_id, length('product-') + 1) from events
        where stream_id like 'product-%'
            and (metadata->>'correlation_id' = $1 or substr(stream_id, length('product-') + 1) = any($2))";
    let products: Vec<&str> = products.iter().map(String::as_str).collect();
    let select = sqlx::query_scalar::<_, String>(FIND).bind(import).bind(products);
    select.fetch_all(&mut site.owner().await).await.unwrap().into_iter().collect()
}
