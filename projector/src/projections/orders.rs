//! Orders: one document per order, and what orders are searched by, partitioned by the month of the order id.

use std::borrow::Cow;

use chrono::{DateTime, Utc};
use events::stream::Subject;
use events::{LogPosition, Recorded, StreamId};
use read_model::cache::ORDER_TTL;
use read_model::{OrderDocument, Projection, status, tables};
use sqlx::PgConnection;
use uuid::Uuid;

use crate::changes::ChangedState;
use crate::frame::Values::{
    BigInt, Int, Json, OptionalText, OptionalTimestamp, OptionalUuid, OwnedText, Text, TextList, Timestamp,
};
use crate::frame::{ApplyError, Caching, Column, Index, LoadedState, ReadModel, Table, Values, Visitor};
use crate::projections::decode;
use crate::projections::json_text::json;
use crate::store::log::StreamAt;

/// The read model of orders.
#[derive(Debug)]
pub struct Orders;

/// What lists show, and what changes with most events: few indexes, because every change of a row adds to each.
static ORDERS: Table<ChangedState<OrderDocument>> = Table {
    name: tables::ORDERS,
    columns: &[
        Column::key("id", Values::Uuid(|it| it.state.id.uuid())),
        Column::fixed("code", Text(|it| it.state.code.as_str())),
        Column::fixed("channel", Text(|it| it.state.channel.as_str())),
        Column::updated("customer_id", OptionalUuid(|it| it.state.customer_id.map(|id| id.uuid()))),
        Column::fixed("external_ref", OptionalText(|it| it.state.external_ref.as_deref())),
        Column::fixed("currency", Text(|it| it.state.currency.as_str())),
        Column::updated("total", BigInt(|it| it.state.total.0)),
        Column::updated("due", BigInt(|it| it.state.due.0)),
        Column::updated("owed", BigInt(|it| it.state.owed.0)),
        Column::updated("status", Int(|it| it.state.status.number())),
        Column::updated("lifecycle", Text(|it| status::lifecycle_word(it.state.status.lifecycle))),
        Column::updated("payment", Text(|it| status::payment_word(it.state.status.payment))),
        Column::updated("fulfilment", Text(|it| status::fulfilment_word(it.state.status.fulfilment))),
        Column::updated("returns", Text(|it| status::return_word(it.state.status.returns))),
        Column::updated("tags", TextList(|it| it.state.tags.iter().map(String::as_str).collect())),
        Column::fixed("placed_at", Timestamp(|it| it.state.placed_at)),
        Column::updated("updated_at", Timestamp(|it| it.state.updated_at)),
        Column::updated("version", Int(|it| it.state.version.0)),
        Column::updated("incarnation", Int(|it| it.state.incarnation.0)),
        Column::updated("position", BigInt(|it| it.state.position.0)),
        Column::updated("document", Json(|it| Cow::Borrowed(&it.json))),
    ],
    month: Some(|it| it.state.placed_at),
    stream_id: Some("'order-' || id"),
    indexes: &[
        Index { name: "orders_status", definition: "btree (status, id)", query: "GET /v1/orders?fulfilment=" },
        Index {
            name: "orders_channel_status",
            definition: "btree (channel, status, id)",
            query: "GET /v1/orders?channel=&fulfilment=",
        },
        Index {
            name: "orders_updated",
            definition: "btree (updated_at, id)",
            query: "GET /v1/orders?updated_at[gte]=",
        },
    ],
    storage: "",
};

/// What orders are searched by. Most events change only `position`, which has no index: PostgreSQL then adds nothing to the
/// indexes (heap-only tuples), which need free space in the pages.
static ORDER_SEARCH: Table<ChangedState<OrderDocument>> = Table {
    name: tables::ORDER_SEARCH,
    columns: &[
        Column::key("id", Values::Uuid(|it| it.state.id.uuid())),
        Column::fixed("code", Text(|it| it.state.code.as_str())),
        Column::fixed("channel", Text(|it| it.state.channel.as_str())),
        Column::updated("customer_id", OptionalUuid(|it| it.state.customer_id.map(|id| id.uuid()))),
        Column::fixed("external_ref", OptionalText(|it| it.state.external_ref.as_deref())),
        Column::updated("total", BigInt(|it| it.state.total.0)),
        Column::updated("due", BigInt(|it| it.state.due.0)),
        Column::updated("payment_due", OptionalTimestamp(|it| it.state.payment_due)),
        Column::updated("skus", TextList(|it| it.state.skus())),
        Column::updated("tags", TextList(|it| it.state.tags.iter().map(String::as_str).collect())),
        Column::updated("search_text", OwnedText(|it| it.state.search_text())),
        Column::updated("incarnation", Int(|it| it.state.incarnation.0)),
        Column::updated("position", BigInt(|it| it.state.position.0)),
    ],
    month: Some(|it| it.state.placed_at),
    stream_id: Some("'order-' || id"),
    indexes: SEARCH_INDEXES,
    storage: "fillfactor = 75",
};

const SEARCH_INDEXES: &[Index] = &[
    Index { name: "order_search_code", definition: "btree (code)", query: "GET /v1/orders/{key}" },
    Index { name: "order_search_channel", definition: "btree (channel, id)", query: "GET /v1/orders?channel=" },
    Index {
        name: "order_search_customer",
        definition: "btree (customer_id, id) where customer_id is not null",
        query: "GET /v1/orders?customer_id=",
    },
    Index {
        name: "order_search_external_ref",
        definition: "btree (external_ref) where external_ref is not null",
        query: "GET /v1/orders?external_ref=",
    },
    Index { name: "order_search_total", definition: "btree (total, id)", query: "GET /v1/orders?total[gte]=" },
    Index { name: "order_search_due", definition: "btree (due, id)", query: "GET /v1/orders?due[gt]=" },
    Index {
        name: "order_search_payment_due",
        definition: "btree (payment_due) where payment_due is not null",
        query: "GET /v1/orders?payment_due[lt]=",
    },
    // A search reads the whole list of pending entries, so the list is kept short.
    Index {
        name: "order_search_skus",
        definition: "gin (skus) with (gin_pending_list_limit = 256)",
        query: "GET /v1/orders?sku=",
    },
    // Few orders have tags; an index of those alone costs the others nothing.
    Index { name: "order_search_tags", definition: "gin (tags) where tags <> '{}'", query: "GET /v1/orders?tag=" },
    Index {
        name: "order_search_text",
        definition: "gin (search_text gin_trgm_ops) with (gin_pending_list_limit = 256)",
        query: "GET /v1/orders?q=",
    },
];

impl ReadModel for Orders {
    const PROJECTION: Projection = Projection::ORDERS;
    const VERSION: i32 = 2;
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
        visitor.table(&ORDER_SEARCH, orders);
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
