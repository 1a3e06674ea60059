//! Events of a product.

use std::collections::{BTreeMap, BTreeSet};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::money::{Currency, Minor};
use crate::name::Sku;
use crate::payload::Payload;

/// An event of a product.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ProductEvent {
    Created(ProductCreated),
    Updated(ProductUpdated),
    PriceChanged(ProductPriceChanged),
    Discontinued(ProductDiscontinued),
    Reactivated(ProductReactivated),
}

/// A product was created. It can be ordered from now on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ProductCreated {
    /// SKU of the product. It never changes.
    pub sku: Sku,
    /// Name of the product.
    pub name: String,
    /// Price of one unit in each currency, in minor units of the currency.
    pub prices: BTreeMap<Currency, Minor>,
    /// Tax class of the product, as used by tax calculation services.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tax_class: Option<String>,
    /// Further attributes of the product, such as colour, size and brand.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub attributes: BTreeMap<String, String>,
    /// Tags of the product.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub tags: BTreeSet<String>,
}

impl Payload for ProductCreated {
    const EVENT_TYPE: &'static str = "ProductCreated";
}

/// The description of a product was updated. The event contains the whole description, not only the changes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ProductUpdated {
    /// Name of the product.
    pub name: String,
    /// Tax class of the product, as used by tax calculation services.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tax_class: Option<String>,
    /// Further attributes of the product, such as colour, size and brand.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub attributes: BTreeMap<String, String>,
    /// Tags of the product.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub tags: BTreeSet<String>,
}

impl Payload for ProductUpdated {
    const EVENT_TYPE: &'static str = "ProductUpdated";
}

/// The price of a product in one currency was changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ProductPriceChanged {
    /// Currency of the changed price.
    pub currency: Currency,
    /// New price of one unit, in minor units of the currency.
    pub price: Minor,
}

impl Payload for ProductPriceChanged {
    const EVENT_TYPE: &'static str = "ProductPriceChanged";
}

/// A product was discontinued. It can no longer be ordered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ProductDiscontinued {}

impl Payload for ProductDiscontinued {
    const EVENT_TYPE: &'static str = "ProductDiscontinued";
}

/// A discontinued product was reactivated. It can be ordered again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ProductReactivated {}

impl Payload for ProductReactivated {
    const EVENT_TYPE: &'static str = "ProductReactivated";
}
