//! Products, prices, stock and the stock ledger.

use events::stock::{StockEvent, StockPolicy, StockPolicyChanged, StockTransferredOut};
use serde_json::json;

use crate::fixture::Platform;
use crate::service::Service;

#[tokio::test]
async fn products_are_listed_by_sku_and_found() {
    let platform = Platform::new().await;
    let product = platform.create_product("B-2", 450).await;
    platform.create_product("A-1", 100).await;
    platform.create_product("C-3", 7).await;
    let service = Service::start(&platform.bed).await;

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
async fn products_are_found_by_state_tag_and_parts_of_texts() {
    let platform = Platform::new().await;
    for sku in ["LAMP-1", "LAMP-2", "MUG-3"] {
        platform.create_product(sku, 100).await;
    }
    let old = platform.create_product("MUG-4", 100).await;
    platform.discontinue(old).await;
    let service = Service::start(&platform.bed).await;
    for (query, expected) in [
        ("active=true", vec!["LAMP-1", "LAMP-2", "MUG-3"]),
        ("active=false", vec!["MUG-4"]),
        ("q=lamp", vec!["LAMP-1", "LAMP-2"]),
        ("q=THING%20mug", vec!["MUG-3", "MUG-4"]),
        ("q=red&active=false", vec!["MUG-4"]),
        ("tag=%C3%BC&limit=1", vec!["LAMP-1"]),
        ("tag=u", vec![]),
        ("tag=new&q=mug-3", vec!["MUG-3"]),
    ] {
        let answer = service.get(&format!("/v1/products?{query}")).await;
        assert_eq!(answer.items("sku"), expected, "{query}");
    }
    let first = service.get("/v1/products?q=thing&limit=3").await;
    assert_eq!(first.items("sku"), ["LAMP-1", "LAMP-2", "MUG-3"]);
    assert_eq!(service.get(first.json["next"].as_str().expect("a next page")).await.items("sku"), ["MUG-4"]);
    for wrong in ["active=yes", "q=x", "tag=", "name=lamp"] {
        let answer = service.get(&format!("/v1/products?{wrong}")).await;
        assert_eq!((answer.status, answer.problem()), (400, "invalid-query"), "{wrong}");
    }
}

#[tokio::test]
async fn prices_are_listed_newest_first_page_by_page() {
    let platform = Platform::new().await;
    let mut product = platform.create_product("A-1", 100).await;
    for price in [120, 90, 95] {
        product = platform.change_price(product, price).await;
    }
    let service = Service::start(&platform.bed).await;

    assert_eq!(service.get("/v1/products/A-1").await.json["prices"]["GBP"], 95);
    let page = service.get("/v1/products/A-1/prices?limit=3").await;
    assert_eq!(page.items("price"), ["95", "90", "120"]);
    let next = service.get(page.json["next"].as_str().expect("a next page")).await;
    assert_eq!(next.items("price"), ["100"]);
}

#[tokio::test]
async fn stock_of_a_sku_contains_all_its_locations() {
    let platform = Platform::new().await;
    platform.receive_stock("A-1", "north", 5).await;
    platform.receive_stock("A-1", "main", 7).await;
    platform.receive_stock("A-10", "main", 9).await;
    let service = Service::start(&platform.bed).await;

    let stock = service.get("/v1/stock/A-1").await;
    assert_eq!(stock.json["sku"], "A-1");
    let locations = stock.json["locations"].as_array().expect("locations");
    let levels: Vec<_> = locations
        .iter()
        .map(|it| (it["location"].as_str(), it["on_hand"].as_i64(), it["reserved"].as_i64(), it["available"].as_i64()))
        .collect();
    assert_eq!(levels, [(Some("main"), Some(7), Some(0), Some(7)), (Some("north"), Some(5), Some(0), Some(5))]);
    assert_eq!(stock.header("projection-position"), "3", "the position of the projection, whatever the SKU");
    let unchanged = service.get_with("/v1/stock/A-1", &[("If-None-Match", stock.header("etag"))]).await;
    assert_eq!(unchanged.status, 304);
}

#[tokio::test]
async fn stock_contains_its_policy_and_the_ledger_its_movements() {
    let platform = Platform::new().await;
    let mut item = platform.receive_stock("A-1", "main", 9).await;
    let out = StockTransferredOut { to: "shop".parse().expect("a location"), quantity: 4, reference: None };
    let policy = StockPolicyChanged { policy: StockPolicy::Backorder { limit: 5 }, safety: 2 };
    for event in [StockEvent::TransferredOut(out), StockEvent::PolicyChanged(policy)] {
        item = platform.move_stock(Some(item), "A-1", "main", event).await;
    }
    let service = Service::start(&platform.bed).await;

    let stock = service.get("/v1/stock/A-1").await;
    let level = &stock.json["locations"][0];
    assert_eq!(*level, serde_json::to_value(&item).expect("a document"));
    assert_eq!((&level["transferred"], &level["safety"], &level["available"]), (&json!(-4), &json!(2), &json!(3)));
    assert_eq!(level["policy"], json!({ "kind": "backorder", "limit": 5 }));
    let ledger = service.get("/v1/stock/A-1/main/ledger").await;
    assert_eq!(ledger.items("kind"), ["policy_changed", "transferred_out", "received"]);
    assert_eq!(ledger.items("quantity"), ["2", "4", "9"]);
}

#[tokio::test]
async fn the_ledger_is_listed_newest_first_page_by_page() {
    let platform = Platform::new().await;
    let mut item = None;
    for quantity in [5, 3, 8] {
        item = Some(platform.receive_more_stock(item, "A-1", "main", quantity).await);
    }
    platform.receive_stock("A-1", "north", 4).await;
    let service = Service::start(&platform.bed).await;

    let page = service.get("/v1/stock/A-1/main/ledger?limit=2").await;
    assert_eq!(page.items("quantity"), ["8", "3"]);
    assert_eq!(page.items("kind"), ["received", "received"]);
    let next = service.get(page.json["next"].as_str().expect("a next page")).await;
    assert_eq!(next.items("quantity"), ["5"]);
}

#[tokio::test]
async fn stock_items_are_listed_by_sku_and_location_page_by_page() {
    let platform = Platform::new().await;
    for (code, location) in [("B", "main"), ("A-1", "north"), ("A", "main"), ("A-1", "main")] {
        platform.receive_stock(code, location, 1).await;
    }
    let service = Service::start(&platform.bed).await;
    let page = service.get("/v1/stock?limit=3").await;
    assert_eq!(
        (page.items("sku"), page.items("location")),
        (texts(["A", "A-1", "A-1"]), texts(["main", "main", "north"]))
    );
    let next = service.get(page.json["next"].as_str().expect("a next page")).await;
    assert_eq!((next.items("sku"), next.json.get("next")), (texts(["B"]), None));
}

fn texts<const N: usize>(texts: [&str; N]) -> Vec<String> {
    texts.map(ToOwned::to_owned).into()
}

#[tokio::test]
async fn the_availability_of_many_skus_is_one_answer() {
    let platform = Platform::new().await;
    let item = platform.receive_stock("A-1", "main", 7).await;
    let policy = StockPolicyChanged { policy: StockPolicy::Backorder { limit: 5 }, safety: 3 };
    platform.move_stock(Some(item), "A-1", "main", StockEvent::PolicyChanged(policy)).await;
    platform.receive_stock("A-1", "north", 2).await;
    let untracked = platform.receive_stock("C", "main", 1).await;
    let policy = StockPolicyChanged { policy: StockPolicy::Untracked, safety: 0 };
    platform.move_stock(Some(untracked), "C", "main", StockEvent::PolicyChanged(policy)).await;
    let service = Service::start(&platform.bed).await;
    let found = service.get("/v1/availability?sku=C,A-1,none,A-1").await;
    assert_eq!(
        found.json["items"],
        json!([
            { "sku": "A-1", "available": 6, "locations": [
                { "location": "main", "available": 4, "orderable": 9 }, { "location": "north", "available": 2, "orderable": 2 }] },
            { "sku": "C", "available": 1, "locations": [{ "location": "main", "available": 1 }] },
            { "sku": "none", "available": 0, "locations": [] },
        ])
    );
    let unchanged =
        service.get_with("/v1/availability?sku=C,A-1,none", &[("If-None-Match", found.header("etag"))]).await;
    assert_eq!(unchanged.status, 304);
    let (most, too_many) = (vec!["A-1"; 100].join(","), vec!["A-1"; 101].join(","));
    assert_eq!(service.get(&format!("/v1/availability?sku={most}")).await.items("sku"), ["A-1"]);
    for wrong in ["", "?sku=", "?sku=A,,B", "?sku=a%20b", &format!("?sku={too_many}")] {
        let refused = service.get(&format!("/v1/availability{wrong}")).await;
        assert_eq!((refused.status, refused.problem()), (400, "invalid-query"), "{wrong}");
    }
}
