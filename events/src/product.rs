//! What can happen to a product.

use std::collections::{BTreeMap, BTreeSet};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::money::{Currency, Minor};
use crate::name::Sku;

/// What happened to a product.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ProductEvent {
    /// It exists and can be sold.
    Created(ProductCreated),
    /// It is described in another way.
    Updated(ProductUpdated),
    /// It costs something else in one currency.
    PriceChanged(ProductPriceChanged),
    /// It can no longer be ordered.
    Discontinued(ProductDiscontinued),
    /// It can be ordered again.
    Reactivated(ProductReactivated),
}

/// A product exists and can be sold.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ProductCreated {
    /// Its immutable key.
    pub sku: Sku,
    /// What people call it.
    pub name: String,
    /// Price of one piece per currency, minor units.
    pub prices: BTreeMap<Currency, Minor>,
    /// What tax engines call its kind of goods.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tax_class: Option<String>,
    /// What else is known of it: colour, size, brand.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub attributes: BTreeMap<String, String>,
    /// Words to find it by.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub tags: BTreeSet<String>,
}

/// How a product is described from now on; all of it, not only what changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ProductUpdated {
    /// What people call it.
    pub name: String,
    /// What tax engines call its kind of goods.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tax_class: Option<String>,
    /// What else is known of it: colour, size, brand.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub attributes: BTreeMap<String, String>,
    /// Words to find it by.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub tags: BTreeSet<String>,
}

/// A product costs something else in one currency.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ProductPriceChanged {
    /// The currency whose price changed.
    pub currency: Currency,
    /// Price of one piece from now on, minor units.
    pub price: Minor,
}

/// A product can no longer be ordered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ProductDiscontinued {}

/// A product can be ordered again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ProductReactivated {}
