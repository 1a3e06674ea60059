//! The document of a product and its fold, and the rows of the price history.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};
use events::product::{ProductCreated, ProductEvent};
use events::stream::Subject;
use events::{Currency, EventId, Incarnation, LogPosition, Minor, Position, Recorded, Sku, Version};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::fold_error::FoldError;
use crate::search;

/// A product.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ProductDocument {
    /// SKU of the product.
    pub sku: Sku,
    /// Name of the product.
    pub name: String,
    /// Whether the product can be ordered.
    pub active: bool,
    /// Unit price per currency, in minor units of the currency.
    pub prices: BTreeMap<Currency, Minor>,
    /// Tax class of the product.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tax_class: Option<String>,
    /// Further attributes, such as colour, size or brand.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub attributes: BTreeMap<String, String>,
    /// Tags for searching and grouping products.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub tags: BTreeSet<String>,
    /// Instant at which the product was created.
    pub created_at: DateTime<Utc>,
    /// Instant at which the last event of the product occurred.
    pub updated_at: DateTime<Utc>,
    /// Version of the product's stream that this document contains.
    pub version: Version,
    /// Incarnation of the log that contains the last event of the product.
    pub incarnation: Incarnation,
    /// Position of the last event of the product in the log.
    pub position: Position,
}

/// Maximum length of the search text of a product, in characters: a name and some dozens of tags and attributes.
const SEARCH_TEXT_CHARS_MAX: usize = 2_000;

impl ProductDocument {
    /// Text for the search for parts of it: SKU, name, tags and values of attributes, folded as [`crate::search`] says.
    pub fn search_text(&self) -> String {
        let names = [self.sku.as_str(), self.name.as_str()].into_iter();
        let labels = self.tags.iter().chain(self.attributes.values()).map(String::as_str);
        search::stored_text(names.chain(labels), SEARCH_TEXT_CHARS_MAX)
    }

    /// Folds the next event into `document` (`None`: the product does not exist yet). A [`FoldError`] leaves `document`
    /// unchanged.
    pub fn fold(
        document: &mut Option<ProductDocument>,
        recorded: &Recorded,
        event: &ProductEvent,
    ) -> Result<(), FoldError> {
        let version = document.as_ref().map_or(Version::NONE, |product| product.version);
        FoldError::unless_next(version, recorded)?;
        match (document.as_mut(), event) {
            (None, ProductEvent::Created(created)) => *document = Some(ProductDocument::created(created, recorded)?),
            (None, _) => return Err(FoldError::NotFirst(recorded.event_type.clone())),
            (Some(_), ProductEvent::Created(_)) => return Err(FoldError::AlreadyCreated(recorded.event_type.clone())),
            (Some(product), event) => product.evolve(event, recorded),
        }
        Ok(())
    }

    /// Log position of the last event that this document contains.
    pub fn log_position(&self) -> LogPosition {
        LogPosition { incarnation: self.incarnation, position: self.position }
    }

    /// Moves version and log position to an event of the product, and changes nothing else.
    pub fn advance_to(&mut self, recorded: &Recorded) {
        self.version = recorded.version;
        self.incarnation = recorded.incarnation;
        self.position = recorded.position;
    }

    fn created(created: &ProductCreated, recorded: &Recorded) -> Result<ProductDocument, FoldError> {
        if recorded.stream.subject() != Subject::Product(created.sku.clone()) {
            return Err(FoldError::wrong_stream(recorded));
        }
        Ok(ProductDocument {
            sku: created.sku.clone(),
            name: created.name.clone(),
            active: true,
            prices: created.prices.clone(),
            tax_class: created.tax_class.clone(),
            attributes: created.attributes.clone(),
            tags: created.tags.clone(),
            created_at: recorded.occurred_at(),
            updated_at: recorded.occurred_at(),
            version: recorded.version,
            incarnation: recorded.incarnation,
            position: recorded.position,
        })
    }

    fn evolve(&mut self, event: &ProductEvent, recorded: &Recorded) {
        match event {
            // `fold` accepts this event only as the first event of a stream.
            ProductEvent::Created(_) => {}
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
        self.updated_at = recorded.occurred_at();
        self.advance_to(recorded);
    }
}

/// A price of a product, valid from `valid_from` until the next row of the same currency.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PriceRow {
    /// Id of the event; an event that sets prices in two currencies has two rows.
    pub id: EventId,
    /// SKU of the product.
    pub sku: Sku,
    /// Currency of the price (ISO 4217).
    pub currency: Currency,
    /// Unit price, in minor units of the currency.
    pub price: Minor,
    /// Instant from which the price is valid.
    pub valid_from: DateTime<Utc>,
    /// Position of the event in the log.
    pub position: Position,
}

impl PriceRow {
    /// The rows of an event of a product stream; empty if the event sets no price.
    pub fn of(recorded: &Recorded, event: &ProductEvent) -> Result<Vec<PriceRow>, FoldError> {
        let Subject::Product(sku) = recorded.stream.subject() else { return Err(FoldError::wrong_stream(recorded)) };
        let row = |currency, price| PriceRow {
            id: recorded.id(),
            sku: sku.clone(),
            currency,
            price,
            valid_from: recorded.occurred_at(),
            position: recorded.position,
        };
        Ok(match event {
            ProductEvent::Created(e) => e.prices.iter().map(|(currency, price)| row(*currency, *price)).collect(),
            ProductEvent::PriceChanged(e) => vec![row(e.currency, e.price)],
            ProductEvent::Updated(_) | ProductEvent::Discontinued(_) | ProductEvent::Reactivated(_) => Vec::new(),
        })
    }
}
