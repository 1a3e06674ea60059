//! For random files, every row is applied or in the rejection report, and the effect of every applied row is in the log.

mod expected;
mod files;

use std::collections::BTreeSet;

use axum::body::Body;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use serde_json::Value;
use sqlx::PgConnection;
use tokio::sync::Mutex;

use self::expected::Said;
use self::files::File;
use super::site::Site;

/// Number of files in a run. Each is imported twice, once as a dry run, which takes some tens of milliseconds.
const CASES: u32 = 64;

#[tokio::test(flavor = "multi_thread")]
async fn every_row_of_any_file_is_in_the_log_or_in_the_report() {
    let site = Site::open().await;
    site.stocked().await;
    let log = Mutex::new(site.owner().await);
    let handle = tokio::runtime::Handle::current();
    tokio::task::spawn_blocking(move || {
        let mut runner = TestRunner::new(Config { cases: CASES, failure_persistence: None, ..Config::default() });
        runner.run(&files::file(), |file| handle.block_on(check(&site, &log, &file))).unwrap();
    })
    .await
    .unwrap();
}

async fn check(site: &Site, log: &Mutex<PgConnection>, file: &File) -> Result<(), TestCaseError> {
    let rows = expected::rows(file);
    let (total, kind) = (rows.len() as i64, file.shape.kind);
    let Some(tried) = work(site, file, &format!("{kind}?dry_run=true")).await? else {
        prop_assert_eq!(total, 0, "only a file without rows is not taken");
        return Ok(());
    };
    prop_assert_eq!((&tried["state"], counts(&tried)[..3].to_vec()), (&"succeeded".into(), vec![total, total, 0]));
    prop_assert_eq!(in_log(log, &tried, &BTreeSet::new()).await, Said::default(), "a dry run has no effect");

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
    let said = said.of(kind);
    prop_assert_eq!(in_log(log, &job, &said.skus).await, said);
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

/// What the events say that a job brought about. Of `products` those count that are there at all, because a row may repeat what
/// an earlier file said and then brings about nothing.
async fn in_log(log: &Mutex<PgConnection>, job: &Value, products: &BTreeSet<String>) -> Said {
    const FIND: &str = "
        select count(*) filter (where event_type in ('StockReceived', 'CustomerRegistered')),
            (coalesce(sum((payload->>'quantity')::bigint) filter (where event_type = 'StockReceived'), 0)
            + coalesce(sum((select sum((line->>'quantity')::bigint) from json_array_elements(payload->'lines') line))
                filter (where event_type = 'OrderPlaced'), 0))::bigint,
            coalesce(array_agg(distinct substr(stream_id, 9)) filter (where stream_id like 'product-%'), '{}')
        from events
        where metadata->>'correlation_id' = $1 or stream_id = any($2)";
    let streams: Vec<String> = products.iter().map(|sku| format!("product-{sku}")).collect();
    let select = sqlx::query_as::<_, (i64, i64, Vec<String>)>(FIND).bind(job["id"].as_str().unwrap()).bind(streams);
    let (rows, units, skus) = select.fetch_one(&mut *log.lock().await).await.unwrap();
    Said { rows: rows as usize, units, skus: skus.into_iter().collect() }
}
