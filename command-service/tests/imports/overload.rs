//! Imports that are larger, wider or more than the service takes are refused at once, with the limit, and delay nobody.

use super::site::{CSV, Site};

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
