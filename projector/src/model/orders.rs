//! Orders: one document per order, by month of the id.

use chrono::{DateTime, Utc};
use events::stream::Subject;
use events::{Event, LogPosition, Recorded, StreamId};
use read_model::cache::{Keys, ORDER_TTL, encode};
use read_model::{Misfit, OrderDocument, Projection, projection, status, tables};
use sqlx::PgConnection;
use uuid::Uuid;

use super::{Loaded, Model, Moves, ParkedColumns, Unfit};
use crate::batch::{Changed, Net};
use crate::cache::Entry;
use crate::claims::Claims;

/// The read model of orders.
#[derive(Debug)]
pub struct Orders;

impl Model for Orders {
    const PROJECTION: Projection = Projection::Orders;
    const BY_MONTH: &'static [&'static str] = &[tables::ORDERS];
    type Document = OrderDocument;
    type Row = ();

    fn fold(held: &mut Option<OrderDocument>, event: &Recorded, _: &mut Vec<()>) -> Result<(), Unfit> {
        match event.decode()? {
            Event::Order(order_event) => Ok(OrderDocument::fold(held, event, &order_event)?),
            _ => Err(Misfit::Foreign(event.event_type.clone()).into()),
        }
    }

    fn stamp(document: &OrderDocument) -> LogPosition {
        document.stamp()
    }

    fn months(net: &Net<Orders>) -> Vec<(&'static str, DateTime<Utc>)> {
        net.changed.iter().map(|changed| (tables::ORDERS, changed.document.placed_at)).collect()
    }

    fn month_of(stream: &StreamId) -> Option<(&'static str, DateTime<Utc>)> {
        match stream.subject() {
            Subject::Order(id) => Some((tables::ORDERS, id.instant())),
            _ => None,
        }
    }

    fn entry(keys: &Keys, changed: &Changed<Orders>) -> Entry {
        let order = &changed.document;
        Entry { key: keys.order(order.id), value: encode(order.stamp(), &changed.json), ttl: ORDER_TTL }
    }

    async fn load(connection: &mut PgConnection, streams: &[StreamId]) -> sqlx::Result<Vec<Loaded<Orders>>> {
        let ids: Vec<Uuid> = streams.iter().filter_map(order_id).collect();
        // A lateral join, so that each id looks into the partition of its month alone.
        let rows: Vec<(Uuid, String)> = sqlx::query_as(
            "select o.id, o.document::text
             from unnest($1::uuid[]) as wanted (id)
             cross join lateral (select id, document from orders where orders.id = wanted.id) as o",
        )
        .bind(ids)
        .fetch_all(connection)
        .await?;
        Ok(rows.into_iter().filter_map(loaded).collect())
    }

    async fn write(connection: &mut PgConnection, net: &Net<Orders>, claims: &Claims) -> sqlx::Result<bool> {
        let moves = Moves::of(net, claims);
        let parked = ParkedColumns::of(net);
        let rows = Columns::of(&net.changed);
        sqlx::query_scalar(
            "with held as (
                 select c.partition
                 from projection_checkpoints c
                 join unnest($4::int[], $5::bigint[], $6::bigint[]) as m (partition, epoch, position)
                     on c.partition = m.partition and c.epoch = m.epoch and c.position = m.position
                 where c.projection = $1 and c.generation = $2 and c.category = $3
                 order by c.partition
                 for update of c
             ), mine as materialized (
                 select count(*) = cardinality($4) as yes from held
             ), moved as (
                 update projection_checkpoints c
                 set incarnation = m.incarnation, position = m.position, recorded_at = m.recorded_at
                 from mine, unnest($4, $7::int[], $8::bigint[], $9::timestamptz[])
                     as m (partition, incarnation, position, recorded_at)
                 where mine.yes and c.projection = $1 and c.generation = $2 and c.category = $3
                     and c.partition = m.partition
             ), parked as (
                 insert into parked_streams (projection, generation, stream_id, position, reason, parked_at, partition)
                 select $1, $2, p.stream_id, p.position, p.reason, now(), p.partition
                 from mine, unnest($10::text[], $11::bigint[], $12::text[], $33::int[])
                     as p (stream_id, position, reason, partition)
                 where mine.yes
                 on conflict (projection, generation, stream_id) do nothing
             ), written as (
                 insert into orders (id, code, channel, customer_id, external_ref, currency, total, lifecycle, payment,
                     fulfilment, returns, placed_at, updated_at, version, incarnation, position, document, tags, due, owed)
                 select o.id, o.code, o.channel, o.customer_id, o.external_ref, o.currency, o.total, o.lifecycle, o.payment,
                     o.fulfilment, o.returns, o.placed_at, o.updated_at, o.version, o.incarnation, o.position,
                     o.document::json, array(select json_array_elements_text(o.tags::json)), o.due, o.owed
                 from mine, unnest($13::uuid[], $14::text[], $15::text[], $16::uuid[], $17::text[], $18::text[],
                     $19::bigint[], $20::text[], $21::text[], $22::text[], $23::text[], $24::timestamptz[],
                     $25::timestamptz[], $26::int[], $27::int[], $28::bigint[], $29::text[], $30::text[], $31::bigint[],
                     $32::bigint[])
                     as o (id, code, channel, customer_id, external_ref, currency, total, lifecycle, payment, fulfilment,
                         returns, placed_at, updated_at, version, incarnation, position, document, tags, due, owed)
                 where mine.yes
                 on conflict (id) do update
                 set customer_id = excluded.customer_id, total = excluded.total, due = excluded.due, owed = excluded.owed,
                     tags = excluded.tags, lifecycle = excluded.lifecycle, payment = excluded.payment,
                     fulfilment = excluded.fulfilment, returns = excluded.returns, updated_at = excluded.updated_at, version = excluded.version,
                     incarnation = excluded.incarnation, position = excluded.position, document = excluded.document
                 where (orders.incarnation, orders.position) < (excluded.incarnation, excluded.position)
             )
             select yes from mine",
        )
        .bind(Self::PROJECTION.name())
        .bind(projection::GENERATION)
        .bind(Self::PROJECTION.category().as_str())
        .bind(moves.partitions)
        .bind(moves.epochs)
        .bind(moves.from)
        .bind(moves.incarnations)
        .bind(moves.to)
        .bind(moves.recorded_at)
        .bind(parked.streams)
        .bind(parked.positions)
        .bind(parked.reasons)
        .bind(rows.ids)
        .bind(rows.codes)
        .bind(rows.channels)
        .bind(rows.customer_ids)
        .bind(rows.external_refs)
        .bind(rows.currencies)
        .bind(rows.totals)
        .bind(rows.lifecycles)
        .bind(rows.payments)
        .bind(rows.fulfilments)
        .bind(rows.returns)
        .bind(rows.placed_at)
        .bind(rows.updated_at)
        .bind(rows.versions)
        .bind(rows.incarnations)
        .bind(rows.positions)
        .bind(rows.documents)
        .bind(rows.tags)
        .bind(rows.due)
        .bind(rows.owed)
        .bind(parked.partitions)
        .fetch_one(connection)
        .await
    }
}

fn order_id(stream: &StreamId) -> Option<Uuid> {
    match stream.subject() {
        Subject::Order(id) => Some(id.uuid()),
        _ => None,
    }
}

fn loaded((id, json): (Uuid, String)) -> Option<Loaded<Orders>> {
    let stream = StreamId::order(id.try_into().ok()?);
    let document = serde_json::from_str(&json);
    Some((stream, document.map_err(|e| format!("line {}, column {}", e.line(), e.column()))))
}

#[derive(Default)]
struct Columns<'a> {
    ids: Vec<Uuid>,
    codes: Vec<&'a str>,
    channels: Vec<&'a str>,
    customer_ids: Vec<Option<Uuid>>,
    external_refs: Vec<Option<&'a str>>,
    currencies: Vec<&'a str>,
    totals: Vec<i64>,
    lifecycles: Vec<&'static str>,
    payments: Vec<&'static str>,
    fulfilments: Vec<&'static str>,
    returns: Vec<&'static str>,
    placed_at: Vec<DateTime<Utc>>,
    updated_at: Vec<DateTime<Utc>>,
    versions: Vec<i32>,
    incarnations: Vec<i32>,
    positions: Vec<i64>,
    documents: Vec<&'a str>,
    /// Each a JSON array: `unnest` would flatten arrays of arrays.
    tags: Vec<String>,
    due: Vec<i64>,
    owed: Vec<i64>,
}

impl Columns<'_> {
    fn of(changed: &[Changed<Orders>]) -> Columns<'_> {
        let mut columns = Columns::default();
        for Changed { document: order, json, .. } in changed {
            columns.ids.push(order.id.uuid());
            columns.codes.push(order.code.as_str());
            columns.channels.push(order.channel.as_str());
            columns.customer_ids.push(order.customer_id.map(|id| id.uuid()));
            columns.external_refs.push(order.external_ref.as_deref());
            columns.currencies.push(order.currency.as_str());
            columns.totals.push(order.total.0);
            columns.lifecycles.push(status::lifecycle_word(order.status.lifecycle));
            columns.payments.push(status::payment_word(order.status.payment));
            columns.fulfilments.push(status::fulfilment_word(order.status.fulfilment));
            columns.returns.push(status::return_word(order.status.returns));
            columns.placed_at.push(order.placed_at);
            columns.updated_at.push(order.updated_at);
            columns.versions.push(order.version.0);
            columns.incarnations.push(order.incarnation.0);
            columns.positions.push(order.position.0);
            columns.documents.push(json);
            columns.tags.push(serde_json::to_string(&order.tags).expect("a set of texts is plain data"));
            columns.due.push(order.due.0);
            columns.owed.push(order.owed.0);
        }
        columns
    }
}
