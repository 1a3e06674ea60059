//! Files of exports: every list and report in every format, compared with its pages.

use std::collections::BTreeMap;

use bytes::Bytes;
use chrono::{DateTime, TimeDelta, Utc};
use parquet::file::reader::{FileReader, SerializedFileReader};
use parquet::record::Field;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use tempfile::TempDir;

use crate::fixture::Platform;
use crate::service::{Answer, Service};

const LISTS: [&str; 6] = [
    "/v1/orders",
    "/v1/orders?channel=web&sort=-total",
    "/v1/orders?lifecycle=open,completed&q=son0000",
    "/v1/products?active=true",
    "/v1/customers?tag=vip",
    "/v1/stock",
];

const REPORTS: [&str; 6] = [
    "/v1/reports/sales?from=2026-03-01&to=2026-12-01&group_by=day,channel&timezone=Europe/Berlin",
    "/v1/reports/products?from=2026-01-01&to=2027-01-01",
    "/v1/reports/customers",
    "/v1/reports/returns?from=2026-03-01&to=2026-12-01&group_by=week",
    "/v1/reports/fulfilment?from=2026-03-01&to=2026-12-01&group_by=month,location",
    "/v1/reports/stock?from=2026-01-01&to=2027-01-01",
];

async fn with_data() -> Platform {
    let platform = Platform::new().await;
    platform.append_sales("2026-03-25T10:07:00Z", TimeDelta::minutes(7 * 60 + 13), 30).await;
    platform.apply_everything().await;
    for (number, name) in [(1, "Ann"), (2, "=cmd|x"), (3, "Ben, \"B\"")] {
        platform.register_customer("2026-01-01T00:00:00Z", number, name).await;
    }
    for code in ["LAMP", "MUG-1", "OLD"] {
        platform.create_product(code, 450).await;
        platform.receive_stock(code, "main", 7).await;
    }
    platform
}

pub(crate) async fn service(platform: &Platform, directory: &TempDir) -> Service {
    let directory = directory.path().to_str().expect("a path").to_owned();
    Service::start_with(&platform.bed, &[("EXPORTS_DIR", directory)]).await
}

/// Exports and waits until the file is complete.
pub(crate) async fn export(service: &Service, query: &str, format: &str) -> Answer {
    let created = service.post("/v1/exports", &json!({ "query": query, "format": format }), &[]).await;
    assert_eq!((created.status, created.header("retry-after")), (202, "1"), "{created:?}");
    let is_over = |it: &Answer| it.json["state"] == "complete" || it.json["state"] == "failed";
    let export = service.get_until(created.header("location"), is_over).await;
    assert_eq!(export.json["state"], "complete", "{export:?}");
    export
}

fn href(export: &Answer) -> &str {
    export.json["file"]["href"].as_str().expect("a link")
}

async fn lines(service: &Service, query: &str) -> Vec<Value> {
    let text = service.text(href(&export(service, query, "ndjson").await)).await.0;
    text.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect()
}

/// All items of a list, or all rows of a report.
async fn paged(service: &Service, first: &str, member: &str) -> Vec<Value> {
    let (mut rows, mut path) = (Vec::new(), Some(first.to_owned()));
    while let Some(page) = path {
        let answer = service.get(&page).await;
        rows.extend(answer.json[member].as_array().unwrap_or_else(|| panic!("{answer:?}")).clone());
        path = answer.json["next"].as_str().map(ToOwned::to_owned);
    }
    rows
}

/// The rows of a CSV file, by column.
fn records(text: &str) -> Vec<BTreeMap<String, String>> {
    let mut reader = csv::Reader::from_reader(text.as_bytes());
    let names = reader.headers().expect("a header").clone();
    let record = |record: csv::StringRecord| names.iter().zip(&record).map(|(a, b)| (a.into(), b.into())).collect();
    reader.records().map(|it| record(it.expect("a record"))).collect()
}

/// The rows of a Parquet file as the texts of CSV; instants in microseconds.
fn parquet_rows(file: Vec<u8>) -> Vec<BTreeMap<String, String>> {
    let reader = SerializedFileReader::new(Bytes::from(file)).expect("a Parquet file");
    let text = |field: &Field| match field {
        Field::Str(text) => text.clone(),
        Field::Null => String::new(),
        Field::TimestampMicros(micros) => format!("{micros} us"),
        Field::Long(number) => number.to_string(),
        Field::Bool(is) => is.to_string(),
        other => panic!("{other:?}"),
    };
    let rows = reader.get_row_iter(None).expect("rows").map(|row| row.expect("a row"));
    rows.map(|row| row.get_column_iter().map(|(name, field)| (name.clone(), text(field))).collect()).collect()
}

/// The text of a column of a document.
fn text_of(document: &Value, column: &str) -> String {
    let nested = document.as_object().expect("an object").values().find_map(|it| it.get(column));
    match document.get(column).or(nested) {
        Some(Value::String(text)) => text.clone(),
        Some(Value::Null) | None => String::new(),
        Some(value) => value.to_string(),
    }
}

#[tokio::test]
async fn ndjson_has_the_documents_of_every_page_of_a_list_and_every_row_of_a_report() {
    let (platform, directory) = (with_data().await, TempDir::new().expect("a folder"));
    let service = service(&platform, &directory).await;
    for query in LISTS {
        let expected = paged(&service, &format!("{query}{}limit=7", separator(query)), "items").await;
        assert!(expected.len() >= 3, "{query}: {}", expected.len());
        assert_eq!(lines(&service, query).await, expected, "{query}");
    }
    for query in REPORTS {
        let expected = paged(&service, query, "rows").await;
        assert!(!expected.is_empty(), "{query}");
        assert_eq!(lines(&service, query).await, expected, "{query}");
    }
}

#[tokio::test]
async fn a_report_as_of_a_position_is_exported_as_it_was() {
    let (platform, directory) = (with_data().await, TempDir::new().expect("a folder"));
    let service = service(&platform, &directory).await;
    let position = platform.head();
    let mut earlier = Vec::new();
    for query in REPORTS {
        earlier.push(paged(&service, query, "rows").await);
    }
    platform.append_sales("2026-03-26T10:07:00Z", TimeDelta::minutes(500), 10).await;
    platform.apply_everything().await;
    for (query, expected) in REPORTS.iter().zip(earlier) {
        let export = export(&service, &format!("{query}{}as_of={position}", separator(query)), "ndjson").await;
        assert_eq!(export.json["position"], json!(position), "{query}");
        let text = service.text(href(&export)).await.0;
        let found: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
        assert_eq!(found, expected, "{query}");
    }
}

fn separator(query: &str) -> char {
    if query.contains('?') { '&' } else { '?' }
}

#[tokio::test]
async fn csv_of_a_report_is_the_csv_of_the_report() {
    let (platform, directory) = (with_data().await, TempDir::new().expect("a folder"));
    let service = service(&platform, &directory).await;
    for query in REPORTS {
        let limit = if query.contains("products") || query.contains("customers") { "&limit=1000" } else { "" };
        let (expected, _) = service.text(&format!("{query}{}format=csv{limit}", separator(query))).await;
        let exported = service.text(href(&export(&service, query, "csv").await)).await.0;
        assert_eq!(exported, expected, "{query}");
    }
}

#[tokio::test]
async fn csv_and_parquet_have_the_same_flat_columns_of_the_documents() {
    let (platform, directory) = (with_data().await, TempDir::new().expect("a folder"));
    let service = service(&platform, &directory).await;
    for query in LISTS.into_iter().chain(REPORTS) {
        let documents = lines(&service, query).await;
        let csv = records(&service.text(href(&export(&service, query, "csv").await)).await.0);
        let parquet = parquet_rows(service.bytes(href(&export(&service, query, "parquet").await)).await);
        assert_eq!((csv.len(), parquet.len()), (documents.len(), documents.len()), "{query}");
        for ((document, record), row) in documents.iter().zip(&csv).zip(&parquet) {
            assert_eq!(record.keys().collect::<Vec<_>>(), row.keys().collect::<Vec<_>>());
            for (column, text) in record {
                let instant = DateTime::parse_from_rfc3339(text).map(|it| format!("{} us", it.timestamp_micros()));
                assert_eq!(row[column], instant.unwrap_or_else(|_| text.clone()), "{query} {column}");
                match column.as_str() {
                    "lines" | "units" | "policy" | "erased" | "transferred" | "safety" | "tags" | "attributes" => {}
                    _ => assert_eq!(*text, text_of(document, column), "{query} {column}"),
                }
            }
        }
    }
}

#[tokio::test]
async fn the_lines_and_units_of_an_order_do_not_count_cancelled_units() {
    let (platform, directory) = (with_data().await, TempDir::new().expect("a folder"));
    let service = service(&platform, &directory).await;
    let csv = records(&service.text(href(&export(&service, "/v1/orders", "csv").await)).await.0);
    for record in &csv {
        let order = service.get(&format!("/v1/orders/{}", record["id"])).await.json;
        let number = |line: &Value, member: &str| line[member].as_i64().unwrap_or(0);
        let lines = order["lines"].as_array().expect("lines");
        let units: i64 = lines.iter().map(|line| number(line, "ordered") - number(line, "cancelled")).sum();
        assert_eq!([&record["lines"], &record["units"]], [&lines.len().to_string(), &units.to_string()]);
        assert_eq!(record["tags"], order.get("tags").map_or("[]".to_owned(), Value::to_string));
    }
    assert!(csv.iter().any(|record| record["units"] == "0") && csv.iter().any(|record| record["units"] == "5"));
}

#[tokio::test]
async fn the_document_describes_the_file() {
    let (platform, directory) = (with_data().await, TempDir::new().expect("a folder"));
    let service = service(&platform, &directory).await;
    let export = export(&service, "/v1/orders?channel=web", "csv").await;
    let response = service.response(href(&export), &[]).await;
    assert_eq!(response.status(), 200);
    let header = |name: &str| response.headers()[name].to_str().expect("text").to_owned();
    assert_eq!(header("content-type"), "text/csv; charset=utf-8; header=present");
    assert_eq!(export.json["file"]["media_type"], "text/csv; charset=utf-8; header=present");
    let date = &export.json["created_at"].as_str().expect("an instant")[..10];
    assert_eq!(header("content-disposition"), format!("attachment; filename=\"orders-{date}.csv\""));
    assert_eq!(header("content-length"), export.json["bytes"].to_string());
    let body = response.bytes().await.expect("a body");
    let digest: String = Sha256::digest(&body).iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(export.json["file"]["sha256"], digest);
    let rows = std::str::from_utf8(&body).expect("text").lines().count() - 1;
    assert_eq!((&export.json["rows"], &export.json["attempts"]), (&rows.into(), &1.into()));
    assert_eq!(export.json["position"], platform.head());
    assert!(body.ends_with(b"\r\n"));
}

#[tokio::test]
async fn a_list_without_rows_is_a_file_without_rows() {
    let (platform, directory) = (Platform::new().await, TempDir::new().expect("a folder"));
    let service = service(&platform, &directory).await;
    let csv = export(&service, "/v1/orders", "csv").await;
    assert_eq!(records(&service.text(href(&csv)).await.0).len(), 0);
    assert!(service.text(href(&csv)).await.0.starts_with("id,code,channel,customer_id,"));
    let parquet = export(&service, "/v1/stock", "parquet").await;
    assert!(parquet_rows(service.bytes(href(&parquet)).await).is_empty());
    assert_eq!(export(&service, "/v1/products", "ndjson").await.json["bytes"], 0);
}

#[tokio::test]
async fn an_erased_customer_is_exported_as_the_list_shows_it() {
    let (platform, directory) = (with_data().await, TempDir::new().expect("a folder"));
    let service = service(&platform, &directory).await;
    let before = export(&service, "/v1/customers", "ndjson").await;
    let tagged = export(&service, "/v1/customers?tag=vip", "csv").await;
    let flat = export(&service, "/v1/customers", "csv").await;
    assert!(service.text(href(&before)).await.0.contains("Ann"));

    let erased = platform.register_customer("2026-01-01T00:00:00Z", 9, "Erase Me").await.id;
    let orders = export(&service, "/v1/orders", "ndjson").await;
    platform.append_customer_erasure(erased).await;
    let documents = lines(&service, "/v1/customers").await;
    assert_eq!(documents, paged(&service, "/v1/customers", "items").await);
    let shown = documents.iter().find(|it| it["id"] == erased.to_string()).expect("the customer");
    assert_eq!((&shown["erased"], shown.get("profile"), shown.get("tags")), (&true.into(), None, None));
    assert_eq!(
        lines(&service, "/v1/customers?tag=vip").await.len(),
        3,
        "that the customer had the tag is erased as well"
    );

    // Files with personal data from before the erasure are not sent any more.
    for export in [&before, &tagged] {
        let refused = service.get(href(export)).await;
        assert_eq!((refused.status, refused.problem()), (410, "export-file-deleted"), "{refused:?}");
        assert_eq!(service.get(href(export)).await.status, 404);
    }
    for export in [&flat, &orders] {
        assert_eq!(service.response(href(export), &[]).await.status(), 200, "without personal data");
    }
}

#[tokio::test]
async fn tens_of_thousands_of_orders_are_exported_in_groups() {
    let (platform, directory) = (Platform::new().await, TempDir::new().expect("a folder"));
    platform.place_order("2026-03-05T10:00:00Z").await;
    let last: DateTime<Utc> = "2026-03-06T10:00:00Z".parse().expect("RFC 3339");
    platform.copy_orders(last, 50_000).await;
    let service = service(&platform, &directory).await;
    let export = export(&service, "/v1/orders", "parquet").await;
    assert_eq!(export.json["rows"], 50_001);
    let reader = SerializedFileReader::new(Bytes::from(service.bytes(href(&export)).await)).expect("a file");
    assert_eq!((reader.num_row_groups(), reader.metadata().file_metadata().num_rows()), (3, 50_001));
}
