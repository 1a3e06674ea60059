//! Products, prices, stock, ledger.

use events::stock::{StockEvent, StockPolicy, StockPolicyChanged, StockTransferredOut};
use serde_json::json;

use crate::house::House;
use crate::service::Service;

#[tokio::test]
async fn products_are_listed_by_sku_and_found() {
    let house = House::new().await;
    let product = house.product_created("B-2", 450).await;
    house.product_created("A-1", 100).await;
    house.product_created("C-3", 7).await;
    let service = Service::start(&house.bed).await;

    let found = service.get("/v1/products/B-2").await;
    assert_eq!(found.json, serde_json::to_value(&product).expect("a document"));
    assert_eq!((found.tagged_version(), found.header("projection-position")), (1, "1"));

    let page = service.get("/v1/products?limit=2").await;
    assert_eq!(page.items("sku"), ["A-1", "B-2"]);
    let next = service.get(page.json["next"].as_str().expect("a next page")).await;
    assert_eq!(next.items("sku"), ["C-3"]);
    assert!(next.json.get("next").is_none());
}

#[tokio::test]
async fn prices_are_told_newest_first_page_by_page() {
    let house = House::new().await;
    let mut product = house.product_created("A-1", 100).await;
    for price in [120, 90, 95] {
        product = house.price_changed(product, price).await;
    }
    let service = Service::start(&house.bed).await;

    assert_eq!(service.get("/v1/products/A-1").await.json["prices"]["GBP"], 95);
    let page = service.get("/v1/products/A-1/prices?limit=3").await;
    assert_eq!(page.items("price"), ["95", "90", "120"]);
    let next = service.get(page.json["next"].as_str().expect("a next page")).await;
    assert_eq!(next.items("price"), ["100"]);
}

#[tokio::test]
async fn stock_of_a_sku_is_told_for_all_its_locations() {
    let house = House::new().await;
    house.stock_received("A-1", "north", 5).await;
    house.stock_received("A-1", "main", 7).await;
    house.stock_received("A-10", "main", 9).await;
    let service = Service::start(&house.bed).await;

    let stock = service.get("/v1/stock/A-1").await;
    assert_eq!(stock.json["sku"], "A-1");
    let locations = stock.json["locations"].as_array().expect("locations");
    let told: Vec<_> = locations
        .iter()
        .map(|it| (it["location"].as_str(), it["on_hand"].as_i64(), it["reserved"].as_i64(), it["available"].as_i64()))
        .collect();
    assert_eq!(told, [(Some("main"), Some(7), Some(0), Some(7)), (Some("north"), Some(5), Some(0), Some(5))]);
    assert_eq!(stock.header("projection-position"), "3", "all that is applied, of whatever SKU");
    let held = service.get_with("/v1/stock/A-1", &[("If-None-Match", stock.header("etag"))]).await;
    assert_eq!(held.status, 304);
}

#[tokio::test]
async fn stock_says_how_it_is_promised_and_the_ledger_how_it_moved() {
    let house = House::new().await;
    let mut item = house.stock_received("A-1", "main", 9).await;
    let out = StockTransferredOut { to: "shop".parse().expect("a location"), quantity: 4, reference: None };
    let policy = StockPolicyChanged { policy: StockPolicy::Backorder { limit: 5 }, safety: 2 };
    for event in [StockEvent::TransferredOut(out), StockEvent::PolicyChanged(policy)] {
        item = house.stock_moved(Some(item), "A-1", "main", event).await;
    }
    let service = Service::start(&house.bed).await;

    let stock = service.get("/v1/stock/A-1").await;
    let told = &stock.json["locations"][0];
    assert_eq!(*told, serde_json::to_value(&item).expect("a document"));
    assert_eq!((&told["transferred"], &told["safety"], &told["available"]), (&json!(-4), &json!(2), &json!(3)));
    assert_eq!(told["policy"], json!({ "kind": "backorder", "limit": 5 }));
    let ledger = service.get("/v1/stock/A-1/main/ledger").await;
    assert_eq!(ledger.items("kind"), ["policy_changed", "transferred_out", "received"]);
    assert_eq!(ledger.items("quantity"), ["2", "4", "9"]);
}

#[tokio::test]
async fn the_ledger_is_told_newest_first_page_by_page() {
    let house = House::new().await;
    let mut item = None;
    for quantity in [5, 3, 8] {
        item = Some(house.stock_received_more(item, "A-1", "main", quantity).await);
    }
    house.stock_received("A-1", "north", 4).await;
    let service = Service::start(&house.bed).await;

    let page = service.get("/v1/stock/A-1/main/ledger?limit=2").await;
    assert_eq!(page.items("quantity"), ["8", "3"]);
    assert_eq!(page.items("kind"), ["received", "received"]);
    let next = service.get(page.json["next"].as_str().expect("a next page")).await;
    assert_eq!(next.items("quantity"), ["5"]);
}
