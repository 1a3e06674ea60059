//! The effect of the rows of each kind, in both formats.

use serde_json::json;

use super::site::{CSV, NDJSON, Site};

#[tokio::test]
async fn products_are_created_or_get_their_prices() {
    let site = Site::open().await;
    let rows = [
        json!({"sku": "MUG", "name": "Mug", "prices": {"GBP": 450}}),
        json!({"sku": "CUP", "name": "", "prices": {"GBP": 300}}),
        json!({"sku": "JUG", "name": "Jug", "prices": {}}),
    ];
    let rows = rows.map(|row| row.to_string());
    let body = rows.join("\n");
    let job = site.import("products", NDJSON, body).await;
    assert_eq!((&job["state"], &job["progress"]["applied"]), (&"succeeded".into(), &2.into()), "{job}");
    let report = site.rejections(&job).await;
    assert_eq!(report.len(), 1);
    assert_eq!(
        (&report[0]["line"], &report[0]["key"], &report[0]["row"]),
        (&2.into(), &"CUP".into(), &rows[1].as_str().into())
    );

    let again =
        site.import("products", CSV, "sku,name,price_GBP,price_EUR\r\nMUG,Big mug,460,500\r\nJUG,Jug,,\r\n").await;
    assert_eq!((&again["progress"]["applied"], &again["progress"]["rejected"]), (&2.into(), &0.into()), "{again}");
    assert_eq!((site.events("ProductCreated").await, site.events("ProductPriceChanged").await), (2, 2));
    assert_eq!(site.events("ProductUpdated").await, 1, "and their names");
}

#[tokio::test]
async fn stock_is_received_or_counted() {
    let site = Site::open().await;
    site.stocked().await;
    let csv = "sku,location,quantity,count,reason\nMUG,,5,,delivery 7\nCUP,shop,,12,stocktaking\nJUG,,,,\nNONE,,1,,\n";
    let job = site.import("stock", CSV, csv).await;
    assert_eq!((&job["progress"]["applied"], &job["progress"]["rejected"]), (&2.into(), &2.into()), "{job}");
    let report = site.rejections(&job).await;
    let rejected: Vec<_> =
        report.iter().map(|row| (row["line"].as_i64().unwrap(), row["problem"].as_str().unwrap())).collect();
    assert_eq!(rejected, [(4, "invalid-body"), (5, "unknown-product")]);
    assert_eq!((site.events("StockReceived").await, site.events("StockAdjusted").await), (4, 1));
    let of_job = "select count(*) from events where metadata->>'correlation_id' = $1";
    let id = job["id"].as_str().unwrap();
    let found: i64 = sqlx::query_scalar(of_job).bind(id).fetch_one(&mut site.owner().await).await.unwrap();
    assert_eq!(found, 2, "the events of a job have its id as correlation id");
}

#[tokio::test]
async fn customers_are_registered_once() {
    let site = Site::open().await;
    let csv = "email,name,registered_at,address_line1,address_city,address_country\n\
        ada@example.com,Ada Lovelace,2024-06-01T12:00:00Z,12 St James's Square,London,GB\n\
        ADA@example.com,Ada,,,,\n\
        nobody,Nobody,,,,\n";
    let job = site.import("customers", CSV, csv).await;
    assert_eq!((&job["progress"]["applied"], &job["progress"]["rejected"]), (&1.into(), &2.into()), "{job}");
    let report = site.rejections(&job).await;
    let rejected: Vec<_> = report.iter().map(|row| (row["problem"].as_str().unwrap(), row["key"].is_null())).collect();
    assert_eq!(rejected, [("duplicate-email", true), ("invalid-body", true)], "a customer's key is personal");
    assert!(report.iter().all(|row| row["row"] == ""), "and so is the rest of the row: {report:?}");
    let body = json!({"email": "eve@example.com", "tags": ["vip"]}).to_string();
    assert_eq!(site.import("customers", NDJSON, body).await["progress"]["applied"], 1);
    assert_eq!(site.events("CustomerRegistered").await, 2);
}

#[tokio::test]
async fn orders_of_several_lines_get_the_instant_of_their_placement() {
    let site = Site::open().await;
    site.stocked().await;
    let csv = "external_ref,currency,placed_at,sku,quantity,unit_price,note\n\
        A-1,GBP,2024-06-01T12:00:00Z,MUG,2,400,\"two\nlines\"\n\
        A-1,,,CUP,1,,\n\
        A-2,GBP,2024-06-02T12:00:00Z,NONE,1,,\n\
        A-2,GBP,,MUG,1,,\n\
        A-3,GBP,,JUG,1,,\n";
    let job = site.import("orders", CSV, csv).await;
    assert_eq!(
        (&job["progress"]["total"], &job["progress"]["applied"], &job["progress"]["rejected"]),
        (&5.into(), &3.into(), &2.into()),
        "{job}"
    );
    let report = site.rejections(&job).await;
    let rejected: Vec<_> =
        report.iter().map(|row| (row["line"].as_i64().unwrap(), row["key"].as_str().unwrap())).collect();
    assert_eq!(rejected, [(5, "A-2"), (6, "A-2")], "every row of a rejected order");
    let placed: Vec<String> =
        sqlx::query_scalar("select stream_id from events where event_type = 'OrderPlaced' order by position")
            .fetch_all(&mut site.owner().await)
            .await
            .unwrap();
    let id: events::OrderId = placed[0].strip_prefix("order-").unwrap().parse().unwrap();
    assert_eq!(id.instant().to_rfc3339(), "2024-06-01T12:00:00+00:00");

    let body = json!({"currency": "GBP", "external_ref": "A-1", "lines": [{"sku": "MUG", "quantity": 1}]}).to_string();
    let twice = site.import("orders", NDJSON, body).await;
    assert_eq!(site.rejections(&twice).await[0]["problem"], "duplicate-external-ref");
}

#[tokio::test]
async fn past_orders_can_leave_stock_unchanged_or_add_missing_units() {
    let site = Site::open().await;
    site.stocked().await;
    let csv = "external_ref,currency,sku,quantity\nB-1,GBP,MUG,5000\n";
    let enforced = site.import("orders", CSV, csv).await;
    assert_eq!(site.rejections(&enforced).await[0]["problem"], "insufficient-stock");
    let skipped = site.import("orders?stock=skip", CSV, csv).await;
    assert_eq!((&skipped["stock"], &skipped["progress"]["applied"]), (&"skip".into(), &1.into()), "{skipped}");
    assert_eq!((site.events("OrderPlaced").await, site.events("StockReserved").await), (1, 0));
    let forced = site.import("orders?stock=force", CSV, csv.replace("B-1", "B-2")).await;
    assert_eq!(forced["progress"]["applied"], 1, "{forced}");
    assert_eq!((site.events("StockAdjusted").await, site.events("StockReserved").await), (1, 1));
}

#[tokio::test]
async fn a_report_with_many_and_long_rows_is_complete() {
    let site = Site::open().await;
    let long = json!({"sku": "MUG", "name": "x".repeat(900_000)}).to_string();
    let body = format!("{}{long}\n{long}\n{}", "{}\n".repeat(1_500), "{}\n".repeat(1_500));
    let job = site.import("products", NDJSON, body).await;
    let lines: Vec<_> = site.rejections(&job).await.iter().map(|row| row["line"].as_i64().unwrap()).collect();
    assert_eq!(lines, (1..=3_002).collect::<Vec<_>>());
}

#[tokio::test]
async fn the_report_is_a_file_with_the_original_rows() {
    let site = Site::open().await;
    let job = site.import("products", CSV, "name,sku\n\"Mug, \"\"red\"\"\",M G\nCup,CUP,3\n").await;
    let path = job["links"]["rejections"].as_str().unwrap();
    let csv = site.get(path).await;
    assert_eq!(csv.headers["content-type"], "text/csv; charset=utf-8");
    let name = csv.headers["content-disposition"].to_str().unwrap();
    assert!(name.starts_with("attachment; filename=\"products-") && name.ends_with("-rejections.csv\""), "{name}");
    let mut reader = csv::Reader::from_reader(csv.bytes.as_slice());
    assert_eq!(reader.headers().unwrap(), ["line", "key", "problem", "detail", "row"].as_slice());
    let rows: Vec<_> = reader.records().map(Result::unwrap).collect();
    assert_eq!((&rows[0][0], &rows[0][2], &rows[0][4]), ("2", "invalid-body", "\"Mug, \"\"red\"\"\",M G"));
    assert_eq!((&rows[1][0], &rows[1][2], &rows[1][4]), ("3", "malformed-csv", "Cup,CUP,3"));
    let json = site.get(&format!("{path}?format=ndjson")).await;
    assert_eq!((json.headers["content-type"].to_str().unwrap(), json.text().lines().count()), (NDJSON, 2));
}
