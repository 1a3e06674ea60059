//! The limits of the stock of one item.

use events::stock::Level;
use events::{Location, Sku, StreamId};

use crate::reader::Reader;
use crate::rejection::Rejection;

/// Most units of one SKU at one location, and the largest adjustment: a billion, far below any overflow of a sum.
pub const MAX_ON_HAND: i64 = 1_000_000_000;

/// The stream and the level of a stock item. The product must exist; the stock item need not have events.
pub(crate) fn existing(sku: &Sku, location: &Location, reader: &Reader<'_>) -> Result<(StreamId, Level), Rejection> {
    let stream = StreamId::stock(sku, location);
    let level = reader.level(&stream);
    match reader.find_product(sku) {
        Some(_) => Ok((stream, level)),
        None => Err(Rejection::UnknownProduct(sku.clone())),
    }
}

pub(crate) fn within_limit(on_hand: i64) -> Result<(), Rejection> {
    match on_hand <= MAX_ON_HAND {
        true => Ok(()),
        false => Err(Rejection::StockLimit { on_hand, limit: MAX_ON_HAND }),
    }
}
