//! Loads stock items from their rows.

use chrono::{DateTime, Utc};
use events::stock::Level;
use events::stream::Subject;
use events::{Incarnation, Location, LogPosition, Position, Sku, StreamId, Version};
use read_model::StockDocument;
use sqlx::{FromRow, PgConnection};

use crate::projections::json_text::read_json;
use crate::store::log::StreamAt;

pub(super) async fn list(
    connection: &mut PgConnection,
    streams: &[StreamAt],
) -> sqlx::Result<Vec<(StreamId, Result<StockDocument, String>)>> {
    let subjects: Vec<Subject> = streams.iter().map(|it| it.stream.subject()).collect();
    let items = || subjects.iter().filter_map(|it| if let Subject::Stock(s, l) = it { Some((s, l)) } else { None });
    let rows: Vec<Row> = sqlx::query_as(
        "select sku, location, on_hand, reserved, backordered, backorders_derived, received, restocked, adjusted, shipped,
             transferred, safety, policy::text as policy, updated_at, version, incarnation, position
         from unnest($1::text[], $2::text[]) as wanted (sku, location) join stock using (sku, location)",
    )
    .bind(items().map(|(sku, _)| sku.as_str()).collect::<Vec<_>>())
    .bind(items().map(|(_, location)| location.as_str()).collect::<Vec<_>>())
    .fetch_all(connection)
    .await?;
    Ok(rows.into_iter().filter_map(Row::loaded).collect())
}

#[derive(FromRow)]
struct Row {
    sku: String,
    location: String,
    on_hand: i64,
    reserved: i64,
    backordered: i64,
    backorders_derived: bool,
    received: i64,
    restocked: i64,
    adjusted: i64,
    shipped: i64,
    transferred: i64,
    safety: i64,
    policy: String,
    updated_at: DateTime<Utc>,
    version: i32,
    incarnation: i32,
    position: i64,
}

impl Row {
    fn loaded(self) -> Option<(StreamId, Result<StockDocument, String>)> {
        let (sku, location): (Sku, Location) = (self.sku.parse().ok()?, self.location.parse().ok()?);
        Some((StreamId::stock(&sku, &location), self.document(sku, location)))
    }

    fn document(self, sku: Sku, location: Location) -> Result<StockDocument, String> {
        let level = Level {
            on_hand: self.on_hand,
            reserved: self.reserved,
            backordered: self.backordered,
            backorders_derived: self.backorders_derived,
            received: self.received,
            restocked: self.restocked,
            adjusted: self.adjusted,
            shipped: self.shipped,
            transferred: self.transferred,
            safety: self.safety,
            policy: read_json("policy", &self.policy)?,
        };
        let log_position =
            LogPosition { incarnation: Incarnation(self.incarnation), position: Position(self.position) };
        Ok(StockDocument::of(sku, location, level, self.updated_at, Version(self.version), log_position))
    }
}
