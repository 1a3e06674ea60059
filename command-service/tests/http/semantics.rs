//! Headers and query parameters of a single command.

use serde_json::json;

use crate::shop::{Shop, lamps};

#[tokio::test]
async fn a_key_is_the_same_bare_and_in_quotes() {
    let shop = Shop::with_lamps(10).await;
    shop.post("/v1/orders", &[], &lamps(1)).await.assert_problem(400, "idempotency-key-missing");
    let placed = shop.post("/v1/orders", &[("idempotency-key", "k-1")], &lamps(1)).await;
    assert_eq!((placed.status.as_u16(), placed.header("idempotent-replayed")), (201, None));
    let again = shop.post("/v1/orders", &[("idempotency-key", "\"k-1\"")], &lamps(1)).await;
    assert_eq!((again.status.as_u16(), again.header("idempotent-replayed")), (201, Some("true")));
    assert_eq!((again.text, &again.headers["location"]), (placed.text.clone(), &placed.headers["location"]));
    let other = shop.post("/v1/orders", &[("idempotency-key", "k-1")], &lamps(2)).await;
    other.assert_problem(422, "idempotency-key-reused");
    for wrong in ["", "\"\"", "a b", &"k".repeat(256)] {
        let refused = shop.post("/v1/orders", &[("idempotency-key", wrong)], &lamps(1)).await;
        refused.assert_problem(400, "idempotency-key-invalid");
    }
    let two = [("idempotency-key", "k-2"), ("idempotency-key", "k-3")];
    shop.post("/v1/orders", &two, &lamps(1)).await.assert_problem(400, "idempotency-key-invalid");
}

#[tokio::test]
async fn the_same_command_while_it_is_decided_is_a_conflict_and_takes_effect_once() {
    let shop = Shop::with_lamps(100).await;
    let (body, key) = (lamps(1), [("idempotency-key", "k")]);
    let sent = (0..16).map(|_| shop.post("/v1/orders", &key, &body));
    for answered in futures::future::join_all(sent).await {
        match answered.status.as_u16() {
            201 => {}
            _ => {
                answered.assert_problem(409, "idempotency-in-progress");
                assert_eq!(answered.header("retry-after"), Some("1"));
            }
        }
    }
    // Product, receipt, order and its reservation.
    assert_eq!(shop.events().await, 4);
}

#[tokio::test]
async fn the_expected_version_must_be_the_current_version() {
    let shop = Shop::with_lamps(10).await;
    let path = "/v1/products/LAMP/discontinuation";
    for wrong in ["1", "W/\"1\"", "\"1\", \"2\"", "\"x\""] {
        shop.post(path, &[("if-match", wrong)], &json!({})).await.assert_problem(400, "if-match-invalid");
    }
    let stale = shop.post(path, &[("if-match", "\"7\"")], &json!({})).await;
    stale.assert_problem(412, "stale-version");
    let key = ("idempotency-key", "gone");
    let done = shop.post(path, &[("if-match", "\"1\""), key], &json!({})).await;
    assert_eq!((done.status.as_u16(), done.header("etag")), (200, Some("\"2\"")));
    // A repeat returns the first response, although the version has changed since.
    let again = shop.post(path, &[("if-match", "\"1\""), key], &json!({})).await;
    assert_eq!((again.status.as_u16(), again.header("idempotent-replayed")), (200, Some("true")));
    let any = shop.post("/v1/products/LAMP/reactivation", &[("if-match", "*")], &json!({})).await;
    assert_eq!(any.status, 200);
}

#[tokio::test]
async fn a_dry_run_returns_the_events_and_appends_nothing() {
    let shop = Shop::with_lamps(10).await;
    let before = shop.events().await;
    let tried = shop.post("/v1/orders?dry_run=true", &[], &lamps(2)).await;
    let said = tried.json();
    assert_eq!(
        (tried.status.as_u16(), &said["dry_run"], &said["would"]["code"]),
        (200, &json!(true), &json!("SON000001"))
    );
    let types: Vec<_> =
        said["events"].as_array().unwrap().iter().map(|event| event["type"].as_str().unwrap()).collect();
    assert_eq!(types, ["OrderPlaced", "StockReserved"]);
    assert_eq!(said["events"][1]["data"]["quantity"], 2);
    assert_eq!((tried.header("etag"), tried.header("consistency-token"), tried.header("location")), (None, None, None));
    shop.post("/v1/orders?dry_run=true", &[], &lamps(11)).await.assert_problem(409, "insufficient-stock");
    assert_eq!(shop.events().await, before);
    let key = [("idempotency-key", "k")];
    assert_eq!(shop.post("/v1/orders?dry_run=true", &key, &lamps(2)).await.status, 200);
    let done = shop.post("/v1/orders?dry_run=false", &key, &lamps(3)).await;
    assert_eq!((done.status.as_u16(), &done.json()["code"]), (201, &json!("SON000001")));
}

#[tokio::test]
async fn a_misspelt_dry_run_is_rejected_and_not_executed() {
    let shop = Shop::with_lamps(10).await;
    for query in ["dryrun=true", "dry_run=yes", "dry_run", "atomic=true", "DRY_RUN=true"] {
        let refused = shop.post(&format!("/v1/orders?{query}"), &[("idempotency-key", "k")], &lamps(1)).await;
        refused.assert_problem(400, "invalid-query");
        assert_eq!(refused.json()["allowed"], json!(["dry_run"]));
    }
    assert_eq!(shop.events().await, 2);
}

#[tokio::test]
async fn an_applied_preference_is_confirmed() {
    let shop = Shop::with_lamps(10).await;
    let prefer = |key, prefer| [("idempotency-key", key), ("prefer", prefer)];
    let full = shop.post("/v1/orders", &prefer("k-1", "return=representation"), &lamps(2)).await;
    assert_eq!(full.header("preference-applied"), Some("return=representation"));
    assert_eq!(full.json()["state"]["order"]["progress"]["lines"][0]["ordered"], 2, "{}", full.text);
    // A repeat returns the minimal response, because the state has changed since.
    let again = shop.post("/v1/orders", &prefer("k-1", "return=representation"), &lamps(2)).await;
    assert_eq!((again.header("preference-applied"), again.json().get("state")), (None, None));
    let small = shop.post("/v1/orders", &prefer("k-2", "return=minimal"), &lamps(1)).await;
    assert_eq!((small.header("preference-applied"), small.json().get("state")), (Some("return=minimal"), None));
    let other = shop.post("/v1/orders", &prefer("k-3", "respond-async"), &lamps(1)).await;
    assert_eq!((other.status.as_u16(), other.header("preference-applied")), (201, None));
    let product =
        shop.post("/v1/products/LAMP/discontinuation", &[("prefer", "return=representation")], &json!({})).await;
    assert_eq!(product.json()["state"]["product"]["active"], false);
}

#[tokio::test]
async fn the_use_of_a_deprecated_field_is_announced() {
    let shop = Shop::with_lamps(10).await;
    let mut body = lamps(1);
    let modern = shop.post("/v1/orders", &[("idempotency-key", "k-1")], &body).await;
    assert_eq!((modern.header("deprecation"), modern.header("sunset")), (None, None));
    body["shipping"] = json!(300);
    let old = shop.post("/v1/orders", &[("idempotency-key", "k-2")], &body).await;
    assert_eq!((old.status.as_u16(), old.header("deprecation")), (201, Some("@1796083200")));
    assert_eq!(old.header("sunset"), Some("Wed, 01 Dec 2027 00:00:00 GMT"));
    assert!(old.header("link").unwrap().contains("rel=\"deprecation\""));
    let document = shop.get("/v1/openapi.json").await.json();
    assert_eq!(document["components"]["schemas"]["PlaceOrderBody"]["properties"]["shipping"]["deprecated"], true);
}
