//! Products: one row per product, and the history of all prices, partitioned by the month of the event id. [`rows`]
//! loads products.

use std::borrow::Cow;
use std::sync::LazyLock;
use std::time::Duration;

use events::{Event, LogPosition, Recorded, StreamId};
use read_model::cache::{Keys, PRODUCT_TTL};
use read_model::{FoldError, PriceRow, ProductDocument, Projection, tables};
use serde::Serialize;
use sqlx::PgConnection;

use crate::changes::ChangedDocument;
use crate::frame::Values::{BigInt, Boolean, Int, Json, OptionalText, Text, Timestamp};
use crate::frame::{ApplyError, Column, LoadedDocument, ReadModel, Table, Values, statement};

mod rows;

/// The read model of products.
#[derive(Debug)]
pub struct Products;

const COLUMNS: &[Column<ChangedDocument<ProductDocument>>] = &[
    Column::key("sku", Text(|it| it.document.sku.as_str())),
    Column::updated("name", Text(|it| &it.document.name)),
    Column::updated("active", Boolean(|it| it.document.active)),
    Column::updated("prices", Json(|it| json(&it.document.prices))),
    Column::updated("tax_class", OptionalText(|it| it.document.tax_class.as_deref())),
    Column::updated("attributes", Json(|it| json(&it.document.attributes))),
    Column::updated("tags", Json(|it| json(&it.document.tags))),
    Column::updated("created_at", Timestamp(|it| it.document.created_at)),
    Column::updated("updated_at", Timestamp(|it| it.document.updated_at)),
    Column::updated("version", Int(|it| it.document.version.0)),
    Column::updated("incarnation", Int(|it| it.document.incarnation.0)),
    Column::updated("position", BigInt(|it| it.document.position.0)),
];

const PRICE_COLUMNS: &[Column<PriceRow>] = &[
    Column::key("id", Values::Uuid(|row| row.id.uuid())),
    Column::fixed("sku", Text(|row| row.sku.as_str())),
    Column::key("currency", Text(|row| row.currency.as_str())),
    Column::fixed("price", BigInt(|row| row.price.0)),
    Column::fixed("valid_from", Timestamp(|row| row.valid_from)),
    Column::fixed("position", BigInt(|row| row.position.0)),
];

impl ReadModel for Products {
    const PROJECTION: Projection = Projection::Products;
    const DOCUMENTS: Table<ChangedDocument<ProductDocument>> =
        Table { name: tables::PRODUCTS, columns: COLUMNS, month: None };
    const HISTORY: Option<Table<PriceRow>> =
        Some(Table { name: tables::PRODUCT_PRICES, columns: PRICE_COLUMNS, month: Some(|row| row.valid_from) });
    const CACHE_TTL: Duration = PRODUCT_TTL;
    type Document = ProductDocument;
    type Row = PriceRow;

    fn fold(
        document: &mut Option<ProductDocument>,
        event: &Recorded,
        rows: &mut Vec<PriceRow>,
    ) -> Result<(), ApplyError> {
        let Event::Product(product_event) = event.decode()? else {
            return Err(FoldError::WrongStream(event.event_type.clone()).into());
        };
        ProductDocument::fold(document, event, &product_event)?;
        rows.extend(PriceRow::of(event, &product_event)?);
        Ok(())
    }

    fn log_position(document: &ProductDocument) -> LogPosition {
        document.log_position()
    }

    fn cache_key(keys: &Keys, document: &ProductDocument) -> String {
        keys.product(&document.sku)
    }

    async fn load(connection: &mut PgConnection, streams: &[StreamId]) -> sqlx::Result<Vec<LoadedDocument<Products>>> {
        rows::list(connection, streams).await
    }

    fn write_statement() -> &'static str {
        static STATEMENT: LazyLock<String> = LazyLock::new(statement::build::<Products>);
        &STATEMENT
    }
}

fn json<T: Serialize>(value: &T) -> Cow<'_, str> {
    Cow::Owned(serde_json::to_string(value).expect("prices, attributes and tags are plain data with text keys"))
}
