//! What the database knows of lost events, and the statement that accepts their loss. Owner module of sqlx.

use events::{Incarnation, LogPosition, Position};

use super::finding::Finding;
use super::writers;
use crate::database::{Database, Error, during};
use crate::relay::watermark::Watermark;

/// Position of the last event that the log and the relay checkpoint have in common: events after the checkpoint, and events that a later
/// incarnation wrote at the positions of lost events, do not count. It is the position of the checkpoint if the log has lost nothing.
pub(super) async fn find_last_common(database: &Database, relay: &Watermark) -> Result<Position, Error> {
    const FIND: &str = "select coalesce(max(position), 0) from events where position <= $1 and incarnation <= $2";
    let position = sqlx::query_scalar::<_, i64>(FIND)
        .bind(relay.position.0)
        .bind(relay.incarnation.0)
        .fetch_one(database)
        .await
        .map_err(during("finding the last event that the log and the relay checkpoint have in common"))?;
    Ok(Position(position))
}

/// The partitions of projections whose last event the log does not contain.
pub(super) async fn list_projections(database: &Database, head: Position) -> Result<Vec<Finding>, Error> {
    const LIST: &str = "
        select projection, generation, category, partition, c.incarnation, c.position
        from projection_checkpoints c left join events e on e.position = c.position
        where c.position > $1 or e.incarnation <> c.incarnation
        order by projection, generation, category, partition";
    let rows = sqlx::query_as::<_, (String, i32, String, i32, i32, i64)>(LIST)
        .bind(head.0)
        .fetch_all(database)
        .await
        .map_err(during("comparing the checkpoints of the projections with the log"))?;
    let finding = |(name, generation, category, partition, incarnation, position)| {
        let last = LogPosition { incarnation: Incarnation(incarnation), position: Position(position) };
        Finding::Projection { name, generation, category, partition, last }
    };
    Ok(rows.into_iter().map(finding).collect())
}

/// Sets the incarnation to `next` and moves the relay checkpoint from `relay` to `target`, if head and checkpoint have not changed and no writer
/// is connected. The new epoch ends the leadership of a relay that runs. Returns whether nothing has changed.
pub(super) async fn raise(
    database: &Database,
    head: LogPosition,
    relay: &Watermark,
    target: &Watermark,
    next: Incarnation,
) -> Result<bool, Error> {
    const RAISE: &str = "
        with raised as (
            update log_head set incarnation = $11
            where incarnation = $1 and position = $2
                and exists (select from relay_checkpoint where incarnation = $3 and position = $4)
                and not exists (
                    select from pg_stat_activity where datname = current_database() and application_name = $5
                )
            returning incarnation
        ),
        relay as (
            update relay_checkpoint
            set epoch = epoch + 1, leader = '', lease_until = '-infinity', incarnation = $6, position = $7
            from raised where relay_checkpoint.incarnation = $3 and position = $4
        ),
        partitions as (
            update relay_partitions p set position = c.position
            from raised, unnest($8::text[], $9::int[], $10::bigint[]) as c(category, partition, position)
            where p.category = c.category and p.partition = c.partition
        )
        select incarnation from raised";
    let mut categories = Vec::new();
    let mut partitions = Vec::new();
    let mut positions = Vec::new();
    for (partition, position) in target.changes_since(relay) {
        categories.push(partition.category.as_str());
        partitions.push(partition.partition);
        positions.push(position.0);
    }
    let incarnation = sqlx::query_scalar::<_, i32>(RAISE)
        .bind(head.incarnation.0)
        .bind(head.position.0)
        .bind(relay.incarnation.0)
        .bind(relay.position.0)
        .bind(writers::APPLICATION_NAME)
        .bind(target.incarnation.0)
        .bind(target.position.0)
        .bind(categories)
        .bind(partitions)
        .bind(positions)
        .bind(next.0)
        .fetch_optional(database)
        .await
        .map_err(during("raising the incarnation of the log"))?;
    Ok(incarnation.is_some())
}
