//! Upcasters: pure functions that convert a payload of one schema version to the next version, up to the current version.
//!
//! A stored event is never edited. To change a payload, add an upcaster here, keep the golden files of the old version and add golden
//! files of the new version. Payloads of the current version are not parsed here.

use std::borrow::Cow;

use serde_json::{Value, json};

use crate::money::Minor;
use crate::order::pricing::{Amounts, Pricing};

/// Converts a payload to the next schema version.
type Upcaster = fn(&mut Value);

/// The upcaster from `version` of an event type to the next version. `None` if `version` is the current version, or if the next version
/// only added optional fields (`backordered` of `StockReserved`, `StockReleased`, `StockHeld` and `StockHoldReleased`).
fn upcaster(event_type: &str, version: i16) -> Option<Upcaster> {
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

/// Converts a payload to the current schema version of its event type.
pub(crate) fn to_current<'p>(
    event_type: &str,
    version: i16,
    payload: &'p str,
) -> Result<Cow<'p, str>, serde_json::Error> {
    let Some(first) = upcaster(event_type, version) else { return Ok(Cow::Borrowed(payload)) };
    let mut value = serde_json::from_str(payload)?;
    first(&mut value);
    for later in (version + 1..).map_while(|version| upcaster(event_type, version)) {
        later(&mut value);
    }
    Ok(Cow::Owned(value.to_string()))
}

/// Version 1 had one amount for shipping, including tax. Version 2 has shipping lines. The tax of a converted line is not known and
/// recorded as zero.
fn order_placed_1_to_2(placed: &mut Value) {
    let shipping = placed["shipping"].as_i64().unwrap_or(0);
    if shipping != 0 {
        placed["shipping_lines"] = json!([{ "name": "Shipping", "amount": shipping, "tax": 0, "total": shipping }]);
    }
}

/// Version 2 had the amounts of a line but not its pricing. The tax rate and the share of the discount on the whole order are not known.
fn order_placed_2_to_3(placed: &mut Value) {
    add_pricing(placed.get_mut("lines"));
}

/// Version 1 had the amounts of a line but not its pricing, and its amounts included cancelled units. The number of cancelled units is
/// not in the event.
fn order_amended_1_to_2(amended: &mut Value) {
    add_pricing(amended.get_mut("added"));
    add_pricing(amended.get_mut("changed"));
    for change in items(amended.get_mut("changed")).filter_map(Value::as_object_mut) {
        change.insert("with_cancelled".to_owned(), true.into());
    }
}

/// Version 1 did not record the kind of refund. A refund that names a return is of the kind `return`.
fn refund_recorded_1_to_2(refund: &mut Value) {
    if refund["return"].is_u64() {
        refund["kind"] = "return".into();
    }
}

/// The next version only has additional fields, whose values are not known for an old event.
fn unchanged(_: &mut Value) {}

/// Adds to each line a pricing derived from its amounts. A line without amounts is left unchanged, so that decoding fails.
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

/// Version 1 received all outstanding units. Their number is in the return, not in the payload.
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
    fn a_shipping_amount_becomes_a_shipping_line() {
        let current = to_current("OrderPlaced", 1, r#"{"shipping":495}"#).unwrap();
        let current: Value = serde_json::from_str(&current).unwrap();
        assert_eq!(current["shipping_lines"], json!([{ "name": "Shipping", "amount": 495, "tax": 0, "total": 495 }]));
        assert_eq!(to_current("OrderPlaced", 1, r#"{"shipping":0}"#).unwrap(), r#"{"shipping":0}"#);
    }

    #[test]
    fn a_whole_return_is_converted_to_its_rest() {
        let current = to_current("ReturnReceived", 1, r#"{"return":1,"disposition":"lost"}"#).unwrap();
        assert_eq!(current, r#"{"lines":[],"rest":"lost","return":1}"#);
        assert!(to_current("ReturnReceived", 1, "[]").is_ok());
    }

    #[test]
    fn a_payload_of_the_current_version_is_unchanged() {
        assert!(matches!(to_current("OrderPlaced", 3, "not parsed"), Ok(Cow::Borrowed("not parsed"))));
    }

    #[test]
    fn a_payload_that_is_not_an_object_does_not_panic() {
        assert!(to_current("OrderPlaced", 1, "{").is_err());
        assert!(to_current("OrderPlaced", 1, "[]").is_ok());
    }
}
