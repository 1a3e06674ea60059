//! Reports: their sums are those of the log, whatever the time zone, and their parameters, formats and freshness.

use chrono::{DateTime, FixedOffset, TimeDelta};
use events::Position;
use serde_json::{Value, json};

use crate::fixture::{Platform, log_sums};
use crate::service::{Answer, Service};

/// Not a multiple of a quarter of an hour, so the instants lie anywhere in a day.
const INTERVAL: TimeDelta = TimeDelta::minutes(7 * 60 + 13);

/// Zones with and without daylight saving time, west and east of UTC, with offsets of 30 and 45 minutes.
const ZONES: [&str; 6] =
    ["UTC", "Europe/Berlin", "America/New_York", "Asia/Kathmandu", "Australia/Lord_Howe", "Pacific/Auckland"];

/// Orders around both changes of daylight saving time in Europe and in the United States.
async fn with_sales() -> Platform {
    let platform = Platform::new().await;
    platform.append_sales("2026-03-05T10:07:00Z", INTERVAL, 100).await;
    platform.append_sales("2026-10-20T01:31:00Z", INTERVAL, 60).await;
    platform.apply_everything().await;
    platform
}

fn rows(answer: &Answer) -> &[Value] {
    assert_eq!(answer.status, 200, "{answer:?}");
    answer.json["rows"].as_array().expect("rows")
}

/// The values of some columns of a row as texts, separated by spaces. Of a period, the local date.
fn line(row: &Value, columns: &[&str]) -> String {
    let text = |column: &&str| match (&row[*column], *column) {
        (Value::String(start), "period") => start[..10].to_owned(),
        (Value::String(text), _) => text.clone(),
        (value, _) => value.to_string(),
    };
    columns.iter().map(text).collect::<Vec<_>>().join(" ")
}

fn lines(answer: &Answer, columns: &[&str]) -> Vec<String> {
    rows(answer).iter().map(|row| line(row, columns)).collect()
}

const SALES: [&str; 9] = [
    "orders",
    "units_ordered",
    "units_cancelled",
    "units_returned",
    "ordered",
    "cancelled",
    "returned",
    "refunded",
    "net",
];

#[tokio::test]
async fn every_sum_of_sales_is_the_sum_of_the_events_in_the_log() {
    let platform = with_sales().await;
    let service = Service::start(&platform.bed).await;
    for zone in ZONES {
        for unit in ["day", "week", "month"] {
            let path =
                format!("/v1/reports/sales?from=2026-03-01&to=2026-12-01&timezone={zone}&group_by={unit},channel");
            let expected = platform.lines(&log_sums::by_period(unit, zone, "2026-03-01", "2026-12-01")).await;
            let columns = ["period", "channel", "currency"].into_iter().chain(SALES).collect::<Vec<_>>();
            assert_eq!(lines(&service.get(&path).await, &columns), expected, "{zone} {unit}");
            assert!(expected.len() > 10, "{expected:?}");
        }
    }
    let all = service.get("/v1/reports/sales?from=2026-01-01&to=2027-01-01&group_by=month").await;
    let sum = |column: &str| rows(&all).iter().map(|row| row[column].as_i64().expect("a number")).sum::<i64>();
    assert_eq!(sum("orders"), 160);
    for column in SALES {
        assert!(sum(column) > 0, "the orders of the test have no {column}");
    }
}

#[tokio::test]
async fn a_range_begins_and_ends_at_any_quarter_of_an_hour() {
    let platform = with_sales().await;
    let service = Service::start(&platform.bed).await;
    for (from, to) in [
        ("2026-03-10T09:15:00Z", "2026-03-31T22:30:00Z"),
        ("2026-03-10T00:00:00Z", "2026-03-11T10:45:00Z"),
        ("2026-03-28T23:45:00Z", "2026-03-29T00:00:00Z"),
        ("2026-03-12T05:00:00Z", "2026-03-12T20:00:00Z"),
    ] {
        for group_by in ["channel", "day,channel", "hour,channel", "15min,channel"] {
            let path = format!("/v1/reports/sales?from={from}&to={to}&group_by={group_by}&timezone=Europe/Berlin");
            let report = service.get(&path).await;
            let mut found = std::collections::BTreeMap::<String, [i64; 9]>::new();
            for row in rows(&report) {
                let sums = found.entry(line(row, &["channel", "currency"])).or_default();
                SALES.iter().zip(sums).for_each(|(column, sum)| *sum += row[*column].as_i64().expect("a number"));
            }
            let text = |(key, sums): (&String, &[i64; 9])| format!("{key} {}", sums.map(|it| it.to_string()).join(" "));
            let expected = platform.lines(&log_sums::of_range(from, to)).await;
            assert_eq!(found.iter().map(text).collect::<Vec<_>>(), expected, "{path}");
        }
    }
}

#[tokio::test]
async fn days_of_23_and_25_hours_consist_of_the_hours_that_clocks_show() {
    let platform = Platform::new().await;
    // An order in every quarter of an hour of both days and of the hours around them.
    platform.append_sales("2026-03-28T22:00:00Z", TimeDelta::minutes(15), 100).await;
    platform.append_sales("2026-10-24T21:00:00Z", TimeDelta::minutes(15), 110).await;
    platform.apply_everything().await;
    let service = Service::start(&platform.bed).await;
    for (day, next, hours) in [("2026-03-29", "2026-03-30", 23), ("2026-10-25", "2026-10-26", 25)] {
        let report = |group_by: &str| {
            format!("/v1/reports/sales?from={day}&to={next}&timezone=Europe/Berlin&group_by={group_by}")
        };
        let orders =
            |answer: &Answer| rows(answer).iter().map(|row| row["orders"].as_i64().expect("a number")).sum::<i64>();
        let (by_day, by_hour) = (service.get(&report("day")).await, service.get(&report("hour")).await);
        assert_eq!((orders(&by_day), orders(&by_hour)), (hours * 4, hours * 4), "{day}");
        let mut starts: Vec<DateTime<FixedOffset>> =
            rows(&by_hour).iter().map(|row| row["period"].as_str().expect("text").parse().expect("RFC 3339")).collect();
        starts.dedup();
        assert_eq!(starts.len() as i64, hours, "{day}");
        assert!(starts.windows(2).all(|pair| pair[1] - pair[0] == TimeDelta::hours(1)), "{starts:?}");
        assert!(by_day.json["rows"][0]["period"].as_str().expect("text").starts_with(&format!("{day}T00:00:00+")));
    }
}

#[tokio::test]
async fn currencies_and_channels_are_separate_and_filtered() {
    let platform = with_sales().await;
    let service = Service::start(&platform.bed).await;
    let range = "from=2026-03-01&to=2026-04-01";
    let all = service.get(&format!("/v1/reports/sales?{range}&group_by=month")).await;
    assert_eq!(
        lines(&all, &["period", "channel", "currency"]),
        ["2026-03-01 null EUR", "2026-03-01 null GBP", "2026-03-01 null JPY"]
    );
    let euros = rows(&all)[0]["orders"].as_i64().expect("a number");
    let one = service.get(&format!("/v1/reports/sales?{range}&group_by=month,channel&currency=EUR")).await;
    assert_eq!(lines(&one, &["channel", "currency"]), ["shop EUR", "web EUR"]);
    let sum: i64 = rows(&one).iter().map(|row| row["orders"].as_i64().expect("a number")).sum();
    assert_eq!(sum, euros);
    let shop = service.get(&format!("/v1/reports/sales?{range}&group_by=month&channel=shop&currency=EUR")).await;
    assert_eq!(rows(&shop)[0]["orders"], rows(&one)[0]["orders"]);
    assert!(rows(&service.get(&format!("/v1/reports/sales?{range}&channel=none")).await).is_empty());
}

#[tokio::test]
async fn products_and_customers_are_listed_by_net_amount_page_by_page() {
    let platform = with_sales().await;
    let service = Service::start(&platform.bed).await;
    for (path, columns, expected) in [
        (
            "/v1/reports/products?from=2026-03-10T09:15:00Z&to=2026-11-01&timezone=America/New_York",
            &[
                "currency",
                "sku",
                "units_ordered",
                "units_cancelled",
                "units_returned",
                "ordered",
                "cancelled",
                "returned",
                "refunded",
                "net",
            ][..],
            platform.lines(&log_sums::by_sku("2026-03-10T09:15:00Z", "2026-11-01T04:00:00Z")).await,
        ),
        (
            "/v1/reports/customers?",
            &["currency", "customer_id", "orders", "ordered", "cancelled", "returned", "refunded", "net"][..],
            platform.lines(&log_sums::by_customer()).await,
        ),
    ] {
        assert_eq!(expected.len(), 6, "{expected:?}");
        assert_eq!(lines(&service.get(path).await, columns), expected, "{path}");
        let (mut found, mut next) = (Vec::new(), Some(format!("{path}&limit=1").replace("?&", "?")));
        while let Some(page) = next {
            let answer = service.get(&page).await;
            found.extend(lines(&answer, columns));
            next = answer.json["next"].as_str().map(ToOwned::to_owned);
            assert_eq!(answer.headers.contains_key("link"), next.is_some());
        }
        assert_eq!(found, expected, "{path}");
    }
    let page = service.get("/v1/reports/customers?limit=1").await;
    let cursor = page.json["next_cursor"].as_str().expect("a cursor");
    let other = service.get(&format!("/v1/reports/customers?currency=EUR&cursor={cursor}")).await;
    assert_eq!((other.status, other.problem()), (400, "invalid-cursor"));
}

#[tokio::test]
async fn returns_and_fulfilments_count_in_the_period_of_their_events() {
    let platform = with_sales().await;
    let service = Service::start(&platform.bed).await;
    for zone in ["UTC", "Europe/Berlin", "Asia/Kathmandu"] {
        let range = format!("from=2026-03-01&to=2026-12-01&timezone={zone}&group_by=day,channel");
        let returns = [
            "requested",
            "receipts",
            "rejected",
            "units_requested",
            "units_restocked",
            "units_damaged",
            "units_lost",
            "units_rejected",
            "refunds",
            "refunded",
        ];
        let columns: Vec<&str> = ["period", "channel", "currency"].into_iter().chain(returns).collect();
        let expected = platform.lines(&log_sums::returns(zone)).await;
        assert_eq!(lines(&service.get(&format!("/v1/reports/returns?{range}")).await, &columns), expected, "{zone}");
        assert!(expected.len() > 10, "{expected:?}");

        let fulfilments = [
            "created",
            "shipped",
            "delivered",
            "cancelled",
            "units_created",
            "units_shipped",
            "units_delivered",
            "units_cancelled",
            "mean_seconds_order_to_shipment",
            "mean_seconds_packing",
            "mean_seconds_in_transit",
        ];
        let columns: Vec<&str> = ["period", "channel", "location"].into_iter().chain(fulfilments).collect();
        let expected = platform.lines(&log_sums::fulfilments(zone)).await;
        let path = format!("/v1/reports/fulfilment?{range},location");
        assert_eq!(lines(&service.get(&path).await, &columns), expected, "{zone}");
        assert!(expected.len() > 10, "{expected:?}");
    }
}

#[tokio::test]
async fn stock_movements_are_added_up_by_location() {
    let platform = Platform::new().await;
    let item = platform.receive_stock("A", "main", 9).await;
    platform.receive_more_stock(Some(item), "A", "main", 2).await;
    platform.receive_stock("B", "main", 4).await;
    platform.receive_stock("A", "north", 1).await;
    let service = Service::start(&platform.bed).await;
    let today = chrono::Utc::now().date_naive();
    let (from, to) = (today - chrono::Days::new(1), today + chrono::Days::new(2));
    let report = service.get(&format!("/v1/reports/stock?from={from}&to={to}&group_by=location")).await;
    let columns = ["location", "movements", "received", "shipped", "on_hand_change", "reserved"];
    assert_eq!(lines(&report, &columns), ["main 3 15 0 15 0", "north 1 1 0 1 0"]);
    let one = service.get(&format!("/v1/reports/stock?from={from}&to={to}&group_by=month&location=north")).await;
    assert_eq!(lines(&one, &["location", "received"]), ["null 1"]);
}

#[tokio::test]
async fn a_report_states_its_position_and_satisfies_a_consistency_token() {
    let platform = Platform::new().await;
    platform.append_sales("2026-03-05T10:00:00Z", INTERVAL, 1).await;
    platform.apply_everything().await;
    let service = Service::start(&platform.bed).await;
    let path = "/v1/reports/sales?from=2026-03-01&to=2026-04-01&group_by=month";
    let report = service.get(path).await;
    let head = platform.head();
    assert_eq!(
        (report.header("projection-position"), &report.json["position"]),
        (head.to_string().as_str(), &json!(head))
    );
    assert_eq!(
        (&report.json["from"], &report.json["to"], &report.json["timezone"], &report.json["group_by"]),
        (&json!("2026-03-01T00:00:00+00:00"), &json!("2026-04-01T00:00:00+00:00"), &json!("UTC"), &json!(["month"]))
    );
    let unchanged = service.get_with(path, &[("If-None-Match", report.header("etag"))]).await;
    assert_eq!(unchanged.status, 304);

    platform.append_sales("2026-03-06T10:00:00Z", INTERVAL, 1).await;
    let behind = service.get_not_older(path, platform.head(), 0).await;
    assert_eq!((behind.status, behind.problem()), (503, "projection-lag"));
    let (waited, ()) = tokio::join!(service.get_not_older(path, platform.head(), 10), platform.apply_everything());
    assert_eq!(rows(&waited)[0]["orders"], 2);
    assert!(waited.json["position"].as_i64() >= Some(platform.head()));
}

#[tokio::test]
async fn a_report_is_sent_as_csv_on_request() {
    let platform = with_sales().await;
    let service = Service::start(&platform.bed).await;
    let path = "/v1/reports/sales?from=2026-03-01&to=2026-04-01&group_by=day,channel&timezone=Europe/Berlin";
    let json = service.get(path).await;
    let (csv, headers) = service.text(&format!("{path}&format=csv")).await;
    assert_eq!(headers["content-type"], "text/csv; charset=utf-8; header=present");
    assert_eq!(headers["content-disposition"], "attachment; filename=\"sales.csv\"");
    assert_eq!(headers["projection-position"], platform.head().to_string());
    let columns: Vec<&str> = csv.lines().next().expect("a header").split(',').collect();
    let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), ToOwned::to_owned);
    let expected: Vec<String> = rows(&json)
        .iter()
        .map(|row| columns.iter().map(|column| text(&row[*column])).collect::<Vec<_>>().join(","))
        .collect();
    assert_eq!(csv.lines().skip(1).collect::<Vec<_>>(), expected);
    assert!(csv.ends_with("\r\n") && expected.len() > 50);

    let accepted = service.get_text_with(path, &[("Accept", "text/csv")]).await;
    assert_eq!(accepted, csv);
    let other = service.get_with(&format!("{path}&format=json"), &[("Accept", "text/csv")]).await;
    assert_eq!(other.header("vary"), "Accept, Accept-Encoding");
    assert_eq!(rows(&other).len(), expected.len());
}

/// Adds sums of `channels` channels for each quarter of an hour of March.
async fn fill_quarter_hours(platform: &Platform, channels: u32) {
    let fill = format!(
        "create table if not exists sales_1.march partition of sales_1.sales_channel_quarter_hours
            for values from ('2026-03-01T00:00:00Z') to ('2026-04-01T00:00:00Z');
        delete from sales_1.march;
        insert into sales_1.march
        select starts_at, 'channel-' || channel, 'GBP', 1, 2, 0, 0, 900, 0, 0, 0, 900
        from generate_series('2026-03-01T00:00:00Z'::timestamptz, '2026-03-31T23:45:00Z', interval '15 minutes') as starts_at,
            generate_series(1, {channels}) as channel"
    );
    platform.execute_as_admin(&fill).await;
}

#[tokio::test]
async fn a_large_report_is_sent_as_csv_and_a_larger_one_is_refused() {
    let platform = Platform::new().await;
    let service = Service::start(&platform.bed).await;
    fill_quarter_hours(&platform, 16).await;
    let path = "/v1/reports/sales?from=2026-03-01&to=2026-04-01&timezone=UTC&group_by=15min,channel";
    let (csv, _) = service.text(&format!("{path}&format=csv")).await;
    assert_eq!(csv.lines().count(), 1 + 31 * 96 * 16);
    let mut rows: Vec<&str> = csv.lines().skip(1).collect();
    rows.dedup();
    assert_eq!(rows.len(), 31 * 96 * 16, "every row is different");
    fill_quarter_hours(&platform, 17).await;
    for format in ["csv", "json"] {
        let refused = service.get(&format!("{path}&format={format}")).await;
        assert_eq!((refused.status, refused.problem()), (400, "invalid-query"));
        assert!(refused.detail().contains("50000 rows"), "{refused:?}");
    }
}

#[tokio::test]
async fn a_table_that_an_upgrade_has_not_created_yet_affects_no_other_read() {
    let platform = Platform::new().await;
    platform.create_product("LAMP", 450).await;
    // The probes of the databases do not repair anything during the test.
    let changes = [("FRESHNESS_INTERVAL", "1h".to_owned()), ("PROCESS_CACHE_TTL", "0ms".to_owned())];
    let service = Service::start_with(&platform.bed, &changes).await;
    service.ready().await;
    platform.execute_as_admin("drop view sales_channel_days").await;
    let missing = service.get("/v1/reports/sales?from=2026-03-01&to=2026-04-01").await;
    assert_eq!((missing.status, missing.problem()), (503, "database-down"));
    assert!(missing.detail().contains("being upgraded") && missing.header("retry-after") == "1", "{missing:?}");
    assert_eq!(service.get("/v1/products/LAMP").await.status, 200);
}

#[tokio::test]
async fn requests_that_no_report_can_answer_are_refused() {
    let platform = Platform::new().await;
    let service = Service::start(&platform.bed).await;
    assert_eq!(service.get("/v1/reports/profit?from=2026-03-01&to=2026-04-01").await.status, 404);
    for wrong in [
        "sales?from=2026-03-01",
        "sales?from=2026-04-01&to=2026-03-01",
        "sales?from=2026-03-01&to=2026-04-01&timezone=Mars/Olympus",
        "sales?from=2026-03-01&to=2026-05-01&group_by=15min",
        "sales?from=2026-03-01&to=2026-04-01&group_by=sku",
        "sales?from=2026-03-01&to=2026-04-01&format=xlsx",
        "sales?from=2026-03-01&to=2026-04-01&as_of=yesterday",
        "customers?from=2026-03-01&to=2026-04-01",
        "stock?from=2026-03-01&to=2026-04-01&currency=GBP",
    ] {
        let refused = service.get(&format!("/v1/reports/{wrong}")).await;
        assert_eq!((refused.status, refused.problem()), (400, "invalid-query"), "{wrong}");
        assert!(refused.json["parameter"].is_string() && refused.detail().len() > 20, "{refused:?}");
    }
}

#[tokio::test]
async fn events_after_the_relay_are_not_in_a_report_until_they_are_applied() {
    let platform = Platform::new().await;
    platform.append_sales("2026-03-05T10:00:00Z", INTERVAL, 3).await;
    platform.apply_everything().await;
    let position = platform.head();
    platform.append_sales("2026-03-07T10:00:00Z", INTERVAL, 3).await;
    let service = Service::start(&platform.bed).await;
    let path = "/v1/reports/sales?from=2026-03-01&to=2026-04-01&group_by=month";
    let before = service.get(path).await;
    assert_eq!(before.json["position"], json!(position));
    assert_eq!(rows(&before).iter().map(|row| row["orders"].as_i64().expect("a number")).sum::<i64>(), 3);
    platform.relay().await;
    platform.apply_all(Position(platform.head())).await;
    let after = service.get(path).await;
    assert_eq!(rows(&after).iter().map(|row| row["orders"].as_i64().expect("a number")).sum::<i64>(), 6);
}
