//! Stock: one row per stock item, and a ledger of all movements, partitioned by the month of the event id. [`rows`]
//! loads stock items.

use std::borrow::Cow;
use std::sync::LazyLock;
use std::time::Duration;

use events::{Event, LogPosition, Recorded, StreamId};
use read_model::cache::{Keys, STOCK_TTL};
use read_model::{FoldError, LedgerRow, Projection, StockDocument, tables};
use sqlx::PgConnection;

use crate::changes::ChangedDocument;
use crate::frame::Values::{BigInt, Boolean, Int, Json, OptionalUuid, Text, Timestamp};
use crate::frame::{ApplyError, Column, LoadedDocument, ReadModel, Table, Values, statement};

mod rows;

/// The read model of stock.
#[derive(Debug)]
pub struct Stock;

const COLUMNS: &[Column<ChangedDocument<StockDocument>>] = &[
    Column::key("sku", Text(|it| it.document.sku.as_str())),
    Column::key("location", Text(|it| it.document.location.as_str())),
    Column::updated("on_hand", BigInt(|it| it.document.level.on_hand)),
    Column::updated("reserved", BigInt(|it| it.document.level.reserved)),
    Column::updated("backordered", BigInt(|it| it.document.level.backordered)),
    Column::updated("backorders_derived", Boolean(|it| it.document.level.backorders_derived)),
    Column::updated("received", BigInt(|it| it.document.level.received)),
    Column::updated("restocked", BigInt(|it| it.document.level.restocked)),
    Column::updated("adjusted", BigInt(|it| it.document.level.adjusted)),
    Column::updated("shipped", BigInt(|it| it.document.level.shipped)),
    Column::updated("transferred", BigInt(|it| it.document.level.transferred)),
    Column::updated("safety", BigInt(|it| it.document.level.safety)),
    Column::updated("policy", Json(|it| Cow::Owned(policy(&it.document)))),
    Column::updated("updated_at", Timestamp(|it| it.document.updated_at)),
    Column::updated("version", Int(|it| it.document.version.0)),
    Column::updated("incarnation", Int(|it| it.document.incarnation.0)),
    Column::updated("position", BigInt(|it| it.document.position.0)),
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
    const PROJECTION: Projection = Projection::Stock;
    const DOCUMENTS: Table<ChangedDocument<StockDocument>> =
        Table { name: tables::STOCK, columns: COLUMNS, month: None };
    const HISTORY: Option<Table<LedgerRow>> =
        Some(Table { name: tables::STOCK_LEDGER, columns: LEDGER_COLUMNS, month: Some(|row| row.occurred_at) });
    const CACHE_TTL: Duration = STOCK_TTL;
    type Document = StockDocument;
    type Row = LedgerRow;

    fn fold(
        document: &mut Option<StockDocument>,
        event: &Recorded,
        rows: &mut Vec<LedgerRow>,
    ) -> Result<(), ApplyError> {
        let Event::Stock(stock_event) = event.decode()? else {
            return Err(FoldError::WrongStream(event.event_type.clone()).into());
        };
        StockDocument::fold(document, event, &stock_event)?;
        rows.push(LedgerRow::of(event, &stock_event)?);
        Ok(())
    }

    fn log_position(document: &StockDocument) -> LogPosition {
        document.log_position()
    }

    fn cache_key(keys: &Keys, document: &StockDocument) -> String {
        keys.stock(&document.sku, &document.location)
    }

    async fn load(connection: &mut PgConnection, streams: &[StreamId]) -> sqlx::Result<Vec<LoadedDocument<Stock>>> {
        rows::list(connection, streams).await
    }

    fn write_statement() -> &'static str {
        static STATEMENT: LazyLock<String> = LazyLock::new(statement::build::<Stock>);
        &STATEMENT
    }
}

fn policy(item: &StockDocument) -> String {
    serde_json::to_string(&item.level.policy).expect("a policy is plain data")
}
