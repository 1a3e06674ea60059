//! Reads of stock: a SKU at all its locations, pages of stock items, the availability of many SKUs, and pages of the stock
//! ledger of a SKU at a location.
//!
//! Redis holds one document per location, but only the database knows which locations exist. This process remembers the
//! locations of a SKU for as long as a document may stay in Redis, so a new location appears after that time at the latest.
//! A collection of documents from Redis contains every event up to the position at which the database last returned the
//! locations; for a later consistency token the database is read again, because only the database can prove that no location
//! is missing.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use bytes::{BufMut, Bytes, BytesMut};
use chrono::{DateTime, Utc};
use events::stock::{Level, StockPolicy};
use events::{Category, Location, OrderId, Position, Sku, StreamId, Version};
use read_model::cache::{Keys, STOCK_TTL};
use read_model::stock::Movement;
use read_model::{Projection, StockDocument, status};
use schemars::JsonSchema;
use serde::Serialize;
use sqlx::Row;
use sqlx::postgres::PgRow;
use sqlx::types::Json;
use uuid::Uuid;

use crate::reads::cache::redis::CachedDocument;
use crate::reads::consistency::{self, Required};
use crate::reads::database::freshness::{Freshness, Scope};
use crate::reads::database::limits::Workload;
use crate::reads::database::routing::Database;
use crate::reads::database::row::{log_position, parsed};
use crate::reads::database::statement::{FreshRows, Statement};
use crate::reads::documents::DocumentType;
use crate::reads::error::Error;
use crate::reads::page::{Page, PageRead};
use crate::reads::representation::Representation;

pub(super) const SELECT: &str =
    "select sku, location, on_hand, reserved, backordered, backorders_derived, received, restocked, adjusted,
        shipped, transferred, safety, policy, updated_at, version, incarnation, position
    from stock";

/// The document type of stock: a SKU at all its locations.
pub struct Stock;

/// An entry of the stock ledger: one movement of a SKU at a location.
#[derive(Debug, Serialize, JsonSchema)]
pub struct LedgerEntry {
    /// Id of the event that recorded the movement.
    id: Uuid,
    /// Kind of movement.
    kind: Movement,
    /// Units moved, as recorded in the event; for a change of the stock policy, the units of safety stock. Negative only for
    /// adjustments and changes of backorders.
    quantity: i64,
    /// Order that caused the movement; missing if none did.
    #[serde(skip_serializing_if = "Option::is_none")]
    order_id: Option<OrderId>,
    /// Time of the movement.
    occurred_at: DateTime<Utc>,
    /// Position of the event in the log.
    position: Position,
}

/// The stock of a SKU at all its locations.
#[derive(JsonSchema)]
#[expect(dead_code, reason = "only its schema is used")]
pub struct StockOfSku {
    /// SKU of the product.
    sku: Sku,
    /// Stock at each location where the SKU ever had stock.
    locations: Vec<StockDocument>,
}

/// The availability of SKUs.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Availabilities {
    /// One entry per SKU of the query, sorted by SKU.
    items: Vec<Availability>,
}

/// The units of a SKU that can be ordered.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Availability {
    /// SKU of the product.
    sku: Sku,
    /// Units on hand that can still be reserved, at all locations together.
    available: i64,
    /// Each location where the SKU ever had stock, sorted by location.
    locations: Vec<AvailabilityAtLocation>,
}

/// The units of a SKU that can be ordered at a location.
#[derive(Debug, Serialize, JsonSchema)]
pub struct AvailabilityAtLocation {
    /// Location of the stock item.
    location: Location,
    /// Units on hand that can still be reserved; at least 0.
    available: i64,
    /// Units that an order can reserve, including units that can be backordered; missing if the stock is not tracked, so that
    /// any number can be ordered.
    #[serde(skip_serializing_if = "Option::is_none")]
    orderable: Option<i64>,
}

/// Reads the page of stock items after a stock item, by SKU and location.
pub async fn read_page(
    database: &Database,
    required: Option<&Required>,
    after: Option<&(Sku, Location)>,
    limit: u16,
) -> Result<Page<StockDocument>, Error> {
    let page = PageRead { database, required, limit, projection: Projection::STOCK, scope: &Scope::List };
    let select = |statement: &mut Statement| {
        statement.push(SELECT);
        if let Some((sku, location)) = after {
            let (sku, location) = (sku.as_str(), location.as_str());
            statement.push(" where (sku, location) > (").bind(sku).push(", ").bind(location).push(")");
        }
        statement.push(" order by sku, location limit ").bind(page.select_limit());
    };
    let key = |row: &PgRow| {
        let (sku, location): (&str, &str) = (row.try_get("sku")?, row.try_get("location")?);
        // Neither contains an `@`.
        Ok(format!("{sku}@{location}").into_bytes())
    };
    page.read(&select, document, key).await
}

/// Reads the availability of SKUs, and how much of the log it contains.
pub async fn read_availabilities(
    database: &Database,
    required: Option<&Required>,
    skus: &BTreeSet<Sku>,
) -> Result<(Freshness, Availabilities), Error> {
    let names: Vec<&str> = skus.iter().map(Sku::as_str).collect();
    let select = |statement: &mut Statement| {
        statement.push(SELECT).push(" where sku = any(").bind(names.clone()).push(") order by sku, location");
    };
    let (workload, projection) = (Workload::Document, Projection::STOCK);
    let FreshRows { freshness, rows } =
        consistency::read(database, workload, required, projection, &Scope::List, &select).await?;
    let none = |sku: &Sku| (sku.clone(), Availability { sku: sku.clone(), available: 0, locations: Vec::new() });
    let mut by_sku: BTreeMap<Sku, Availability> = skus.iter().map(none).collect();
    for row in &rows {
        let item = document(row)?;
        let orderable = item.level.promisable().map(|units| units.max(0));
        let StockDocument { sku, location, available, .. } = item;
        if let Some(found) = by_sku.get_mut(&sku) {
            found.available += available;
            found.locations.push(AvailabilityAtLocation { location, available, orderable });
        }
    }
    Ok((freshness, Availabilities { items: by_sku.into_values().collect() }))
}

/// Reads the page of ledger entries of a SKU at a location before an event id, newest first.
pub async fn read_ledger(
    database: &Database,
    required: Option<&Required>,
    (sku, location): (&Sku, &Location),
    after: Option<Uuid>,
    limit: u16,
) -> Result<Page<LedgerEntry>, Error> {
    let scope = Scope::Stream(StreamId::stock(sku, location));
    let page = PageRead { database, required, limit, projection: Projection::STOCK, scope: &scope };
    let select = |statement: &mut Statement| {
        statement
            .push("select id, kind, quantity, order_id, occurred_at, position from stock_ledger where sku = ")
            .bind(sku.as_str())
            .push(" and location = ")
            .bind(location.as_str());
        if let Some(after) = after {
            statement.push(" and id < ").bind(after);
        }
        statement.push(" order by id desc limit ").bind(page.select_limit());
    };
    let key = |row: &PgRow| row.try_get::<Uuid, _>("id").map(|id| id.as_bytes().to_vec());
    page.read(&select, LedgerEntry::decode, key).await
}

impl LedgerEntry {
    fn decode(row: &PgRow) -> sqlx::Result<LedgerEntry> {
        let kind: &str = row.try_get("kind")?;
        let order_id: Option<Uuid> = row.try_get("order_id")?;
        Ok(LedgerEntry {
            id: row.try_get("id")?,
            kind: status::read(kind)
                .ok_or_else(|| sqlx::Error::Decode(format!("`{kind}` is not a known kind of movement").into()))?,
            quantity: row.try_get("quantity")?,
            order_id: order_id.map(OrderId::try_from).transpose().map_err(|error| sqlx::Error::Decode(error.into()))?,
            occurred_at: row.try_get("occurred_at")?,
            position: row.try_get("position").map(Position)?,
        })
    }
}

pub(super) fn document(row: &PgRow) -> sqlx::Result<StockDocument> {
    let at = log_position(row)?;
    let level = Level {
        on_hand: row.try_get("on_hand")?,
        reserved: row.try_get("reserved")?,
        backordered: row.try_get("backordered")?,
        backorders_derived: row.try_get("backorders_derived")?,
        received: row.try_get("received")?,
        restocked: row.try_get("restocked")?,
        adjusted: row.try_get("adjusted")?,
        shipped: row.try_get("shipped")?,
        transferred: row.try_get("transferred")?,
        safety: row.try_get("safety")?,
        policy: row.try_get::<Json<StockPolicy>, _>("policy")?.0,
    };
    let version = Version(row.try_get("version")?);
    let (sku, location) = (parsed(row, "sku")?, parsed(row, "location")?);
    Ok(StockDocument::of(sku, location, level, row.try_get("updated_at")?, version, at))
}

impl DocumentType for Stock {
    type Key = Sku;

    const NAME: &'static str = "stock";
    const PROJECTION: Projection = Projection::STOCK;
    const TTL: Duration = STOCK_TTL;

    fn select(sku: &Sku, statement: &mut Statement) {
        statement.push(SELECT).push(" where sku = ").bind(sku.as_str()).push(" order by location");
    }

    fn decode(keys: &Keys, sku: &Sku, row: &PgRow) -> sqlx::Result<CachedDocument> {
        let document = document(row)?;
        let json = serde_json::to_vec(&document).map_err(|error| sqlx::Error::Decode(error.into()))?;
        Ok(CachedDocument { key: keys.stock(sku, &document.location), at: document.log_position(), json: json.into() })
    }

    fn part_keys(_: &Keys, _: &Sku) -> Option<Vec<String>> {
        None
    }

    fn representation(sku: &Sku, parts: &[CachedDocument]) -> Representation {
        Representation::collection(collection(sku, parts), parts.iter().map(|part| (part.key.clone(), part.at)))
    }

    fn scope(sku: &Sku) -> Scope {
        Scope::Streams(format!("{}-{sku}@", Category::Stock))
    }
}

/// Joins the documents of all locations: `{"sku":…,"locations":[…]}`.
fn collection(sku: &Sku, parts: &[CachedDocument]) -> Bytes {
    let mut json = BytesMut::with_capacity(128 + parts.iter().map(|part| part.json.len() + 1).sum::<usize>());
    // A SKU contains no character that JSON escapes.
    json.put_slice(format!("{{\"sku\":\"{sku}\",\"locations\":[").as_bytes());
    for (index, part) in parts.iter().enumerate() {
        if index > 0 {
            json.put_u8(b',');
        }
        json.put_slice(&part.json);
    }
    json.put_slice(b"]}");
    json.freeze()
}
