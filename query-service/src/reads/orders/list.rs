//! Pages of orders. [`super::filter`] says which orders and in which order, [`super::select`] selects them.

use chrono::{DateTime, Utc};
use events::{CustomerId, Minor, Version};
use read_model::status::read;
use read_model::{OrderSummary, Projection, Status};
use serde::de::DeserializeOwned;
use sqlx::Row;
use sqlx::postgres::PgRow;
use uuid::Uuid;

use crate::reads::consistency::Required;
use crate::reads::database::freshness::Scope;
use crate::reads::database::routing::Database;
use crate::reads::database::row::{self, log_position, parsed};
use crate::reads::database::statement::Statement;
use crate::reads::error::Error;
use crate::reads::orders::filter::{OrderFilter, OrderSort};
use crate::reads::orders::select::{After, OrderSelect};
use crate::reads::page::{Page, PageRead};

/// Reads the page of orders after a row.
pub async fn read_page(
    database: &Database,
    required: Option<&Required>,
    filter: &OrderFilter,
    sort: OrderSort,
    after: Option<After>,
    limit: u16,
) -> Result<Page<OrderSummary>, Error> {
    let page = PageRead { database, required, limit, projection: Projection::ORDERS, scope: &Scope::List };
    let select = OrderSelect::new(filter, sort, after, page.select_limit());
    let (first, rest) = select.months(Utc::now());
    let mut before = None;
    while let Some(count) = select.first_orders(before) {
        let first_orders = |statement: &mut Statement| select.push_first_orders(count, first, statement);
        let found = page.read(&first_orders, summary, |row| key(sort, row)).await?;
        if found.next_after.is_some() {
            return Ok(found);
        }
        before = Some((count, found.items.len()));
    }
    page.read_ranges(&first, &rest, |months, statement| select.push(*months, statement), summary, |row| key(sort, row))
        .await
}

/// The sort key of a row: the order id, before it the value that the list is sorted by, if that is another one.
fn key(sort: OrderSort, row: &PgRow) -> sqlx::Result<Vec<u8>> {
    let id: Uuid = row.try_get("id")?;
    let value = match sort {
        OrderSort::NewestFirst | OrderSort::OldestFirst => return Ok(id.as_bytes().to_vec()),
        OrderSort::LastUpdatedFirst | OrderSort::FirstUpdatedFirst => {
            row.try_get::<DateTime<Utc>, _>("updated_at")?.timestamp_micros()
        }
        OrderSort::HighestTotalFirst | OrderSort::LowestTotalFirst => row.try_get("total")?,
    };
    Ok([value.to_be_bytes().as_slice(), id.as_bytes()].concat())
}

/// Parses the sort key of a row; `None` if it is not the key of a list in this order.
pub fn parse_key(sort: OrderSort, key: &[u8]) -> Option<After> {
    let (value, id) = match sort {
        OrderSort::NewestFirst | OrderSort::OldestFirst => (0, key),
        _ => {
            let (value, id) = key.split_at_checked(8)?;
            (i64::from_be_bytes(value.try_into().ok()?), id)
        }
    };
    Some(After { id: Uuid::from_slice(id).ok()?, value })
}

/// Decodes an order of a list.
pub fn summary(row: &PgRow) -> sqlx::Result<OrderSummary> {
    let at = log_position(row)?;
    Ok(OrderSummary {
        id: row::order_id(row)?,
        code: parsed(row, "code")?,
        channel: parsed(row, "channel")?,
        currency: parsed(row, "currency")?,
        customer_id: customer_id(row)?,
        external_ref: row.try_get("external_ref")?,
        tags: row.try_get::<Vec<String>, _>("tags")?.into_iter().collect(),
        status: Status {
            lifecycle: word(row, "lifecycle")?,
            payment: word(row, "payment")?,
            fulfilment: word(row, "fulfilment")?,
            returns: word(row, "returns")?,
        },
        placed_at: row.try_get("placed_at")?,
        updated_at: row.try_get("updated_at")?,
        total: Minor(row.try_get("total")?),
        due: Minor(row.try_get("due")?),
        owed: Minor(row.try_get("owed")?),
        version: Version(row.try_get("version")?),
        incarnation: at.incarnation,
        position: at.position,
    })
}

fn customer_id(row: &PgRow) -> sqlx::Result<Option<CustomerId>> {
    let id: Option<Uuid> = row.try_get("customer_id")?;
    id.map(|id| CustomerId::try_from(id).map_err(|error| sqlx::Error::Decode(error.into()))).transpose()
}

/// A column with a status; an unknown status was written by a newer release.
fn word<T: DeserializeOwned>(row: &PgRow, column: &str) -> sqlx::Result<T> {
    let text: &str = row.try_get(column)?;
    read(text).ok_or_else(|| sqlx::Error::Decode(format!("`{text}` in {column} is unknown to this release").into()))
}
