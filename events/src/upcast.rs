//! Upcasters: pure functions that turn a payload of an old schema version into one of the next, up to today's.
//!
//! A stored event is never edited. Who changes a shape adds a step here, keeps the golden files of the old version and
//! adds those of the new one. Payloads of today's version are not looked at.

use std::borrow::Cow;

use serde_json::{Value, json};

use crate::money::Minor;
use crate::order::pricing::{Amounts, Pricing};

/// From one version to the next.
type Step = fn(&mut Value);

/// The step from `version` of a type to the next one; none where it is today's, and where the next version only added members
/// that may be missing (`backordered` of stock that is reserved, released or held).
fn step(event_type: &str, version: i16) -> Option<Step> {
    match (event_type, version) {
        ("OrderPlaced", 1) => Some(order_placed_1_to_2),
        ("OrderPlaced", 2) => Some(order_placed_2_to_3),
        ("OrderAmended", 1) => Some(order_amended_1_to_2),
        ("OrderLinesCancelled", 1) => Some(unchanged),
        ("RefundRecorded", 1) => Some(refund_recorded_1_to_2),
        ("ReturnReceived", 1) => Some(return_received_1_to_2),
        _ => None,
    }
}

/// The payload in today's shape.
pub(crate) fn to_today<'p>(
    event_type: &str,
    version: i16,
    payload: &'p str,
) -> Result<Cow<'p, str>, serde_json::Error> {
    let Some(first) = step(event_type, version) else { return Ok(Cow::Borrowed(payload)) };
    let mut value = serde_json::from_str(payload)?;
    first(&mut value);
    for later in (version + 1..).map_while(|version| step(event_type, version)) {
        later(&mut value);
    }
    Ok(Cow::Owned(value.to_string()))
}

/// Version 1 knew one amount for shipping, tax included; version 2 says what it is made of. The tax in it is not known.
fn order_placed_1_to_2(placed: &mut Value) {
    let shipping = placed["shipping"].as_i64().unwrap_or(0);
    if shipping != 0 {
        placed["shipping_lines"] = json!([{ "name": "Shipping", "amount": shipping, "tax": 0, "total": shipping }]);
    }
}

/// Version 2 had the amounts of a line and not what they were computed from. The tax rate is not known, and neither is which
/// part of a discount was given on the whole order.
fn order_placed_2_to_3(placed: &mut Value) {
    add_pricing(placed.get_mut("lines"));
}

/// Version 1 had the amounts of a line and not what they were computed from, and counted cancelled units in. How many were
/// cancelled is not in the event.
fn order_amended_1_to_2(amended: &mut Value) {
    add_pricing(amended.get_mut("added"));
    add_pricing(amended.get_mut("changed"));
    for change in items(amended.get_mut("changed")).filter_map(Value::as_object_mut) {
        change.insert("with_cancelled".to_owned(), true.into());
    }
}

/// Version 1 did not say what a refund was for, unless it named a return.
fn refund_recorded_1_to_2(refund: &mut Value) {
    if refund["return"].is_u64() {
        refund["kind"] = "return".into();
    }
}

/// The next version only has members more, which are not known of an old event.
fn unchanged(_: &mut Value) {}

/// Gives each line the pricing that its amounts suggest. A line that lacks an amount is left as it is, for the reader to refuse.
fn add_pricing(lines: Option<&mut Value>) {
    for line in items(lines) {
        let amount = |name: &str| line[name].as_i64().map(Minor);
        let quantity = line["quantity"].as_u64().and_then(|quantity| u32::try_from(quantity).ok());
        if let (Some(quantity), Some(discount), Some(tax), Some(total)) =
            (quantity, amount("discount"), amount("tax"), amount("total"))
        {
            line["pricing"] = json!(Pricing::from_amounts(quantity, Amounts { discount, tax, total }));
        }
    }
}

fn items(list: Option<&mut Value>) -> impl Iterator<Item = &mut Value> {
    list.and_then(Value::as_array_mut).into_iter().flatten()
}

/// Version 1 received everything that was still requested; which units that were is in the return, not in the payload.
fn return_received_1_to_2(received: &mut Value) {
    if let Some(received) = received.as_object_mut() {
        let disposition = received.remove("disposition").unwrap_or_default();
        received.insert("lines".to_owned(), json!([]));
        received.insert("rest".to_owned(), disposition);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_amount_for_shipping_becomes_a_shipping_line() {
        let today = to_today("OrderPlaced", 1, r#"{"shipping":495}"#).unwrap();
        let today: Value = serde_json::from_str(&today).unwrap();
        assert_eq!(today["shipping_lines"], json!([{ "name": "Shipping", "amount": 495, "tax": 0, "total": 495 }]));
        assert_eq!(to_today("OrderPlaced", 1, r#"{"shipping":0}"#).unwrap(), r#"{"shipping":0}"#);
    }

    #[test]
    fn a_return_that_was_received_as_a_whole_still_is() {
        let today = to_today("ReturnReceived", 1, r#"{"return":1,"disposition":"lost"}"#).unwrap();
        assert_eq!(today, r#"{"lines":[],"rest":"lost","return":1}"#);
        assert!(to_today("ReturnReceived", 1, "[]").is_ok());
    }

    #[test]
    fn a_payload_of_today_is_not_touched() {
        assert!(matches!(to_today("OrderPlaced", 3, "not looked at"), Ok(Cow::Borrowed("not looked at"))));
    }

    #[test]
    fn a_payload_that_is_no_object_is_an_error_later_and_no_panic_here() {
        assert!(to_today("OrderPlaced", 1, "{").is_err());
        assert!(to_today("OrderPlaced", 1, "[]").is_ok());
    }
}
