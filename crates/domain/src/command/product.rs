//! Commands to a product.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use events::{Currency, Sku};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::amount::Price;
use super::attributes::{Attributes, AttributesPatch};
use super::instant;
use super::patch::{self, Member};
use super::segment;
use super::tags::Tags;
use super::text::{Name, TaxClass};

/// Body of `POST /v1/products`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CreateProduct {
    /// Its immutable key; not `.` or `..`.
    #[serde(deserialize_with = "segment::new_sku")]
    #[schemars(transform = segment::without_dots)]
    pub sku: Sku,
    /// What people call it.
    pub name: Name,
    /// Price of one piece per currency, minor units.
    pub prices: BTreeMap<Currency, Price>,
    /// What tax engines call its kind of goods.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tax_class: Option<TaxClass>,
    /// What else is known of it: colour, size, brand.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub attributes: Option<Attributes>,
    /// Words to find it by.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tags: Option<Tags>,
    /// When it happened, if not now.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "instant::optional")]
    pub occurred_at: Option<DateTime<Utc>>,
}

/// Body of `PATCH /v1/products/{sku}`, a JSON merge patch (RFC 7396).
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct UpdateProduct {
    /// What people call it.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "patch::replaced")]
    pub name: Option<Name>,
    /// What tax engines call its kind of goods.
    #[serde(default, skip_serializing_if = "Member::is_kept")]
    pub tax_class: Member<TaxClass>,
    /// What else is known of it; attributes that are not named stay.
    #[serde(default, skip_serializing_if = "Member::is_kept")]
    pub attributes: Member<AttributesPatch>,
    /// Words to find it by: all of them, not only the new ones.
    #[serde(default, skip_serializing_if = "Member::is_kept")]
    pub tags: Member<Tags>,
}

/// Body of `PUT /v1/products/{sku}/prices/{currency}`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ChangePrice {
    /// Price of one piece from now on, minor units.
    pub price: Price,
    /// When it happened, if not now.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "instant::optional")]
    pub occurred_at: Option<DateTime<Utc>>,
}

/// Body of `POST /v1/products/{sku}/discontinuation`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DiscontinueProduct {
    /// When it happened, if not now.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "instant::optional")]
    pub occurred_at: Option<DateTime<Utc>>,
}

/// Body of `POST /v1/products/{sku}/reactivation`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ReactivateProduct {
    /// When it happened, if not now.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "instant::optional")]
    pub occurred_at: Option<DateTime<Utc>>,
}
