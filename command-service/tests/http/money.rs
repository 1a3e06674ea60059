//! Reported defects in the amounts of orders, each as the reported requests: amendments, cancellations and refunds.

use serde_json::{Value, json};

use crate::shop::Shop;

/// An order of lamps, and the path of its commands.
struct Ordered {
    shop: Shop,
    path: String,
    /// Number of commands sent so far, for their keys.
    sent: std::cell::Cell<u32>,
}

impl Ordered {
    async fn line(line: Value) -> Ordered {
        let shop = Shop::with_lamps(1_000).await;
        let mut line = line;
        line["sku"] = "LAMP".into();
        let order = json!({ "currency": "GBP", "lines": [line] });
        let placed = shop.post("/v1/orders", &[("idempotency-key", "order")], &order).await;
        let path = placed.header("location").unwrap_or_else(|| panic!("{placed:?}")).to_owned();
        Ordered { shop, path, sent: 0.into() }
    }

    /// Sends a command that must succeed, and returns the progress of the order after it.
    async fn command(&self, path: &str, body: Value) -> Value {
        self.sent.set(self.sent.get() + 1);
        let key = format!("k-{}", self.sent.get());
        let headers = [("idempotency-key", key.as_str()), ("if-match", "*"), ("prefer", "return=representation")];
        let answered = self.shop.post(&format!("{}/{path}", self.path), &headers, &body).await;
        assert!(answered.status.is_success(), "{path} {body}: {answered:?}");
        answered.json()["state"]["order"]["progress"].clone()
    }

    async fn amend(&self, change: Value) -> Value {
        self.command("amendments", json!({ "change": [change] })).await
    }

    async fn cancel(&self, quantity: u32) -> Value {
        self.command("cancellation", json!({ "reason": "r", "lines": [{ "line": 1, "quantity": quantity }] })).await
    }
}

/// Discount and tax of the only line, and the amount due.
fn amounts(progress: &Value) -> [i64; 3] {
    ["discount", "tax", "due"].map(|name| progress["lines"][0][name].as_i64().unwrap())
}

#[tokio::test]
async fn an_amended_line_is_taxed_at_its_rate() {
    let lamp = Ordered::line(json!({ "quantity": 1, "unit_price": 1999, "tax_rate": 190_000 })).await;
    assert_eq!(amounts(&lamp.amend(json!({ "line": 1, "quantity": 100 })).await), [0, 37_981, 237_881]);
    let penny = Ordered::line(json!({ "quantity": 1, "unit_price": 7, "tax_rate": 200_000 })).await;
    assert_eq!(amounts(&penny.amend(json!({ "line": 1, "quantity": 10 })).await), [0, 14, 84]);
}

#[tokio::test]
async fn the_old_quantity_restores_tax_and_discount() {
    let cheap = Ordered::line(json!({ "quantity": 100, "unit_price": 3, "discount": 30, "tax_rate": 100_000 })).await;
    assert_eq!(amounts(&cheap.amend(json!({ "line": 1, "quantity": 1 })).await), [0, 0, 3]);
    assert_eq!(amounts(&cheap.amend(json!({ "line": 1, "quantity": 100 })).await), [30, 27, 297]);
}

#[tokio::test]
async fn discount_and_expected_total_refer_to_the_requested_units() {
    let lamps = Ordered::line(json!({ "quantity": 10, "unit_price": 1000 })).await;
    lamps.cancel(5).await;
    let discounted = lamps.amend(json!({ "line": 1, "quantity": 5, "discount": 1000 })).await;
    assert_eq!(amounts(&discounted), [1000, 0, 4000]);

    let lamps = Ordered::line(json!({ "quantity": 10, "unit_price": 1000 })).await;
    lamps.cancel(5).await;
    let body = json!({ "change": [{ "line": 1, "quantity": 6 }], "expected_total": 6000 });
    let amended = lamps.command("amendments", body).await;
    assert_eq!((amounts(&amended), &amended["total"]), ([0, 0, 6000], &json!(6000)));
}

#[tokio::test]
async fn cancellation_and_amendment_to_the_same_quantity_have_the_same_amounts() {
    let line = || json!({ "quantity": 3, "unit_price": 333, "discount": 1, "tax_rate": 200_000 });
    let (cancelled, amended) = (Ordered::line(line()).await, Ordered::line(line()).await);
    assert_eq!(amounts(&cancelled.cancel(1).await)[2], 798);
    assert_eq!(amounts(&amended.amend(json!({ "line": 1, "quantity": 2 })).await)[2], 798);
}

#[tokio::test]
async fn a_refund_has_a_kind_and_a_repayment_no_longer_counts_as_paid() {
    let lamps = Ordered::line(json!({ "quantity": 2, "unit_price": 1000 })).await;
    let capture = json!({ "kind": "captured", "amount": 2000, "method": "card" });
    lamps.command("payments", capture).await;
    lamps.cancel(1).await;
    let repaid = lamps.command("refunds", json!({ "payment": 1, "amount": 1000 })).await;
    assert_eq!(repaid["payments"][0]["repaid"], 1000);
    let restored = lamps.amend(json!({ "line": 1, "quantity": 2 })).await;
    assert_eq!((amounts(&restored)[2], &restored["payments"][0]["captured"]), (2000, &json!(2000)));
    let goodwill = lamps.command("refunds", json!({ "payment": 1, "amount": 300, "kind": "goodwill" })).await;
    assert_eq!(
        (&goodwill["payments"][0]["refunded"], &goodwill["payments"][0]["repaid"]),
        (&json!(1300), &json!(1000))
    );
    let both = json!({ "payment": 1, "amount": 1, "kind": "goodwill", "return": 1 });
    let refused = lamps.shop.post(&format!("{}/refunds", lamps.path), &[("idempotency-key", "both")], &both).await;
    refused.assert_problem(422, "exclusive-fields");
}
