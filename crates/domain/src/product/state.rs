//! The state of a product.

use std::collections::{BTreeMap, BTreeSet};

use events::product::ProductEvent;
use events::{Currency, Minor};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The state of a product.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Product {
    /// Name of the product.
    pub name: String,
    /// Price of one unit per currency.
    pub prices: BTreeMap<Currency, Minor>,
    /// Tax class of the product, as the tax engine names it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tax_class: Option<String>,
    /// Further attributes of the product.
    pub attributes: BTreeMap<String, String>,
    /// Tags of the product.
    pub tags: BTreeSet<String>,
    /// Whether the product can be ordered.
    pub active: bool,
}

impl Product {
    /// The product after `event`.
    pub fn evolve(&mut self, event: &ProductEvent) {
        match event {
            ProductEvent::Created(e) => {
                self.name.clone_from(&e.name);
                self.prices.clone_from(&e.prices);
                self.tax_class.clone_from(&e.tax_class);
                self.attributes.clone_from(&e.attributes);
                self.tags.clone_from(&e.tags);
                self.active = true;
            }
            ProductEvent::Updated(e) => {
                self.name.clone_from(&e.name);
                self.tax_class.clone_from(&e.tax_class);
                self.attributes.clone_from(&e.attributes);
                self.tags.clone_from(&e.tags);
            }
            ProductEvent::PriceChanged(e) => {
                self.prices.insert(e.currency, e.price);
            }
            ProductEvent::Discontinued(_) => self.active = false,
            ProductEvent::Reactivated(_) => self.active = true,
        }
    }
}
