//! Tests of the commands to products.

use std::collections::BTreeMap;

use events::product::{ProductCreated, ProductEvent, ProductPriceChanged, ProductReactivated, ProductUpdated};
use events::{Minor, StreamId};
use serde_json::{Map, Value, json};

use crate::command::Command;
use crate::product::ProductCommand;
use crate::rejection::Rejection;
use crate::tests::past::{body, discontinued, product, sku};
use crate::tests::scenario::{Past, given};

fn create(name: &str, pence: i64) -> Command {
    let body = body(json!({ "sku": "A", "name": name, "prices": { "GBP": pence } }));
    Command::CreateProduct { body }
}

fn change_price(currency: &str, price: i64) -> Command {
    let body = body(json!({ "price": price }));
    Command::Product(sku("A"), ProductCommand::ChangePrice { currency: currency.parse().unwrap(), body })
}

fn discontinue() -> Command {
    Command::Product(sku("A"), ProductCommand::DiscontinueProduct { body: body(json!({})) })
}

fn reactivate() -> Command {
    Command::Product(sku("A"), ProductCommand::ReactivateProduct { body: body(json!({})) })
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

fn described() -> Vec<Past> {
    let created = ProductCreated {
        sku: sku("A"),
        name: "Product A".into(),
        prices: [("GBP".parse().unwrap(), Minor(450))].into(),
        tax_class: Some("standard".into()),
        attributes: attributes([("colour", "red"), ("size", "M")]),
        tags: ["new".to_owned()].into(),
    };
    vec![(StreamId::product(&sku("A")), ProductEvent::Created(created).into())]
}

fn attributes<const N: usize>(attributes: [(&str, &str); N]) -> BTreeMap<String, String> {
    attributes.map(|(name, value)| (name.to_owned(), value.to_owned())).into()
}

fn update(json: Value) -> Command {
    Command::Product(sku("A"), ProductCommand::UpdateProduct { body: body(json) })
}

fn updated(change: impl FnOnce(&mut ProductUpdated)) -> Vec<Past> {
    let mut updated = ProductUpdated {
        name: "Product A".into(),
        tax_class: Some("standard".into()),
        attributes: attributes([("colour", "red"), ("size", "M")]),
        tags: ["new".to_owned()].into(),
    };
    change(&mut updated);
    vec![(StreamId::product(&sku("A")), ProductEvent::Updated(updated).into())]
}

#[test]
fn a_product_is_created_with_all_that_is_known_of_it() {
    let json = json!({
        "sku": "A",
        "name": "Product A",
        "prices": { "GBP": 450 },
        "tax_class": "standard",
        "attributes": { "size": "M", "colour": "red" },
        "tags": ["new", "new"],
    });
    let create = || Command::CreateProduct { body: body(json.clone()) };
    given([]).when(create()).then([described()]);
    given([described()]).when(create()).then_nothing();
    given([product("A")]).when(create()).then_rejected(Rejection::DuplicateSku(sku("A")));
}

#[test]
fn a_patch_says_what_differs_and_the_event_all_of_it() {
    let expect = |patch: Value, change: fn(&mut ProductUpdated)| {
        given([described()]).when(update(patch)).then([updated(change)]);
    };
    expect(json!({ "name": "Lamp" }), |it| it.name = "Lamp".into());
    expect(json!({ "tax_class": null }), |it| it.tax_class = None);
    expect(json!({ "tax_class": "reduced" }), |it| it.tax_class = Some("reduced".into()));
    expect(json!({ "attributes": null }), |it| it.attributes.clear());
    expect(json!({ "attributes": { "size": null, "brand": "B", "colour": "red" } }), |it| {
        it.attributes = attributes([("brand", "B"), ("colour", "red")]);
    });
    expect(json!({ "tags": ["b", "a"] }), |it| it.tags = ["a", "b"].map(str::to_owned).into());
    expect(json!({ "tags": null }), |it| it.tags.clear());
}

#[test]
fn a_patch_that_changes_nothing_does_nothing() {
    for patch in [
        json!({}),
        json!({ "name": "Product A", "tax_class": "standard", "attributes": {}, "tags": ["new"] }),
        json!({ "attributes": { "colour": "red", "weight": null } }),
    ] {
        given([described()]).when(update(patch)).then_nothing();
    }
    given([discontinued_too()]).when(update(json!({ "name": "Lamp" }))).then([updated(|it| it.name = "Lamp".into())]);
    given([]).when(update(json!({}))).then_rejected(Rejection::UnknownProduct(sku("A")));
}

fn discontinued_too() -> Vec<Past> {
    [described(), discontinued("A")].concat()
}

#[test]
fn attributes_stay_bounded_however_often_they_are_patched() {
    let patch = |from: usize, count: usize| {
        let attributes: Map<String, Value> = (from..from + count).map(|n| (format!("n{n}"), "x".into())).collect();
        update(json!({ "attributes": attributes }))
    };
    assert!(given([described()]).when(patch(0, 48)).0.is_ok());
    given([described()]).when(patch(0, 49)).then_rejected(Rejection::TooManyAttributes { found: 51, limit: 50 });
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
        let command =
            Command::Product(sku("A"), ProductCommand::ChangePrice { currency: "GBP".parse().unwrap(), body });
        let when = given([product("A")]).when(command);
        match allowed {
            true => drop(when.then([price_changed("GBP", 1)])),
            false => assert_eq!(when.rejection().kind(), "instant-out-of-range", "{instant}"),
        }
    }
}
