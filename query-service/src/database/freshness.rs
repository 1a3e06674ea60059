//! How much of the log a projection contained in the snapshot that a statement saw.

use std::collections::HashMap;

use events::{Category, Incarnation, LogPosition, Position, StreamId, topics};
use read_model::Projection;
use read_model::freshness::{Partition, applied, stream_applied};
use sqlx::Row;
use sqlx::postgres::PgRow;

/// Around the categories, beside each the name of its projection, and a [`Scope`]. Says for each projection what the relay
/// sent to which partition and what is applied of it, and from where on streams of the scope are parked.
pub(super) const FRESHNESS: [&str; 5] = [
    "select p.category as fresh_category, r.incarnation as fresh_incarnation, r.position as fresh_relayed,
        array(select s.partition from relay_partitions s where s.category = p.category
            order by s.partition) as fresh_partitions,
        array(select s.position from relay_partitions s where s.category = p.category
            order by s.partition) as fresh_sent,
        array(select c.position from relay_partitions s left join projection_checkpoints c
            on c.category = s.category and c.partition = s.partition and c.projection = p.projection and c.generation = 1
            where s.category = p.category order by s.partition) as fresh_applied,
        array(select c.incarnation from relay_partitions s left join projection_checkpoints c
            on c.category = s.category and c.partition = s.partition and c.projection = p.projection and c.generation = 1
            where s.category = p.category order by s.partition) as fresh_lives,
        (select min(position) from parked_streams where projection = p.projection and generation = 1
            and (stream_id = ",
    " or starts_with(stream_id, ",
    "))) as fresh_parked
    from relay_checkpoint r, unnest(",
    "::text[], ",
    "::text[]) as p (category, projection)",
];

/// The generation that the statements name.
const _: () = assert!(read_model::projection::GENERATION == 1);

/// What an answer is made of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Scope {
    /// One stream.
    Stream(StreamId),
    /// Every stream whose name begins so.
    Streams(String),
    /// One of the streams whose name begins so: which one is known when it is there.
    OneOf(String),
    /// A list. Streams that are parked stand in it as they were, or not at all: one of them must not hold back the rest.
    List,
}

impl Scope {
    /// The stream, if it is one.
    pub(super) fn stream(&self) -> Option<&str> {
        match self {
            Scope::Stream(stream) => Some(stream.as_str()),
            Scope::Streams(_) | Scope::OneOf(_) | Scope::List => None,
        }
    }

    /// What the streams begin with, if they are many.
    pub(super) fn prefix(&self) -> Option<&str> {
        match self {
            Scope::Streams(prefix) | Scope::OneOf(prefix) => Some(prefix),
            Scope::Stream(_) | Scope::List => None,
        }
    }
}

/// How much of the log a projection contained.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Freshness {
    /// What the projection is made of.
    pub category: Category,
    /// How far the relay had come.
    pub relay: LogPosition,
    /// The last event sent to each partition, by number.
    pub sent: Vec<(Partition, Position)>,
    /// The last event applied of each partition that has a checkpoint.
    pub checkpoints: HashMap<Partition, LogPosition>,
    /// Where the first stream of the scope is parked: from there on its events are passed over, not applied.
    pub parked: Option<Position>,
}

impl Freshness {
    pub(super) fn read(row: &PgRow) -> sqlx::Result<Freshness> {
        let category = category(row.try_get("fresh_category")?)?;
        let relay = LogPosition {
            incarnation: Incarnation(row.try_get("fresh_incarnation")?),
            position: Position(row.try_get("fresh_relayed")?),
        };
        let numbers: Vec<i32> = row.try_get("fresh_partitions")?;
        let sent: Vec<i64> = row.try_get("fresh_sent")?;
        let positions: Vec<Option<i64>> = row.try_get("fresh_applied")?;
        let incarnations: Vec<Option<i32>> = row.try_get("fresh_lives")?;
        let partitions = || numbers.iter().map(|number| Partition { category, number: *number });
        let checkpoints = partitions().zip(positions).zip(incarnations).filter_map(|((partition, position), life)| {
            Some((partition, LogPosition { incarnation: Incarnation(life?), position: Position(position?) }))
        });
        Ok(Freshness {
            category,
            relay,
            checkpoints: checkpoints.collect(),
            sent: partitions().zip(sent.into_iter().map(Position)).collect(),
            parked: row.try_get::<Option<i64>, _>("fresh_parked")?.map(Position),
        })
    }

    /// Whether it is this projection's.
    pub fn is_of(&self, projection: Projection) -> bool {
        self.category == projection.category()
    }

    /// The newest life of the log that the snapshot knows.
    pub fn life(&self) -> Incarnation {
        let applied = self.checkpoints.values().map(|checkpoint| checkpoint.incarnation);
        applied.fold(self.relay.incarnation, Incarnation::max)
    }

    /// Up to where an answer made of the scope contains everything: not beyond the first stream of it that is parked.
    pub fn contained(&self) -> LogPosition {
        let parked = self.parked.map(|parked| Position(parked.0.saturating_sub(1)));
        let position = parked.map_or(self.applied(), |before| before.min(self.applied()));
        LogPosition { incarnation: self.life(), position }
    }

    /// How many partitions contain everything up to `token`.
    pub fn partitions_at(&self, token: Position) -> usize {
        let is_there = |(partition, sent): &&(Partition, Position)| {
            stream_applied(self.relay, Some(*sent), self.checkpoints.get(partition).copied(), token)
        };
        self.sent.iter().filter(is_there).count()
    }

    /// Whether a stream of the scope waits since before `token`, so that nobody knows when it will be reached.
    pub fn is_parked_before(&self, token: Position) -> bool {
        self.parked.is_some_and(|parked| parked <= token)
    }

    /// Position up to which everything is applied; may be less than the truth, never more.
    pub fn applied(&self) -> Position {
        applied(self.relay, &self.sent, &self.checkpoints)
    }

    /// Whether everything up to `token` that concerns `scope` is applied.
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

    /// Where the relay sends a stream's events; unknown until it has noted every partition.
    fn partition_of(&self, stream: &StreamId) -> Option<(Partition, Position)> {
        let count = i32::try_from(self.sent.len()).ok().filter(|count| *count > 0)?;
        let is_whole = self.sent.iter().zip(0..count).all(|((partition, _), number)| partition.number == number);
        let number = topics::partition_of(stream.as_str(), count);
        self.sent.get(usize::try_from(number).ok()?).copied().filter(|_| is_whole)
    }
}

fn category(word: &str) -> sqlx::Result<Category> {
    let found = Category::ALL.into_iter().find(|category| category.as_str() == word);
    found.ok_or_else(|| sqlx::Error::Decode(format!("`{word}` is no category").into()))
}
