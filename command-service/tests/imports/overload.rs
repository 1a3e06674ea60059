//! Imports that are larger, wider or more than the service takes are refused at once, with the limit, and delay nobody.

use serde_json::Value;

use super::site::{CSV, Site};

fn problems(report: &[Value]) -> Vec<&str> {
    report.iter().map(|row| row["problem"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn a_header_of_too_many_columns_is_refused_before_its_columns_are_compared() {
    let site = Site::open().await;
    let columns = |count: usize| (0..count).map(|n| format!(",price_{n}")).collect::<String>();
    for count in [255, 60_000] {
        let wide = site.upload("products", CSV, format!("sku,name{}\nMUG,Mug\n", columns(count))).await;
        assert_eq!(wide.problem(), (422, "invalid-header".into()), "{count}");
        let detail = wide.json()["detail"].as_str().unwrap().to_owned();
        assert!(detail.contains("at most 256 columns"), "{detail}");
    }
    let fits = site.upload("products", CSV, format!("sku,name{}\nMUG,Mug\n", columns(254))).await;
    assert_eq!(fits.status, 202);
}

#[tokio::test]
async fn an_order_of_too_many_bytes_is_refused_and_not_kept_in_memory() {
    let site = Site::open().await;
    site.stocked().await;
    let row = format!("r1,GBP,MUG,1,{}\n", "n".repeat(900_000));
    let file = format!("external_ref,currency,sku,quantity,note\n{}r2,GBP,MUG,1,\n", row.repeat(6));
    let job = site.import("orders", CSV, file).await;
    assert_eq!((&job["progress"]["applied"], &job["progress"]["rejected"]), (&1.into(), &6.into()), "{job}");
    let report = site.rejections(&job).await;
    let detail = report[0]["detail"].as_str().unwrap();
    assert!(problems(&report).iter().all(|problem| *problem == "rows-not-adjacent"), "{report:?}");
    assert!(detail.contains("4194304 bytes"), "{detail}");
}

#[tokio::test]
async fn more_changes_than_one_group_takes_are_applied_one_by_one() {
    let site = Site::open().await;
    let header = "sku,name,price_GBP,price_EUR,price_USD,price_CHF,price_SEK,price_NOK,price_DKK,price_PLN\n";
    let products = |price: u32| -> String {
        let row = |n| format!("P-{n},Product {n},{price},{price},{price},{price},{price},{price},{price},{price}\n");
        std::iter::once(header.to_owned()).chain((0..500).map(row)).collect()
    };
    let made = site.import("products?on_error=reject_all", CSV, products(450)).await;
    assert_eq!((&made["state"], &made["progress"]["applied"]), (&"succeeded".into(), &500.into()), "{made}");
    let changed = site.import("products?on_error=reject_all", CSV, products(500)).await;
    assert_eq!((&changed["state"], &changed["progress"]["applied"]), (&"succeeded".into(), &500.into()), "{changed}");
    assert_eq!(site.events("ProductPriceChanged").await, 4_000);
}
