//! Reads of single stock holds.

use std::time::Duration;

use bytes::Bytes;
use events::{StockHoldId, StreamId};
use read_model::Projection;
use read_model::cache::Keys;
use sqlx::Row;
use sqlx::postgres::PgRow;

use crate::reads::cache::redis::CachedDocument;
use crate::reads::database::freshness::Scope;
use crate::reads::database::row::log_position;
use crate::reads::database::statement::Statement;
use crate::reads::documents::DocumentType;
use crate::reads::months::MonthRange;
use crate::reads::representation::Representation;

/// The document type of stock holds.
pub struct StockHold;

impl DocumentType for StockHold {
    type Key = StockHoldId;

    const NAME: &'static str = "stock_hold";
    const PROJECTION: Projection = Projection::STOCK_HOLDS;
    const TTL: Duration = Duration::from_secs(10);

    fn select(id: &StockHoldId, statement: &mut Statement) {
        statement
            .push("select document::text as document, incarnation, position from stock_holds where id = ")
            .bind(id.uuid());
        MonthRange::of(id.uuid()).push(statement, "id");
    }

    fn decode(_: &Keys, id: &StockHoldId, row: &PgRow) -> sqlx::Result<CachedDocument> {
        let json = Bytes::from(row.try_get::<String, _>("document")?);
        Ok(CachedDocument { key: id.to_string(), at: log_position(row)?, json })
    }

    fn part_keys(_: &Keys, id: &StockHoldId) -> Option<Vec<String>> {
        Some(vec![id.to_string()])
    }

    fn representation(_: &StockHoldId, parts: &[CachedDocument]) -> Representation {
        Representation::document(parts[0].json.clone(), parts[0].at)
    }

    fn scope(id: &StockHoldId) -> Scope {
        Scope::Stream(StreamId::stock_hold(*id))
    }
}
