//! How far the relay has published the log, in tables `relay_checkpoint` and `relay_partitions`.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use events::{Category, Incarnation, LogPosition, Position};
use sqlx::{FromRow, PgConnection};

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

/// Checkpoint of the relay.
pub async fn find_checkpoint(connection: &mut PgConnection) -> sqlx::Result<LogPosition> {
    let (incarnation, position): (i32, i64) =
        sqlx::query_as("select incarnation, position from relay_checkpoint").fetch_one(connection).await?;
    Ok(LogPosition { incarnation: Incarnation(incarnation), position: Position(position) })
}

/// Checkpoint of the relay, and its last position in each partition of all categories.
pub async fn find_all_published(
    connection: &mut PgConnection,
) -> sqlx::Result<(LogPosition, Vec<(Category, i32, Position)>)> {
    let rows: Vec<PublishedRow> = sqlx::query_as(
        "select r.incarnation, r.position as relay, p.category, p.partition, p.position
         from relay_checkpoint r left join relay_partitions p on true",
    )
    .fetch_all(connection)
    .await?;
    let (incarnation, position) = rows.first().map_or((1, 0), |row| (row.incarnation, row.relay));
    let relay = LogPosition { incarnation: Incarnation(incarnation), position: Position(position) };
    Ok((relay, rows.into_iter().filter_map(PublishedRow::partition).collect()))
}

#[derive(FromRow)]
struct PublishedRow {
    incarnation: i32,
    relay: i64,
    category: Option<String>,
    partition: Option<i32>,
    position: Option<i64>,
}

impl PublishedRow {
    /// `None` without partitions, and for a category of a newer build.
    fn partition(self) -> Option<(Category, i32, Position)> {
        let name = self.category?;
        let category = Category::ALL.into_iter().find(|category| category.as_str() == name)?;
        Some((category, self.partition?, Position(self.position?)))
    }
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
