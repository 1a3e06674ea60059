//! Bulk imports that exceed a limit (size, columns, number) are rejected immediately with the limit, and delay no other request.

use std::sync::Arc;

use axum::body::Body;
use command_service::jobs::Limits;
use futures::SinkExt;
use futures::channel::mpsc;
use serde_json::Value;

use super::site::{CSV, NDJSON, Site};

const MUG: &str = r#"{"sku":"MUG","name":"Mug","prices":{"GBP":450}}"#;

/// Limit of concurrent uploads.
const UPLOADS: usize = 8;

/// Limit of waiting bulk imports of the largest size.
const WAITING: usize = 64;

fn problems(report: &[Value]) -> Vec<&str> {
    report.iter().map(|row| row["problem"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn a_header_with_too_many_columns_is_rejected_before_its_columns_are_compared() {
    let site = Site::open().await;
    let columns = |count: usize| (0..count).map(|n| format!(",price_{n}")).collect::<String>();
    for count in [255, 60_000] {
        let wide = site.upload("products", CSV, format!("sku,name{}\nMUG,Mug\n", columns(count))).await;
        assert_eq!(wide.problem(), (422, "invalid-header".into()), "{count}");
        let detail = wide.json()["detail"].as_str().unwrap().to_owned();
        assert!(detail.contains("at most 256 columns"), "{detail}");
    }
    let fits = site.upload("products", CSV, format!("sku,name{}\nMUG,Mug\n", columns(254))).await;
    assert_eq!(fits.status, 202);
}

#[tokio::test]
async fn an_order_of_too_many_bytes_is_rejected_and_not_kept_in_memory() {
    let site = Site::open().await;
    site.stocked().await;
    let row = format!("r1,GBP,MUG,1,{}\n", "n".repeat(900_000));
    let file = format!("external_ref,currency,sku,quantity,note\n{}r2,GBP,MUG,1,\n", row.repeat(6));
    let job = site.import("orders", CSV, file).await;
    assert_eq!((&job["progress"]["applied"], &job["progress"]["rejected"]), (&1.into(), &6.into()), "{job}");
    let report = site.rejections(&job).await;
    let detail = report[0]["detail"].as_str().unwrap();
    assert!(problems(&report).iter().all(|problem| *problem == "rows-not-adjacent"), "{report:?}");
    assert!(detail.contains("4194304 bytes"), "{detail}");
}

#[tokio::test]
async fn more_changes_than_fit_into_a_group_are_applied_one_by_one() {
    let site = Site::open().await;
    let header = "sku,name,price_GBP,price_EUR,price_USD,price_CHF,price_SEK,price_NOK,price_DKK,price_PLN\n";
    let products = |price: u32| -> String {
        let row = |n| format!("P-{n},Product {n},{price},{price},{price},{price},{price},{price},{price},{price}\n");
        std::iter::once(header.to_owned()).chain((0..500).map(row)).collect()
    };
    let made = site.import("products?on_error=reject_all", CSV, products(450)).await;
    assert_eq!((&made["state"], &made["progress"]["applied"]), (&"succeeded".into(), &500.into()), "{made}");
    let changed = site.import("products?on_error=reject_all", CSV, products(500)).await;
    assert_eq!((&changed["state"], &changed["progress"]["applied"]), (&"succeeded".into(), &500.into()), "{changed}");
    assert_eq!(site.events("ProductPriceChanged").await, 4_000);
}

#[tokio::test]
async fn an_upload_beyond_the_limit_gets_retry_after() {
    let site = Arc::new(Site::open().await);
    let mut bodies = Vec::new();
    let mut uploads = Vec::new();
    for _ in 0..UPLOADS {
        let (mut to, body) = mpsc::channel::<Result<Vec<u8>, std::io::Error>>(0);
        let site = Arc::clone(&site);
        uploads.push(tokio::spawn(async move { site.upload("products", NDJSON, Body::from_stream(body)).await }));
        to.send(Ok(MUG.as_bytes().to_vec())).await.unwrap();
        bodies.push(to);
    }
    let refused = site.upload_as("k", "products", NDJSON, MUG).await;
    assert_eq!(refused.problem(), (503, "too-many-uploads".into()));
    assert!(refused.headers.contains_key("retry-after"));

    drop(bodies.pop());
    assert_eq!(uploads.pop().unwrap().await.unwrap().status, 202);
    assert_eq!(site.upload_as("k", "products", NDJSON, MUG).await.status, 202, "the same key, for it was not used");

    // A client that closes its connection releases its permit, too.
    let gone = uploads.pop().unwrap();
    gone.abort();
    assert!(gone.await.unwrap_err().is_cancelled());
    assert_eq!(site.upload("products", NDJSON, MUG).await.status, 202);
}

#[tokio::test]
async fn the_total_size_of_waiting_imports_is_limited() {
    let site = Site::with_limits(Limits { bytes: 100, ..Limits::default() }).await;
    let body = || format!("{}\n", "{}\n".repeat(33));
    for _ in 0..WAITING {
        assert_eq!(site.upload("products", NDJSON, body()).await.status, 202);
    }
    let refused = site.upload("products", NDJSON, body()).await;
    assert_eq!(refused.problem(), (503, "too-many-imports".into()));
    assert!(refused.headers.contains_key("retry-after"));
    site.work().await;
    assert_eq!(site.upload("products", NDJSON, body()).await.status, 202, "what has ended waits no more");
}
