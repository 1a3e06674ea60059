//! Create a product.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use events::product::{ProductCreated, ProductEvent};
use events::{Currency, Sku, StreamId};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::decision::{Decision, NewEvent};
use crate::product::state::Product;
use crate::reader::Reader;
use crate::rejection::Rejection;
use crate::value::amount::Price;
use crate::value::attributes::Attributes;
use crate::value::label::TaxClass;
use crate::value::tags::Tags;
use crate::value::text::Name;
use crate::value::{instant, segment};

/// A product to create.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CreateProduct {
    /// SKU: the key of the product, which never changes; not `.` or `..`.
    #[serde(deserialize_with = "segment::new_sku")]
    #[schemars(transform = segment::without_dots)]
    pub sku: Sku,
    /// Name of the product.
    pub name: Name,
    /// Price of one unit per currency, in minor units.
    pub prices: BTreeMap<Currency, Price>,
    /// Tax class of the product, as the tax engine names it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tax_class: Option<TaxClass>,
    /// Further attributes of the product, such as colour, size or brand.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub attributes: Option<Attributes>,
    /// Tags of the product.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tags: Option<Tags>,
    /// Instant at which the event happened (RFC 3339); the time of the request if left out.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "instant::optional")]
    pub occurred_at: Option<DateTime<Utc>>,
}

pub(crate) fn create(body: &CreateProduct, reader: &Reader<'_>) -> Decision {
    let stream = StreamId::product(&body.sku);
    let existing = reader.find_product(&body.sku);
    let created = ProductCreated {
        sku: body.sku.clone(),
        name: body.name.as_str().to_owned(),
        prices: body.prices.iter().map(|(code, price)| (*code, price.minor())).collect(),
        tax_class: body.tax_class.as_ref().map(|class| class.as_str().to_owned()),
        attributes: body.attributes.as_ref().map(Attributes::to_map).unwrap_or_default(),
        tags: body.tags.as_ref().map(Tags::to_event).unwrap_or_default(),
    };
    match existing {
        None => Ok(vec![NewEvent::new(&stream, ProductEvent::Created(created))]),
        Some(existing) if is_same(existing, &created) => Ok(vec![]),
        Some(_) => Err(Rejection::DuplicateSku(body.sku.clone())),
    }
}

fn is_same(existing: &Product, created: &ProductCreated) -> bool {
    existing.active
        && existing.name == created.name
        && existing.prices == created.prices
        && existing.tax_class == created.tax_class
        && existing.attributes == created.attributes
        && existing.tags == created.tags
}
