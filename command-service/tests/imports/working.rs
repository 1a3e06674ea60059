//! Events during the execution of a job: it is cancelled, its worker dies, it cannot be continued.

use std::time::Duration;

use command_service::database::Database;
use command_service::jobs::run::{Error, Step};
use command_service::jobs::{Limits, queue};
use platform::health::Health;
use serde_json::{Value, json};
use testbed::PATIENCE;
use testbed::proxy::Proxy;
use uuid::Uuid;

use super::site::{Answer, CSV, NDJSON, Site};

fn receipts(count: usize) -> String {
    (0..count).map(|_| "{\"sku\":\"MUG\",\"quantity\":1}\n").collect()
}

fn id(accepted: &Answer) -> Uuid {
    accepted.json()["id"].as_str().unwrap().parse().unwrap()
}

fn rows(job: &Value) -> (i64, i64, i64) {
    let of = |name: &str| job["progress"][name].as_i64().unwrap();
    (of("read"), of("applied"), of("rejected"))
}

#[tokio::test]
async fn a_job_whose_worker_died_continues_and_no_row_is_applied_twice() {
    let site = Site::open().await;
    site.stocked().await;
    let accepted = site.upload("stock", NDJSON, receipts(1_200)).await;

    // A worker claims the job and dies during its execution.
    let queue = site.queue().await;
    let dying = tokio::spawn(async move { queue.step().await });
    site.until_begun(id(&accepted)).await;
    dying.abort();
    let _ = dying.await;

    // The job is assigned to another worker only after the first one is known to be dead.
    let queue = site.queue().await;
    queue.recover(Duration::ZERO).await.unwrap();
    queue.step().await.unwrap();
    let job = site.job(&accepted).await;
    assert_eq!((&job["state"], rows(&job)), (&"succeeded".into(), (1_200, 1_200, 0)), "{job}");
    assert_eq!(job["attempt"], 2, "an attempt that killed its worker counts");
    assert_eq!(site.events("StockReceived").await, 3 + 1_200);
}

#[tokio::test]
async fn the_queue_is_executed_again_after_its_database_was_frozen() {
    let site = Site::open().await;
    site.stocked().await;
    let (proxy, url) = Proxy::to_server(&site.database_url()).await.unwrap();
    let database = Database::new(url.parse().unwrap(), 2, Duration::from_millis(500));
    let (health, runner) = (Health::new(), site.runner());
    let (component, stop) = (health.optional("imports"), runner.stop.clone());
    let running = tokio::spawn(queue::run(database, runner, Limits::default(), component.clone()));
    until(|| component.is_up()).await;

    proxy.freeze();
    let accepted = site.upload("stock", NDJSON, receipts(10)).await;
    until(|| !component.is_up()).await;
    assert_eq!(site.job(&accepted).await["state"], "queued");

    proxy.thaw();
    until(|| component.is_up()).await;
    let worked = async { while site.job(&accepted).await["state"] != "succeeded" {} };
    tokio::time::timeout(PATIENCE, worked).await.unwrap();
    stop.request();
    running.await.unwrap();
}

async fn until(what: impl Fn() -> bool) {
    let waiting = async {
        while !what() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(PATIENCE, waiting).await.expect("it comes to that");
}

#[tokio::test]
async fn a_batch_that_was_decided_and_not_saved_takes_effect_once() {
    let site = Site::open().await;
    site.stocked().await;
    let accepted = site.upload("stock", NDJSON, receipts(1_200)).await;
    let runner = site.runner();
    let mut first = runner.begin(id(&accepted), 1).await.unwrap().unwrap();
    assert_eq!(first.step().await.unwrap(), Step::Worked);

    // Another worker claims the job before the first one saves: the rows of the first took effect, its progress is not saved.
    let mut second = runner.begin(id(&accepted), 2).await.unwrap().unwrap();
    assert!(matches!(first.step().await, Err(Error::Lost)));
    assert_eq!(site.events("StockReceived").await, 3 + 1_000);
    assert_eq!(rows(&site.job(&accepted).await), (500, 500, 0));

    while second.step().await.unwrap() == Step::Worked {}
    assert_eq!(rows(&site.job(&accepted).await), (1_200, 1_200, 0));
    assert_eq!(site.events("StockReceived").await, 3 + 1_200);
    assert_eq!(site.count("import_chunks").await, 0, "what has ended needs its rows no more");
}

#[tokio::test]
async fn a_cancelled_job_stops_after_its_current_batch_and_applied_rows_stay_applied() {
    let site = Site::open().await;
    site.stocked().await;
    let accepted = site.upload("stock", NDJSON, receipts(1_200)).await;
    let path = format!("/v1/jobs/{}", id(&accepted));
    sqlx::query("update jobs._private_jobs set locked_at = now(), locked_by = 'the worker of this test'")
        .execute(&mut site.owner().await)
        .await
        .unwrap();
    let mut run = site.runner().begin(id(&accepted), 1).await.unwrap().unwrap();
    assert_eq!(run.step().await.unwrap(), Step::Worked);
    let cancelled = site.delete(&path).await;
    assert_eq!((cancelled.status.as_u16(), &cancelled.json()["state"]), (202, &"running".into()));
    assert_eq!(run.step().await.unwrap(), Step::Ended);
    let job = site.get(&path).await.json();
    assert_eq!((&job["state"], rows(&job)), (&"cancelled".into(), (1_000, 1_000, 0)), "{job}");
    assert_eq!(site.events("StockReceived").await, 3 + 1_000);
    assert_eq!(site.delete(&path).await.status, 200, "cancelling twice has the same result");
}

#[tokio::test]
async fn a_queued_job_is_cancelled_at_once() {
    let site = Site::open().await;
    let accepted = site.upload("products", NDJSON, "{}").await;
    let path = format!("/v1/jobs/{}", id(&accepted));
    assert_eq!(site.delete(&path).await.json()["state"], "cancelled");
    site.work().await;
    assert_eq!((site.count("jobs.jobs").await, site.count("import_chunks").await), (0, 0));
    let ended = site.import("products", CSV, "sku,name\nMUG,Mug\n").await;
    let refused = site.delete(ended["links"]["self"].as_str().unwrap()).await;
    assert_eq!(refused.problem(), (409, "job-state".into()));
}

#[tokio::test]
async fn with_reject_all_one_rejected_row_prevents_all() {
    let site = Site::open().await;
    let products = "sku,name\nMUG,Mug\nCUP,\nJUG,Jug\n";
    let refused = site.import("products?on_error=reject_all", CSV, products).await;
    assert_eq!((&refused["state"], rows(&refused)), (&"failed".into(), (3, 0, 1)), "{refused}");
    assert_eq!(site.rejections(&refused).await[0]["line"], 3);
    assert_eq!((site.events("ProductCreated").await, site.count("import_chunks").await), (0, 0));
    let done = site.import("products?on_error=reject_all", CSV, "sku,name\nMUG,Mug\nJUG,Jug\n").await;
    assert_eq!((&done["state"], rows(&done)), (&"succeeded".into(), (2, 2, 0)), "{done}");
    assert_eq!(site.events("ProductCreated").await, 2);
}

#[tokio::test]
async fn with_reject_all_conflicting_rows_are_rejected_together() {
    let site = Site::open().await;
    site.stocked().await;
    let order = |quantity| json!({"currency": "GBP", "lines": [{"sku": "MUG", "quantity": quantity}]}).to_string();
    let body = [order(600), order(600), order(1)].join("\n");
    let refused = site.import("orders?on_error=reject_all", NDJSON, body).await;
    assert_eq!((&refused["state"], rows(&refused)), (&"failed".into(), (3, 0, 1)), "{refused}");
    assert_eq!(site.rejections(&refused).await[0]["problem"], "insufficient-stock");
    assert_eq!(site.events("OrderPlaced").await, 0);

    let prices = "sku,name,price_GBP\nMUG,Mug,500\nHAT,Hat,900\n";
    let done = site.import("products?on_error=reject_all", CSV, prices).await;
    assert_eq!((&done["state"], rows(&done)), (&"succeeded".into(), (2, 2, 0)), "what is there is changed: {done}");
    assert_eq!((site.events("ProductCreated").await, site.events("ProductPriceChanged").await), (4, 1));
}

#[tokio::test]
async fn a_dry_run_reports_rejections_by_the_rules() {
    let site = Site::open().await;
    site.stocked().await;
    let order = |sku, quantity| json!({"currency": "GBP", "lines": [{"sku": sku, "quantity": quantity}]}).to_string();
    let body = [order("MUG", 5), order("MUG", 5_000), order("HAT", 1)].join("\n");
    let job = site.import("orders?dry_run=true", NDJSON, body).await;
    assert_eq!((&job["state"], rows(&job)), (&"succeeded".into(), (3, 0, 2)), "{job}");
    let kinds: Vec<_> = site.rejections(&job).await.iter().map(|row| row["problem"].clone()).collect();
    assert_eq!(kinds, ["insufficient-stock", "unknown-product"]);
    assert_eq!(site.events("OrderPlaced").await, 0);
}

#[tokio::test]
async fn a_dry_run_reports_and_applies_nothing() {
    let site = Site::open().await;
    let job = site.import("products?dry_run=true", CSV, "sku,name\nMUG,Mug\nCUP,\n").await;
    assert_eq!((&job["state"], rows(&job)), (&"succeeded".into(), (2, 0, 1)), "{job}");
    assert_eq!(site.events("ProductCreated").await, 0);
}

#[tokio::test]
async fn a_job_that_cannot_be_executed_fails_until_an_operator_retries_it() {
    let site = Site::open().await;
    site.stocked().await;
    let accepted = site.upload("stock", NDJSON, receipts(2)).await;
    let mut owner = site.owner().await;
    sqlx::query("create table kept as select * from import_chunks").execute(&mut owner).await.unwrap();
    sqlx::query("delete from import_chunks").execute(&mut owner).await.unwrap();
    let queue = site.queue().await;
    for attempt in 1..=5 {
        queue.step().await.unwrap();
        let job = site.job(&accepted).await;
        assert_eq!(
            (&job["attempt"], &job["error"]),
            (&attempt.into(), &"row 1 of the bulk import is missing".into()),
            "{job}"
        );
        let (wait, is_dead): (f64, bool) =
            sqlx::query_as("select extract(epoch from run_at - now())::float8, attempts = max_attempts from jobs.jobs")
                .fetch_one(&mut owner)
                .await
                .unwrap();
        assert_eq!((&job["state"], is_dead), (&if attempt < 5 { "running" } else { "failed" }.into(), attempt == 5));
        let expected = f64::from(1 << (attempt - 1));
        assert!((expected * 0.5..=expected * 1.25).contains(&wait), "attempt {attempt}: {wait}");
        sqlx::query("update jobs._private_jobs set run_at = now()").execute(&mut owner).await.unwrap();
    }
    queue.step().await.unwrap();
    let dead = site.job(&accepted).await;
    assert_eq!(
        (&dead["attempt"], &dead["links"]["retry"]),
        (&5.into(), &format!("/v1/jobs/{}/retry", id(&accepted)).into())
    );
    let listed = site.get("/v1/jobs?state=failed").await.json();
    assert_eq!(listed["jobs"][0]["id"], dead["id"]);

    sqlx::query("insert into import_chunks select * from kept").execute(&mut owner).await.unwrap();
    let retried = site.post(dead["links"]["retry"].as_str().unwrap()).await;
    assert_eq!((retried.status.as_u16(), &retried.json()["state"]), (202, &"running".into()));
    queue.step().await.unwrap();
    let done = site.job(&accepted).await;
    assert_eq!((&done["state"], &done["error"], rows(&done)), (&"succeeded".into(), &Value::Null, (2, 2, 0)), "{done}");
    assert_eq!(site.post(&format!("/v1/jobs/{}/retry", id(&accepted))).await.problem(), (409, "job-state".into()));
}

#[tokio::test]
async fn a_process_that_shuts_down_releases_its_job_with_all_attempts() {
    let site = Site::open().await;
    site.stocked().await;
    let accepted = site.upload("stock", NDJSON, receipts(20_000)).await;
    let runner = site.runner();
    let queue = site.queue_of(runner.clone()).await;
    let working = tokio::spawn(async move { queue.run().await });
    site.until_begun(id(&accepted)).await;
    runner.stop.request();
    working.await.unwrap().unwrap();
    assert_eq!(site.job(&accepted).await["state"], "running");
    let (attempts, is_free): (i16, bool) = sqlx::query_as("select attempts, locked_at is null from jobs.jobs")
        .fetch_one(&mut site.owner().await)
        .await
        .unwrap();
    assert_eq!((attempts, is_free), (0, true));
    site.work().await;
    assert_eq!(site.job(&accepted).await["state"], "succeeded");
}

#[tokio::test]
async fn ended_jobs_and_aborted_uploads_are_deleted() {
    let site = Site::open().await;
    let ended = site.import("products", NDJSON, "{}").await;
    let waiting = site.upload("products", NDJSON, json!({"sku": "MUG", "name": "Mug", "prices": {}}).to_string()).await;
    sqlx::query("insert into import_chunks values ('01900000-0000-7000-8000-000000000000', 1, 1, 'x')")
        .execute(&mut site.owner().await)
        .await
        .unwrap();
    assert_eq!(site.store.forget(Duration::from_hours(1)).await.unwrap(), 0);
    assert_eq!(site.store.forget(Duration::ZERO).await.unwrap(), 1);
    site.store.drop_broken_uploads(Duration::from_hours(1)).await.unwrap();
    assert_eq!(site.get(ended["links"]["self"].as_str().unwrap()).await.status, 404);
    assert_eq!((site.count("import_rejections").await, site.count("import_chunks").await), (0, 1));
    site.work().await;
    assert_eq!(site.job(&waiting).await["state"], "succeeded");
}

#[tokio::test]
async fn the_key_of_a_deleted_import_has_no_effect_again() {
    let site = Site::open().await;
    site.stocked().await;
    let accepted = site.upload_as("k", "stock", NDJSON, receipts(2)).await;
    site.work().await;
    assert_eq!(site.store.forget(Duration::ZERO).await.unwrap(), 3);
    assert_eq!(site.store.forget(Duration::ZERO).await.unwrap(), 0, "once is enough");
    assert_eq!(site.get(&format!("/v1/jobs/{}", id(&accepted))).await.status, 404);
    assert_eq!(site.get("/v1/jobs").await.json()["jobs"], json!([]));

    let again = site.upload_as("k", "stock", NDJSON, receipts(2)).await;
    assert_eq!(again.problem(), (410, "job-forgotten".into()));
    let other = site.upload_as("k", "stock", NDJSON, receipts(3)).await;
    assert_eq!(other.problem(), (422, "idempotency-key-reused".into()));
    site.work().await;
    assert_eq!(site.events("StockReceived").await, 3 + 2);
    assert_eq!(site.count("import_chunks").await, 0);
}
