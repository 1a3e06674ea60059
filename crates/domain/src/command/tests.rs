//! Tests of the JSON of commands: what is accepted, what is rejected, and that it is serialised unchanged.

use std::fmt::Debug;

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::command::Command;
use crate::customer::register::{RegisterCustomer, RegisterCustomerBody};
use crate::customer::update::UpdateCustomerBody;
use crate::order::add_note::AddNote;
use crate::order::amend::AmendOrder;
use crate::order::assign_customer::AssignCustomer;
use crate::order::cancel::CancelOrder;
use crate::order::change_addresses::ChangeAddresses;
use crate::order::fulfilment::create::CreateFulfilment;
use crate::order::fulfilment::ship::ShipFulfilment;
use crate::order::hold::HoldOrder;
use crate::order::payment::record::RecordPayment;
use crate::order::payment::refund::RecordRefund;
use crate::order::place::{PlaceOrder, PlaceOrderBody};
use crate::order::release::ReleaseOrder;
use crate::order::returns::receive::ReceiveReturn;
use crate::order::returns::request::RequestReturn;
use crate::order::shortage::StockHandling;
use crate::order::tag::TagOrder;
use crate::product::change_price::ChangePrice;
use crate::product::create::CreateProduct;
use crate::product::discontinue::DiscontinueProduct;
use crate::product::update::UpdateProduct;
use crate::stock::adjust::AdjustStock;
use crate::stock::receive::ReceiveStock;
use crate::stock::set_policy::SetStockPolicy;
use crate::stock::transfer::TransferStock;
use crate::stock_hold::place::HoldStock;
use events::email::EmailIndex;

const ORDER: &str = r#"{"id":"0190163d-8694-739b-aea5-966c26f8ad91","channel":"web","currency":"GBP","customer_id":"0190163d-8694-739b-aea5-966c26f8ad92","external_ref":"M-1","lines":[{"sku":"A","quantity":2,"unit_price":450,"discount":10,"tax_rate":200000,"location":"main"}],"discount":5,"shipping":300,"expected_total":1350,"note":"ring\ntwice"}"#;

const CUSTOMER: &str = r#"{"id":"0190163d-8694-739b-aea5-966c26f8ad91","email":"ada@b","name":"Ada","phone":"+44 1","addresses":[{"name":"Ada","line1":"1 High St","city":"Leeds","country":"GB"}],"tags":["vip"]}"#;

const GUEST: &str = r#"{"currency":"GBP","lines":[{"sku":"A","quantity":1}],"shipping_lines":[{"name":"Post","amount":400,"tax_rate":200000}],"contact":{"email":"ada@example.com"},"shipping_address":{"name":"Ada","line1":"1 High St","city":"Leeds","postcode":"LS1 1AA","country":"GB"},"tags":["b2b","gift"],"payment_due":"2024-06-01T12:00:00Z","hold_id":"0190163d-8694-739b-aea5-966c26f8ad93","on_shortage":"backorder"}"#;

/// Fingerprints are computed from the serialised body, so serialisation must not change the JSON.
#[track_caller]
fn keeps<T: Serialize + DeserializeOwned>(json: &str) {
    let body: T = serde_json::from_str(json).unwrap();
    assert_eq!(serde_json::to_string(&body).unwrap(), json);
}

#[track_caller]
fn refusal<T: DeserializeOwned + Debug>(json: &str) -> String {
    serde_json::from_str::<T>(json).expect_err("the body is refused").to_string()
}

#[test]
fn bodies_are_serialised_as_they_were_sent() {
    keeps::<PlaceOrderBody>(ORDER);
    keeps::<PlaceOrderBody>(r#"{"currency":"GBP","lines":[{"sku":"A","quantity":1}]}"#);
    keeps::<PlaceOrderBody>(GUEST);
    keeps::<CreateProduct>(r#"{"sku":"A","name":"N","prices":{"EUR":1,"GBP":450}}"#);
    keeps::<ChangePrice>(r#"{"price":0,"occurred_at":"2010-12-01T08:26:00Z"}"#);
    keeps::<DiscontinueProduct>("{}");
    keeps::<CreateProduct>(
        r#"{"sku":"A","name":"N","prices":{},"tax_class":"T","attributes":{"a":"1","b":"2"},"tags":["x","y"]}"#,
    );
    keeps::<UpdateProduct>(r#"{"name":"N","tax_class":null,"attributes":{"a":null,"b":"2"},"tags":[]}"#);
    keeps::<UpdateProduct>("{}");
    keeps::<SetStockPolicy>(r#"{"kind":"backorder","limit":5,"safety":2}"#);
    keeps::<SetStockPolicy>(r#"{"kind":"deny"}"#);
    keeps::<TransferStock>(r#"{"sku":"A","from":"main","to":"shop","quantity":5,"reference":"van 3"}"#);
    keeps::<HoldStock>(
        r#"{"id":"0190163d-8694-739b-aea5-966c26f8ad91","lines":[{"sku":"A","quantity":1,"location":"main"}],"ttl_seconds":1,"reference":"cart 7"}"#,
    );
    keeps::<RegisterCustomerBody>(CUSTOMER);
    keeps::<UpdateCustomerBody>(r#"{"email":"a@b","name":null,"addresses":[],"tags":null}"#);
    keeps::<ReceiveStock>(r#"{"quantity":5,"reference":"PO 7"}"#);
    keeps::<AdjustStock>(r#"{"delta":-1,"reason":"broken","expected":3}"#);
    keeps::<AdjustStock>(r#"{"count":0,"reason":"stolen"}"#);
    keeps::<RecordPayment>(r#"{"kind":"authorized","amount":1,"method":"card"}"#);
    keeps::<RecordPayment>(r#"{"kind":"captured","payment":1,"amount":1,"reference":"ch_1"}"#);
    keeps::<RecordPayment>(r#"{"kind":"voided","payment":1}"#);
    keeps::<RecordPayment>(r#"{"kind":"failed","reason":"declined"}"#);
    keeps::<CreateFulfilment>(r#"{"location":"main","lines":[{"line":1,"quantity":1}]}"#);
    keeps::<ShipFulfilment>(r#"{"carrier":"DHL","tracking":"T1"}"#);
    keeps::<CancelOrder>(r#"{"reason":"changed mind"}"#);
    keeps::<RequestReturn>(r#"{"lines":[{"line":1,"quantity":1}],"reason":"small","external_ref":"C1"}"#);
    keeps::<ReceiveReturn>(r#"{"disposition":"restock"}"#);
    keeps::<ReceiveReturn>(r#"{"lines":[{"line":1,"quantity":1,"disposition":"damaged"}]}"#);
    keeps::<ReceiveReturn>(r#"{"disposition":"lost","lines":[{"line":1,"quantity":1}]}"#);
    keeps::<RecordRefund>(r#"{"payment":1,"amount":1,"return":1}"#);
    keeps::<AmendOrder>(
        r#"{"add":[{"sku":"A","quantity":1}],"change":[{"line":1,"quantity":2,"discount":0,"tax_rate":0}],"remove":[2],"shipping_lines":[],"on_shortage":"partial","expected_total":1,"reason":"more"}"#,
    );
    keeps::<AmendOrder>("{}");
    keeps::<HoldOrder>(r#"{"reason":"in doubt"}"#);
    keeps::<ReleaseOrder>("{}");
    keeps::<AddNote>(r#"{"note":"called\ntwice","author":"Kim"}"#);
    keeps::<TagOrder>(r#"{"add":["gift"],"remove":["late"]}"#);
    keeps::<ChangeAddresses>(
        r#"{"shipping_address":{"name":"Ada","line1":"1 High St","city":"Leeds","country":"GB"}}"#,
    );
    keeps::<AssignCustomer>(r#"{"customer_id":"0190163d-8694-739b-aea5-966c26f8ad92"}"#);
}

#[test]
fn a_command_is_serialised_with_its_name() {
    let body = serde_json::from_str(r#"{"currency":"GBP","lines":[{"sku":"A","quantity":1}]}"#).unwrap();
    let command =
        crate::command::fingerprint::json(&Command::PlaceOrder(PlaceOrder { body, stock: Default::default() }));
    assert_eq!(command, r#"{"PlaceOrder":{"body":{"currency":"GBP","lines":[{"sku":"A","quantity":1}]}}}"#);
}

#[test]
fn the_fingerprint_of_a_customer_is_of_the_sent_body_and_logs_do_not_show_personal_data() {
    let command = |secret: &str| {
        let emails = EmailIndex::from_secret(&secret.repeat(32)).unwrap();
        Command::RegisterCustomer(RegisterCustomer::new(serde_json::from_str(CUSTOMER).unwrap(), &emails))
    };
    let written = crate::command::fingerprint::json(&command("k"));
    assert_eq!(written, format!(r#"{{"RegisterCustomer":{{"body":{CUSTOMER}}}}}"#));
    assert_eq!(written, crate::command::fingerprint::json(&command("l")));
    let shown = format!("{:?}", command("k"));
    for personal in ["ada", "Ada", "+44", "High St", "Leeds"] {
        assert!(!shown.contains(personal), "{shown}");
    }
}

#[test]
fn how_an_import_handles_stock_is_a_part_of_the_command() {
    let body: PlaceOrderBody =
        serde_json::from_str(r#"{"currency":"GBP","lines":[{"sku":"A","quantity":1}]}"#).unwrap();
    let written = |stock| serde_json::to_string(&PlaceOrder { body: body.clone(), stock }).unwrap();
    assert!(written(StockHandling::Force).ends_with(r#","stock":"force"}"#));
    assert!(written(StockHandling::Skip).ends_with(r#","stock":"skip"}"#));
    assert!(
        refusal::<PlaceOrderBody>(r#"{"stock":"force","currency":"GBP","lines":[]}"#)
            .starts_with("unknown field `stock`")
    );
}

#[test]
fn logs_do_not_show_the_buyer() {
    let body: PlaceOrderBody = serde_json::from_str(GUEST).unwrap();
    let shown = format!("{body:?}");
    assert!(!shown.contains("ada@example.com") && !shown.contains("High St"), "{shown}");
}

#[test]
fn an_order_with_an_id_happened_at_the_instant_of_the_id() {
    let command =
        Command::PlaceOrder(PlaceOrder { body: serde_json::from_str(ORDER).unwrap(), stock: Default::default() });
    assert_eq!(command.occurred_at().unwrap().to_rfc3339(), "2024-06-14T10:14:09.300+00:00");
}

#[test]
fn unknown_fields_are_refused_everywhere() {
    let errors = [
        refusal::<PlaceOrderBody>(r#"{"currency":"GBP","lines":[{"sku":"A","quantity":1}],"colour":1}"#),
        refusal::<PlaceOrderBody>(r#"{"currency":"GBP","lines":[{"sku":"A","quantity":1,"colour":1}]}"#),
        refusal::<RecordPayment>(r#"{"kind":"voided","payment":1,"colour":1}"#),
        refusal::<RecordPayment>(r#"{"kind":"authorized","amount":1,"method":"card","colour":1}"#),
        refusal::<AdjustStock>(r#"{"delta":1,"reason":"x","colour":1}"#),
        refusal::<DiscontinueProduct>(r#"{"colour":1}"#),
        refusal::<UpdateProduct>(r#"{"colour":1}"#),
        refusal::<SetStockPolicy>(r#"{"kind":"deny","colour":1}"#),
        refusal::<TransferStock>(r#"{"colour":1}"#),
        refusal::<HoldStock>(r#"{"lines":[{"sku":"A","quantity":1,"colour":1}]}"#),
        refusal::<RegisterCustomerBody>(r#"{"email":"a@b","colour":1}"#),
        refusal::<UpdateCustomerBody>(r#"{"colour":1}"#),
        refusal::<CreateFulfilment>(r#"{"lines":[{"line":1,"quantity":1,"colour":1}]}"#),
    ];
    for error in errors {
        assert!(error.starts_with("unknown field `colour`, expected"), "{error}");
    }
}

#[test]
fn errors_state_what_is_valid() {
    let line = |line: &str| refusal::<PlaceOrderBody>(&format!(r#"{{"currency":"GBP","lines":[{line}]}}"#));
    for (error, expected) in [
        (line(""), "has no lines: send at least one"),
        (line(r#"{"sku":"A","quantity":0}"#), "must be a whole number from 1 to 1000000"),
        (line(r#"{"sku":"A","quantity":1000001}"#), "must be a whole number from 1 to 1000000"),
        (line(r#"{"sku":"A","quantity":"1"}"#), "must be a whole number from 1 to 1000000"),
        (line(r#"{"sku":"A B","quantity":1}"#), "must be 1 to 64 of the characters A-Z a-z 0-9 . _ -"),
        (
            refusal::<PlaceOrderBody>(r#"{"currency":"GBP","on_shortage":"wait","lines":[]}"#),
            "unknown variant `wait`, expected one of `reject`, `backorder`, `partial`",
        ),
        (
            refusal::<ChangeAddresses>(r#"{"shipping_address":{"name":"A","line1":"1","city":"L","country":"gb"}}"#),
            "must be an ISO 3166-1 code of two capitals, such as GB",
        ),
        (refusal::<AddNote>(r#"{"note":" \n"}"#), "must not be empty or blank: write 1 to 2000 characters"),
        (refusal::<AddNote>(r#"{"note":"a\u0000"}"#), "has the control character U+0000 at character 2: remove it"),
        (refusal::<AmendOrder>(r#"{"change":[]}"#), "has no lines: send at least one"),
        (refusal::<AmendOrder>(r#"{"change":[{"line":1,"quantity":0}]}"#), "must be a whole number from 1 to 1000000"),
        (line(r#"{"sku":7,"quantity":1}"#), "invalid type: integer `7`, expected a text of 1 to 64"),
        (
            line(r#"{"sku":"A","quantity":1,"tax_rate":0.2}"#),
            "invalid type: floating point `0.2`, expected a whole number of millionths",
        ),
        (line(r#"{"sku":"A","quantity":1,"unit_price":-1}"#), "must be a whole number of minor units from 0 to"),
        (
            refusal::<PlaceOrderBody>(r#"{"currency":"gbp","lines":[]}"#),
            "must be an ISO 4217 code in capitals, such as GBP",
        ),
        (
            refusal::<PlaceOrderBody>(r#"{"id":"1","currency":"GBP","lines":[]}"#),
            "`1` is not a UUID version 7: send one",
        ),
        (refusal::<CreateProduct>(r#"{"sku":"A","name":"\t","prices":{}}"#), "has the control character U+0009"),
        (refusal::<CreateProduct>(r#"{"sku":"A","name":"N","prices":{"XYZ":1}}"#), "must be an ISO 4217 code"),
        (
            refusal::<RecordPayment>(r#"{"kind":"paid"}"#),
            "unknown variant `paid`, expected one of `authorized`, `captured`",
        ),
        (refusal::<RecordPayment>(r#"{"amount":1}"#), "missing field `kind`"),
        (
            refusal::<RecordPayment>(r#"{"kind":"captured","amount":0}"#),
            "must be a whole number of minor units from 1 to",
        ),
        (refusal::<AdjustStock>(r#"{"reason":"x"}"#), "send exactly one of `delta`"),
        (refusal::<ReceiveReturn>("{}"), "send `disposition` for every unit"),
        (refusal::<ReceiveReturn>(r#"{"lines":[{"line":1,"quantity":1}]}"#), "send `disposition` for every unit"),
        (refusal::<ReceiveReturn>(r#"{"disposition":"burn"}"#), "unknown variant `burn`, expected one of `restock`"),
        (
            refusal::<ChangePrice>(r#"{"price":1,"occurred_at":"yesterday"}"#),
            "invalid value: string \"yesterday\", expected an instant in RFC 3339 format",
        ),
    ] {
        assert!(error.starts_with(expected), "{error}\n{expected}");
    }
}

#[test]
fn schemas_name_the_bounds() {
    let schema = schemars::schema_for!(PlaceOrderBody).to_value();
    assert_eq!(schema["additionalProperties"], false);
    assert_eq!(
        (&schema["properties"]["lines"]["maxItems"], &schema["properties"]["lines"]["minItems"]),
        (&500.into(), &1.into())
    );
    let schema = schemars::schema_for!(AdjustStock).to_value();
    assert_eq!(schema["oneOf"][0]["required"][0], "delta");
}
