//! Commands to a product.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use events::{Currency, Sku};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::value::amount::Price;
use crate::value::attributes::{Attributes, AttributesPatch};
use crate::value::instant;
use crate::value::patch::{self, Member};
use crate::value::segment;
use crate::value::tags::Tags;
use crate::value::text::{Name, TaxClass};

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
    /// Instant at which it happened (RFC 3339); the time of the request if left out.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "instant::optional")]
    pub occurred_at: Option<DateTime<Utc>>,
}

/// Changes to a product, as a JSON merge patch (RFC 7396).
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct UpdateProduct {
    /// Name of the product.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "patch::replaced")]
    pub name: Option<Name>,
    /// Tax class of the product, as the tax engine names it.
    #[serde(default, skip_serializing_if = "Member::is_kept")]
    pub tax_class: Member<TaxClass>,
    /// Attributes to change; other attributes stay.
    #[serde(default, skip_serializing_if = "Member::is_kept")]
    pub attributes: Member<AttributesPatch>,
    /// Tags of the product; replaces all tags.
    #[serde(default, skip_serializing_if = "Member::is_kept")]
    pub tags: Member<Tags>,
}

/// A new price of a product in one currency.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ChangePrice {
    /// New price of one unit, in minor units.
    pub price: Price,
    /// Instant at which it happened (RFC 3339); the time of the request if left out.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "instant::optional")]
    pub occurred_at: Option<DateTime<Utc>>,
}

/// The discontinuation of a product.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DiscontinueProduct {
    /// Instant at which it happened (RFC 3339); the time of the request if left out.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "instant::optional")]
    pub occurred_at: Option<DateTime<Utc>>,
}

/// The reactivation of a product.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ReactivateProduct {
    /// Instant at which it happened (RFC 3339); the time of the request if left out.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "instant::optional")]
    pub occurred_at: Option<DateTime<Utc>>,
}
