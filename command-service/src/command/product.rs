//! Commands to a product.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use events::{Currency, Sku};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::amount::Price;
use super::instant;
use super::text::Name;

/// Creates a product that can be sold.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CreateProduct {
    /// What the caller sent.
    pub body: CreateProductBody,
}

/// Body of `POST /v1/products`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CreateProductBody {
    /// Its immutable key.
    pub sku: Sku,
    /// What people call it.
    pub name: Name,
    /// Price of one piece per currency, minor units.
    pub prices: BTreeMap<Currency, Price>,
    /// When it happened, if not now.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "instant::optional")]
    pub occurred_at: Option<DateTime<Utc>>,
}

/// Sets the price of a product in one currency.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ChangePrice {
    /// Which product.
    pub sku: Sku,
    /// The currency of the price.
    pub currency: Currency,
    /// What the caller sent.
    pub body: ChangePriceBody,
}

/// Body of `PUT /v1/products/{sku}/prices/{currency}`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ChangePriceBody {
    /// Price of one piece from now on, minor units.
    pub price: Price,
    /// When it happened, if not now.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "instant::optional")]
    pub occurred_at: Option<DateTime<Utc>>,
}

/// Takes a product out of the assortment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct DiscontinueProduct {
    /// Which product.
    pub sku: Sku,
    /// What the caller sent.
    pub body: DiscontinueProductBody,
}

/// Body of `POST /v1/products/{sku}/discontinuation`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DiscontinueProductBody {
    /// When it happened, if not now.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "instant::optional")]
    pub occurred_at: Option<DateTime<Utc>>,
}

/// Takes a product back into the assortment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ReactivateProduct {
    /// Which product.
    pub sku: Sku,
    /// What the caller sent.
    pub body: ReactivateProductBody,
}

/// Body of `POST /v1/products/{sku}/reactivation`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ReactivateProductBody {
    /// When it happened, if not now.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "instant::optional")]
    pub occurred_at: Option<DateTime<Utc>>,
}
