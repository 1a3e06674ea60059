//! `schemas/{type}.v{version}.json` is what readers of our topics build on (`ce_dataschema` is its `$id`): generated from the types,
//! kept here so that a change shows in review. `UPDATE_SCHEMAS=1 cargo test -p events --test schemas` writes them anew.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use events::codec::EVENT_TYPES;
use events::customer::{CustomerEmailFreed, CustomerEmailTaken, CustomerErased, CustomerRegistered, CustomerUpdated};
use events::hold::{HoldConsumed, HoldExpired, HoldPlaced, HoldReleased};
use events::order::{
    FulfilmentCancelled, FulfilmentCreated, FulfilmentDelivered, FulfilmentShipped, OrderAddressesChanged,
    OrderAmended, OrderBackordersChanged, OrderCancelled, OrderCompleted, OrderCustomerAssigned, OrderExpired,
    OrderHeld, OrderHoldReleased, OrderLinesCancelled, OrderNoteAdded, OrderPersonalDataErased, OrderPlaced,
    OrderTagged, PaymentAuthorized, PaymentCaptured, PaymentFailed, PaymentVoided, RefundRecorded, ReturnReceived,
    ReturnRejected, ReturnRequested,
};
use events::product::{ProductCreated, ProductDiscontinued, ProductPriceChanged, ProductReactivated, ProductUpdated};
use events::schemas;
use events::stock::{
    StockAdjusted, StockBackordersChanged, StockHeld, StockHoldReleased, StockPolicyChanged, StockReceived,
    StockReleased, StockReserved, StockRestocked, StockShipped, StockTransferredIn, StockTransferredOut,
};
use schemars::{JsonSchema, schema_for};
use serde_json::Value;

/// Today's schema of every event type.
fn current() -> BTreeMap<&'static str, Value> {
    fn of<T: JsonSchema>() -> Value {
        schema_for!(T).to_value()
    }
    BTreeMap::from([
        ("OrderPlaced", of::<OrderPlaced>()),
        ("PaymentAuthorized", of::<PaymentAuthorized>()),
        ("PaymentCaptured", of::<PaymentCaptured>()),
        ("PaymentVoided", of::<PaymentVoided>()),
        ("PaymentFailed", of::<PaymentFailed>()),
        ("FulfilmentCreated", of::<FulfilmentCreated>()),
        ("FulfilmentShipped", of::<FulfilmentShipped>()),
        ("FulfilmentDelivered", of::<FulfilmentDelivered>()),
        ("FulfilmentCancelled", of::<FulfilmentCancelled>()),
        ("OrderLinesCancelled", of::<OrderLinesCancelled>()),
        ("OrderCancelled", of::<OrderCancelled>()),
        ("ReturnRequested", of::<ReturnRequested>()),
        ("ReturnReceived", of::<ReturnReceived>()),
        ("ReturnRejected", of::<ReturnRejected>()),
        ("RefundRecorded", of::<RefundRecorded>()),
        ("OrderAmended", of::<OrderAmended>()),
        ("OrderHeld", of::<OrderHeld>()),
        ("OrderHoldReleased", of::<OrderHoldReleased>()),
        ("OrderNoteAdded", of::<OrderNoteAdded>()),
        ("OrderTagged", of::<OrderTagged>()),
        ("OrderAddressesChanged", of::<OrderAddressesChanged>()),
        ("OrderCustomerAssigned", of::<OrderCustomerAssigned>()),
        ("OrderPersonalDataErased", of::<OrderPersonalDataErased>()),
        ("OrderBackordersChanged", of::<OrderBackordersChanged>()),
        ("OrderExpired", of::<OrderExpired>()),
        ("OrderCompleted", of::<OrderCompleted>()),
        ("StockHeld", of::<StockHeld>()),
        ("StockHoldReleased", of::<StockHoldReleased>()),
        ("StockTransferredIn", of::<StockTransferredIn>()),
        ("StockTransferredOut", of::<StockTransferredOut>()),
        ("StockPolicyChanged", of::<StockPolicyChanged>()),
        ("StockBackordersChanged", of::<StockBackordersChanged>()),
        ("ProductUpdated", of::<ProductUpdated>()),
        ("CustomerRegistered", of::<CustomerRegistered>()),
        ("CustomerUpdated", of::<CustomerUpdated>()),
        ("CustomerErased", of::<CustomerErased>()),
        ("CustomerEmailTaken", of::<CustomerEmailTaken>()),
        ("CustomerEmailFreed", of::<CustomerEmailFreed>()),
        ("HoldPlaced", of::<HoldPlaced>()),
        ("HoldReleased", of::<HoldReleased>()),
        ("HoldExpired", of::<HoldExpired>()),
        ("HoldConsumed", of::<HoldConsumed>()),
        ("StockReceived", of::<StockReceived>()),
        ("StockAdjusted", of::<StockAdjusted>()),
        ("StockReserved", of::<StockReserved>()),
        ("StockReleased", of::<StockReleased>()),
        ("StockShipped", of::<StockShipped>()),
        ("StockRestocked", of::<StockRestocked>()),
        ("ProductCreated", of::<ProductCreated>()),
        ("ProductPriceChanged", of::<ProductPriceChanged>()),
        ("ProductDiscontinued", of::<ProductDiscontinued>()),
        ("ProductReactivated", of::<ProductReactivated>()),
    ])
}

fn directory() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("schemas")
}

/// The schema under the name that messages carry it by.
fn named(mut schema: Value, event_type: &str, version: i16) -> Value {
    schema["$id"] = schemas::urn(event_type, version).into();
    schema
}

/// `Null` where there is none; compared as a value, because the order of members is not ours to keep.
fn kept(path: &Path) -> Value {
    let text = std::fs::read_to_string(path).unwrap_or_default();
    serde_json::from_str(&text).unwrap_or_default()
}

#[test]
fn every_schema_is_that_of_its_type() {
    let current = current();
    let update = std::env::var_os("UPDATE_SCHEMAS").is_some();
    for (event_type, version) in EVENT_TYPES {
        let schema = current.get(event_type).unwrap_or_else(|| panic!("{event_type} is missing in this test's table"));
        let name = format!("{event_type}.v{version}.json");
        let (path, schema) = (directory().join(&name), named(schema.clone(), event_type, *version));
        if update {
            std::fs::write(&path, format!("{schema:#}\n")).unwrap();
        }
        assert!(kept(&path) == schema, "{name} is out of date: UPDATE_SCHEMAS=1 writes it anew");
    }
    assert_eq!(current.len(), EVENT_TYPES.len());
}

#[test]
fn every_integer_of_every_schema_is_held_exactly_by_every_reader() {
    for file in std::fs::read_dir(directory()).unwrap() {
        let path = file.unwrap().path();
        let found = events::exact::find_unbounded_integers(&kept(&path));
        assert!(found.is_empty(), "these integers of {} need bounds of at most 2^53 - 1: {found:#?}", path.display());
    }
}

#[test]
fn every_version_that_is_read_has_a_schema() {
    for (event_type, current) in EVENT_TYPES {
        for version in 1..=*current {
            assert!(schemas::find(event_type, version).is_some(), "{event_type} {version} has no schema");
        }
    }
}

#[test]
fn every_schema_is_named_by_the_urn_of_its_type_and_version() {
    let known: BTreeMap<&str, i16> = EVENT_TYPES.iter().copied().collect();
    for (event_type, version) in schemas::list() {
        let schema: Value = serde_json::from_str(schemas::find(event_type, version).unwrap()).unwrap();
        assert_eq!(schema["$id"], schemas::urn(event_type, version));
        assert_eq!(schema["$schema"], "https://json-schema.org/draft/2020-12/schema", "{event_type} {version}");
        assert!((1..=known[event_type]).contains(&version), "{event_type} {version} is read by nobody");
    }
    assert_eq!(schemas::find("OrderPlaced", 0), None);
    assert_eq!(schemas::find("NeverHappened", 1), None);
}

#[test]
fn a_field_that_is_required_is_in_every_payload() {
    let schemas = current();
    for (event_type, version) in EVENT_TYPES {
        for name in [format!("{event_type}.v{version}.json"), format!("{event_type}.v{version}.least.json")] {
            let payload = kept(&directory().with_file_name("golden").join(&name));
            let required = schemas[event_type]["required"].as_array().into_iter().flatten().filter_map(Value::as_str);
            let missing: Vec<&str> = required.filter(|field| payload.get(field).is_none()).collect();
            assert!(payload.is_null() || missing.is_empty(), "{name} lacks {missing:?}");
        }
    }
}
