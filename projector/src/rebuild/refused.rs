//! Finds the event whose rows PostgreSQL refuses, such as a text with a NUL character: a worker parks the stream of such an
//! event, and so does a rebuild. The streams of the segment are halved until one remains, and then its events.

use anyhow::Context;
use events::{Position, StreamId};
use platform::config::Secret;
use read_model::Generation;
use sqlx::{Connection, PgConnection};

use super::table_writer::{RebuiltTables, connect, write_segment};
use crate::frame::ReadModel;
use crate::scan::{Bounds, Segment, Unfoldable, reader};
use crate::store::StoreError;

/// Maximum number of streams per segment that PostgreSQL refuses: more indicate another fault.
pub(super) const REFUSED_MAX: usize = 100;

/// Whether PostgreSQL has refused the data of a statement.
pub(super) fn is_refusal(error: &anyhow::Error) -> bool {
    error.downcast_ref::<StoreError>().is_some_and(StoreError::is_about_data)
}

/// Writes parts of a segment in transactions that are rolled back.
pub(super) struct Probe<'a> {
    pub(super) generation: Generation,
    pub(super) database_url: &'a Secret,
    pub(super) source: &'a mut PgConnection,
    pub(super) tables: &'a RebuiltTables,
    pub(super) bounds: Bounds,
}

impl Probe<'_> {
    /// The first event of a segment whose rows are refused; `None` if none is.
    pub(super) async fn find<M: ReadModel>(&mut self, segment: &Segment) -> anyhow::Result<Option<Unfoldable>> {
        let last = self.bounds.last();
        let mut streams = reader::list_streams(self.source, segment, last).await.context("listing the streams")?;
        while streams.len() > 1 {
            let rest = streams.split_off(streams.len() / 2);
            if self.refusal::<M>(&Segment::Streams(streams.clone())).await?.is_none() {
                streams = rest;
            }
        }
        let Some(stream) = streams.pop() else { return Ok(None) };
        let of_stream = Segment::Streams(vec![stream.clone()]);
        let Some(mut reason) = self.refusal::<M>(&of_stream).await? else { return Ok(None) };
        let stream: StreamId = stream.parse().context("reading the id of a stream")?;
        let events = reader::list_positions(self.source, &stream, self.bounds.end_of(&stream)).await;
        let events = events.context("listing the events of a stream")?;
        // The rows of `written` events are accepted, and those of `refused` events are not.
        let (mut written, mut refused) = (0, events.len());
        while refused - written > 1 {
            let middle = written.midpoint(refused);
            self.bounds.parked.insert(stream.clone(), events[middle]);
            match self.refusal::<M>(&of_stream).await? {
                Some(found) => (refused, reason) = (middle, found),
                None => written = middle,
            }
        }
        let position = events.get(written).copied().unwrap_or(Position::ZERO);
        let partition = self.bounds.partition_of(&stream);
        Ok(Some(Unfoldable { stream, partition, position, reason }))
    }

    /// Reason why the rows of a segment are refused; `None` if they are accepted.
    async fn refusal<M: ReadModel>(&mut self, segment: &Segment) -> anyhow::Result<Option<String>> {
        let mut target = connect(self.database_url, self.generation).await?;
        let mut transaction = target.begin().await.context("beginning a transaction")?;
        let written =
            write_segment::<M>(self.source, &mut transaction, segment, &self.bounds, self.tables, &|_| ()).await;
        match written {
            Ok(_) => Ok(None),
            Err(error) if error.is_about_data() => Ok(Some(error.reason())),
            Err(error) => Err(error.into()),
        }
    }
}
