//! The program `importer` from a user's point of view: an invalid file is a one-line error, an invalid line is in the report, and a
//! file that is imported twice, or while the command service is killed, takes effect once.

#![expect(clippy::unwrap_used, reason = "a test that cannot continue fails")]

use std::path::Path;
use std::process::Output;

use e2e::api::Api;
use e2e::audit::{self, Invariant, Subject};
use e2e::fleet::service::find_binary;
use e2e::fleet::{FleetConfig, Service};
use testbed::Bed;
use tokio::process::Command;

const HEADER: &str = "InvoiceNo,StockCode,Description,Quantity,InvoiceDate,UnitPrice,CustomerID,Country\n";

/// Invoices in the file that is imported while the service is killed.
const INVOICES: usize = 400;

async fn import(file: &Path, url: &str) -> Output {
    let mut command = Command::new(find_binary("importer").unwrap());
    command.arg(file).args(["--url", url]);
    command.output().await.unwrap()
}

fn line(invoice: usize, sku: usize) -> String {
    format!("{},SKU{sku},Lamp {sku},2,12/{}/10 8:26,2.55,17850,United Kingdom\n", 536_000 + invoice, 1 + invoice % 28)
}

#[tokio::test]
async fn an_invalid_file_is_a_one_line_error() {
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str, bytes: &[u8]| {
        let path = folder.path().join(name);
        std::fs::write(&path, bytes).unwrap();
        path
    };
    let files = [
        ("is missing", folder.path().join("no-such-file.csv")),
        ("is empty", file("empty.csv", b"")),
        ("lacks columns", file("columns.csv", b"InvoiceNo,StockCode\n1,A\n")),
        ("has semicolons", file("semicolons.csv", HEADER.replace(',', ";").as_bytes())),
        ("is binary", file("binary.csv", &[0xff, 0xfe, 0x00, 0x41])),
        ("is truncated gzip", file("plain.csv.gz", &[0x1f, 0x8b, 0x08, 0x00, 0x01])),
    ];
    for (fault, path) in files {
        let output = import(&path, "http://127.0.0.1:1").await;
        let error = String::from_utf8_lossy(&output.stderr);
        assert!(!output.status.success(), "a file that {fault} was imported: {error}");
        assert_eq!(error.trim_end().lines().count(), 1, "a file that {fault}: {error}");
        let name = path.file_name().unwrap().to_string_lossy();
        assert!(error.contains(&*name) && !error.contains("panicked"), "a file that {fault}: {error}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn invalid_lines_are_reported_by_number_and_valid_lines_are_imported() {
    let bed = Bed::new().await.unwrap();
    let fleet = FleetConfig::command_service_only(&bed).start().await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("sales.csv");
    let lines: [&[u8]; 7] = [
        b"1,SKU1,Lamp,2,12/1/10 8:26,2.55,17850,United Kingdom\n",
        b"1,SKU1,L\xe4mp,2,12/1/10 8:26,2.55,17850,United Kingdom\n",
        b"1,SKU1,Lamp,2\n",
        b"1,SKU1,Lamp,2,31/12/10 8:26,2.55,17850,United Kingdom\n",
        b"1,SKU1,Lamp,many,12/1/10 8:26,2.55,17850,United Kingdom\n",
        b"1,SKU1,Lamp,2,12/1/10 8:26,free,17850,United Kingdom\n",
        b"2,SKU1,Lamp,-2,12/1/10 8:26,2.55,17850,United Kingdom\n",
    ];
    std::fs::write(&file, [HEADER.as_bytes(), &lines.concat()].concat()).unwrap();
    let output = import(&file, &fleet.url(Service::Command).unwrap()).await;
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let report = std::fs::read_to_string(folder.path().join("sales.rejected.csv")).unwrap();
    let reported: Vec<&str> = report.lines().skip(1).map(|line| line.split(",\"").next().unwrap_or(line)).collect();
    let reasons = ["encoding", "columns", "date", "quantity", "price", "write-off"];
    for (number, reason) in (3..).zip(reasons) {
        let start = format!("{number},rejected,{reason}");
        assert!(reported.iter().any(|line| line.starts_with(&start)), "no `{start}` in {report}");
    }
    assert_eq!(reported.len(), reasons.len(), "{report}");
    assert_eq!(orders_in_log(&bed).await, 1);
    fleet.finish();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_import_while_the_service_is_killed_takes_effect_once() {
    let bed = Bed::new().await.unwrap();
    let mut fleet = FleetConfig::all_services(&bed).start().await.unwrap();
    let url = fleet.url(Service::Command).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("sales.csv");
    let lines = (0..INVOICES).flat_map(|invoice| [line(invoice, invoice % 50), line(invoice, (invoice + 1) % 50)]);
    std::fs::write(&file, HEADER.to_owned() + &lines.collect::<String>()).unwrap();

    let (first_file, first_url) = (file.clone(), url.clone());
    let first = tokio::spawn(async move { import(&first_file, &first_url).await });
    while orders_in_log(&bed).await == 0 {
        tokio::task::yield_now().await;
    }
    fleet.kill_9(Service::Command).unwrap();
    fleet.restart(Service::Command).await.unwrap();
    // The first import may have succeeded or failed, but no order may be lost or duplicated.
    let first = first.await.unwrap();
    assert!(!String::from_utf8_lossy(&first.stderr).contains("panicked"));
    for _ in 0..2 {
        let again = import(&file, &url).await;
        assert!(again.status.success(), "{}", String::from_utf8_lossy(&again.stderr));
    }
    assert_eq!(orders_in_log(&bed).await, INVOICES);
    let lines = audit::run(&Subject::of(&bed, Vec::new()).unwrap(), &Invariant::ALL).await;
    let report: Vec<String> = lines.iter().map(ToString::to_string).collect();
    assert!(lines.iter().all(audit::Line::has_passed), "{}", report.join("\n"));
    let december = "/v1/orders?placed_at[gte]=2010-12-01T00:00:00Z&placed_at[lt]=2011-01-01T00:00:00Z&limit=200";
    let page = Api::of(&fleet).unwrap().query(december).await.unwrap().success().unwrap();
    assert_eq!(page.body["items"].as_array().unwrap().len(), 200);
    fleet.finish();
}

async fn orders_in_log(bed: &Bed) -> usize {
    let pool = e2e::log::connect(&bed.reader_url().unwrap()).await.unwrap();
    e2e::log::count_orders(&pool).await.unwrap() as usize
}
