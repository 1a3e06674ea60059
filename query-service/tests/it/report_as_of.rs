//! Reports as of an earlier moment: the report that was shown then, whatever happened since.

use chrono::TimeDelta;
use events::{Position, StreamId};
use serde_json::{Value, json};

use crate::fixture::{Platform, log_sums};
use crate::service::{Answer, Service};

const INTERVAL: TimeDelta = TimeDelta::minutes(7 * 60 + 13);

const RANGE: &str = "from=2026-03-01&to=2030-01-01";

/// Every report, with groups and filters that read all kinds of stored sums.
fn paths() -> Vec<String> {
    let paths = [
        format!("sales?{RANGE}&group_by=month,channel"),
        "sales?from=2026-03-01&to=2026-04-01&group_by=day&timezone=Asia/Kathmandu&channel=web".to_owned(),
        format!("sales?{RANGE}&group_by=channel&currency=EUR"),
        format!("products?{RANGE}"),
        "products?from=2026-03-02T09:15:00Z&to=2026-04-01&channel=shop&limit=2".to_owned(),
        "customers?".to_owned(),
        "customers?currency=GBP".to_owned(),
        format!("returns?{RANGE}&group_by=week,channel"),
        format!("fulfilment?{RANGE}&group_by=month,channel,location"),
        format!("stock?{RANGE}&group_by=month,location"),
    ];
    paths.into_iter().map(|path| format!("/v1/reports/{path}")).collect()
}

async fn rows(service: &Service, path: &str) -> Vec<Value> {
    let answer = service.get(path).await;
    assert_eq!(answer.status, 200, "{path}: {answer:?}");
    answer.json["rows"].as_array().expect("rows").clone()
}

fn as_of(path: &str, moment: &str) -> String {
    format!("{path}&as_of={moment}").replace("?&", "?")
}

async fn add_orders_and_stock(platform: &Platform, from: &str) {
    platform.append_sales(from, INTERVAL, 12).await;
    let day = &from[8..10];
    platform.receive_stock("A", &format!("north-{day}"), 1).await;
    platform.receive_stock("A", &format!("south-{day}"), 2).await;
    platform.apply_everything().await;
}

/// The report of customers as of a position, as lines of [`log_sums`].
async fn customers(service: &Service, position: i64) -> Vec<String> {
    let columns = ["currency", "customer_id", "orders", "ordered", "cancelled", "returned", "refunded", "net"];
    let found = rows(service, &format!("/v1/reports/customers?as_of={position}")).await;
    let line = |row: &Value| {
        let cell = |column: &&str| row[*column].as_str().map_or_else(|| row[*column].to_string(), ToOwned::to_owned);
        columns.iter().map(cell).collect::<Vec<_>>().join(" ")
    };
    found.iter().map(line).collect()
}

#[tokio::test]
async fn a_report_as_of_a_position_is_the_one_that_was_shown_then() {
    let platform = Platform::new().await;
    let service = Service::start(&platform.bed).await;
    let mut shown = Vec::new();
    for from in ["2026-03-01T10:07:00Z", "2026-03-03T01:31:00Z", "2026-04-20T22:00:00Z", "2026-03-02T05:00:00Z"] {
        add_orders_and_stock(&platform, from).await;
        let now = futures::future::join_all(paths().iter().map(|path| rows(&service, path))).await;
        shown.push((platform.head(), now));
    }
    for (position, earlier) in &shown {
        for (path, expected) in paths().iter().zip(earlier) {
            let answer = service.get(&as_of(path, &position.to_string())).await;
            assert_eq!(answer.json["rows"], json!(expected), "{path} as of {position}");
            assert_eq!(answer.json["position"], json!(position));
            assert_eq!(answer.header("projection-position"), position.to_string());
        }
    }
    let (first, last) = (&shown[0].1, &shown[3].1);
    let changed = paths().iter().zip(first.iter().zip(last)).filter(|(_, (first, last))| first == last).count();
    assert_eq!(changed, 0, "every report has changed since the first position");
}

#[tokio::test]
async fn every_position_within_an_order_equals_the_sums_of_the_log() {
    let platform = Platform::new().await;
    let service = Service::start(&platform.bed).await;
    platform.append_sales("2026-03-01T10:07:00Z", INTERVAL, 14).await;
    platform.apply_everything().await;
    let head = platform.head();
    for position in (1..=head).step_by(3) {
        let expected = platform.lines(&log_sums::by_customer_as_of(position)).await;
        assert_eq!(customers(&service, position).await, expected, "as of {position}");
    }
    assert!(rows(&service, &format!("/v1/reports/customers?as_of={head}")).await.len() > 3);
}

#[tokio::test]
async fn the_pages_of_a_report_as_of_a_position_do_not_change() {
    let platform = Platform::new().await;
    let service = Service::start(&platform.bed).await;
    add_orders_and_stock(&platform, "2026-03-01T10:07:00Z").await;
    let position = platform.head();
    for path in [format!("/v1/reports/products?{RANGE}"), "/v1/reports/customers?".to_owned()] {
        let path = as_of(&path, &position.to_string());
        let expected = rows(&service, &path).await;
        let (mut found, mut next) = (Vec::new(), Some(format!("{path}&limit=1")));
        while let Some(page) = next {
            let answer = service.get(&page).await;
            found.extend(answer.json["rows"].as_array().expect("rows").clone());
            next = answer.json["next"].as_str().map(ToOwned::to_owned);
            // More sales of the same products and customers between two pages.
            platform.append_sales("2026-03-02T10:00:00Z", INTERVAL, 3).await;
            platform.apply_everything().await;
        }
        assert_eq!(found, expected, "{path}");
        assert!(found.len() > 4, "{found:?}");
    }
}

#[tokio::test]
async fn an_instant_is_the_last_event_that_was_recorded_until_then() {
    let platform = Platform::new().await;
    let service = Service::start(&platform.bed).await;
    platform.append_sales("2026-03-01T10:07:00Z", INTERVAL, 2).await;
    platform.apply_everything().await;
    let (position, path) = (platform.head(), "/v1/reports/customers?");
    let recorded_at =
        "select to_char(max(recorded_at) at time zone 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"') from events";
    let instant = platform.text(recorded_at).await;
    platform.append_sales("2026-03-02T10:07:00Z", INTERVAL, 2).await;
    platform.apply_everything().await;
    let answer = service.get(&as_of(path, &instant)).await;
    assert_eq!(answer.json["position"], json!(position), "{answer:?}");
    let before = service.get(&as_of(path, "2026-01-01T00:00:00Z")).await;
    assert_eq!((&before.json["position"], &before.json["rows"]), (&json!(0), &json!([])));
}

#[tokio::test]
async fn events_that_are_not_applied_are_not_subtracted() {
    let platform = Platform::new().await;
    let service = Service::start(&platform.bed).await;
    platform.append_sales("2026-03-01T10:07:00Z", INTERVAL, 30).await;
    platform.apply_everything().await;
    // Later events of one partition are applied, those of others are not, and the stream of an applied order is parked.
    platform.append_sales("2026-03-05T10:07:00Z", INTERVAL, 12).await;
    platform.relay().await;
    let orders = "select stream_id from events where starts_with(stream_id, 'order-') order by position";
    let newest: StreamId = platform.text(&format!("{orders} desc limit 1")).await.parse().expect("a stream id");
    platform.apply(&newest, Position(platform.head())).await;
    platform.park(&platform.text(&format!("{orders} limit 1")).await.parse().expect("a stream id")).await;
    let position = service.get("/v1/reports/customers").await.json["position"].as_i64().expect("a position");
    assert!(0 < position && position < platform.head() - 12);
    let found = customers(&service, position).await;
    assert_eq!(found, platform.lines(&log_sums::by_customer_as_of(position)).await);
}

#[tokio::test]
async fn positions_that_no_report_can_show_are_refused() {
    let platform = Platform::new().await;
    let service = Service::start(&platform.bed).await;
    platform.append_sales("2026-03-01T10:07:00Z", INTERVAL, 1).await;
    platform.apply_everything().await;
    let report = async |moment: &str| -> Answer { service.get(&as_of("/v1/reports/customers?", moment)).await };
    let head = platform.head();
    let next = report(&(head + 1).to_string()).await;
    assert_eq!((next.status, next.problem()), (503, "projection-lag"));
    let far = report(&(head + 5_000_000).to_string()).await;
    assert_eq!((far.status, far.problem()), (400, "position-beyond-log"));
    // A log that is much longer.
    let longer = "update log_head set position = position + 150000; update relay_checkpoint set position = position + 150000;
        update relay_partitions set position = position + 150000; update projection_checkpoints set position = position + 150000;";
    platform.execute_as_admin(longer).await;
    let old = report("1").await;
    assert_eq!((old.status, old.problem()), (400, "position-too-old"));
    let first = old.json["first"].as_i64().expect("a position");
    assert_eq!(report(&first.to_string()).await.status, 200);
}
