//! The timeline of an order: its events in sentences, oldest first.

use chrono::{DateTime, Utc};
use events::{EventId, OrderId, StreamId, Version};
use read_model::{Projection, TimelineEntry};
use sqlx::Row;
use sqlx::postgres::PgRow;

use crate::reads::consistency::Required;
use crate::reads::database::freshness::Scope;
use crate::reads::database::routing::Database;
use crate::reads::database::row::log_position;
use crate::reads::database::statement::Statement;
use crate::reads::error::Error;
use crate::reads::months::MonthRange;
use crate::reads::page::{Page, PageRead};

/// Reads the page of the entries of an order after a version, oldest first.
pub async fn read_timeline(
    database: &Database,
    required: Option<&Required>,
    id: OrderId,
    after: Version,
    limit: u16,
) -> Result<Page<TimelineEntry>, Error> {
    let scope = Scope::Stream(StreamId::order(id));
    let page = PageRead { database, required, limit, projection: Projection::ORDER_TIMELINE, scope: &scope };
    let select = |statement: &mut Statement| {
        statement
            .push(
                "select version, kind, text, occurred_at, incarnation, position from order_timeline where order_id = ",
            )
            .bind(id.uuid())
            .push(" and version > ")
            .bind(after.0);
        MonthRange::of(id.uuid()).push(statement, "order_id");
        statement.push(" order by version limit ").bind(page.select_limit());
    };
    let key = |row: &PgRow| row.try_get::<i32, _>("version").map(|version| version.to_be_bytes().to_vec());
    page.read(&select, |row| entry(id, row), key).await
}

fn entry(order_id: OrderId, row: &PgRow) -> sqlx::Result<TimelineEntry> {
    let (at, occurred_at): (_, DateTime<Utc>) = (log_position(row)?, row.try_get("occurred_at")?);
    Ok(TimelineEntry {
        id: EventId::of(occurred_at, at.incarnation, at.position),
        order_id,
        version: Version(row.try_get("version")?),
        kind: row.try_get("kind")?,
        text: row.try_get("text")?,
        occurred_at,
        incarnation: at.incarnation,
        position: at.position,
    })
}
