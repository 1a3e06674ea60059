//! The incarnations of the log, and the generations that contain events which the log does not contain: a backup was
//! restored, or a replica that was behind was promoted.

use events::{Incarnation, LogPosition, Position};
use read_model::Generation;
use sqlx::{FromRow, PgConnection};

use crate::ended_incarnations::EndedIncarnations;

/// A generation that contains events which the log does not contain.
#[derive(Debug, Clone, PartialEq, Eq, FromRow)]
pub struct AheadRow {
    /// Name of the projection.
    pub projection: String,
    /// Number of the generation.
    pub generation: i32,
    /// Partition of the checkpoint; missing if the position is the one up to which a rebuild reads the log.
    pub partition: Option<i32>,
    /// Incarnation of the checkpoint.
    pub incarnation: i32,
    /// Position of the checkpoint.
    pub position: i64,
    /// Last event of the log that this incarnation or an earlier one wrote, up to the checkpoint.
    pub last_common: i64,
    /// Incarnation of the log.
    pub current: i32,
}

/// The current incarnation of the log.
pub async fn find_current(connection: &mut PgConnection) -> sqlx::Result<Incarnation> {
    sqlx::query_scalar("select incarnation from log_head").fetch_one(connection).await.map(Incarnation)
}

/// Where the incarnations of the log ended: at position 0 if the log contains none of its events. Incarnations never
/// decrease along positions, so each end is found by a binary search.
pub async fn find_ended(connection: &mut PgConnection) -> sqlx::Result<EndedIncarnations> {
    let rows: Vec<(i32, Option<i32>, Option<i64>)> = sqlx::query_as(
        "select h.incarnation, ended.incarnation, ended.position
         from log_head h left join lateral (
             select i as incarnation, (
                 with recursive search (low, high) as (
                     select 0::bigint, h.position
                     union all
                     select case when e.incarnation <= i then e.position else s.low end,
                         case when e.incarnation <= i then s.high else e.position - 1 end
                     from search s join events e on e.position = (s.low + s.high + 1) / 2
                     where s.low < s.high
                 )
                 select case when exists (select from events e where e.position = low and e.incarnation = i) then low else 0 end
                 from search where low = high
             ) as position
             from generate_series(1, h.incarnation - 1) as i
         ) as ended on true",
    )
    .fetch_all(connection)
    .await?;
    let current = rows.first().map_or(1, |row| row.0);
    let ends = rows.iter().filter_map(|row| Some((Incarnation(row.1?), Position(row.2?))));
    Ok(EndedIncarnations::new(Incarnation(current), ends))
}

/// The checkpoints whose event the log does not contain, of one generation or of all, and the rebuilds that read the log
/// up to such an event.
pub async fn list_ahead(connection: &mut PgConnection, of: Option<Generation>) -> sqlx::Result<Vec<AheadRow>> {
    sqlx::query_as(
        "with positions as (
             select projection, generation, partition, incarnation, position from projection_checkpoints
             union all
             select r.projection, r.generation, null, r.incarnation, r.upto
             from projection_rebuilds r join projection_generations g using (projection, generation)
             where g.state = 'building' and r.incarnation is not null
         )
         select p.projection, p.generation, p.partition, p.incarnation, p.position, h.incarnation as current,
             coalesce((
                 select e.position from events e where e.position <= p.position and e.incarnation <= p.incarnation
                 order by e.position desc limit 1
             ), 0) as last_common
         from positions p cross join log_head h
         where p.position > 0 and ($1::text is null or p.projection = $1) and ($2::int is null or p.generation = $2)
             and not exists (
                 select from events e where e.position = p.position and e.incarnation = p.incarnation
             )
         order by p.projection, p.generation, p.partition",
    )
    .bind(of.map(|generation| generation.projection.name()))
    .bind(of.map(|generation| generation.number))
    .fetch_all(connection)
    .await
}

impl AheadRow {
    /// Log position of the checkpoint.
    pub fn log_position(&self) -> LogPosition {
        LogPosition { incarnation: Incarnation(self.incarnation), position: Position(self.position) }
    }

    /// Whether the log has a later incarnation than the checkpoint, so that its events differ from the lost ones.
    pub fn is_of_ended_incarnation(&self) -> bool {
        self.incarnation < self.current
    }
}

impl std::fmt::Display for AheadRow {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let AheadRow { projection, generation, incarnation, position, last_common, .. } = self;
        write!(f, "{projection} generation {generation}: ")?;
        match self.partition {
            Some(partition) => write!(f, "checkpoint {position} of partition {partition}")?,
            None => write!(f, "the end of its rebuild at position {position}")?,
        }
        match incarnation.cmp(&self.current) {
            std::cmp::Ordering::Less => {
                write!(f, " is beyond position {last_common}, where incarnation {incarnation} ended")
            }
            std::cmp::Ordering::Equal => write!(f, " is beyond position {last_common}, where the log ends"),
            std::cmp::Ordering::Greater => {
                write!(f, " is of incarnation {incarnation}, and the log has incarnation {}", self.current)
            }
        }
    }
}
