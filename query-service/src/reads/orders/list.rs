//! Pages of orders, newest first. [`super::filter`] says which orders.

use chrono::Utc;
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
use crate::reads::orders::filter::OrderFilter;
use crate::reads::page::{Page, PageRead};

/// Reads the page of orders whose ids are below `after`, newest first.
pub async fn read_page(
    database: &Database,
    required: Option<&Required>,
    filter: &OrderFilter,
    after: Option<Uuid>,
    limit: u16,
) -> Result<Page<OrderSummary>, Error> {
    let page = PageRead { database, required, limit, projection: Projection::ORDERS, scope: &Scope::List };
    let key = |row: &PgRow| row.try_get::<Uuid, _>("id").map(|id| id.as_bytes().to_vec());
    if let Some(recent) = filter.recent(after, Utc::now()) {
        let select = |statement: &mut Statement| recent.select(after, page.select_limit(), statement);
        let found = page.read(&select, summary, key).await?;
        if found.next_after.is_some() {
            return Ok(found);
        }
    }
    let select = |statement: &mut Statement| filter.select(after, page.select_limit(), statement);
    page.read(&select, summary, key).await
}

fn summary(row: &PgRow) -> sqlx::Result<OrderSummary> {
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
