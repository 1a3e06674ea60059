//! Dry runs of the importer on whole files: the sample in this repository, and the real data set where it is available.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use importer::summary::{Month, Summary};
use importer::{Options, import_file};

const SAMPLE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/samples/online-retail-sample.csv");
const REAL: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/data/online-retail-2010-12_2011-03.csv.gz");

async fn dry_run(file: &str, report: &str) -> (Summary, PathBuf) {
    let rejections = Path::new(env!("CARGO_TARGET_TMPDIR")).join(report);
    let args = Options {
        file: file.into(),
        url: "http://127.0.0.1:1".to_owned(),
        dry_run: true,
        connections: 1,
        rejections: Some(rejections.clone()),
    };
    (import_file(args).await.expect("the file can be read"), rejections)
}

fn counts(summary: &Summary) -> BTreeMap<&str, usize> {
    summary.rejected.iter().map(|(reason, count)| (reason.as_str(), *count)).collect()
}

#[tokio::test]
async fn the_sample_contains_every_kind_of_invalid_line() {
    let (summary, report) = dry_run(SAMPLE, "sample.rejected.csv").await;
    assert_eq!((summary.read, summary.accepted), (60, 35));
    let expected = [
        ("adjustment", 2),
        ("amount-too-large", 1),
        ("columns", 2),
        ("date", 2),
        ("invoice-number", 1),
        ("negative-price", 1),
        ("no-customer", 1),
        ("no-matching-order", 3),
        ("no-price", 2),
        ("open-quote", 1),
        ("other-customer", 1),
        ("price", 1),
        ("price-rounds-to-zero", 1),
        ("quantity", 2),
        ("return-quantity", 1),
        ("stock-code", 2),
        ("write-off", 1),
    ];
    assert_eq!(counts(&summary), BTreeMap::from(expected));
    assert_eq!((summary.orders.0, summary.returns, summary.uncovered, summary.rounded), (13, (4, 5), 1, 2));
    assert_eq!(summary.merged.0, 1, "K1001A is written both in capitals and not");
    let report = std::fs::read_to_string(report).unwrap();
    // The header, every rejected line, two rounded prices and one refund that the payment does not cover.
    assert_eq!(report.lines().count(), 1 + 25 + 3);
}

#[tokio::test]
async fn every_line_of_the_real_file_is_accounted_for() {
    if !Path::new(REAL).exists() {
        eprintln!("the real data set is not available here; only the sample is tested");
        return;
    }
    let (summary, report) = dry_run(REAL, "real.rejected.csv").await;
    let expected =
        [("no-customer", 144), ("no-matching-order", 801), ("no-price", 438), ("stock-code", 11), ("write-off", 348)];
    assert_eq!(counts(&summary), BTreeMap::from(expected));
    assert_eq!((summary.read, summary.accepted), (142_083, 140_341));
    assert_eq!((summary.invoices, summary.orders), ((5_197, 15), (5_212, 138_692)));
    assert_eq!((summary.returns, summary.uncovered, summary.rounded), ((852, 1_649), 2, 0));
    assert_eq!(summary.products.0, 3_104);
    let months: Vec<&Month> = summary.months.values().collect();
    assert_eq!(months.iter().map(|month| month.orders).collect::<Vec<_>>(), [1_572, 1_086, 1_100, 1_454]);
    assert_eq!(
        months.iter().map(|month| month.sold).collect::<Vec<_>>(),
        [82_373_114, 69_134_956, 52_363_189, 71_763_936]
    );
    let report = csv::Reader::from_path(report).unwrap().into_records().count();
    assert_eq!(report, 142_083 - 140_341 + 2);
}
