//! Stock: one row per stock item, and a ledger of all movements, partitioned by the month of the event id. [`rows`]
//! loads stock items.

use std::borrow::Cow;

use events::{LogPosition, Recorded};
use read_model::cache::STOCK_TTL;
use read_model::{LedgerRow, Projection, StockDocument, tables};
use sqlx::PgConnection;

use crate::changes::ChangedState;
use crate::frame::Values::{BigInt, Boolean, Int, Json, OptionalUuid, Text, Timestamp};
use crate::frame::{ApplyError, Caching, Column, Index, LoadedState, ReadModel, Table, Values, Visitor};
use crate::projections::decode;
use crate::projections::json_text::json;
use crate::store::log::StreamAt;

mod rows;

/// The read model of stock.
#[derive(Debug)]
pub struct Stock;

static STOCK: Table<ChangedState<StockDocument>> = Table {
    name: tables::STOCK,
    columns: COLUMNS,
    month: None,
    stream_id: Some("'stock-' || sku || '@' || location"),
    indexes: &[],
    // Rows of busy items change many times a second: room for new versions on the same page.
    storage: "fillfactor = 70",
};

static LEDGER: Table<LedgerRow> = Table {
    name: tables::STOCK_LEDGER,
    columns: LEDGER_COLUMNS,
    month: Some(|row| row.occurred_at),
    stream_id: Some("'stock-' || sku || '@' || location"),
    indexes: &[Index {
        name: "stock_ledger_item",
        definition: "btree (sku, location, id desc)",
        query: "GET /v1/stock/{sku}/{location}/ledger",
    }],
    storage: "",
};

const COLUMNS: &[Column<ChangedState<StockDocument>>] = &[
    Column::key("sku", Text(|it| it.state.sku.as_str())),
    Column::key("location", Text(|it| it.state.location.as_str())),
    Column::updated("on_hand", BigInt(|it| it.state.level.on_hand)),
    Column::updated("reserved", BigInt(|it| it.state.level.reserved)),
    Column::updated("backordered", BigInt(|it| it.state.level.backordered)),
    Column::updated("backorders_derived", Boolean(|it| it.state.level.backorders_derived)),
    Column::updated("received", BigInt(|it| it.state.level.received)),
    Column::updated("restocked", BigInt(|it| it.state.level.restocked)),
    Column::updated("adjusted", BigInt(|it| it.state.level.adjusted)),
    Column::updated("shipped", BigInt(|it| it.state.level.shipped)),
    Column::updated("transferred", BigInt(|it| it.state.level.transferred)),
    Column::updated("safety", BigInt(|it| it.state.level.safety)),
    Column::updated("policy", Json(|it| Cow::Owned(json(&it.state.level.policy)))),
    Column::updated("updated_at", Timestamp(|it| it.state.updated_at)),
    Column::updated("version", Int(|it| it.state.version.0)),
    Column::updated("incarnation", Int(|it| it.state.incarnation.0)),
    Column::updated("position", BigInt(|it| it.state.position.0)),
];

const LEDGER_COLUMNS: &[Column<LedgerRow>] = &[
    Column::key("id", Values::Uuid(|row| row.id.uuid())),
    Column::fixed("sku", Text(|row| row.sku.as_str())),
    Column::fixed("location", Text(|row| row.location.as_str())),
    Column::fixed("kind", Text(|row| row.kind.word())),
    Column::fixed("quantity", BigInt(|row| row.quantity)),
    Column::fixed("order_id", OptionalUuid(|row| row.order_id.map(|id| id.uuid()))),
    Column::fixed("occurred_at", Timestamp(|row| row.occurred_at)),
    Column::fixed("position", BigInt(|row| row.position.0)),
];

impl ReadModel for Stock {
    const PROJECTION: Projection = Projection::STOCK;
    const VERSION: i32 = 1;
    const CACHE: Option<Caching<StockDocument>> =
        Some(Caching { time_to_live: STOCK_TTL, key: |keys, item| keys.stock(&item.sku, &item.location) });
    type State = StockDocument;
    type Rows = Vec<LedgerRow>;

    fn fold(
        state: &mut Option<StockDocument>,
        event: &Recorded,
        ledger: &mut Vec<LedgerRow>,
    ) -> Result<(), ApplyError> {
        let stock_event = decode::stock_event(event)?;
        StockDocument::fold(state, event, &stock_event)?;
        ledger.push(LedgerRow::of(event, &stock_event)?);
        Ok(())
    }

    fn skip(state: &mut Option<StockDocument>, event: &Recorded) {
        StockDocument::skip(state, event);
    }

    fn log_position(item: &StockDocument) -> LogPosition {
        item.log_position()
    }

    fn document(item: &StockDocument) -> String {
        json(item)
    }

    fn visit(items: &[ChangedState<StockDocument>], ledger: &Vec<LedgerRow>, visitor: &mut impl Visitor) {
        visitor.table(&STOCK, items);
        visitor.table(&LEDGER, ledger);
    }

    async fn load(connection: &mut PgConnection, streams: &[StreamAt]) -> sqlx::Result<Vec<LoadedState<Stock>>> {
        rows::list(connection, streams).await
    }
}
