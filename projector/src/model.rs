//! What the worker needs to know of a read model: how an event is folded in, how documents are loaded and written.
//!
//! Three ship: [`orders`], [`stock`] and [`products`]. Each has one statement that writes rows, parked streams and the
//! checkpoint together, or nothing.

use chrono::{DateTime, Utc};
use events::{DecodeError, LogPosition, Recorded, StreamId};
use read_model::cache::Keys;
use read_model::{Misfit, Projection};
use serde::Serialize;
use serde::de::DeserializeOwned;
use sqlx::PgConnection;

use crate::batch::{Changed, Net};
use crate::cache::Entry;
use crate::claims::Claims;

mod orders;
mod products;
mod stock;

pub use orders::Orders;
pub use products::Products;
pub use stock::Stock;

/// A read model.
pub trait Model: Send + Sync + Sized + std::fmt::Debug + 'static {
    /// Its projection.
    const PROJECTION: Projection;
    /// Its tables that are partitioned by month.
    const BY_MONTH: &'static [&'static str];
    /// What is folded.
    type Document: Serialize + Send + Sync + std::fmt::Debug;
    /// A row of history; `()` where none is kept.
    type Row: Send + Sync + std::fmt::Debug;

    /// Folds an event into its document, and adds what it leaves in the history. After an error nothing has changed.
    fn fold(held: &mut Option<Self::Document>, event: &Recorded, rows: &mut Vec<Self::Row>) -> Result<(), Unfit>;

    /// How new a document is.
    fn stamp(document: &Self::Document) -> LogPosition;

    /// The months, as table and any instant in it, that the changes need.
    fn months(net: &Net<Self>) -> Vec<(&'static str, DateTime<Utc>)>;

    /// The month, as table and any instant in it, that a stream's document stands in, where documents are kept by month.
    fn month_of(_: &StreamId) -> Option<(&'static str, DateTime<Utc>)> {
        None
    }

    /// The document as it goes to Redis.
    fn entry(keys: &Keys, changed: &Changed<Self>) -> Entry;

    /// Loads the documents of streams; those without one are left out.
    fn load(
        connection: &mut PgConnection,
        streams: &[StreamId],
    ) -> impl Future<Output = sqlx::Result<Vec<Loaded<Self>>>> + Send;

    /// Writes everything in one statement, if all partitions are still claimed and stand where `claims` says; otherwise
    /// writes nothing and says `false`.
    fn write(
        connection: &mut PgConnection,
        net: &Net<Self>,
        claims: &Claims,
    ) -> impl Future<Output = sqlx::Result<bool>> + Send;
}

/// A document as stored, or why it cannot be read.
pub type Loaded<M> = (StreamId, Result<<M as Model>::Document, String>);

/// Why an event cannot be applied.
#[derive(Debug)]
pub enum Unfit {
    /// This build cannot read it.
    Decode(DecodeError),
    /// It does not continue its document.
    Misfit(Misfit),
    /// This build cannot read the document.
    Unreadable(String),
    /// This build cannot read what the log says about the event.
    Metadata(String),
}

impl From<DecodeError> for Unfit {
    fn from(error: DecodeError) -> Self {
        Unfit::Decode(error)
    }
}

impl From<Misfit> for Unfit {
    fn from(misfit: Misfit) -> Self {
        Unfit::Misfit(misfit)
    }
}

impl std::fmt::Display for Unfit {
    /// Names no value of the event, because the text is stored and logged.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Unfit::Decode(DecodeError::Shape { event_type, source }) => write!(
                f,
                "the payload of `{event_type}` does not have its shape (line {}, column {})",
                source.line(),
                source.column()
            ),
            Unfit::Decode(error) => error.fmt(f),
            Unfit::Misfit(misfit) => misfit.fmt(f),
            Unfit::Unreadable(reason) => write!(f, "the stored document cannot be read: {reason}"),
            Unfit::Metadata(reason) => write!(f, "the metadata of the event cannot be read ({reason})"),
        }
    }
}

/// The checkpoint part of a write, as columns: partition, epoch, position before, then incarnation, position and
/// instant after.
struct Moves {
    partitions: Vec<i32>,
    epochs: Vec<i64>,
    from: Vec<i64>,
    incarnations: Vec<i32>,
    to: Vec<i64>,
    recorded_at: Vec<DateTime<Utc>>,
}

impl Moves {
    fn of<M: Model>(net: &Net<M>, claims: &Claims) -> Moves {
        let mut moves = Moves {
            partitions: Vec::new(),
            epochs: Vec::new(),
            from: Vec::new(),
            incarnations: Vec::new(),
            to: Vec::new(),
            recorded_at: Vec::new(),
        };
        for (partition, reached) in &net.reached {
            // A partition that is not claimed matches no row, so nothing is written.
            let claim = claims.get(*partition);
            moves.partitions.push(*partition);
            moves.epochs.push(claim.map_or(-1, |claim| claim.epoch));
            moves.from.push(claim.map_or(-1, |claim| claim.reached.position.0));
            moves.incarnations.push(reached.stamp.incarnation.0);
            moves.to.push(reached.stamp.position.0);
            moves.recorded_at.push(reached.recorded_at);
        }
        moves
    }
}

/// The parked part of a write, as columns.
struct ParkedColumns<'a> {
    streams: Vec<&'a str>,
    partitions: Vec<i32>,
    positions: Vec<i64>,
    reasons: Vec<&'a str>,
}

impl ParkedColumns<'_> {
    fn of<M: Model>(net: &Net<M>) -> ParkedColumns<'_> {
        ParkedColumns {
            streams: net.parked.iter().map(|parked| parked.stream.as_str()).collect(),
            partitions: net.parked.iter().map(|parked| parked.partition).collect(),
            positions: net.parked.iter().map(|parked| parked.position.0).collect(),
            reasons: net.parked.iter().map(|parked| parked.reason.as_str()).collect(),
        }
    }
}

/// A column with JSON, read here and not by sqlx: one row that this build cannot read would fail the whole statement.
fn read_json<T: DeserializeOwned>(column: &str, json: &str) -> Result<T, String> {
    serde_json::from_str(json).map_err(|e| format!("{column}: line {}, column {}", e.line(), e.column()))
}

/// The instant that an event id made at `occurred_at` carries: UUIDv7 does not go back before 1970.
fn id_instant(occurred_at: DateTime<Utc>) -> DateTime<Utc> {
    occurred_at.max(DateTime::UNIX_EPOCH)
}
