//! Statistics for a dashboard: they agree with the log and with the read models of orders, and are cached for a short time.

use chrono::{TimeDelta, Utc};
use serde_json::{Value, json};

use crate::fixture::{Platform, log_sums};
use crate::service::{Answer, Service};

async fn with_orders() -> Platform {
    let platform = Platform::new().await;
    let month_ago = (Utc::now() - TimeDelta::days(32)).to_rfc3339();
    platform.append_sales(&month_ago, TimeDelta::minutes(7 * 60 + 13), 110).await;
    platform.apply_everything().await;
    platform
}

/// Sums by currency as texts.
fn sums(sums: &Value) -> Vec<String> {
    let sums = sums.as_array().expect("sums").iter();
    sums.map(|sum| format!("{} {} {}", sum["currency"].as_str().expect("text"), sum["orders"], sum["net"])).collect()
}

/// Names and counts, without zeros.
fn counts(counts: &Value) -> Vec<String> {
    let counts = counts.as_object().expect("counts").iter();
    counts.filter(|(_, count)| **count != 0).map(|(name, count)| format!("{name} {count}")).collect()
}

#[tokio::test]
async fn a_stream_sends_the_statistics_at_once_and_whenever_they_change() {
    let platform = Platform::new().await;
    platform.apply_everything().await;
    let service = Service::start_with(&platform.bed, &[("STATS_CACHE_TTL", "1ms".to_owned())]).await;
    let mut stream = service.stream("/v1/stats/stream?timezone=Asia/Kathmandu", None).await;
    assert_eq!(stream.header("content-type"), "text/event-stream");
    let first = stream.next().await;
    assert_eq!((first.event.as_str(), &first.json()["timezone"]), ("statistics", &json!("Asia/Kathmandu")));
    assert_eq!(first.id, stream.header("projection-position"));

    platform.append_sales(&(Utc::now() - TimeDelta::hours(2)).to_rfc3339(), TimeDelta::minutes(7), 2).await;
    platform.apply_everything().await;
    loop {
        let next = stream.next().await;
        if next.id == platform.head().to_string() {
            assert!(!sums(&next.json()["sales"]["last_7_days"]).is_empty(), "{next:?}");
            break;
        }
    }
    let refused = service.get("/v1/stats/stream?timezone=Mars").await;
    assert_eq!((refused.status, refused.problem()), (400, "invalid-query"));
}

#[tokio::test]
async fn sales_of_the_last_days_and_hours_are_those_of_the_log() {
    let platform = with_orders().await;
    let service = Service::start(&platform.bed).await;
    for zone in ["UTC", "Europe/Berlin", "America/New_York", "Asia/Kathmandu"] {
        let stats = service.get(&format!("/v1/stats?timezone={zone}")).await;
        let (at, sales) = (stats.json["at"].as_str().expect("an instant"), &stats.json["sales"]);
        for (tile, first, last) in
            [("today", 0, 0), ("yesterday", 1, 1), ("last_7_days", 6, 0), ("last_30_days", 29, 0)]
        {
            let expected = platform.lines(&log_sums::of_days(zone, at, first, last)).await;
            assert_eq!(sums(&sales[tile]), expected, "{zone} {tile}");
        }
        let days = sales["days"].as_array().expect("days");
        assert_eq!(days.len(), 30);
        for (ago, day) in days.iter().rev().enumerate() {
            assert_eq!(
                sums(&day["sums"]),
                platform.lines(&log_sums::of_days(zone, at, ago, ago)).await,
                "{zone} {day}"
            );
        }
        let hours = sales["hours"].as_array().expect("hours");
        assert!((23..=25).contains(&hours.len()), "{hours:?}");
        for hour in hours {
            let start = hour["start"].as_str().expect("an instant");
            assert_eq!(sums(&hour["sums"]), platform.lines(&log_sums::of_hour(start)).await, "{zone} {start}");
        }
        assert!(!sums(&sales["last_30_days"]).is_empty() && !sums(&sales["yesterday"]).is_empty());
    }
}

#[tokio::test]
async fn counts_and_amounts_of_orders_are_those_of_the_read_models() {
    let platform = with_orders().await;
    let service = Service::start(&platform.bed).await;
    let stats = service.get("/v1/stats").await;
    let orders = &stats.json["orders"];
    for (member, column) in [
        ("by_lifecycle", "lifecycle"),
        ("by_payment", "payment"),
        ("by_fulfilment", "fulfilment"),
        ("by_return", "returns"),
    ] {
        let select =
            format!("select {column} || ' ' || count(*) from orders group by {column} order by {column} collate \"C\"");
        let expected = platform.lines(&select).await;
        assert_eq!(counts(&orders[member]), expected, "{member}");
        assert!(expected.len() > 1, "{expected:?}");
    }
    let number = |member: &str| orders[member].to_string();
    assert_eq!(number("open"), platform.text("select count(*) from orders where lifecycle = 'open'").await);
    let open = "select count(*) from order_returns where state = 'requested'";
    assert_eq!(number("open_returns"), platform.text(open).await);
    let waiting = "select count(*) from fulfilments where shipped_at is null and cancelled_at is null";
    assert_eq!(number("waiting_fulfilments"), platform.text(waiting).await);
    let owed: Vec<_> = orders["owed"]
        .as_array()
        .expect("amounts")
        .iter()
        .map(|it| format!("{} {}", it["currency"].as_str().expect("text"), it["owed"]))
        .collect();
    assert_eq!(owed, platform.lines("select currency || ' ' || sum(owed) from orders group by currency having sum(owed) > 0 order by currency").await);
    assert!(!owed.is_empty());
}

#[tokio::test]
async fn stock_items_are_counted_by_availability() {
    use events::stock::{StockEvent, StockPolicy, StockPolicyChanged};
    let platform = Platform::new().await;
    for (code, quantity) in [("PLENTY", 11), ("LOW", 10), ("LAST", 1)] {
        platform.receive_stock(code, "main", quantity).await;
    }
    for (code, safety, policy) in
        [("EMPTY", 3, StockPolicy::Deny), ("SHORT", 9, StockPolicy::Deny), ("FREE", 9, StockPolicy::Untracked)]
    {
        let item = platform.receive_stock(code, "main", 3).await;
        platform
            .move_stock(Some(item), code, "main", StockEvent::PolicyChanged(StockPolicyChanged { policy, safety }))
            .await;
    }
    let service = Service::start(&platform.bed).await;
    let stats = service.get("/v1/stats").await;
    let position = platform.head();
    assert_eq!(
        stats.json["stock"],
        json!({ "items": 5, "out_of_stock": 2, "below_zero": 1, "low": 2, "position": position })
    );
    let none = json!({ "open": 0, "completed": 0, "cancelled": 0, "expired": 0 });
    assert_eq!(stats.json["orders"]["by_lifecycle"], none, "every status is listed");
}

/// Number of orders and position.
fn seen(stats: &Answer) -> (i64, i64) {
    assert_eq!(stats.status, 200, "{stats:?}");
    let open = stats.json["orders"]["open"].as_i64().expect("a number");
    let position: i64 = stats.header("projection-position").parse().expect("a position");
    assert_eq!(stats.json["position"].as_i64(), Some(position));
    (open, position)
}

#[tokio::test]
async fn a_result_is_kept_until_a_consistency_token_requires_a_newer_one() {
    let platform = Platform::new().await;
    platform.place_order("2026-03-05T10:00:00Z").await;
    let service = Service::start_with(&platform.bed, &[("STATS_CACHE_TTL", "1h".to_owned())]).await;
    let first = service.get("/v1/stats").await;
    assert_eq!(seen(&first), (1, 1));
    let unchanged = service.get_with("/v1/stats", &[("If-None-Match", first.header("etag"))]).await;
    assert_eq!(unchanged.status, 304);

    let order = platform.place_order("2026-03-05T11:00:00Z").await;
    assert_eq!(service.get("/v1/stats").await.json["at"], first.json["at"], "the kept result");
    let newer = service.get_not_older("/v1/stats", order.position.0, 10).await;
    assert_eq!(seen(&newer), (2, 2));
    assert_eq!(seen(&service.get("/v1/stats").await), (2, 2), "the newer result is kept");
    let other_zone = service.get("/v1/stats?timezone=Asia/Tokyo").await;
    assert_eq!((seen(&other_zone), &other_zone.json["timezone"]), ((2, 2), &json!("Asia/Tokyo")));
}

#[tokio::test]
async fn an_old_result_is_served_once_more_while_it_is_renewed() {
    let platform = Platform::new().await;
    platform.place_order("2026-03-05T10:00:00Z").await;
    let service = Service::start_with(&platform.bed, &[("STATS_CACHE_TTL", "0ms".to_owned())]).await;
    assert_eq!(seen(&service.get("/v1/stats").await), (1, 1));
    platform.place_order("2026-03-05T11:00:00Z").await;
    let _ = service.get("/v1/stats").await;
    service.get_until("/v1/stats", |stats| seen(stats) == (2, 2)).await;
}

#[tokio::test]
async fn readers_share_one_load_while_the_tables_are_locked() {
    let platform = Platform::new().await;
    platform.place_order("2026-03-05T10:00:00Z").await;
    let service = Service::start(&platform.bed).await;
    service.ready().await;
    let lock = platform.lock_table("order_counts").await;
    let readers = futures::future::join_all((0..20).map(|_| service.get("/v1/stats")));
    let unlocking = async {
        platform.statement_is_blocked().await;
        drop(lock);
    };
    let (answers, ()) = tokio::join!(readers, unlocking);
    assert!(answers.iter().all(|stats| stats.json["at"] == answers[0].json["at"] && seen(stats) == (1, 1)));
}

#[tokio::test]
async fn an_unknown_time_zone_or_parameter_is_refused() {
    let platform = Platform::new().await;
    let service = Service::start(&platform.bed).await;
    for wrong in ["timezone=Mars", "timezone=", "zone=UTC", "timezone=UTC&timezone=UTC"] {
        let refused = service.get(&format!("/v1/stats?{wrong}")).await;
        assert_eq!((refused.status, refused.problem()), (400, "invalid-query"), "{wrong}");
    }
}
