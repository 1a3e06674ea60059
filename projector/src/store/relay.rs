//! How far the relay has published the log, in tables `relay_checkpoint` and `relay_partitions`.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use events::{Category, Incarnation, LogPosition, Position};
use sqlx::PgConnection;

/// What the relay has published.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Published {
    /// Checkpoint of the relay.
    pub relay: LogPosition,
    /// Last position in each partition of one category; a partition without events is missing.
    pub partitions: BTreeMap<i32, Position>,
}

/// Reads what the relay has published of a category.
pub async fn find_published(connection: &mut PgConnection, category: Category) -> sqlx::Result<Published> {
    let rows: Vec<(i32, i64, Option<i32>, Option<i64>)> = sqlx::query_as(
        "select r.incarnation, r.position, p.partition, p.position
         from relay_checkpoint r left join relay_partitions p on p.category = $1",
    )
    .bind(category.as_str())
    .fetch_all(connection)
    .await?;
    let (incarnation, position) = rows.first().map_or((1, 0), |row| (row.0, row.1));
    let relay = LogPosition { incarnation: Incarnation(incarnation), position: Position(position) };
    let partitions = rows.iter().filter_map(|row| Some((row.2?, Position(row.3?)))).collect();
    Ok(Published { relay, partitions })
}

/// Number of partitions of the topic of a category, as the relay has recorded it; `None` before the relay started.
pub async fn count_partitions(connection: &mut PgConnection, category: Category) -> sqlx::Result<Option<i32>> {
    sqlx::query_scalar("select max(partition) + 1 from relay_partitions where category = $1")
        .bind(category.as_str())
        .fetch_one(connection)
        .await
}

/// Instant at which the first event after `position` was recorded.
pub async fn find_recorded_after(
    connection: &mut PgConnection,
    position: Position,
) -> sqlx::Result<Option<DateTime<Utc>>> {
    sqlx::query_scalar("select recorded_at from events where position > $1 order by position limit 1")
        .bind(position.0)
        .fetch_optional(connection)
        .await
}
