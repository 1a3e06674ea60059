//! Products: one row per product, and every price that it ever had by month of the event id.

use chrono::{DateTime, Utc};
use events::{Event, Incarnation, LogPosition, Position, Recorded, Sku, StreamId, Version};
use read_model::cache::{Keys, PRODUCT_TTL, encode};
use read_model::{Misfit, PriceRow, ProductDocument, Projection, projection, tables};
use serde::Serialize;
use sqlx::{FromRow, PgConnection};
use uuid::Uuid;

use super::{Loaded, Model, Moves, ParkedColumns, Unfit, id_instant, read_json};
use crate::batch::{Changed, Net};
use crate::cache::Entry;
use crate::claims::Claims;

/// The read model of products.
#[derive(Debug)]
pub struct Products;

impl Model for Products {
    const PROJECTION: Projection = Projection::Products;
    const BY_MONTH: &'static [&'static str] = &[tables::PRODUCT_PRICES];
    type Document = ProductDocument;
    type Row = PriceRow;

    fn fold(held: &mut Option<ProductDocument>, event: &Recorded, rows: &mut Vec<PriceRow>) -> Result<(), Unfit> {
        let Event::Product(product_event) = event.decode()? else {
            return Err(Misfit::Foreign(event.event_type.clone()).into());
        };
        ProductDocument::fold(held, event, &product_event)?;
        rows.extend(PriceRow::of(event, &product_event)?);
        Ok(())
    }

    fn stamp(document: &ProductDocument) -> LogPosition {
        document.stamp()
    }

    fn months(net: &Net<Products>) -> Vec<(&'static str, DateTime<Utc>)> {
        net.rows.iter().map(|row| (tables::PRODUCT_PRICES, id_instant(row.valid_from))).collect()
    }

    fn entry(keys: &Keys, changed: &Changed<Products>) -> Entry {
        let product = &changed.document;
        Entry { key: keys.product(&product.sku), value: encode(product.stamp(), &changed.json), ttl: PRODUCT_TTL }
    }

    async fn load(connection: &mut PgConnection, streams: &[StreamId]) -> sqlx::Result<Vec<Loaded<Products>>> {
        let rows: Vec<Row> = sqlx::query_as(
            "select sku, name, active, prices::text as prices, tax_class, attributes::text as attributes, tags::text as tags,
                 created_at, updated_at, version, incarnation, position
             from products where sku = any($1)",
        )
        .bind(streams.iter().map(StreamId::key).collect::<Vec<_>>())
        .fetch_all(connection)
        .await?;
        Ok(rows.into_iter().filter_map(Row::loaded).collect())
    }

    async fn write(connection: &mut PgConnection, net: &Net<Products>, claims: &Claims) -> sqlx::Result<bool> {
        let moves = Moves::of(net, claims);
        let parked = ParkedColumns::of(net);
        let products = Columns::of(&net.changed);
        let prices = PriceColumns::of(&net.rows);
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
                 from mine, unnest($10::text[], $11::bigint[], $12::text[], $31::int[])
                     as p (stream_id, position, reason, partition)
                 where mine.yes
                 on conflict (projection, generation, stream_id) do nothing
             ), written as (
                 insert into products (sku, name, active, prices, tax_class, attributes, tags, created_at, updated_at, version,
                     incarnation, position)
                 select p.sku, p.name, p.active, p.prices::json, p.tax_class, p.attributes::json, p.tags::json, p.created_at,
                     p.updated_at, p.version, p.incarnation, p.position
                 from mine, unnest($13::text[], $14::text[], $15::bool[], $16::text[], $17::text[], $18::text[], $19::text[],
                     $20::timestamptz[], $21::timestamptz[], $22::int[], $23::int[], $24::bigint[])
                     as p (sku, name, active, prices, tax_class, attributes, tags, created_at, updated_at, version,
                         incarnation, position)
                 where mine.yes
                 on conflict (sku) do update
                 set name = excluded.name, active = excluded.active, prices = excluded.prices,
                     tax_class = excluded.tax_class, attributes = excluded.attributes, tags = excluded.tags,
                     created_at = excluded.created_at, updated_at = excluded.updated_at, version = excluded.version,
                     incarnation = excluded.incarnation, position = excluded.position
                 where (products.incarnation, products.position) < (excluded.incarnation, excluded.position)
             ), prices as (
                 insert into product_prices (id, sku, currency, price, valid_from, position)
                 select p.*
                 from mine, unnest($25::uuid[], $26::text[], $27::text[], $28::bigint[], $29::timestamptz[],
                     $30::bigint[]) as p
                 where mine.yes
                 on conflict (id, currency) do nothing
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
        .bind(products.skus)
        .bind(products.names)
        .bind(products.active)
        .bind(products.prices)
        .bind(products.tax_classes)
        .bind(products.attributes)
        .bind(products.tags)
        .bind(products.created_at)
        .bind(products.updated_at)
        .bind(products.versions)
        .bind(products.incarnations)
        .bind(products.positions)
        .bind(prices.ids)
        .bind(prices.skus)
        .bind(prices.currencies)
        .bind(prices.prices)
        .bind(prices.valid_from)
        .bind(prices.positions)
        .bind(parked.partitions)
        .fetch_one(connection)
        .await
    }
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
    fn loaded(self) -> Option<Loaded<Products>> {
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

#[derive(Default)]
struct Columns<'a> {
    skus: Vec<&'a str>,
    names: Vec<&'a str>,
    active: Vec<bool>,
    prices: Vec<String>,
    tax_classes: Vec<Option<&'a str>>,
    attributes: Vec<String>,
    tags: Vec<String>,
    created_at: Vec<DateTime<Utc>>,
    updated_at: Vec<DateTime<Utc>>,
    versions: Vec<i32>,
    incarnations: Vec<i32>,
    positions: Vec<i64>,
}

impl Columns<'_> {
    fn of(changed: &[Changed<Products>]) -> Columns<'_> {
        let mut columns = Columns::default();
        for Changed { document: product, .. } in changed {
            columns.skus.push(product.sku.as_str());
            columns.names.push(&product.name);
            columns.active.push(product.active);
            columns.prices.push(json(&product.prices));
            columns.tax_classes.push(product.tax_class.as_deref());
            columns.attributes.push(json(&product.attributes));
            columns.tags.push(json(&product.tags));
            columns.created_at.push(product.created_at);
            columns.updated_at.push(product.updated_at);
            columns.versions.push(product.version.0);
            columns.incarnations.push(product.incarnation.0);
            columns.positions.push(product.position.0);
        }
        columns
    }
}

fn json(value: &impl Serialize) -> String {
    serde_json::to_string(value).expect("prices, attributes and tags are plain data with text keys")
}

#[derive(Default)]
struct PriceColumns<'a> {
    ids: Vec<Uuid>,
    skus: Vec<&'a str>,
    currencies: Vec<&'a str>,
    prices: Vec<i64>,
    valid_from: Vec<DateTime<Utc>>,
    positions: Vec<i64>,
}

impl PriceColumns<'_> {
    fn of(rows: &[PriceRow]) -> PriceColumns<'_> {
        let mut columns = PriceColumns::default();
        for row in rows {
            columns.ids.push(row.id.uuid());
            columns.skus.push(row.sku.as_str());
            columns.currencies.push(row.currency.as_str());
            columns.prices.push(row.price.0);
            columns.valid_from.push(row.valid_from);
            columns.positions.push(row.position.0);
        }
        columns
    }
}
