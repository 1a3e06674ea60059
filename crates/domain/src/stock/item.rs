//! A stock item: the stock of one SKU at one location.

use events::{Location, Sku, StreamId};
use serde::Serialize;

/// The stock of one SKU at one location.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct StockItem {
    /// The SKU.
    pub sku: Sku,
    /// The location.
    pub location: Location,
}

impl StockItem {
    /// The stream of the stock item.
    pub fn stream(&self) -> StreamId {
        StreamId::stock(&self.sku, &self.location)
    }
}
