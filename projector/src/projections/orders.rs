//! Orders: one document per order, partitioned by the month of the order id.

use std::borrow::Cow;

use chrono::{DateTime, Utc};
use events::stream::Subject;
use events::{LogPosition, Recorded, StreamId};
use read_model::cache::ORDER_TTL;
use read_model::{OrderDocument, Projection, status, tables};
use sqlx::PgConnection;
use uuid::Uuid;

use crate::changes::ChangedState;
use crate::frame::Values::{BigInt, Int, Json, OptionalText, OptionalUuid, OwnedText, Text, TextList, Timestamp};
use crate::frame::{ApplyError, Caching, Column, Index, LoadedState, ReadModel, Table, Values, Visitor};
use crate::projections::decode;
use crate::projections::json_text::json;
use crate::store::log::StreamAt;

/// The read model of orders.
#[derive(Debug)]
pub struct Orders;

static ORDERS: Table<ChangedState<OrderDocument>> = Table {
    name: tables::ORDERS,
    columns: COLUMNS,
    month: Some(|it| it.state.placed_at),
    stream_id: Some("'order-' || id"),
    indexes: INDEXES,
    storage: "",
};

const COLUMNS: &[Column<ChangedState<OrderDocument>>] = &[
    Column::key("id", Values::Uuid(|it| it.state.id.uuid())),
    Column::fixed("code", Text(|it| it.state.code.as_str())),
    Column::fixed("channel", Text(|it| it.state.channel.as_str())),
    Column::updated("customer_id", OptionalUuid(|it| it.state.customer_id.map(|id| id.uuid()))),
    Column::fixed("external_ref", OptionalText(|it| it.state.external_ref.as_deref())),
    Column::fixed("currency", Text(|it| it.state.currency.as_str())),
    Column::updated("total", BigInt(|it| it.state.total.0)),
    Column::updated("due", BigInt(|it| it.state.due.0)),
    Column::updated("owed", BigInt(|it| it.state.owed.0)),
    Column::updated("lifecycle", Text(|it| status::lifecycle_word(it.state.status.lifecycle))),
    Column::updated("payment", Text(|it| status::payment_word(it.state.status.payment))),
    Column::updated("fulfilment", Text(|it| status::fulfilment_word(it.state.status.fulfilment))),
    Column::updated("returns", Text(|it| status::return_word(it.state.status.returns))),
    Column::updated("skus", TextList(|it| it.state.skus())),
    Column::updated("tags", TextList(|it| it.state.tags.iter().map(String::as_str).collect())),
    Column::fixed("placed_at", Timestamp(|it| it.state.placed_at)),
    Column::updated("updated_at", Timestamp(|it| it.state.updated_at)),
    Column::updated("version", Int(|it| it.state.version.0)),
    Column::updated("incarnation", Int(|it| it.state.incarnation.0)),
    Column::updated("position", BigInt(|it| it.state.position.0)),
    Column::updated("search_text", OwnedText(|it| it.state.search_text())),
    Column::updated("document", Json(|it| Cow::Borrowed(&it.json))),
];

const INDEXES: &[Index] = &[
    Index { name: "orders_code", definition: "btree (code)", query: "GET /v1/orders/{key}" },
    Index { name: "orders_lifecycle", definition: "btree (lifecycle, id desc)", query: "GET /v1/orders?lifecycle=" },
    Index { name: "orders_payment", definition: "btree (payment, id desc)", query: "GET /v1/orders?payment=" },
    Index { name: "orders_fulfilment", definition: "btree (fulfilment, id desc)", query: "GET /v1/orders?fulfilment=" },
    // Orders with a return are few; without this index a list of them reads every month.
    Index {
        name: "orders_returns",
        definition: "btree (returns, id desc) where returns <> 'none'",
        query: "GET /v1/orders?returns=",
    },
    Index { name: "orders_channel", definition: "btree (channel, id desc)", query: "GET /v1/orders?channel=" },
    Index {
        name: "orders_customer",
        definition: "btree (customer_id, id desc) where customer_id is not null",
        query: "GET /v1/orders?customer_id=",
    },
    Index {
        name: "orders_external_ref",
        definition: "btree (external_ref) where external_ref is not null",
        query: "GET /v1/orders?external_ref=",
    },
    // Few orders have tags; an index of those alone costs the others nothing.
    Index { name: "orders_tags", definition: "gin (tags) where tags <> '{}'", query: "GET /v1/orders?tag=" },
    Index {
        name: "orders_owed",
        definition: "btree (owed, id desc) where owed > 0",
        query: "GET /v1/orders?owed[gte]=",
    },
];

impl ReadModel for Orders {
    const PROJECTION: Projection = Projection::ORDERS;
    const VERSION: i32 = 1;
    const CACHE: Option<Caching<OrderDocument>> =
        Some(Caching { time_to_live: ORDER_TTL, key: |keys, order| keys.order(order.id) });
    type State = OrderDocument;
    type Rows = ();

    fn fold(state: &mut Option<OrderDocument>, event: &Recorded, (): &mut ()) -> Result<(), ApplyError> {
        Ok(OrderDocument::fold(state, event, &decode::order_event(event)?)?)
    }

    fn skip(order: &mut Option<OrderDocument>, event: &Recorded) {
        if let Some(order) = order {
            order.advance_to(event);
        }
    }

    fn log_position(order: &OrderDocument) -> LogPosition {
        order.log_position()
    }

    fn document(order: &OrderDocument) -> String {
        json(order)
    }

    fn visit(orders: &[ChangedState<OrderDocument>], (): &(), visitor: &mut impl Visitor) {
        visitor.table(&ORDERS, orders);
    }

    async fn load(connection: &mut PgConnection, streams: &[StreamAt]) -> sqlx::Result<Vec<LoadedState<Orders>>> {
        // A lateral join, so that each id reads only the partition of its month.
        let rows: Vec<(Uuid, String)> = sqlx::query_as(
            "select o.id, o.document::text
             from unnest($1::uuid[]) as wanted (id)
             cross join lateral (select id, document from orders where orders.id = wanted.id) as o",
        )
        .bind(streams.iter().filter_map(|it| order_id(&it.stream)).collect::<Vec<_>>())
        .fetch_all(connection)
        .await?;
        Ok(rows.into_iter().filter_map(loaded).collect())
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

fn loaded((id, json): (Uuid, String)) -> Option<LoadedState<Orders>> {
    let stream = StreamId::order(id.try_into().ok()?);
    let document = serde_json::from_str(&json);
    Some((stream, document.map_err(|e| format!("line {}, column {}", e.line(), e.column()))))
}
