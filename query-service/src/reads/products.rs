//! Reads of products and their prices: one product by SKU, pages of products, and pages of the prices of a product.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use chrono::{DateTime, Utc};
use events::{Currency, Minor, Position, Sku, StreamId, Version};
use read_model::cache::{Keys, PRODUCT_TTL};
use read_model::search::SearchPatterns;
use read_model::{ProductDocument, Projection};
use schemars::JsonSchema;
use serde::Serialize;
use sqlx::Row;
use sqlx::postgres::PgRow;
use sqlx::types::Json;
use uuid::Uuid;

use crate::reads::cache::redis::CachedDocument;
use crate::reads::consistency::Required;
use crate::reads::database::freshness::Scope;
use crate::reads::database::routing::Database;
use crate::reads::database::row::{log_position, parsed};
use crate::reads::database::statement::Statement;
use crate::reads::documents::DocumentType;
use crate::reads::error::Error;
use crate::reads::label::Label;
use crate::reads::page::{Page, PageRead};
use crate::reads::representation::Representation;

pub(super) const COLUMNS: &str =
    "select sku, name, active, prices, tax_class, attributes, tags, created_at, updated_at, version, incarnation,
    position";

/// The document type of products.
pub struct Product;

/// A price of a product. It is valid from `valid_from` until the `valid_from` of the next newer price in the same currency.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Price {
    /// Currency of the price.
    currency: Currency,
    /// Price of one unit, in minor units of the currency.
    price: Minor,
    /// Time from which the price is valid.
    valid_from: DateTime<Utc>,
    /// Position in the log of the event that set the price.
    position: Position,
}

/// The sort key of a price: the id of its event, and its currency.
pub type PriceKey = (Uuid, String);

/// Which products a list contains: those that match every filter that is set.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ProductFilter {
    /// Whether the product can be ordered.
    pub active: Option<bool>,
    /// A tag of the product.
    pub tag: Option<Label>,
    /// Text to search for.
    pub text: Option<SearchPatterns>,
}

/// Products at the beginning of a list that are searched first: a filter that most products match needs no index.
const FIRST_PRODUCTS: i64 = 1_000;

/// Reads the page of products after a SKU, by SKU.
pub async fn read_page(
    database: &Database,
    required: Option<&Required>,
    filter: &ProductFilter,
    after: Option<&Sku>,
    limit: u16,
) -> Result<Page<ProductDocument>, Error> {
    let page = PageRead { database, required, limit, projection: Projection::PRODUCTS, scope: &Scope::List };
    let key = |row: &PgRow| row.try_get::<&str, _>("sku").map(|sku| sku.as_bytes().to_vec());
    let first = |statement: &mut Statement| {
        statement.push(COLUMNS).push(" from (select * from products where true");
        push_after(after, statement);
        statement.push(" order by sku limit ").push_number(FIRST_PRODUCTS).push(") products where true");
        push_conditions(filter, statement);
        statement.push(" order by sku limit ").bind(page.select_limit());
    };
    let found = page.read(&first, document, key).await?;
    if found.next_after.is_some() || *filter == ProductFilter::default() {
        return Ok(found);
    }
    // Without a limit, with which the planner would expect to find enough products in the order of their SKUs.
    let all = |statement: &mut Statement| {
        statement.plan_each_time().push("with found as materialized (").push(COLUMNS).push(" from products where true");
        push_after(after, statement);
        push_conditions(filter, statement);
        statement.push(") select * from found order by sku limit ").bind(page.select_limit());
    };
    page.read(&all, document, key).await
}

fn push_after(after: Option<&Sku>, statement: &mut Statement) {
    if let Some(after) = after {
        statement.push(" and sku > ").bind(after.as_str());
    }
}

pub(super) fn push_conditions(ProductFilter { active, tag, text }: &ProductFilter, statement: &mut Statement) {
    match active {
        Some(true) => statement.push(" and active"),
        Some(false) => statement.push(" and not active"),
        None => statement,
    };
    if let Some(tag) = tag {
        // The partial index contains only products with tags; the planner uses it only if the query repeats the condition.
        let mut either = " and tag_list <> '{}' and (tag_list @> array[";
        for form in tag.forms() {
            statement.push(either).bind(form).push("]");
            either = " or tag_list @> array[";
        }
        statement.push(")");
    }
    for pattern in text.iter().flat_map(|text| text.patterns()) {
        statement.push(" and search_text like ").bind(pattern.as_str());
    }
}

/// Reads the page of prices of a product before a price, newest first.
pub async fn read_prices(
    database: &Database,
    required: Option<&Required>,
    sku: &Sku,
    after: Option<&PriceKey>,
    limit: u16,
) -> Result<Page<Price>, Error> {
    let scope = Scope::Stream(StreamId::product(sku));
    let page = PageRead { database, required, limit, projection: Projection::PRODUCTS, scope: &scope };
    let select = |statement: &mut Statement| {
        statement
            .push("select id, currency, price, valid_from, position from product_prices where sku = ")
            .bind(sku.as_str());
        if let Some((id, currency)) = after {
            statement.push(" and (id, currency) < (").bind(*id).push(", ").bind(currency.as_str()).push(")");
        }
        statement.push(" order by id desc, currency desc limit ").bind(page.select_limit());
    };
    page.read(&select, Price::decode, Price::key).await
}

pub(super) fn document(row: &PgRow) -> sqlx::Result<ProductDocument> {
    let at = log_position(row)?;
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
        incarnation: at.incarnation,
        position: at.position,
    })
}

impl Price {
    fn decode(row: &PgRow) -> sqlx::Result<Price> {
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

    /// Decodes the sort key that a cursor contains.
    pub fn decode_key(key: &[u8]) -> Option<PriceKey> {
        let (id, currency) = key.split_at_checked(16)?;
        Some((Uuid::from_slice(id).ok()?, std::str::from_utf8(currency).ok()?.to_owned()))
    }
}

impl DocumentType for Product {
    type Key = Sku;

    const NAME: &'static str = "product";
    const PROJECTION: Projection = Projection::PRODUCTS;
    const TTL: Duration = PRODUCT_TTL;

    fn select(sku: &Sku, statement: &mut Statement) {
        statement.push(COLUMNS).push(" from products").push(" where sku = ").bind(sku.as_str());
    }

    fn decode(keys: &Keys, sku: &Sku, row: &PgRow) -> sqlx::Result<CachedDocument> {
        let document = document(row)?;
        let json = serde_json::to_vec(&document).map_err(|error| sqlx::Error::Decode(error.into()))?;
        Ok(CachedDocument { key: keys.product(sku), at: document.log_position(), json: json.into() })
    }

    fn part_keys(keys: &Keys, sku: &Sku) -> Option<Vec<String>> {
        Some(vec![keys.product(sku)])
    }

    fn representation(_: &Sku, parts: &[CachedDocument]) -> Representation {
        Representation::document(parts[0].json.clone(), parts[0].at)
    }

    fn scope(sku: &Sku) -> Scope {
        Scope::Stream(StreamId::product(sku))
    }
}
