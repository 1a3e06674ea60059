//! Change the price of a product in one currency.

use chrono::{DateTime, Utc};
use events::product::{ProductEvent, ProductPriceChanged};
use events::{Currency, Sku};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::decision::{Decision, NewEvent};
use crate::reader::Reader;
use crate::value::amount::Price;
use crate::value::instant;

/// A new price of a product in one currency.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ChangePrice {
    /// New price of one unit, in minor units.
    pub price: Price,
    /// Instant at which the event happened (RFC 3339); the time of the request if left out.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "instant::optional")]
    pub occurred_at: Option<DateTime<Utc>>,
}

/// Accepted for a discontinued product too, so that the price can be set before the product is sold again.
pub(crate) fn change_price(sku: &Sku, currency: Currency, body: &ChangePrice, reader: &Reader<'_>) -> Decision {
    let (stream, product) = reader.product(sku)?;
    let price = body.price.minor();
    if product.prices.get(&currency) == Some(&price) {
        return Ok(vec![]);
    }
    let changed = ProductPriceChanged { currency, price };
    Ok(vec![NewEvent::new(&stream, ProductEvent::PriceChanged(changed))])
}
