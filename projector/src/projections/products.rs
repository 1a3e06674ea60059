//! Products: one row per product, and the history of all prices, partitioned by the month of the event id. [`rows`]
//! loads products.

use std::borrow::Cow;

use events::{Event, LogPosition, Recorded};
use read_model::cache::PRODUCT_TTL;
use read_model::{PriceRow, ProductDocument, Projection, tables};
use sqlx::PgConnection;

use crate::changes::ChangedState;
use crate::frame::Values::{BigInt, Boolean, Int, Json, OptionalText, OwnedText, Text, TextList, Timestamp};
use crate::frame::{ApplyError, Caching, Column, Index, LoadedState, ReadModel, Table, Values, Visitor};
use crate::projections::decode;
use crate::projections::json_text::json;
use crate::store::log::StreamAt;

mod rows;

/// The read model of products.
#[derive(Debug)]
pub struct Products;

static PRODUCTS: Table<ChangedState<ProductDocument>> = Table {
    name: tables::PRODUCTS,
    columns: COLUMNS,
    month: None,
    stream_id: STREAM_ID,
    indexes: &[
        // Few products cannot be ordered; those that can are found by SKU.
        Index {
            name: "products_inactive",
            definition: "btree (sku) where not active",
            query: "GET /v1/products?active=",
        },
        Index {
            name: "products_tags",
            definition: "gin (tag_list) where tag_list <> '{}'",
            query: "GET /v1/products?tag=",
        },
        Index { name: "products_text", definition: "gin (search_text gin_trgm_ops)", query: "GET /v1/products?q=" },
    ],
    storage: "",
};

const STREAM_ID: Option<&str> = Some("'product-' || sku");

/// Every price that a product ever had; an event with prices in two currencies has two rows.
static PRICES: Table<PriceRow> = Table {
    name: tables::PRODUCT_PRICES,
    columns: PRICE_COLUMNS,
    month: Some(|row| row.valid_from),
    stream_id: STREAM_ID,
    indexes: &[Index {
        name: "product_prices_item",
        definition: "btree (sku, currency, id desc)",
        query: "GET /v1/products/{sku}/prices",
    }],
    storage: "",
};

const COLUMNS: &[Column<ChangedState<ProductDocument>>] = &[
    Column::key("sku", Text(|it| it.state.sku.as_str())),
    Column::updated("name", Text(|it| &it.state.name)),
    Column::updated("active", Boolean(|it| it.state.active)),
    Column::updated("prices", Json(|it| Cow::Owned(json(&it.state.prices)))),
    Column::updated("tax_class", OptionalText(|it| it.state.tax_class.as_deref())),
    Column::updated("attributes", Json(|it| Cow::Owned(json(&it.state.attributes)))),
    Column::updated("tags", Json(|it| Cow::Owned(json(&it.state.tags)))),
    Column::updated("tag_list", TextList(|it| it.state.tags.iter().map(String::as_str).collect())),
    Column::updated("search_text", OwnedText(|it| it.state.search_text())),
    Column::updated("created_at", Timestamp(|it| it.state.created_at)),
    Column::updated("updated_at", Timestamp(|it| it.state.updated_at)),
    Column::updated("version", Int(|it| it.state.version.0)),
    Column::updated("incarnation", Int(|it| it.state.incarnation.0)),
    Column::updated("position", BigInt(|it| it.state.position.0)),
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
    const PROJECTION: Projection = Projection::PRODUCTS;
    const VERSION: i32 = 2;
    const CACHE: Option<Caching<ProductDocument>> =
        Some(Caching { time_to_live: PRODUCT_TTL, key: |keys, product| keys.product(&product.sku) });
    type State = ProductDocument;
    type Rows = Vec<PriceRow>;

    fn fold(
        state: &mut Option<ProductDocument>,
        event: &Recorded,
        prices: &mut Vec<PriceRow>,
    ) -> Result<(), ApplyError> {
        let Event::Product(product_event) = event.decode()? else {
            return Err(decode::wrong_stream(event));
        };
        ProductDocument::fold(state, event, &product_event)?;
        prices.extend(PriceRow::of(event, &product_event)?);
        Ok(())
    }

    fn skip(product: &mut Option<ProductDocument>, event: &Recorded) {
        if let Some(product) = product {
            product.advance_to(event);
        }
    }

    fn log_position(product: &ProductDocument) -> LogPosition {
        product.log_position()
    }

    fn document(product: &ProductDocument) -> String {
        json(product)
    }

    fn visit(products: &[ChangedState<ProductDocument>], prices: &Vec<PriceRow>, visitor: &mut impl Visitor) {
        visitor.table(&PRODUCTS, products);
        visitor.table(&PRICES, prices);
    }

    async fn load(connection: &mut PgConnection, streams: &[StreamAt]) -> sqlx::Result<Vec<LoadedState<Products>>> {
        rows::list(connection, streams).await
    }
}
