//! Freshness: how much of the log a projection contained in the snapshot of one statement.
//!
//! [`super::statement`] adds the select to a statement; the computation is in `read_model::freshness`.

use std::collections::HashMap;

use events::{Category, Incarnation, LogPosition, Position, StreamId, topics};
use read_model::Projection;
use read_model::freshness::{Partition, applied, stream_applied};
use sqlx::Row;
use sqlx::postgres::PgRow;

/// The select of freshness, split where values are bound: a [`Scope`] (stream, prefix), the categories, and the projections.
/// Returns one row for each projection: the position sent to and applied of each partition, and the first position at which a
/// stream of the scope is parked.
pub(super) const FRESHNESS: [&str; 5] = [
    "select p.category as fresh_category, p.projection as fresh_projection, g.generation as fresh_generation, r.incarnation as fresh_incarnation, r.position as fresh_relayed,
        array(select s.partition from relay_partitions s where s.category = p.category
            order by s.partition) as fresh_partitions,
        array(select s.position from relay_partitions s where s.category = p.category
            order by s.partition) as fresh_sent,
        array(select c.position from relay_partitions s left join projection_checkpoints c
            on c.category = s.category and c.partition = s.partition and c.projection = p.projection and c.generation = g.generation
            where s.category = p.category order by s.partition) as fresh_applied,
        array(select c.incarnation from relay_partitions s left join projection_checkpoints c
            on c.category = s.category and c.partition = s.partition and c.projection = p.projection and c.generation = g.generation
            where s.category = p.category order by s.partition) as fresh_incarnations,
        (select min(position) from parked_streams where projection = p.projection and generation = g.generation
            and (stream_id = ",
    " or starts_with(stream_id, ",
    "))) as fresh_parked
    from relay_checkpoint r, unnest(",
    "::text[], ",
    "::text[]) as p (category, projection)
        left join projection_generations g on g.projection = p.projection and g.state = 'live'",
];

/// The streams that a result depends on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Scope {
    /// One stream.
    Stream(StreamId),
    /// All streams whose names begin with this prefix.
    Streams(String),
    /// One of the streams whose names begin with this prefix; the row that is found shows which one.
    OneOf(String),
    /// All streams of a list. A parked stream is listed in its last applied state or not at all, so that it does not delay the list.
    List,
}

impl Scope {
    /// The stream, for a scope of one known stream.
    pub(super) fn stream(&self) -> Option<&str> {
        match self {
            Scope::Stream(stream) => Some(stream.as_str()),
            Scope::Streams(_) | Scope::OneOf(_) | Scope::List => None,
        }
    }

    /// The prefix of the streams, for a scope with a prefix.
    pub(super) fn prefix(&self) -> Option<&str> {
        match self {
            Scope::Streams(prefix) | Scope::OneOf(prefix) => Some(prefix),
            Scope::Stream(_) | Scope::List => None,
        }
    }
}

/// How much of the log a projection contained, as one statement saw it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Freshness {
    /// The projection.
    pub projection: Projection,
    /// Number of the live generation, which the views of the read models show; `None` before the projector created one.
    pub generation: Option<i32>,
    /// The last event that the relay had published.
    pub relay: LogPosition,
    /// The last event sent to each partition, by partition number.
    pub sent: Vec<(Partition, Position)>,
    /// The last event applied of each partition that has a checkpoint.
    pub checkpoints: HashMap<Partition, LogPosition>,
    /// The first position at which a stream of the scope is parked: from that position on, its events are not applied.
    pub parked: Option<Position>,
}

impl Freshness {
    pub(super) fn decode(row: &PgRow) -> sqlx::Result<Freshness> {
        let category = category(row.try_get("fresh_category")?)?;
        let projection: &str = row.try_get("fresh_projection")?;
        let projection = Projection::find(projection)
            .ok_or_else(|| sqlx::Error::Decode(format!("`{projection}` is not a projection").into()))?;
        let relay = LogPosition {
            incarnation: Incarnation(row.try_get("fresh_incarnation")?),
            position: Position(row.try_get("fresh_relayed")?),
        };
        let numbers: Vec<i32> = row.try_get("fresh_partitions")?;
        let sent: Vec<i64> = row.try_get("fresh_sent")?;
        let positions: Vec<Option<i64>> = row.try_get("fresh_applied")?;
        let incarnations: Vec<Option<i32>> = row.try_get("fresh_incarnations")?;
        let partitions = || numbers.iter().map(|number| Partition { category, number: *number });
        let checkpoints =
            partitions().zip(positions).zip(incarnations).filter_map(|((partition, position), incarnation)| {
                Some((partition, LogPosition { incarnation: Incarnation(incarnation?), position: Position(position?) }))
            });
        Ok(Freshness {
            projection,
            generation: row.try_get("fresh_generation")?,
            relay,
            checkpoints: checkpoints.collect(),
            sent: partitions().zip(sent.into_iter().map(Position)).collect(),
            parked: row.try_get::<Option<i64>, _>("fresh_parked")?.map(Position),
        })
    }

    /// Whether this is the freshness of `projection`.
    pub fn is_of(&self, projection: Projection) -> bool {
        self.projection == projection
    }

    /// The newest incarnation of the log that the snapshot contains.
    pub fn incarnation(&self) -> Incarnation {
        let applied = self.checkpoints.values().map(|checkpoint| checkpoint.incarnation);
        applied.fold(self.relay.incarnation, Incarnation::max)
    }

    /// A result of the scope contains every event up to this log position, which lies before the first parked stream of the scope.
    pub fn contained(&self) -> LogPosition {
        let parked = self.parked.map(|parked| Position(parked.0.saturating_sub(1)));
        let position = parked.map_or(self.applied(), |before| before.min(self.applied()));
        LogPosition { incarnation: self.incarnation(), position }
    }

    /// Number of partitions that contain every event up to `token`.
    pub fn count_partitions_at(&self, token: Position) -> usize {
        let is_at_token = |(partition, sent): &&(Partition, Position)| {
            stream_applied(self.relay, Some(*sent), self.checkpoints.get(partition).copied(), token)
        };
        self.sent.iter().filter(is_at_token).count()
    }

    /// Whether a stream of the scope is parked at or before `token`, so that it will not reach the token by itself.
    pub fn is_parked_before(&self, token: Position) -> bool {
        self.parked.is_some_and(|parked| parked <= token)
    }

    /// Every event up to this position is applied. A lower bound: more may be applied.
    pub fn applied(&self) -> Position {
        applied(self.relay, &self.sent, &self.checkpoints)
    }

    /// Whether every event of `scope` up to `token` is applied.
    pub fn covers(&self, scope: &Scope, token: Position) -> bool {
        if self.is_parked_before(token) {
            return false;
        }
        if self.applied() >= token {
            return true;
        }
        let Scope::Stream(stream) = scope else { return false };
        let Some((partition, sent)) = self.partition_of(stream) else { return false };
        stream_applied(self.relay, Some(sent), self.checkpoints.get(&partition).copied(), token)
    }

    /// The last position up to which the events of a stream are applied, unless the stream is parked.
    pub fn applied_of(&self, stream: &StreamId) -> Position {
        let partition = self.partition_of(stream).map(|(partition, _)| partition);
        let checkpoint = partition.and_then(|partition| self.checkpoints.get(&partition));
        checkpoint.map_or(Position::ZERO, |checkpoint| checkpoint.position)
    }

    /// The partition of a stream; unknown until the relay has recorded every partition.
    fn partition_of(&self, stream: &StreamId) -> Option<(Partition, Position)> {
        let count = i32::try_from(self.sent.len()).ok().filter(|count| *count > 0)?;
        let is_complete = self.sent.iter().zip(0..count).all(|((partition, _), number)| partition.number == number);
        let number = topics::partition_of(stream.as_str(), count);
        self.sent.get(usize::try_from(number).ok()?).copied().filter(|_| is_complete)
    }
}

fn category(word: &str) -> sqlx::Result<Category> {
    let found = Category::ALL.into_iter().find(|category| category.as_str() == word);
    found.ok_or_else(|| sqlx::Error::Decode(format!("`{word}` is not a category").into()))
}
