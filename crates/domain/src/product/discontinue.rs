//! Discontinue a product: it can no longer be ordered.

use chrono::{DateTime, Utc};
use events::Sku;
use events::product::{ProductDiscontinued, ProductEvent};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::decision::{Decision, NewEvent};
use crate::reader::Reader;
use crate::value::instant;

/// The discontinuation of a product.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DiscontinueProduct {
    /// Instant at which the event happened (RFC 3339); the time of the request if left out.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "instant::optional")]
    pub occurred_at: Option<DateTime<Utc>>,
}

pub(crate) fn discontinue(sku: &Sku, reader: &Reader<'_>) -> Decision {
    let (stream, product) = reader.product(sku)?;
    match product.active {
        true => Ok(vec![NewEvent::new(&stream, ProductEvent::Discontinued(ProductDiscontinued {}))]),
        false => Ok(vec![]),
    }
}
