//! Claims on partitions, and the checkpoints in table `projection_checkpoints`.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use events::{Incarnation, LogPosition, Position};
use read_model::Generation;
use sqlx::PgConnection;

use crate::claimed_partitions::Claim;

/// Claims partitions with a new epoch, which ends the claims of other workers.
pub async fn claim(
    connection: &mut PgConnection,
    generation: Generation,
    partitions: &[i32],
) -> sqlx::Result<Vec<(i32, Claim)>> {
    let rows: Vec<(i32, i64, i32, i64)> = sqlx::query_as(
        "insert into projection_checkpoints as c
             (projection, generation, category, partition, epoch, incarnation, position, recorded_at)
         select $1, $2, $3, partition, 1, 1, 0, to_timestamp(0) from unnest($4::int[]) as partition
         on conflict (projection, generation, category, partition) do update set epoch = c.epoch + 1
         returning partition, epoch, incarnation, position",
    )
    .bind(generation.projection.name())
    .bind(generation.number)
    .bind(generation.projection.category().as_str())
    .bind(partitions)
    .fetch_all(connection)
    .await?;
    Ok(rows.into_iter().map(claimed).collect())
}

fn claimed((partition, epoch, incarnation, position): (i32, i64, i32, i64)) -> (i32, Claim) {
    let checkpoint = LogPosition { incarnation: Incarnation(incarnation), position: Position(position) };
    (partition, Claim { epoch, checkpoint })
}

/// The checkpoints of a generation, by partition.
pub async fn list(connection: &mut PgConnection, generation: Generation) -> sqlx::Result<BTreeMap<i32, Position>> {
    let rows: Vec<(i32, i64)> = sqlx::query_as(
        "select partition, position from projection_checkpoints where projection = $1 and generation = $2",
    )
    .bind(generation.projection.name())
    .bind(generation.number)
    .fetch_all(connection)
    .await?;
    Ok(rows.into_iter().map(|(partition, position)| (partition, Position(position))).collect())
}

/// A checkpoint of a generation whose event the log does not contain, because the log was restored to an earlier state:
/// its partition and position.
pub async fn find_ahead_of_log(
    connection: &mut PgConnection,
    generation: Generation,
) -> sqlx::Result<Option<(i32, Position)>> {
    let ahead: Option<(i32, i64)> = sqlx::query_as(
        "select c.partition, c.position
         from projection_checkpoints c left join events e on e.position = c.position
         where c.projection = $1 and c.generation = $2 and c.position > 0
             and (e.position is null or e.incarnation > c.incarnation)
         order by c.partition limit 1",
    )
    .bind(generation.projection.name())
    .bind(generation.number)
    .fetch_optional(connection)
    .await?;
    Ok(ahead.map(|(partition, position)| (partition, Position(position))))
}

/// Time before which all events of a generation were recorded that are applied in every partition; `None` without
/// checkpoints.
pub async fn find_recorded_at(
    connection: &mut PgConnection,
    generation: Generation,
) -> sqlx::Result<Option<DateTime<Utc>>> {
    sqlx::query_scalar("select min(recorded_at) from projection_checkpoints where projection = $1 and generation = $2")
        .bind(generation.projection.name())
        .bind(generation.number)
        .fetch_one(connection)
        .await
}

/// Position of the checkpoint of a partition; without a partition, the highest checkpoint of the generation.
pub async fn find_position(
    connection: &mut PgConnection,
    generation: Generation,
    partition: Option<i32>,
) -> sqlx::Result<Position> {
    const FIND: &str = "
        select coalesce(max(position), 0) from projection_checkpoints
        where projection = $1 and generation = $2 and category = $3 and ($4::int is null or partition = $4)";
    read_position(FIND, connection, generation, partition).await
}

/// Like [`find_position`], and locks the checkpoint until the transaction ends. Without a partition all checkpoints are
/// locked, in the order in which all transactions lock them.
pub async fn lock_position(
    connection: &mut PgConnection,
    generation: Generation,
    partition: Option<i32>,
) -> sqlx::Result<Position> {
    const LOCK: &str = "
        with locked as (
            select position from projection_checkpoints
            where projection = $1 and generation = $2 and category = $3 and ($4::int is null or partition = $4)
            order by partition
            for update
        )
        select coalesce(max(position), 0) from locked";
    read_position(LOCK, connection, generation, partition).await
}

async fn read_position(
    query: &'static str,
    connection: &mut PgConnection,
    generation: Generation,
    partition: Option<i32>,
) -> sqlx::Result<Position> {
    sqlx::query_scalar(query)
        .bind(generation.projection.name())
        .bind(generation.number)
        .bind(generation.projection.category().as_str())
        .bind(partition)
        .fetch_one(connection)
        .await
        .map(Position)
}

/// Ends the claim on a partition, or on all partitions, so that the worker claims again and reads the parked streams
/// again.
pub async fn end_claims(
    connection: &mut PgConnection,
    generation: Generation,
    partition: Option<i32>,
) -> sqlx::Result<()> {
    sqlx::query(
        "update projection_checkpoints set epoch = epoch + 1
         where projection = $1 and generation = $2 and category = $3 and ($4::int is null or partition = $4)",
    )
    .bind(generation.projection.name())
    .bind(generation.number)
    .bind(generation.projection.category().as_str())
    .bind(partition)
    .execute(connection)
    .await
    .map(|_| ())
}
