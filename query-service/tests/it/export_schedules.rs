//! Recurring exports: the interface, and the exports that are created when they are due.

use query_service::exports::job::Format;
use query_service::exports::measures::Ending;
use query_service::exports::schedule::{Range, RangeParameters, Schedule};
use query_service::exports::worker::Step;
use serde_json::{Value, json};
use tempfile::TempDir;
use uuid::Uuid;

use crate::export_instance::{Hand, Instance};
use crate::exports::service;
use crate::fixture::Platform;

const PATH: &str = "/v1/export-schedules";

fn body() -> Value {
    json!({
        "query": "/v1/reports/sales?group_by=hour",
        "format": "csv",
        "range": "previous_day",
        "at": "02:30",
        "timezone": "Europe/Berlin",
    })
}

fn daily(hand: &Hand) -> Schedule {
    Schedule {
        id: Uuid::now_v7(),
        query: "/v1/orders".to_owned(),
        format: Format::Ndjson,
        range: Range::PreviousDay,
        sets: RangeParameters::Orders,
        at: chrono::NaiveTime::from_hms_opt(2, 30, 0).expect("a time"),
        timezone: chrono_tz::Tz::Europe__Berlin,
        created_at: hand.clock().now(),
    }
}

#[tokio::test]
async fn a_recurring_export_is_created_shown_listed_and_deleted() {
    let (platform, directory) = (Platform::new().await, TempDir::new().expect("a folder"));
    let service = service(&platform, &directory).await;
    let created = service.post(PATH, &body(), &[]).await;
    assert_eq!(created.status, 201, "{created:?}");
    let shown = service.get(created.header("location")).await;
    assert_eq!(shown.json, created.json);
    for (member, value) in body().as_object().expect("an object") {
        assert_eq!(shown.json[member], *value, "{member}");
    }
    let next = shown.json["next"]["query"].as_str().expect("a query");
    assert!(next.starts_with("/v1/reports/sales?group_by=hour&from=20") && next.ends_with("&timezone=Europe/Berlin"));
    assert_eq!((shown.json.get("last"), shown.json.get("last_export_id")), (None, None));

    let second = service.post(PATH, &body(), &[]).await;
    let ids = [&second, &created].map(|it| it.json["id"].as_str().expect("an id").to_owned());
    let pages = service.get("/v1/export-schedules?limit=1").await;
    let rest = service.get(pages.json["next"].as_str().expect("a next page")).await;
    assert_eq!([pages.items("id"), rest.items("id")].concat(), ids);
    assert_eq!(service.send("delete", created.header("location")).await, 204);
    assert_eq!(service.send("delete", created.header("location")).await, 404);
    assert_eq!(service.get(created.header("location")).await.problem(), "export-schedule-not-found");
    assert_eq!(service.get(PATH).await.items("id"), [ids[0].as_str()]);
}

#[tokio::test]
async fn an_invalid_recurring_export_is_refused() {
    let (platform, directory) = (Platform::new().await, TempDir::new().expect("a folder"));
    let service = service(&platform, &directory).await;
    for (member, value, status) in [
        ("query", json!("/v1/reports/sales?group_by=year"), 400),
        ("query", json!("/v1/reports/sales?from=2026-01-01&to=2026-02-01"), 400),
        ("query", json!("/v1/orders?placed_at[lt]=2026-01-01T00:00:00Z"), 400),
        ("query", json!("/v1/stats"), 400),
        ("at", json!("2:30"), 400),
        ("at", json!("24:00"), 400),
        ("timezone", json!("Berlin"), 400),
        ("range", json!("yesterday"), 422),
        ("format", json!("xlsx"), 422),
        ("every", json!("day"), 422),
    ] {
        let mut document = body();
        document[member] = value.clone();
        let refused = service.post(PATH, &document, &[]).await;
        assert_eq!(refused.status, status, "{value}: {refused:?}");
    }
    assert!(service.get(PATH).await.items("id").is_empty());
}

#[tokio::test]
async fn several_instances_create_one_export_of_an_occurrence() {
    let (platform, directory, hand) =
        (Platform::new().await, TempDir::new().expect("a folder"), Hand::at("2026-03-05T10:00:00Z"));
    // At 22:59 UTC of 5 March it is 23:59 in Berlin.
    for placed_at in ["2026-03-04T22:59:59Z", "2026-03-04T23:00:00Z", "2026-03-05T22:59:59Z", "2026-03-05T23:00:00Z"] {
        platform.place_order(placed_at).await;
    }
    let instance = || Instance::start(&platform.bed, directory.path(), &hand);
    let (first, second) = (instance(), instance());
    let schedule = daily(&hand);
    assert!(first.schedules.create(&schedule).await.expect("a store"));
    assert_eq!(first.schedules.create_due().await.expect("a store"), 0, "not before it is due");
    hand.advance(16 * 60 * 60);
    let (one, other) = tokio::join!(first.schedules.create_due(), second.schedules.create_due());
    assert_eq!(one.expect("a store") + other.expect("a store"), 1);
    second.completes().await;
    let found = first.schedules.find(schedule.id).await.expect("a store").expect("the schedule");
    let export = first.find(found.last.expect("a run").export_id).await;
    assert_eq!(export.job.query, "/v1/orders?placed_at[gte]=2026-03-04T23:00:00Z&placed_at[lt]=2026-03-05T23:00:00Z");
    assert_eq!(export.outcome.expect("an outcome").result.expect("a file").rows, 2);

    // Neither an instance that looks again nor one that looks after the export was deleted creates it once more.
    assert!(first.jobs.delete(export.job.id).await.expect("a store"));
    assert_eq!(second.schedules.create_due().await.expect("a store"), 0);
}

#[tokio::test]
async fn after_a_downtime_only_the_last_missed_occurrence_runs() {
    let (platform, directory, hand) =
        (Platform::new().await, TempDir::new().expect("a folder"), Hand::at("2026-03-05T10:00:00Z"));
    let instance = Instance::start(&platform.bed, directory.path(), &hand);
    let schedule = daily(&hand);
    assert!(instance.schedules.create(&schedule).await.expect("a store"));
    hand.advance(10 * 24 * 60 * 60);
    assert_eq!(instance.schedules.create_due().await.expect("a store"), 1);
    instance.completes().await;
    assert_eq!((instance.schedules.create_due().await.expect("a store"), instance.step().await), (0, Step::Idle));
    let (exports, _) = instance.jobs.list(None, 10).await.expect("a store");
    let queries: Vec<&str> = exports.iter().map(|export| export.job.query.as_str()).collect();
    assert_eq!(queries, ["/v1/orders?placed_at[gte]=2026-03-13T23:00:00Z&placed_at[lt]=2026-03-14T23:00:00Z"]);
    hand.advance(24 * 60 * 60);
    assert_eq!(instance.schedules.create_due().await.expect("a store"), 1);
    assert_eq!(instance.step().await, Step::Ended(Ending::Complete));
}

#[tokio::test]
async fn there_are_at_most_a_hundred_recurring_exports() {
    let (platform, directory, hand) = (Platform::new().await, TempDir::new().expect("a folder"), Hand::now());
    let instance = Instance::start(&platform.bed, directory.path(), &hand);
    for _ in 0..100 {
        assert!(instance.schedules.create(&daily(&hand)).await.expect("a store"));
    }
    assert!(!instance.schedules.create(&daily(&hand)).await.expect("a store"));
    let service = service(&platform, &directory).await;
    let refused = service.post(PATH, &body(), &[]).await;
    assert_eq!((refused.status, refused.problem()), (409, "too-many-export-schedules"));
}
