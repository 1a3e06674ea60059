//! Orders: one document per order, partitioned by the month of the order id.

use std::borrow::Cow;
use std::sync::LazyLock;
use std::time::Duration;

use chrono::{DateTime, Utc};
use events::stream::Subject;
use events::{Event, LogPosition, Recorded, StreamId};
use read_model::cache::{Keys, ORDER_TTL};
use read_model::{FoldError, OrderDocument, Projection, status, tables};
use sqlx::PgConnection;
use uuid::Uuid;

use crate::changes::ChangedDocument;
use crate::frame::Values::{BigInt, Int, Json, OptionalText, OptionalUuid, Text, TextList, Timestamp};
use crate::frame::{ApplyError, Column, LoadedDocument, ReadModel, Table, Values, statement};

/// The read model of orders.
#[derive(Debug)]
pub struct Orders;

const COLUMNS: &[Column<ChangedDocument<OrderDocument>>] = &[
    Column::key("id", Values::Uuid(|it| it.document.id.uuid())),
    Column::fixed("code", Text(|it| it.document.code.as_str())),
    Column::fixed("channel", Text(|it| it.document.channel.as_str())),
    Column::updated("customer_id", OptionalUuid(|it| it.document.customer_id.map(|id| id.uuid()))),
    Column::fixed("external_ref", OptionalText(|it| it.document.external_ref.as_deref())),
    Column::fixed("currency", Text(|it| it.document.currency.as_str())),
    Column::updated("total", BigInt(|it| it.document.total.0)),
    Column::updated("due", BigInt(|it| it.document.due.0)),
    Column::updated("owed", BigInt(|it| it.document.owed.0)),
    Column::updated("lifecycle", Text(|it| status::lifecycle_word(it.document.status.lifecycle))),
    Column::updated("payment", Text(|it| status::payment_word(it.document.status.payment))),
    Column::updated("fulfilment", Text(|it| status::fulfilment_word(it.document.status.fulfilment))),
    Column::updated("returns", Text(|it| status::return_word(it.document.status.returns))),
    Column::updated("tags", TextList(|it| serde_json::to_string(&it.document.tags).expect("tags are plain data"))),
    Column::fixed("placed_at", Timestamp(|it| it.document.placed_at)),
    Column::updated("updated_at", Timestamp(|it| it.document.updated_at)),
    Column::updated("version", Int(|it| it.document.version.0)),
    Column::updated("incarnation", Int(|it| it.document.incarnation.0)),
    Column::updated("position", BigInt(|it| it.document.position.0)),
    Column::updated("document", Json(|it| Cow::Borrowed(&it.json))),
];

impl ReadModel for Orders {
    const PROJECTION: Projection = Projection::Orders;
    const DOCUMENTS: Table<ChangedDocument<OrderDocument>> =
        Table { name: tables::ORDERS, columns: COLUMNS, month: Some(|it| it.document.placed_at) };
    const HISTORY: Option<Table<()>> = None;
    const CACHE_TTL: Duration = ORDER_TTL;
    type Document = OrderDocument;
    type Row = ();

    fn fold(document: &mut Option<OrderDocument>, event: &Recorded, _: &mut Vec<()>) -> Result<(), ApplyError> {
        match event.decode()? {
            Event::Order(order_event) => Ok(OrderDocument::fold(document, event, &order_event)?),
            _ => Err(FoldError::WrongStream(event.event_type.clone()).into()),
        }
    }

    fn log_position(document: &OrderDocument) -> LogPosition {
        document.log_position()
    }

    fn cache_key(keys: &Keys, document: &OrderDocument) -> String {
        keys.order(document.id)
    }

    async fn load(connection: &mut PgConnection, streams: &[StreamId]) -> sqlx::Result<Vec<LoadedDocument<Orders>>> {
        // A lateral join, so that each id reads only the partition of its month.
        let rows: Vec<(Uuid, String)> = sqlx::query_as(
            "select o.id, o.document::text
             from unnest($1::uuid[]) as wanted (id)
             cross join lateral (select id, document from orders where orders.id = wanted.id) as o",
        )
        .bind(streams.iter().filter_map(order_id).collect::<Vec<_>>())
        .fetch_all(connection)
        .await?;
        Ok(rows.into_iter().filter_map(loaded).collect())
    }

    fn write_statement() -> &'static str {
        static STATEMENT: LazyLock<String> = LazyLock::new(statement::build::<Orders>);
        &STATEMENT
    }

    fn month_of(stream: &StreamId) -> Option<(&'static str, DateTime<Utc>)> {
        match stream.subject() {
            Subject::Order(id) => Some((tables::ORDERS, id.instant())),
            _ => None,
        }
    }
}

fn order_id(stream: &StreamId) -> Option<Uuid> {
    match stream.subject() {
        Subject::Order(id) => Some(id.uuid()),
        _ => None,
    }
}

fn loaded((id, json): (Uuid, String)) -> Option<LoadedDocument<Orders>> {
    let stream = StreamId::order(id.try_into().ok()?);
    let document = serde_json::from_str(&json);
    Some((stream, document.map_err(|e| format!("line {}, column {}", e.line(), e.column()))))
}
