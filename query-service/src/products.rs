//! `GET /v1/products`, `GET /v1/products/{sku}` and `GET /v1/products/{sku}/prices`.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use axum::extract::State;
use axum::http::{HeaderMap, Uri};
use axum::response::Response;
use events::{Currency, Minor, Position, Sku, StreamId, Version};
use platform::openapi::Routes;
use platform::params::Path;
use platform::problem::Problem;
use read_model::cache::{Keys, PRODUCT_TTL};
use read_model::{ProductDocument, Projection};
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

const COLUMNS: &str = "select sku, name, active, prices, tax_class, attributes, tags, created_at, updated_at, version,
        incarnation, position
    from products";

/// The product as a kind of document.
pub struct Product;

/// One price, from `valid_from` until the one before it in the list, of the same currency.
#[derive(Debug, Serialize, JsonSchema)]
struct Price {
    /// In which currency.
    currency: Currency,
    /// Price of one piece, minor units.
    price: Minor,
    /// Since when.
    valid_from: chrono::DateTime<chrono::Utc>,
    /// Place of the event in the log.
    position: Position,
}

/// Queries for one product.
pub fn documents() -> Routes<App> {
    let show = documented::document::<ProductDocument>("show_product", "A product")
        .path::<Sku>()
        .refuses([(400, "invalid-sku"), (404, "product-not-found")]);
    routes().get("/v1/products/{sku}", self::show, show)
}

/// Queries for pages of products and prices.
pub fn lists() -> Routes<App> {
    let list = documented::list::<ProductDocument>("list_products", "Products, by SKU", []);
    let prices = documented::list::<Price>("list_prices", "Prices of a product, the newest first", [])
        .path::<Sku>()
        .refuses([(400, "invalid-sku"), (404, "product-not-found")]);
    routes().get("/v1/products", self::list, list).get("/v1/products/{sku}/prices", self::prices, prices)
}

fn routes() -> Routes<App> {
    Routes::about("products", "What can be sold.")
}

/// `GET /v1/products/{sku}`
pub async fn show(State(app): State<App>, Path(sku): Path<String>, asked: Asked) -> Result<Response, Problem> {
    let sku = sku.parse().map_err(|_| problems::invalid_sku(&sku))?;
    let answer = app.products.find(&sku, asked.wanted.as_ref()).await?;
    Ok(answer.respond(&asked, app.current.lag_header(Projection::Products)))
}

/// `GET /v1/products`, by SKU
pub async fn list(State(app): State<App>, uri: Uri, headers: HeaderMap) -> Result<Response, Problem> {
    let (page, _) = Page::read(app, uri, &headers, &page::PARAMETERS)?;
    let after = page.after(|key| std::str::from_utf8(key).ok()?.parse::<Sku>().ok())?;
    let select = |statement: &mut Statement| select_page(after.as_ref(), &page, statement);
    let key = |row: &PgRow| row.try_get::<String, _>("sku").map(String::into_bytes);
    let rows = page.rows(Projection::Products, &Scope::List, select, document, key).await?;
    page.respond(&rows)
}

/// `GET /v1/products/{sku}/prices`, newest first
pub async fn prices(
    State(app): State<App>,
    Path(sku): Path<String>,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let sku: Sku = sku.parse().map_err(|_| problems::invalid_sku(&sku))?;
    let (page, _) = Page::read(app, uri, &headers, &page::PARAMETERS)?;
    let after = page.after(Price::key_of)?;
    let select = |statement: &mut Statement| select_prices(&sku, after.as_ref(), &page, statement);
    let rows = page.rows(Projection::Products, &Product::scope(&sku), select, Price::read, Price::key).await?;
    // A product has a price from its first event on.
    if page.is_empty(&rows) {
        return Err(Product::missing(&sku));
    }
    page.respond(&rows)
}

fn select_page(after: Option<&Sku>, page: &Page, statement: &mut Statement) {
    statement.push(COLUMNS);
    if let Some(after) = after {
        statement.push(" where sku > ").bind(after.as_str());
    }
    statement.push(" order by sku limit ").bind(page.select_limit());
}

fn select_prices(sku: &Sku, after: Option<&(Uuid, String)>, page: &Page, statement: &mut Statement) {
    statement
        .push("select id, currency, price, valid_from, position from product_prices where sku = ")
        .bind(sku.as_str());
    if let Some((id, currency)) = after {
        statement.push(" and (id, currency) < (").bind(*id).push(", ").bind(currency.as_str()).push(")");
    }
    statement.push(" order by id desc, currency desc limit ").bind(page.select_limit());
}

fn document(row: &PgRow) -> sqlx::Result<ProductDocument> {
    let stamp = stamp(row)?;
    let Json(prices) = row.try_get::<Json<BTreeMap<Currency, Minor>>, _>("prices")?;
    Ok(ProductDocument {
        sku: parsed(row, "sku")?,
        name: row.try_get("name")?,
        active: row.try_get("active")?,
        prices,
        tax_class: row.try_get("tax_class")?,
        attributes: row.try_get::<Json<BTreeMap<String, String>>, _>("attributes")?.0,
        tags: row.try_get::<Json<BTreeSet<String>>, _>("tags")?.0,
        created_at: row.try_get("created_at")?,
        updated_at: row.try_get("updated_at")?,
        version: Version(row.try_get("version")?),
        incarnation: stamp.incarnation,
        position: stamp.position,
    })
}

impl Price {
    fn read(row: &PgRow) -> sqlx::Result<Price> {
        Ok(Price {
            currency: parsed(row, "currency")?,
            price: Minor(row.try_get("price")?),
            valid_from: row.try_get("valid_from")?,
            position: row.try_get("position").map(Position)?,
        })
    }

    fn key(row: &PgRow) -> sqlx::Result<Vec<u8>> {
        let (id, currency): (Uuid, &str) = (row.try_get("id")?, row.try_get("currency")?);
        Ok([id.as_bytes().as_slice(), currency.as_bytes()].concat())
    }

    fn key_of(key: &[u8]) -> Option<(Uuid, String)> {
        let (id, currency) = key.split_at_checked(16)?;
        Some((Uuid::from_slice(id).ok()?, std::str::from_utf8(currency).ok()?.to_owned()))
    }
}

impl Kind for Product {
    type Key = Sku;

    const NAME: &'static str = "product";
    const PROJECTION: Projection = Projection::Products;
    const TTL: Duration = PRODUCT_TTL;

    fn select(sku: &Sku, statement: &mut Statement) {
        statement.push(COLUMNS).push(" where sku = ").bind(sku.as_str());
    }

    fn part(keys: &Keys, sku: &Sku, row: &PgRow) -> sqlx::Result<Part> {
        let document = document(row)?;
        let json = serde_json::to_vec(&document).map_err(|error| sqlx::Error::Decode(error.into()))?;
        Ok(Part { key: keys.product(sku), stamp: document.stamp(), json: json.into() })
    }

    fn parts_of(keys: &Keys, sku: &Sku) -> Option<Vec<String>> {
        Some(vec![keys.product(sku)])
    }

    fn answer(_: &Sku, parts: &[Part]) -> Answer {
        Answer::document(parts[0].json.clone(), parts[0].stamp)
    }

    fn scope(sku: &Sku) -> Scope {
        Scope::Stream(StreamId::product(sku))
    }

    fn missing(sku: &Sku) -> Problem {
        let detail = format!("No product with SKU {sku} is known here.");
        problems::not_found("product-not-found", "No such product", detail)
    }
}
