//! What a projection declares: its fold, its tables, and how the states of streams are loaded.

use std::time::Duration;

use chrono::{DateTime, Utc};
use events::{LogPosition, Recorded, StreamId};
use read_model::Projection;
use read_model::cache::Keys;
use sqlx::PgConnection;

use super::apply_error::ApplyError;
use super::visitor::Visitor;
use crate::changes::{ChangedState, NetChanges};
use crate::store::log::StreamAt;

/// The read model of a projection: the state that each stream is folded to, and the tables that are written.
pub trait ReadModel: Send + Sync + Sized + std::fmt::Debug + 'static {
    /// The projection.
    const PROJECTION: Projection;
    /// Version of fold and tables. A change of either needs a higher version, and with it a new generation.
    const VERSION: i32;
    /// How soon readers need new events.
    const LATENCY: Latency = Latency::Low;
    /// Statement that removes rows that are not needed any more, a limited number at once.
    const CLEAN_UP: Option<&'static str> = None;
    /// How the states are kept in Redis, if they are.
    const CACHE: Option<Caching<Self::State>> = None;
    /// The result of folding a stream.
    type State: Send + Sync + std::fmt::Debug;
    /// Rows that events add to tables; `()` if all rows are made of states.
    type Rows: EventRows;

    /// Folds an event into the state of its stream and adds the event's rows. An error leaves `state` and `rows`
    /// unchanged.
    fn fold(state: &mut Option<Self::State>, event: &Recorded, rows: &mut Self::Rows) -> Result<(), ApplyError>;

    /// Lets a state contain an event that an operator has skipped: its version and log position move to the event, and
    /// nothing else changes. Streams that any event can begin get a state, and all others stay without one.
    fn skip(state: &mut Option<Self::State>, event: &Recorded);

    /// Log position of the last event that a state contains.
    fn log_position(state: &Self::State) -> LogPosition;

    /// The document that a state is stored and cached as; empty if states are not stored as documents.
    fn document(_: &Self::State) -> String {
        String::new()
    }

    /// Combines rows with the same key at the end of a batch, because one statement can change a row only once.
    fn combine(_: &mut Self::Rows) {}

    /// Visits all tables with their rows, always in the same order.
    fn visit(states: &[ChangedState<Self::State>], rows: &Self::Rows, visitor: &mut impl Visitor);

    /// Loads the states of streams as of a version, or later where states are stored; a stream without a state is left out.
    fn load(
        connection: &mut PgConnection,
        streams: &[StreamAt],
    ) -> impl Future<Output = sqlx::Result<Vec<LoadedState<Self>>>> + Send;

    /// Table and instant of the month that contains a stream's state, if states are stored in months.
    fn month_of(_: &StreamId) -> Option<(&'static str, DateTime<Utc>)> {
        None
    }
}

/// Rows that events add to tables, in the order of the events.
pub trait EventRows: Default + Send + Sync + std::fmt::Debug {
    /// Number of rows that were added since the rows were combined.
    fn count(&self) -> usize;

    /// Removes the rows after the first `count`, which an event added before its fold panicked.
    fn truncate(&mut self, count: usize);
}

impl EventRows for () {
    fn count(&self) -> usize {
        0
    }

    fn truncate(&mut self, _: usize) {}
}

impl<R: Send + Sync + std::fmt::Debug> EventRows for Vec<R> {
    fn count(&self) -> usize {
        self.len()
    }

    fn truncate(&mut self, count: usize) {
        self.truncate(count);
    }
}

/// How soon readers need new events of a projection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Latency {
    /// At once: clients read what they have just written.
    Low,
    /// Within a third of a second, which allows larger batches: reports and lists of past events.
    Moderate,
}

/// How states are kept in Redis.
#[derive(Debug)]
pub struct Caching<S> {
    /// Longest time that a document may stay in Redis without a new write.
    pub time_to_live: Duration,
    /// Key of a document.
    pub key: fn(&Keys, &S) -> String,
}

/// The net changes of a batch to a read model.
pub type Changes<M> = NetChanges<<M as ReadModel>::State, <M as ReadModel>::Rows>;

/// The state of a stream, or the reason why this build cannot read it.
pub type LoadedState<M> = (StreamId, Result<<M as ReadModel>::State, String>);
