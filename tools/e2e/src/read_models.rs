//! Rows of the read models as JSON, and the fold of the same stream as JSON, so that both can be compared field by field.
//!
//! Columns are read without parsing their values: an unknown value is a difference, not an error.

use std::collections::{HashMap, HashSet};

use anyhow::Context;
use chrono::{DateTime, Datelike, NaiveDate, Utc};
use events::{Category, Event, Incarnation, LogPosition, Position, Recorded};
use read_model::{OrderDocument, OrderSummary, PriceRow, ProductDocument, Projection, StockDocument};
use serde_json::{Value, json};
use sqlx::postgres::{PgPool, PgRow};
use sqlx::{Row, types::Json};

/// Differences of one stream that are reported.
const DIFFERENCES_MAX: usize = 6;

/// The rows of one stream in the read models.
#[derive(Debug, Clone, PartialEq)]
pub struct StoredRow {
    /// Version of the last event that is contained.
    pub version: i32,
    /// Incarnation of the log in which the last event was recorded.
    pub incarnation: i32,
    /// Position of the last event in the log.
    pub position: i64,
    /// All columns of all tables, as one JSON value.
    pub value: Value,
}

/// The number of the live generation of each projection, by name; the read models that [`find`] reads are views of it.
pub async fn live_generations(pool: &PgPool) -> anyhow::Result<HashMap<String, i32>> {
    let live: Vec<(String, i32)> =
        sqlx::query_as("select projection, generation from projection_generations where state = 'live'")
            .fetch_all(pool)
            .await
            .context("reading the live generations")?;
    Ok(live.into_iter().collect())
}

/// The numbers of all generations of a projection.
pub async fn list_generations(pool: &PgPool, projection: Projection) -> anyhow::Result<Vec<i32>> {
    let list = sqlx::query_scalar("select generation from projection_generations where projection = $1 order by 1");
    list.bind(projection.name()).fetch_all(pool).await.context("reading the generations")
}

/// The archived months of the live generation of a projection, as their first days: the tables have no rows of them, and
/// `projector verify` compares their archives with the log.
pub async fn archived_months(pool: &PgPool, projection: Projection) -> anyhow::Result<HashSet<NaiveDate>> {
    let months = sqlx::query_scalar(
        "select month from archived_months join projection_generations using (projection, generation)
         where projection = $1 and state = 'live'",
    );
    let months: Vec<NaiveDate> =
        months.bind(projection.name()).fetch_all(pool).await.context("reading the archived months")?;
    Ok(months.into_iter().collect())
}

/// Reads the rows of streams of one category. The map contains the streams that have rows.
pub async fn find(pool: &PgPool, category: Category, streams: &[&str]) -> anyhow::Result<HashMap<String, StoredRow>> {
    match category {
        Category::Order => find_orders(pool, streams).await,
        Category::Stock => find_stock(pool, streams).await,
        Category::Product => find_products(pool, streams).await,
        Category::Customer | Category::StockHold => Ok(HashMap::new()),
    }
}

/// The log positions of the events that operators have skipped in the live generation of a projection.
async fn skipped_events(pool: &PgPool, projection: Projection) -> anyhow::Result<HashSet<LogPosition>> {
    const SKIPPED: &str = "
        select s.incarnation, s.position
        from skipped_events s join projection_generations g using (projection, generation)
        where s.projection = $1 and g.state = 'live' and s.retired_at is null";
    let rows: Vec<(i32, i64)> =
        sqlx::query_as(SKIPPED).bind(projection.name()).fetch_all(pool).await.context("reading the skipped events")?;
    let at =
        |(incarnation, position)| LogPosition { incarnation: Incarnation(incarnation), position: Position(position) };
    Ok(rows.into_iter().map(at).collect())
}

/// What the tables of the live generation of a projection do not contain, because operators have decided so.
#[derive(Debug, Clone, Default)]
pub struct LeftOut {
    /// The archived months, as their first days.
    pub archived: HashSet<NaiveDate>,
    /// The log positions of the skipped events.
    pub skipped: HashSet<LogPosition>,
}

impl LeftOut {
    /// Reads what is left out of the live generation of a projection.
    pub async fn of(pool: &PgPool, projection: Projection) -> anyhow::Result<LeftOut> {
        let (archived, skipped) = (archived_months(pool, projection).await?, skipped_events(pool, projection).await?);
        Ok(LeftOut { archived, skipped })
    }

    /// Whether an event is skipped.
    pub fn skips(&self, recorded: &Recorded) -> bool {
        self.skipped.contains(&LogPosition { incarnation: recorded.incarnation, position: recorded.position })
    }

    /// Whether an instant is in an archived month.
    pub fn is_archived(&self, instant: DateTime<Utc>) -> bool {
        instant.date_naive().with_day(1).is_some_and(|first| self.archived.contains(&first))
    }
}

/// The expected rows of a stream after these events, without what is left out; `null` if no rows are expected.
pub fn fold(category: Category, events: &[Recorded], left_out: &LeftOut) -> anyhow::Result<Value> {
    let (mut order, mut item, mut product, mut prices) = (None, None, None, Vec::new());
    for recorded in events {
        if left_out.skips(recorded) {
            order.iter_mut().for_each(|order: &mut OrderDocument| order.advance_to(recorded));
            product.iter_mut().for_each(|product: &mut ProductDocument| product.advance_to(recorded));
            StockDocument::skip(&mut item, recorded);
            continue;
        }
        let place = || format!("folding position {} into {}", recorded.position, recorded.stream);
        match recorded.decode().with_context(place)? {
            Event::Order(event) => OrderDocument::fold(&mut order, recorded, &event).with_context(place)?,
            Event::Stock(event) => StockDocument::fold(&mut item, recorded, &event).with_context(place)?,
            Event::Product(event) => {
                ProductDocument::fold(&mut product, recorded, &event).with_context(place)?;
                prices.extend(PriceRow::of(recorded, &event).with_context(place)?);
            }
            // These events have no read model.
            Event::Customer(_) | Event::Email(_) | Event::StockHold(_) => {}
        }
    }
    prices.retain(|row| !left_out.is_archived(row.valid_from));
    prices.sort_by_key(|row| (row.id, row.currency));
    Ok(match category {
        Category::Order => order.map_or(Value::Null, |order| {
            json!({ "columns": OrderSummary::from(&order), "search": search_columns(&order), "document": order })
        }),
        Category::Stock => serde_json::to_value(item)?,
        Category::Product => product.map_or(Value::Null, |product| json!({ "product": product, "prices": prices })),
        Category::Customer | Category::StockHold => Value::Null,
    })
}

/// The row of `order_search`, with the number of the statuses from `orders`.
fn search_columns(order: &OrderDocument) -> Value {
    json!({
        "status": order.status.number(),
        "code": order.code,
        "channel": order.channel,
        "customer_id": order.customer_id,
        "external_ref": order.external_ref,
        "total": order.total,
        "due": order.due,
        "payment_due": order.payment_due,
        "skus": order.skus(),
        "tags": order.tags,
        "search_text": order.search_text(),
        "position": order.position,
    })
}

/// The fields in which two values differ, as JSON pointers (RFC 6901) with both values.
pub fn differences(expected: &Value, found: &Value) -> String {
    let mut differences = Vec::new();
    compare("", expected, found, &mut differences);
    differences.truncate(DIFFERENCES_MAX);
    differences.join("; ")
}

fn compare(pointer: &str, expected: &Value, found: &Value, differences: &mut Vec<String>) {
    match (expected, found) {
        (Value::Object(a), Value::Object(b)) => {
            for (name, value) in a {
                compare(&format!("{pointer}/{name}"), value, b.get(name).unwrap_or(&Value::Null), differences);
            }
            for (name, value) in b.iter().filter(|(name, _)| !a.contains_key(*name)) {
                compare(&format!("{pointer}/{name}"), &Value::Null, value, differences);
            }
        }
        (Value::Array(a), Value::Array(b)) if a.len() == b.len() => {
            for (index, (a, b)) in a.iter().zip(b).enumerate() {
                compare(&format!("{pointer}/{index}"), a, b, differences);
            }
        }
        _ if expected == found => {}
        _ => differences.push(format!("{pointer} is {found}, should be {expected}")),
    }
}

async fn find_orders(pool: &PgPool, streams: &[&str]) -> anyhow::Result<HashMap<String, StoredRow>> {
    const FIND: &str = "
        select 'order-' || id as stream, id::text as key, code, channel, customer_id::text as customer_id, external_ref,
            currency, total, due, owed, tags, lifecycle, payment, fulfilment, returns, placed_at, updated_at, version, incarnation,
            position, document, status, s.*
        from orders o left join lateral (
            select s.code as search_code, s.channel as search_channel, s.customer_id::text as search_customer,
                s.external_ref as search_ref, s.total as search_total, s.due as search_due, s.payment_due, s.skus,
                s.tags as search_tags, s.search_text, s.position as search_position
            from order_search s where s.id = o.id) s on true
        where id = any($1::uuid[])";
    let ids: Vec<&str> = streams.iter().filter_map(|stream| stream.strip_prefix("order-")).collect();
    let rows = sqlx::query(FIND).bind(ids).fetch_all(pool).await.context("reading orders")?;
    rows.iter().map(|row| stored_row(row, order_row(row)?)).collect()
}

fn order_row(row: &PgRow) -> anyhow::Result<Value> {
    let Json(document): Json<Value> = row.try_get("document")?;
    let mut columns = json!({
        "id": text(row, "key")?,
        "code": text(row, "code")?,
        "channel": text(row, "channel")?,
        "currency": text(row, "currency")?,
        "status": {
            "lifecycle": text(row, "lifecycle")?,
            "payment": text(row, "payment")?,
            "fulfilment": text(row, "fulfilment")?,
            "return": text(row, "returns")?,
        },
        "placed_at": instant(row, "placed_at")?,
        "updated_at": instant(row, "updated_at")?,
        "total": row.try_get::<i64, _>("total")?,
        "due": row.try_get::<i64, _>("due")?,
        "owed": row.try_get::<i64, _>("owed")?,
        "version": row.try_get::<i32, _>("version")?,
        "incarnation": row.try_get::<i32, _>("incarnation")?,
        "position": row.try_get::<i64, _>("position")?,
    });
    let tags: Vec<String> = row.try_get("tags")?;
    if !tags.is_empty() {
        columns["tags"] = tags.into();
    }
    for name in ["customer_id", "external_ref"] {
        if let Some(value) = row.try_get::<Option<String>, _>(name)? {
            columns[name] = value.into();
        }
    }
    Ok(json!({ "columns": columns, "search": search_row(row)?, "document": document }))
}

/// The columns of `order_search`, which are null if the order has no row there.
fn search_row(row: &PgRow) -> anyhow::Result<Value> {
    let optional = |name| row.try_get::<Option<String>, _>(name);
    let number = |name| row.try_get::<Option<i64>, _>(name);
    let list = |name| row.try_get::<Option<Vec<String>>, _>(name);
    Ok(json!({
        "status": row.try_get::<i32, _>("status")?,
        "code": optional("search_code")?,
        "channel": optional("search_channel")?,
        "customer_id": optional("search_customer")?,
        "external_ref": optional("search_ref")?,
        "total": number("search_total")?,
        "due": number("search_due")?,
        "payment_due": row.try_get::<Option<DateTime<Utc>>, _>("payment_due")?,
        "skus": list("skus")?,
        "tags": list("search_tags")?,
        "search_text": optional("search_text")?,
        "position": number("search_position")?,
    }))
}

async fn find_stock(pool: &PgPool, streams: &[&str]) -> anyhow::Result<HashMap<String, StoredRow>> {
    const FIND: &str = "
        select 'stock-' || s.sku || '@' || s.location as stream, s.*
        from stock s join unnest($1::text[]) wanted(stream) on s.sku || '@' || s.location = wanted.stream";
    let keys: Vec<&str> = streams.iter().filter_map(|stream| stream.strip_prefix("stock-")).collect();
    let rows = sqlx::query(FIND).bind(keys).fetch_all(pool).await.context("reading stock")?;
    rows.iter().map(|row| stored_row(row, stock_row(row)?)).collect()
}

fn stock_row(row: &PgRow) -> anyhow::Result<Value> {
    let sum = |name| row.try_get::<i64, _>(name);
    let mut item = json!({
        "sku": text(row, "sku")?,
        "location": text(row, "location")?,
        "available": (sum("on_hand")? - sum("safety")? - sum("reserved")?).max(0),
        "on_hand": sum("on_hand")?,
        "shortage": (sum("reserved")? - sum("backordered")? - sum("on_hand")?).max(0),
        "reserved": sum("reserved")?,
        "backordered": sum("backordered")?,
        "received": sum("received")?,
        "restocked": sum("restocked")?,
        "adjusted": sum("adjusted")?,
        "shipped": sum("shipped")?,
        "updated_at": instant(row, "updated_at")?,
        "version": row.try_get::<i32, _>("version")?,
        "incarnation": row.try_get::<i32, _>("incarnation")?,
        "position": row.try_get::<i64, _>("position")?,
    });
    // A document omits these fields if they have their defaults.
    for name in ["transferred", "safety"] {
        if let units @ (..=-1 | 1..) = sum(name)? {
            item[name] = units.into();
        }
    }
    if row.try_get::<bool, _>("backorders_derived")? {
        item["backorders_derived"] = true.into();
    }
    let Json(policy): Json<Value> = row.try_get("policy")?;
    if policy["kind"] != "deny" {
        item["policy"] = policy;
    }
    Ok(item)
}

async fn find_products(pool: &PgPool, streams: &[&str]) -> anyhow::Result<HashMap<String, StoredRow>> {
    // One statement reads the product and its prices up to the position of the product, so that both are consistent.
    const FIND: &str = "
        select 'product-' || p.sku as stream, p.sku, p.name, p.active, p.prices, p.tax_class, p.attributes, p.tags,
            p.created_at, p.updated_at, p.version, p.incarnation, p.position,
            (select coalesce(json_agg(json_build_object('id', r.id, 'sku', r.sku, 'currency', r.currency, 'price', r.price,
                    'valid_from', extract(epoch from r.valid_from) * 1000000, 'position', r.position)
                order by r.id, r.currency), '[]')
             from product_prices r where r.sku = p.sku and r.position <= p.position) as history
        from products p where p.sku = any($1)";
    let skus: Vec<&str> = streams.iter().filter_map(|stream| stream.strip_prefix("product-")).collect();
    let rows = sqlx::query(FIND).bind(skus).fetch_all(pool).await.context("reading products")?;
    rows.iter().map(|row| stored_row(row, product_row(row)?)).collect()
}

fn product_row(row: &PgRow) -> anyhow::Result<Value> {
    let Json(prices): Json<Value> = row.try_get("prices")?;
    let Json(mut history): Json<Vec<Value>> = row.try_get("history")?;
    for price in &mut history {
        let micros = price["valid_from"].as_f64().unwrap_or_default() as i64;
        price["valid_from"] = serde_json::to_value(DateTime::from_timestamp_micros(micros))?;
    }
    let mut product = json!({
        "sku": text(row, "sku")?,
        "name": text(row, "name")?,
        "active": row.try_get::<bool, _>("active")?,
        "prices": prices,
        "created_at": instant(row, "created_at")?,
        "updated_at": instant(row, "updated_at")?,
        "version": row.try_get::<i32, _>("version")?,
        "incarnation": row.try_get::<i32, _>("incarnation")?,
        "position": row.try_get::<i64, _>("position")?,
    });
    // A document omits the fields that a product does not have.
    if let Some(tax_class) = row.try_get::<Option<String>, _>("tax_class")? {
        product["tax_class"] = tax_class.into();
    }
    let (Json(attributes), Json(tags)): (Json<Value>, Json<Value>) = (row.try_get("attributes")?, row.try_get("tags")?);
    if attributes != json!({}) {
        product["attributes"] = attributes;
    }
    if tags != json!([]) {
        product["tags"] = tags;
    }
    Ok(json!({ "product": product, "prices": history }))
}

fn stored_row(row: &PgRow, value: Value) -> anyhow::Result<(String, StoredRow)> {
    let stored = StoredRow {
        version: row.try_get("version")?,
        incarnation: row.try_get("incarnation")?,
        position: row.try_get("position")?,
        value,
    };
    Ok((row.try_get("stream")?, stored))
}

fn text(row: &PgRow, name: &str) -> sqlx::Result<String> {
    row.try_get(name)
}

fn instant(row: &PgRow, name: &str) -> sqlx::Result<DateTime<Utc>> {
    row.try_get(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn differences_name_the_field_and_both_values() {
        let expected = json!({ "a": 1, "b": [{ "c": "x" }], "d": null });
        assert_eq!(differences(&expected, &expected), "");
        assert_eq!(differences(&expected, &json!({ "a": 1, "b": [{ "c": "y" }] })), "/b/0/c is \"y\", should be \"x\"");
        assert_eq!(differences(&json!({}), &json!({ "e": 5 })), "/e is 5, should be null");
    }
}
