//! Stock: one row of sums per item, and a ledger of every movement by month of the event id.

use chrono::{DateTime, Utc};
use events::stock::Level;
use events::stream::Subject;
use events::{Event, Incarnation, Location, LogPosition, Position, Recorded, Sku, StreamId, Version};
use read_model::cache::{Keys, STOCK_TTL, encode};
use read_model::{LedgerRow, Misfit, Projection, StockDocument, projection, tables};
use sqlx::{FromRow, PgConnection};
use uuid::Uuid;

use super::{Loaded, Model, Moves, ParkedColumns, Unfit, id_instant, read_json};
use crate::batch::{Changed, Net};
use crate::cache::Entry;
use crate::claims::Claims;

/// The read model of stock.
#[derive(Debug)]
pub struct Stock;

impl Model for Stock {
    const PROJECTION: Projection = Projection::Stock;
    const BY_MONTH: &'static [&'static str] = &[tables::STOCK_LEDGER];
    type Document = StockDocument;
    type Row = LedgerRow;

    fn fold(held: &mut Option<StockDocument>, event: &Recorded, rows: &mut Vec<LedgerRow>) -> Result<(), Unfit> {
        let Event::Stock(stock_event) = event.decode()? else {
            return Err(Misfit::Foreign(event.event_type.clone()).into());
        };
        StockDocument::fold(held, event, &stock_event)?;
        rows.push(LedgerRow::of(event, &stock_event)?);
        Ok(())
    }

    fn stamp(document: &StockDocument) -> LogPosition {
        document.stamp()
    }

    fn months(net: &Net<Stock>) -> Vec<(&'static str, DateTime<Utc>)> {
        net.rows.iter().map(|row| (tables::STOCK_LEDGER, id_instant(row.occurred_at))).collect()
    }

    fn entry(keys: &Keys, changed: &Changed<Stock>) -> Entry {
        let item = &changed.document;
        let key = keys.stock(&item.sku, &item.location);
        Entry { key, value: encode(item.stamp(), &changed.json), ttl: STOCK_TTL }
    }

    async fn load(connection: &mut PgConnection, streams: &[StreamId]) -> sqlx::Result<Vec<Loaded<Stock>>> {
        let subjects: Vec<Subject> = streams.iter().map(StreamId::subject).collect();
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

    async fn write(connection: &mut PgConnection, net: &Net<Stock>, claims: &Claims) -> sqlx::Result<bool> {
        let moves = Moves::of(net, claims);
        let parked = ParkedColumns::of(net);
        let items = Columns::of(&net.changed);
        let ledger = LedgerColumns::of(&net.rows);
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
                 from mine, unnest($10::text[], $11::bigint[], $12::text[], $38::int[])
                     as p (stream_id, position, reason, partition)
                 where mine.yes
                 on conflict (projection, generation, stream_id) do nothing
             ), written as (
                 insert into stock (sku, location, on_hand, reserved, backordered, backorders_derived, received, restocked,
                     adjusted, shipped, transferred, safety, policy, updated_at, version, incarnation, position)
                 select s.sku, s.location, s.on_hand, s.reserved, s.backordered, s.backorders_derived, s.received, s.restocked,
                     s.adjusted, s.shipped, s.transferred, s.safety, s.policy::json, s.updated_at, s.version, s.incarnation,
                     s.position
                 from mine, unnest($13::text[], $14::text[], $15::bigint[], $16::bigint[], $17::bigint[], $18::bigint[],
                     $19::bigint[], $20::bigint[], $21::bigint[], $22::bigint[], $23::text[], $24::timestamptz[], $25::int[],
                     $26::int[], $27::bigint[], $36::bigint[], $37::boolean[])
                     as s (sku, location, on_hand, reserved, received, restocked, adjusted, shipped, transferred, safety,
                         policy, updated_at, version, incarnation, position, backordered, backorders_derived)
                 where mine.yes
                 on conflict (sku, location) do update
                 set on_hand = excluded.on_hand, reserved = excluded.reserved, backordered = excluded.backordered,
                     backorders_derived = excluded.backorders_derived, received = excluded.received,
                     restocked = excluded.restocked, adjusted = excluded.adjusted, shipped = excluded.shipped,
                     transferred = excluded.transferred, safety = excluded.safety, policy = excluded.policy,
                     updated_at = excluded.updated_at, version = excluded.version, incarnation = excluded.incarnation,
                     position = excluded.position
                 where (stock.incarnation, stock.position) < (excluded.incarnation, excluded.position)
             ), ledger as (
                 insert into stock_ledger (id, sku, location, kind, quantity, order_id, occurred_at, position)
                 select l.*
                 from mine, unnest($28::uuid[], $29::text[], $30::text[], $31::text[], $32::bigint[], $33::uuid[],
                     $34::timestamptz[], $35::bigint[]) as l
                 where mine.yes
                 on conflict (id) do nothing
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
        .bind(items.skus)
        .bind(items.locations)
        .bind(items.on_hand)
        .bind(items.reserved)
        .bind(items.received)
        .bind(items.restocked)
        .bind(items.adjusted)
        .bind(items.shipped)
        .bind(items.transferred)
        .bind(items.safety)
        .bind(items.policies)
        .bind(items.updated_at)
        .bind(items.versions)
        .bind(items.incarnations)
        .bind(items.positions)
        .bind(ledger.ids)
        .bind(ledger.skus)
        .bind(ledger.locations)
        .bind(ledger.kinds)
        .bind(ledger.quantities)
        .bind(ledger.order_ids)
        .bind(ledger.occurred_at)
        .bind(ledger.positions)
        .bind(items.backordered)
        .bind(items.backorders_derived)
        .bind(parked.partitions)
        .fetch_one(connection)
        .await
    }
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
    fn loaded(self) -> Option<Loaded<Stock>> {
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
        let stamp = LogPosition { incarnation: Incarnation(self.incarnation), position: Position(self.position) };
        Ok(StockDocument::of(sku, location, level, self.updated_at, Version(self.version), stamp))
    }
}

#[derive(Default)]
struct Columns<'a> {
    skus: Vec<&'a str>,
    locations: Vec<&'a str>,
    on_hand: Vec<i64>,
    reserved: Vec<i64>,
    backordered: Vec<i64>,
    backorders_derived: Vec<bool>,
    received: Vec<i64>,
    restocked: Vec<i64>,
    adjusted: Vec<i64>,
    shipped: Vec<i64>,
    transferred: Vec<i64>,
    safety: Vec<i64>,
    policies: Vec<String>,
    updated_at: Vec<DateTime<Utc>>,
    versions: Vec<i32>,
    incarnations: Vec<i32>,
    positions: Vec<i64>,
}

impl Columns<'_> {
    fn of(changed: &[Changed<Stock>]) -> Columns<'_> {
        let mut columns = Columns::default();
        for Changed { document: item, .. } in changed {
            columns.skus.push(item.sku.as_str());
            columns.locations.push(item.location.as_str());
            columns.on_hand.push(item.level.on_hand);
            columns.reserved.push(item.level.reserved);
            columns.backordered.push(item.level.backordered);
            columns.backorders_derived.push(item.level.backorders_derived);
            columns.received.push(item.level.received);
            columns.restocked.push(item.level.restocked);
            columns.adjusted.push(item.level.adjusted);
            columns.shipped.push(item.level.shipped);
            columns.transferred.push(item.level.transferred);
            columns.safety.push(item.level.safety);
            columns.policies.push(serde_json::to_string(&item.level.policy).expect("a policy is plain data"));
            columns.updated_at.push(item.updated_at);
            columns.versions.push(item.version.0);
            columns.incarnations.push(item.incarnation.0);
            columns.positions.push(item.position.0);
        }
        columns
    }
}

#[derive(Default)]
struct LedgerColumns<'a> {
    ids: Vec<Uuid>,
    skus: Vec<&'a str>,
    locations: Vec<&'a str>,
    kinds: Vec<&'static str>,
    quantities: Vec<i64>,
    order_ids: Vec<Option<Uuid>>,
    occurred_at: Vec<DateTime<Utc>>,
    positions: Vec<i64>,
}

impl LedgerColumns<'_> {
    fn of(rows: &[LedgerRow]) -> LedgerColumns<'_> {
        let mut columns = LedgerColumns::default();
        for row in rows {
            columns.ids.push(row.id.uuid());
            columns.skus.push(row.sku.as_str());
            columns.locations.push(row.location.as_str());
            columns.kinds.push(row.kind.word());
            columns.quantities.push(row.quantity);
            columns.order_ids.push(row.order_id.map(|id| id.uuid()));
            columns.occurred_at.push(row.occurred_at);
            columns.positions.push(row.position.0);
        }
        columns
    }
}
