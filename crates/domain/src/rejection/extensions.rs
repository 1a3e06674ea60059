//! The extension members of the problem document of a rejection.

use events::order::PartNo;
use serde_json::{Map, Value, json};

use super::{Obstacle, OrderState, Rejection};

impl Rejection {
    /// Members for machines; names and meanings are stable.
    pub fn extensions(&self) -> Map<String, Value> {
        match self.members() {
            Value::Object(members) => members,
            _ => Map::new(),
        }
    }

    fn members(&self) -> Value {
        match self {
            Self::UnknownProduct(sku) | Self::DuplicateSku(sku) => json!({ "sku": sku }),
            Self::UnknownOrder(id) | Self::DuplicateOrder(id) | Self::PersonalDataErased(id) => {
                json!({ "order_id": id })
            }
            Self::UnknownCustomer(id) | Self::DuplicateCustomer(id) | Self::CustomerErased(id) => {
                json!({ "customer_id": id })
            }
            Self::UnknownStockHold(id) | Self::DuplicateStockHold(id) => json!({ "hold_id": id }),
            Self::UnknownPart { part, number, last } => json!({ part.as_str(): number, "last": last }),
            Self::OrderState(state) => state_members(state),
            Self::InsufficientStock(lines) => json!({ "lines": lines }),
            Self::UnfitProducts(lines) => json!({ "lines": lines }),
            Self::DuplicatePaymentReference { method, reference } => {
                json!({ "method": method, "reference": reference })
            }
            Self::DuplicateExternalRef { channel, external_ref } => {
                json!({ "channel": channel, "external_ref": external_ref })
            }
            Self::StaleExpected { expected, on_hand } => json!({ "expected": expected, "on_hand": on_hand }),
            Self::StaleVersion { expected, found } => json!({ "expected": expected, "version": found }),
            Self::StockLimit { on_hand, limit } => json!({ "on_hand": on_hand, "limit": limit }),
            Self::BelowZero { on_hand, delta } => json!({ "on_hand": on_hand, "delta": delta }),
            Self::SameLocation(location) => json!({ "location": location }),
            Self::TooManyAttributes { found, limit } => json!({ "found": found, "limit": limit }),
            Self::UnknownChannel(channel) => json!({ "channel": channel }),
            Self::WrongCurrency { channel, currency, allowed } => {
                json!({ "channel": channel, "currency": currency, "allowed": allowed })
            }
            Self::CurrencyWithdrawn { currency, last_day } => json!({ "currency": currency, "last_day": last_day }),
            Self::TotalMismatch { expected, total } => json!({ "expected_total": expected, "total": total }),
            Self::DiscountExceeded { line, discount, worth } => {
                json!({ "line": line, "discount": discount, "worth": worth })
            }
            Self::UnknownLines { lines, last } => json!({ "lines": lines, "last": last }),
            Self::QuantityExceeded { lines, .. } => json!({ "lines": lines }),
            Self::SeveralLocations(locations) => json!({ "locations": locations }),
            Self::WrongLocation { location, lines } => json!({ "location": location, "lines": lines }),
            Self::AmountExceeded { payment, amount, refundable } => {
                json!({ "payment": payment, "amount": amount, "refundable": refundable })
            }
            Self::InstantOutOfRange { instant, earliest, latest } => {
                json!({ "instant": instant, "earliest": earliest, "latest": latest })
            }
            Self::StockHoldGone { hold_id, gone } => json!({ "hold_id": hold_id, "state": gone }),
            Self::UnknownBuyer(id) | Self::ErasedBuyer(id) => json!({ "customer_id": id }),
            Self::Exclusive(fields) => json!({ "fields": fields }),
            Self::RepeatedLines(lines) => json!({ "lines": lines }),
            Self::BelowFulfilled(lines) => json!({ "lines": lines }),
            Self::TooManyLines { lines, limit } => json!({ "lines": lines, "limit": limit }),
            Self::OrderTooLarge { bytes, limit } => json!({ "bytes": bytes, "limit": limit }),
            Self::TooManyParts { limit, .. } => json!({ "limit": limit }),
            Self::DuplicateEmail | Self::MethodMissing | Self::AmountOverflow | Self::NothingLeft => json!({}),
        }
    }
}

fn state_members(state: &OrderState) -> Value {
    let mut members = json!({ "lifecycle": state.lifecycle });
    match state.obstacle {
        Obstacle::Lifecycle | Obstacle::AllShipped | Obstacle::SomeShipped => {}
        Obstacle::OnHold => members["held"] = true.into(),
        Obstacle::Fulfilment(number, at) => stand(&mut members, "fulfilment", number, json!(at)),
        Obstacle::OtherShipment(number) => stand(&mut members, "fulfilment", number, json!("shipped")),
        Obstacle::Return(number, at) => stand(&mut members, "return", number, json!(at)),
        Obstacle::Captured(number) => stand(&mut members, "payment", number, json!("captured")),
    }
    members
}

fn stand(members: &mut Value, part: &str, number: PartNo, state: Value) {
    members[part] = number.into();
    members["state"] = state;
}
