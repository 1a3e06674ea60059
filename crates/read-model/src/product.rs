//! The product as it is read, and every price that it ever had.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};
use events::product::{ProductCreated, ProductEvent};
use events::stream::Subject;
use events::{Currency, EventId, Incarnation, LogPosition, Minor, Position, Recorded, Sku, Version};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::fold_error::FoldError;

/// A product.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ProductDocument {
    /// Its key.
    pub sku: Sku,
    /// What people call it.
    pub name: String,
    /// Whether it can be ordered.
    pub active: bool,
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
    /// When it was created.
    pub created_at: DateTime<Utc>,
    /// When the last event happened.
    pub updated_at: DateTime<Utc>,
    /// Number of its last event.
    pub version: Version,
    /// Life of the log in which its last event was written.
    pub incarnation: Incarnation,
    /// Place of its last event in the log.
    pub position: Position,
}

impl ProductDocument {
    /// Folds one more event into `held` (`None` is the product that does not exist yet). After a [`FoldError`] `held` is
    /// as before.
    pub fn fold(
        held: &mut Option<ProductDocument>,
        recorded: &Recorded,
        event: &ProductEvent,
    ) -> Result<(), FoldError> {
        let version = held.as_ref().map_or(Version::NONE, |product| product.version);
        FoldError::unless_next(version, recorded)?;
        match (held.as_mut(), event) {
            (None, ProductEvent::Created(created)) => *held = Some(ProductDocument::created(created, recorded)?),
            (None, _) => return Err(FoldError::NotFirst(recorded.event_type.clone())),
            (Some(_), ProductEvent::Created(_)) => return Err(FoldError::AlreadyCreated(recorded.event_type.clone())),
            (Some(product), event) => product.evolve(event, recorded),
        }
        Ok(())
    }

    /// How new this document is.
    pub fn log_position(&self) -> LogPosition {
        LogPosition { incarnation: self.incarnation, position: self.position }
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
            // It begins a stream, so `fold` does not let it come here.
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
        self.version = recorded.version;
        self.incarnation = recorded.incarnation;
        self.position = recorded.position;
    }
}

/// One price of a product, from `valid_from` until the next row of the same currency.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PriceRow {
    /// The event's id; an event that sets prices in two currencies makes two rows.
    pub id: EventId,
    /// What.
    pub sku: Sku,
    /// In which currency.
    pub currency: Currency,
    /// Price of one piece, minor units.
    pub price: Minor,
    /// Since when.
    pub valid_from: DateTime<Utc>,
    /// Place of the event in the log.
    pub position: Position,
}

impl PriceRow {
    /// The rows of an event of a product stream; none where it sets no price.
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
