//! What a projection declares: its fold, its tables and columns, and how its documents are loaded.

use chrono::{DateTime, Utc};
use events::{LogPosition, Recorded, StreamId};
use read_model::Projection;
use read_model::cache::Keys;
use serde::Serialize;
use sqlx::PgConnection;
use std::time::Duration;

use super::apply_error::ApplyError;
use super::table::Table;
use crate::changes::{ChangedDocument, NetChanges};

/// The read model of a projection: documents, and rows of history where a history is kept.
pub trait ReadModel: Send + Sync + Sized + std::fmt::Debug + 'static {
    /// The projection.
    const PROJECTION: Projection;
    /// Table of the documents; must have the columns `incarnation` and `position`, which guard against older values.
    const DOCUMENTS: Table<ChangedDocument<Self::Document>>;
    /// Table of the history, if a history is kept.
    const HISTORY: Option<Table<Self::Row>>;
    /// Longest time that a document may stay in Redis without a new write.
    const CACHE_TTL: Duration;
    /// The result of folding a stream.
    type Document: Serialize + Send + Sync + std::fmt::Debug;
    /// A row of history; `()` where no history is kept.
    type Row: Send + Sync + std::fmt::Debug;

    /// Folds an event into its document and adds the event's rows of history. An error leaves `document` and `rows`
    /// unchanged.
    fn fold(
        document: &mut Option<Self::Document>,
        event: &Recorded,
        rows: &mut Vec<Self::Row>,
    ) -> Result<(), ApplyError>;

    /// Log position of the last event that a document contains.
    fn log_position(document: &Self::Document) -> LogPosition;

    /// Key of a document in Redis.
    fn cache_key(keys: &Keys, document: &Self::Document) -> String;

    /// Loads the documents of streams; a stream without a document is left out.
    fn load(
        connection: &mut PgConnection,
        streams: &[StreamId],
    ) -> impl Future<Output = sqlx::Result<Vec<LoadedDocument<Self>>>> + Send;

    /// Text of the statement that writes this read model, built once by [`super::statement::build`].
    fn write_statement() -> &'static str;

    /// Table and instant of the month that contains a stream's document, if documents are partitioned by month.
    fn month_of(_: &StreamId) -> Option<(&'static str, DateTime<Utc>)> {
        None
    }
}

/// The net changes of a batch to a read model.
pub type Changes<M> = NetChanges<<M as ReadModel>::Document, <M as ReadModel>::Row>;

/// A stored document with its stream, or the reason why this build cannot read the document.
pub type LoadedDocument<M> = (StreamId, Result<<M as ReadModel>::Document, String>);

/// The months that a write needs, as table and any instant in the month.
pub fn months<M: ReadModel>(changes: &Changes<M>) -> Vec<(&'static str, DateTime<Utc>)> {
    let documents = M::DOCUMENTS.months(&changes.documents);
    let history = M::HISTORY.into_iter().flat_map(|table| table.months(&changes.rows).collect::<Vec<_>>());
    documents.chain(history).collect()
}

/// The tables of a read model that are partitioned by month.
pub fn monthly_tables<M: ReadModel>() -> Vec<&'static str> {
    let documents = M::DOCUMENTS.month.map(|_| M::DOCUMENTS.name);
    let history = M::HISTORY.filter(|table| table.month.is_some()).map(|table| table.name);
    documents.into_iter().chain(history).collect()
}
