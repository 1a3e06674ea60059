//! The definition of a row, in both formats and for every kind: no row is lost, whatever the row or the space between rows contains.

use serde_json::{Value, json};

use super::site::{CSV, NDJSON, Site};

fn counts(job: &Value) -> [i64; 4] {
    ["total", "read", "applied", "rejected"].map(|name| job["progress"][name].as_i64().unwrap())
}

/// Line, key and problem of each rejection; a missing key is empty.
fn rejected(report: &[Value]) -> Vec<(i64, &str, &str)> {
    fn text<'a>(row: &'a Value, name: &str) -> &'a str {
        row[name].as_str().unwrap_or_default()
    }
    report.iter().map(|row| (row["line"].as_i64().unwrap(), text(row, "key"), text(row, "problem"))).collect()
}

#[tokio::test]
async fn a_carriage_return_ends_a_row_of_every_kind() {
    let site = Site::open().await;
    site.stocked().await;
    let orders = "external_ref,currency,sku,quantity\nr1,GBP,MUG,1\rr1,GBP,MUG,2\nr2,GBP,MUG,5\n";
    let customers = "email,name\ra@example.com,\"A\nA\"\r\nb@example.com,B\r\rc@example.com,C\r";
    for (kind, file, (rows, rejected), (event_type, events)) in [
        ("stock", "sku,quantity\nMUG,5\rMUG,7\n", (2, 0), ("StockReceived", 2)),
        ("products", "sku,name,price_GBP\nB,B,450\rC,C,300\rD,D,200\n", (3, 0), ("ProductCreated", 3)),
        ("orders", orders, (3, 0), ("OrderPlaced", 2)),
        ("customers", customers, (3, 1), ("CustomerRegistered", 2)),
    ] {
        let dry = site.import(&format!("{kind}?dry_run=true"), CSV, file).await;
        assert_eq!(counts(&dry), [rows, rows, 0, rejected], "{dry}");
        let job = site.import(kind, CSV, file).await;
        assert_eq!(counts(&job), [rows, rows, rows - rejected, rejected], "{job}");
        assert_eq!(site.events_of(&job, event_type).await, events, "{kind}");
    }
    let units = "select sum((payload->>'quantity')::int) from events where event_type = 'StockReceived'";
    let received: i64 = sqlx::query_scalar(units).fetch_one(&mut site.owner().await).await.unwrap();
    assert_eq!(received, 3_000 + 12, "every unit of the file");
}

#[tokio::test]
async fn a_carriage_return_ends_a_row_of_ndjson_too() {
    let site = Site::open().await;
    site.stocked().await;
    let row = json!({"sku": "MUG", "quantity": 5}).to_string();
    let job = site
        .import("stock", NDJSON, format!("\u{feff}{row}\r{row}\r\r\n \t\n{row}\r\n\u{feff}{row}{row}\r{row}"))
        .await;
    assert_eq!(counts(&job), [5, 5, 4, 1], "{job}");
    let report = site.rejections(&job).await;
    assert_eq!(rejected(&report), [(6, "", "malformed-json")], "two documents are not a row");
    assert_eq!(site.events_of(&job, "StockReceived").await, 4);
}

#[tokio::test]
async fn an_unclosed_quote_swallows_no_rows() {
    let site = Site::open().await;
    site.stocked().await;
    let header = "external_ref,currency,sku,quantity,note\n";
    for (name, broken) in [
        ("open", "A1,GBP,MUG,1,\"ring\nA2,GBP,MUG,2,"),
        ("closed-by-another", "A1,GBP,MUG,1,\"ring\nA2,GBP,MUG,2,\"twice\""),
    ] {
        let file = format!("{header}A0,GBP,MUG,1,\n{broken}\n").replace('A', &format!("{name}-"));
        let job = site.import("orders", CSV, file).await;
        assert_eq!(counts(&job), [2, 2, 1, 1], "{job}");
        let report = site.rejections(&job).await;
        assert_eq!(rejected(&report), [(3, format!("{name}-1").as_str(), "malformed-csv")]);
        let row = report[0]["row"].as_str().unwrap();
        assert_eq!(row, broken.replace('A', &format!("{name}-")), "with all that the quote may have swallowed");
    }
    let header = site.upload("orders", CSV, "external_ref,currency,sku,\"quantity\nr1,GBP,MUG,1\n").await;
    assert_eq!(header.problem(), (422, "invalid-header".into()));
}

#[tokio::test]
async fn concatenated_files_have_byte_order_marks_and_headers_in_the_middle() {
    let site = Site::open().await;
    let file = "\u{feff}\"sku\",name\nMUG,Mug\n";
    let job = site.import("products", CSV, [file, &file.replace("MUG", "CUP")].concat()).await;
    assert_eq!(counts(&job), [3, 3, 2, 1], "{job}");
    assert_eq!(rejected(&site.rejections(&job).await), [(3, "", "malformed-csv")]);
    assert_eq!(site.events("ProductCreated").await, 2);
}

#[tokio::test]
async fn a_nul_in_any_place_of_a_row_is_in_the_report() {
    let site = Site::open().await;
    site.stocked().await;
    let products = "sku,name,price_GBP\nBUG-A,Good,1\nBUG-B\0,Bad,2\nBUG-C,Good,3\n";
    let orders = "external_ref,id,currency,sku,quantity\n\
        r1,,GBP,MUG,1\nr\0,,GBP,MUG,1\nr2,,GBP,MUG,1\nr3,\0,GBP,MUG,1\nr3,,GBP\0,MUG,1\n";
    for (kind, file, expected) in [
        ("products", products, vec![(3, "BUG-B\u{fffd}", "invalid-body")]),
        ("stock", "sku,quantity\nMUG,1\nMUG\0,1\nCUP,1\n", vec![(3, "MUG\u{fffd}", "invalid-body")]),
        (
            "orders",
            orders,
            vec![(3, "r\u{fffd}", "invalid-body"), (5, "r3", "rows-disagree"), (6, "r3", "rows-disagree")],
        ),
        (
            "customers",
            "email,id\na@example.com,\n\0@example.com,\nb@example.com,\0\nc@example.com,\n",
            vec![(3, "", "invalid-body"), (4, "\u{fffd}", "invalid-body")],
        ),
    ] {
        let job = site.import(kind, CSV, file).await;
        assert_eq!(job["state"], "succeeded", "{job}");
        let report = site.rejections(&job).await;
        assert_eq!(rejected(&report), expected, "{kind}");
        let [total, read, applied, rejected] = counts(&job);
        assert_eq!((total, applied, rejected), (read, 2, expected.len() as i64), "{job}");
    }
}

#[tokio::test]
async fn json_strings_that_postgresql_cannot_store_are_in_the_report() {
    let site = Site::open().await;
    site.stocked().await;
    let bad = [
        r#"{"sku":"MUG\u0000","quantity":1}"#,
        r#"{"sku":"\ud800","quantity":1}"#,
        r#"{"sku":"MUG","quantity":1,"\u0000":1}"#,
        r#"{"sku":"MUG","quantity":"\u0000"}"#,
        r#"{"\u0000":"MUG"}"#,
        "\0",
    ];
    let long = format!(r#"{{"sku":"{}","quantity":1}}"#, "\u{fffd}\\u0000".repeat(90_000));
    let deep = "[".repeat(100_000);
    let good = r#"{"sku":"MUG","quantity":1}"#;
    let mut rows = vec![good, &long, &deep, good];
    rows.splice(1..1, bad);
    let mut file = rows.join("\n").into_bytes();
    file.extend(b"\n{\"sku\":\"\xff\"}");
    let job = site.import("stock", NDJSON, file).await;
    assert_eq!((&job["state"], counts(&job)), (&"succeeded".into(), [11, 11, 2, 9]), "{job}");
    let report = site.rejections(&job).await;
    assert_eq!((&report[0]["key"], &report[0]["row"]), (&"MUG\u{fffd}".into(), &bad[0].into()));
    let key = report[6]["key"].as_str().unwrap();
    assert!(key.len() < 100_000 && key.ends_with('…'), "{} bytes", key.len());

    let orders =
        [r#"{"external_ref":"r\u0000","currency":"GBP","lines":[]}"#, r#"{"id":"\u0000","currency":"GBP","lines":[]}"#];
    let job = site.import("orders", NDJSON, orders.join("\n")).await;
    let report = site.rejections(&job).await;
    assert_eq!(rejected(&report), [(1, "r\u{fffd}", "invalid-body"), (2, "\u{fffd}", "invalid-body")]);
}

#[tokio::test]
async fn an_order_whose_rows_are_not_adjacent_is_rejected_as_a_whole() {
    let site = Site::open().await;
    site.stocked().await;
    let file =
        "external_ref,currency,sku,quantity\nr1,GBP,CUP,1\nr2,GBP,CUP,1\nr2,GBP,MUG,1\nr1,GBP,MUG,2\nr3,GBP,MUG,1\n";
    for (path, applied) in [("orders?dry_run=true", 0), ("orders?on_error=reject_all", 0), ("orders", 3)] {
        let job = site.import(path, CSV, file).await;
        assert_eq!(counts(&job), [5, 5, applied, 2], "{job}");
        let report = site.rejections(&job).await;
        assert_eq!(rejected(&report), [(2, "r1", "rows-not-adjacent"), (5, "r1", "rows-not-adjacent")]);
        let detail = |row: usize| report[row]["detail"].as_str().unwrap();
        assert!(detail(0).contains("start on line 5") && detail(1).contains("start on line 2"), "{report:?}");
    }
    assert_eq!(site.events("OrderPlaced").await, 2);

    let sorted = "external_ref,currency,sku,quantity\nr1,GBP,CUP,1\nr1,GBP,MUG,2\n";
    assert_eq!(counts(&site.import("orders", CSV, sorted).await), [2, 2, 2, 0]);
    assert_eq!(site.events("OrderPlaced").await, 3);
}

#[tokio::test]
async fn an_order_of_too_many_rows_is_rejected_and_not_kept_in_memory() {
    let site = Site::open().await;
    site.stocked().await;
    let row = "r1,GBP,MUG,1\n";
    let file = format!("external_ref,currency,sku,quantity\n{}r2,GBP,MUG,1\n", row.repeat(1_100));
    let job = site.import("orders", CSV, file).await;
    assert_eq!(counts(&job), [1_101, 1_101, 1, 1_100], "{job}");
    assert_eq!(site.events("OrderPlaced").await, 1);
}

#[tokio::test]
async fn the_rejection_of_a_repeated_reference_contains_the_line_of_the_first() {
    let site = Site::open().await;
    site.stocked().await;
    let order =
        |sku| json!({"external_ref": "r1", "currency": "GBP", "lines": [{"sku": sku, "quantity": 1}]}).to_string();
    let job = site.import("orders", NDJSON, [order("MUG"), order("CUP")].join("\n")).await;
    let report = site.rejections(&job).await;
    assert_eq!(rejected(&report), [(2, "r1", "duplicate-external-ref")]);
    assert!(report[0]["detail"].as_str().unwrap().contains("Line 1 of this file"), "{report:?}");
}

#[tokio::test]
async fn rows_of_other_kinds_can_repeat() {
    let site = Site::open().await;
    let products = "sku,name,price_GBP,price_EUR\nMUG,Mug,450,\nMUG,Big mug,460,\nMUG,Big mug,,500\n";
    assert_eq!(counts(&site.import("products", CSV, products).await), [3, 3, 3, 0]);
    assert_eq!((site.events("ProductCreated").await, site.events("ProductPriceChanged").await), (1, 2));
    let together = site.import("products?on_error=reject_all", CSV, products.replace("MUG", "CUP")).await;
    assert_eq!(counts(&together), [3, 3, 3, 0], "{together}");
    assert_eq!((site.events("ProductCreated").await, site.events("ProductPriceChanged").await), (2, 4));
    let stock = "sku,quantity,count,reason\nMUG,5,,\nMUG,5,,\nMUG,,7,stocktaking\n";
    assert_eq!(counts(&site.import("stock", CSV, stock).await), [3, 3, 3, 0]);
    assert_eq!((site.events("StockReceived").await, site.events("StockAdjusted").await), (2, 1));
    let customers = "email\na@example.com\nA@example.com\n";
    let job = site.import("customers", CSV, customers).await;
    assert_eq!(counts(&job), [2, 2, 1, 1]);
    assert_eq!(site.rejections(&job).await[0]["problem"], "duplicate-email");
}

#[tokio::test]
async fn a_spreadsheet_executes_nothing_of_the_report() {
    let site = Site::open().await;
    let job = site.import("products", CSV, "name,sku\n\"=1+1\",=1+1\n@SUM(1),\"@SUM(1)\"\n-2+3,+1\n\t=1,\t=1\n").await;
    let path = job["links"]["rejections"].as_str().unwrap();
    let csv = site.get(path).await;
    let mut reader = csv::Reader::from_reader(csv.bytes.as_slice());
    let cells: Vec<_> = reader.records().map(|record| record.unwrap()).collect();
    let of_sender: Vec<_> = cells.iter().map(|record| (&record[1], &record[4])).collect();
    assert_eq!(
        of_sender,
        [
            ("'=1+1", "\"'=1+1\",=1+1"),
            ("'@SUM(1)", "'@SUM(1),\"@SUM(1)\""),
            ("+1", "'-2+3,+1"),
            ("'\t'=1", "'\t'=1,\t'=1"),
        ]
    );
    assert_eq!(site.rejections(&job).await[0]["key"], "=1+1", "as it came");
}
