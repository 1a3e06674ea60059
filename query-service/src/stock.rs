//! `GET /v1/stock/{sku}`, all locations together, and `GET /v1/stock/{sku}/{location}/ledger`.
//!
//! Redis holds one value per location. Which locations there are is only in the database; this process remembers for as
//! long as such a value lives, so a new location of a SKU is seen that late at worst. What is put together so contains
//! everything up to where the projection was when the database was asked, and says no more of itself: for a later consistency
//! token the database is asked again, because only there it shows that no location is missing.

use std::time::Duration;

use axum::extract::State;
use axum::http::{HeaderMap, Uri};
use axum::response::Response;
use bytes::{BufMut, Bytes, BytesMut};
use events::stock::{Level, StockPolicy};
use events::{Category, Location, OrderId, Position, Sku, StreamId, Version};
use platform::openapi::Routes;
use platform::params::Path;
use platform::problem::Problem;
use read_model::cache::{Keys, STOCK_TTL};
use read_model::stock::Movement;
use read_model::{Projection, StockDocument, status};
use schemars::JsonSchema;
use serde::Serialize;
use sqlx::Row;
use sqlx::postgres::PgRow;
use sqlx::types::Json;
use uuid::Uuid;

use crate::answer::Answer;
use crate::asked::Asked;
use crate::cache::redis::Part;
use crate::database::row::{parsed, stamp};
use crate::database::{Scope, Statement};
use crate::documented;
use crate::documents::Kind;
use crate::page::{self, Page};
use crate::problems;
use crate::serve::App;

/// The stock of one SKU, wherever it lies, as a kind of document.
pub struct Stock;

/// One movement.
#[derive(Debug, Serialize, JsonSchema)]
struct Entry {
    /// The event's id.
    id: Uuid,
    /// What kind of movement.
    kind: Movement,
    /// How many units, as the event says it: only a correction and a change of backorders can be negative.
    quantity: i64,
    /// For which order, where it was for one.
    #[serde(skip_serializing_if = "Option::is_none")]
    order_id: Option<OrderId>,
    /// When it happened.
    occurred_at: chrono::DateTime<chrono::Utc>,
    /// Place of the event in the log.
    position: Position,
}

/// The stock of one SKU, as [`together`] writes it.
#[derive(JsonSchema)]
#[expect(dead_code, reason = "only its schema is used")]
struct StockOfSku {
    /// What.
    sku: Sku,
    /// Every location that it was ever at.
    locations: Vec<StockDocument>,
}

/// Queries for the stock of one SKU.
pub fn documents() -> Routes<App> {
    let show = documented::document::<StockOfSku>("show_stock", "The stock of a SKU, at all its locations")
        .path::<Sku>()
        .refuses([(400, "invalid-sku"), (404, "stock-not-found")]);
    routes().get("/v1/stock/{sku}", self::show, show)
}

/// Queries for pages of movements.
pub fn lists() -> Routes<App> {
    let ledger = documented::list::<Entry>("list_ledger", "Movements of a SKU at a location, the newest first", [])
        .path::<(Sku, Location)>()
        .refuses([(400, "invalid-sku"), (400, "invalid-location"), (404, "stock-not-found")]);
    routes().get("/v1/stock/{sku}/{location}/ledger", self::ledger, ledger)
}

fn routes() -> Routes<App> {
    Routes::about("stock", "Pieces of a SKU at a location.")
}

/// `GET /v1/stock/{sku}`
pub async fn show(State(app): State<App>, Path(sku): Path<String>, asked: Asked) -> Result<Response, Problem> {
    let sku = sku.parse().map_err(|_| problems::invalid_sku(&sku))?;
    let answer = app.stock.find(&sku, asked.wanted.as_ref()).await?;
    Ok(answer.respond(&asked, app.current.lag_header(Projection::Stock)))
}

/// `GET /v1/stock/{sku}/{location}/ledger`, newest first
pub async fn ledger(
    State(app): State<App>,
    Path((sku, location)): Path<(String, String)>,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let sku: Sku = sku.parse().map_err(|_| problems::invalid_sku(&sku))?;
    let location: Location = location.parse().map_err(|_| problems::invalid_location(&location))?;
    let (page, _) = Page::read(app, uri, &headers, &page::PARAMETERS)?;
    let after = page.after(|key| Uuid::from_slice(key).ok())?;
    let select = |statement: &mut Statement| select_ledger(&sku, &location, after, &page, statement);
    let scope = Scope::Stream(StreamId::stock(&sku, &location));
    let key = |row: &PgRow| row.try_get::<Uuid, _>("id").map(|id| id.as_bytes().to_vec());
    let rows = page.rows(Projection::Stock, &scope, select, Entry::read, key).await?;
    // An item has an entry from its first event on.
    if page.is_empty(&rows) {
        return Err(missing(format!("No stock of {sku} was ever at {location}.")));
    }
    page.respond(&rows)
}

fn select_ledger(sku: &Sku, location: &Location, after: Option<Uuid>, page: &Page, statement: &mut Statement) {
    statement
        .push("select id, kind, quantity, order_id, occurred_at, position from stock_ledger where sku = ")
        .bind(sku.as_str())
        .push(" and location = ")
        .bind(location.as_str());
    if let Some(after) = after {
        statement.push(" and id < ").bind(after);
    }
    statement.push(" order by id desc limit ").bind(page.select_limit());
}

impl Entry {
    fn read(row: &PgRow) -> sqlx::Result<Entry> {
        let kind: &str = row.try_get("kind")?;
        let order_id: Option<Uuid> = row.try_get("order_id")?;
        Ok(Entry {
            id: row.try_get("id")?,
            kind: status::read(kind).ok_or_else(|| sqlx::Error::Decode(format!("`{kind}` is no movement").into()))?,
            quantity: row.try_get("quantity")?,
            order_id: order_id.map(OrderId::try_from).transpose().map_err(|error| sqlx::Error::Decode(error.into()))?,
            occurred_at: row.try_get("occurred_at")?,
            position: row.try_get("position").map(Position)?,
        })
    }
}

fn document(sku: &Sku, row: &PgRow) -> sqlx::Result<StockDocument> {
    let stamp = stamp(row)?;
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
    Ok(StockDocument::of(sku.clone(), parsed(row, "location")?, level, row.try_get("updated_at")?, version, stamp))
}

fn missing(detail: String) -> Problem {
    problems::not_found("stock-not-found", "No such stock", detail)
}

impl Kind for Stock {
    type Key = Sku;

    const NAME: &'static str = "stock";
    const PROJECTION: Projection = Projection::Stock;
    const TTL: Duration = STOCK_TTL;

    fn select(sku: &Sku, statement: &mut Statement) {
        statement
            .push(
                "select location, on_hand, reserved, backordered, backorders_derived, received, restocked, adjusted, shipped,
                    transferred, safety, policy, updated_at, version, incarnation, position
                from stock where sku = ",
            )
            .bind(sku.as_str())
            .push(" order by location");
    }

    fn part(keys: &Keys, sku: &Sku, row: &PgRow) -> sqlx::Result<Part> {
        let document = document(sku, row)?;
        let json = serde_json::to_vec(&document).map_err(|error| sqlx::Error::Decode(error.into()))?;
        Ok(Part { key: keys.stock(sku, &document.location), stamp: document.stamp(), json: json.into() })
    }

    fn parts_of(_: &Keys, _: &Sku) -> Option<Vec<String>> {
        None
    }

    fn answer(sku: &Sku, parts: &[Part]) -> Answer {
        Answer::collection(together(sku, parts), parts.iter().map(|part| (part.key.clone(), part.stamp)))
    }

    fn scope(sku: &Sku) -> Scope {
        Scope::Streams(format!("{}-{sku}@", Category::Stock))
    }

    fn missing(sku: &Sku) -> Problem {
        missing(format!("No stock of {sku} was ever recorded."))
    }
}

/// `{"sku":…,"locations":[…]}`, out of documents as they stand.
fn together(sku: &Sku, parts: &[Part]) -> Bytes {
    let mut json = BytesMut::with_capacity(128 + parts.iter().map(|part| part.json.len() + 1).sum::<usize>());
    // A SKU has no character that JSON would escape.
    json.put_slice(format!("{{\"sku\":\"{sku}\",\"locations\":[").as_bytes());
    for (at, part) in parts.iter().enumerate() {
        if at > 0 {
            json.put_u8(b',');
        }
        json.put_slice(&part.json);
    }
    json.put_slice(b"]}");
    json.freeze()
}
