//! Loads products from their rows.

use chrono::{DateTime, Utc};
use events::{Incarnation, Position, Sku, StreamId, Version};
use read_model::ProductDocument;
use sqlx::{FromRow, PgConnection};

use crate::projections::json_text::read_json;
use crate::store::log::StreamAt;

pub(super) async fn list(
    connection: &mut PgConnection,
    streams: &[StreamAt],
) -> sqlx::Result<Vec<(StreamId, Result<ProductDocument, String>)>> {
    let rows: Vec<Row> = sqlx::query_as(
        "select sku, name, active, prices::text as prices, tax_class, attributes::text as attributes, tags::text as tags,
             created_at, updated_at, version, incarnation, position
         from products where sku = any($1)",
    )
    .bind(streams.iter().map(|it| it.stream.key()).collect::<Vec<_>>())
    .fetch_all(connection)
    .await?;
    Ok(rows.into_iter().filter_map(Row::loaded).collect())
}

#[derive(FromRow)]
struct Row {
    sku: String,
    name: String,
    active: bool,
    prices: String,
    tax_class: Option<String>,
    attributes: String,
    tags: String,
    created_at: DateTime<Utc>,
    updated_at: DateTime<Utc>,
    version: i32,
    incarnation: i32,
    position: i64,
}

impl Row {
    fn loaded(self) -> Option<(StreamId, Result<ProductDocument, String>)> {
        let sku: Sku = self.sku.parse().ok()?;
        Some((StreamId::product(&sku), self.document(sku)))
    }

    fn document(self, sku: Sku) -> Result<ProductDocument, String> {
        Ok(ProductDocument {
            sku,
            name: self.name,
            active: self.active,
            prices: read_json("prices", &self.prices)?,
            tax_class: self.tax_class,
            attributes: read_json("attributes", &self.attributes)?,
            tags: read_json("tags", &self.tags)?,
            created_at: self.created_at,
            updated_at: self.updated_at,
            version: Version(self.version),
            incarnation: Incarnation(self.incarnation),
            position: Position(self.position),
        })
    }
}
