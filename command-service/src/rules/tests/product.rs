//! Product commands.

use events::product::{ProductEvent, ProductPriceChanged, ProductReactivated};
use events::{Minor, StreamId};
use serde_json::json;

use super::past::{body, discontinued, product, sku};
use super::scenario::{Past, given};
use crate::command::{ChangePrice, Command, CreateProduct, DiscontinueProduct, ReactivateProduct};
use crate::rejection::Rejection;

fn create(name: &str, pence: i64) -> Command {
    let body = body(json!({ "sku": "A", "name": name, "prices": { "GBP": pence } }));
    Command::CreateProduct(CreateProduct { body })
}

fn change_price(currency: &str, price: i64) -> Command {
    let body = body(json!({ "price": price }));
    Command::ChangePrice(ChangePrice { sku: sku("A"), currency: currency.parse().unwrap(), body })
}

fn discontinue() -> Command {
    Command::DiscontinueProduct(DiscontinueProduct { sku: sku("A"), body: body(json!({})) })
}

fn reactivate() -> Command {
    Command::ReactivateProduct(ReactivateProduct { sku: sku("A"), body: body(json!({})) })
}

fn price_changed(currency: &str, price: i64) -> Vec<Past> {
    let changed = ProductPriceChanged { currency: currency.parse().unwrap(), price: Minor(price) };
    vec![(StreamId::product(&sku("A")), ProductEvent::PriceChanged(changed).into())]
}

fn reactivated() -> Vec<Past> {
    vec![(StreamId::product(&sku("A")), ProductEvent::Reactivated(ProductReactivated {}).into())]
}

#[test]
fn a_product_is_created_once() {
    given([]).when(create("Product A", 450)).then([product("A")]);
    given([product("A")]).when(create("Product A", 450)).then_nothing();
    given([product("A")]).when(create("Product A", 451)).then_rejected(Rejection::DuplicateSku(sku("A")));
    given([product("A")]).when(create("Other", 450)).then_rejected(Rejection::DuplicateSku(sku("A")));
    given([product("A"), discontinued("A")])
        .when(create("Product A", 450))
        .then_rejected(Rejection::DuplicateSku(sku("A")));
}

#[test]
fn a_price_changes_in_one_currency() {
    given([product("A")]).when(change_price("GBP", 500)).then([price_changed("GBP", 500)]);
    given([product("A")]).when(change_price("EUR", 450)).then([price_changed("EUR", 450)]);
    given([product("A")]).when(change_price("GBP", 450)).then_nothing();
    given([product("A"), discontinued("A")]).when(change_price("GBP", 0)).then([price_changed("GBP", 0)]);
    given([]).when(change_price("GBP", 500)).then_rejected(Rejection::UnknownProduct(sku("A")));
}

#[test]
fn a_product_leaves_the_assortment_and_comes_back() {
    given([product("A")]).when(discontinue()).then([discontinued("A")]);
    given([product("A"), discontinued("A")]).when(discontinue()).then_nothing();
    given([product("A"), discontinued("A")]).when(reactivate()).then([reactivated()]);
    given([product("A")]).when(reactivate()).then_nothing();
    given([]).when(discontinue()).then_rejected(Rejection::UnknownProduct(sku("A")));
    given([]).when(reactivate()).then_rejected(Rejection::UnknownProduct(sku("A")));
}

#[test]
fn an_instant_far_ahead_or_long_ago_is_refused() {
    for (instant, allowed) in [
        ("1999-12-31T23:59:59Z", false),
        ("2000-01-01T00:00:00Z", true),
        ("2024-06-01T12:05:00Z", true),
        ("2024-06-01T12:05:00.000001Z", false),
        ("9999-12-31T23:59:59Z", false),
    ] {
        let body = body(json!({ "price": 1, "occurred_at": instant }));
        let command = Command::ChangePrice(ChangePrice { sku: sku("A"), currency: "GBP".parse().unwrap(), body });
        let when = given([product("A")]).when(command);
        match allowed {
            true => drop(when.then([price_changed("GBP", 1)])),
            false => assert_eq!(when.rejection().kind(), "instant-out-of-range", "{instant}"),
        }
    }
}
