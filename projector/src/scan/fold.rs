//! Folds the events of a segment and hands states and rows to a sink.

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};

use events::{LogPosition, Position, StreamId};
use sqlx::PgConnection;

use super::bounds::Bounds;
use super::plan::Segment;
use super::reader::EventReader;
use crate::changes::ChangedState;
use crate::frame::{ApplyError, EventRows, ReadModel, instants};
use crate::next_event::log_position;
use crate::skipped_events::SkippedEvents;
use crate::store::log::LoggedEvent;

/// Number of states after which states and rows are handed to the sink.
const STATES_AT_ONCE: usize = 500;

/// Number of events of one stream after which its rows are handed to the sink, so that a long stream needs no more memory.
const EVENTS_AT_ONCE: usize = 20_000;

/// Receives states and rows.
pub trait Sink<M: ReadModel> {
    /// Takes states and rows. A stream's state is final; its rows may arrive in several parts.
    fn add(
        &mut self,
        states: &[ChangedState<M::State>],
        rows: &M::Rows,
    ) -> impl Future<Output = sqlx::Result<()>> + Send;
}

/// What a segment contained.
#[derive(Debug, Default)]
pub struct Folded {
    /// Number of events that were read.
    pub events: u64,
    /// Last event of each partition.
    pub last: BTreeMap<i32, LogPosition>,
    /// Number of events that were not applied, because an operator has skipped them.
    pub skipped: u64,
    /// Streams with an event that cannot be applied.
    pub unfoldable: Vec<Unfoldable>,
}

/// A stream with an event that cannot be applied.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unfoldable {
    /// The stream.
    pub stream: StreamId,
    /// Its partition.
    pub partition: i32,
    /// Position of the event.
    pub position: Position,
    /// Reason why the event cannot be applied.
    pub reason: String,
}

/// Folds the events of a segment. `on_events` is called with numbers of events that were read since its last call.
pub async fn fold_segment<M: ReadModel>(
    connection: &mut PgConnection,
    segment: &Segment,
    bounds: &Bounds,
    sink: &mut impl Sink<M>,
    on_events: &(dyn Fn(u64) + Sync),
) -> sqlx::Result<Folded> {
    let mut reader = EventReader::open(connection, segment, bounds.last()).await?;
    let mut folding = Folding::<M>::new();
    let mut reported = 0;
    while let Some(logged) = reader.next().await? {
        if folding.begins_stream(&logged.event.stream) {
            folding.end_stream();
            if folding.states.len() >= STATES_AT_ONCE {
                folding.hand_over(sink).await?;
                on_events(folding.folded.events - reported);
                reported = folding.folded.events;
            }
            folding.begin_stream(&logged.event.stream, bounds);
        }
        folding.fold(&logged, &bounds.skipped);
        if folding.events_of_stream.is_multiple_of(EVENTS_AT_ONCE) {
            folding.hand_over(sink).await?;
        }
    }
    folding.end_stream();
    drop(reader);
    for (stream, position) in std::mem::take(&mut folding.panicked) {
        let state = refold::<M>(connection, &stream, position, &bounds.skipped).await?;
        folding.states.extend(state.map(|state| ChangedState { json: M::document(&state), stream, state }));
    }
    folding.hand_over(sink).await?;
    on_events(folding.folded.events - reported);
    Ok(folding.folded)
}

/// Folds a stream up to the event before a position. The events were folded or skipped before without an error, and their
/// rows were handed over.
async fn refold<M: ReadModel>(
    connection: &mut PgConnection,
    stream: &StreamId,
    position: Position,
    skipped: &SkippedEvents,
) -> sqlx::Result<Option<M::State>> {
    let mut reader =
        EventReader::open(connection, &Segment::Streams(vec![stream.to_string()]), Position(position.0 - 1)).await?;
    let mut state = None;
    while let Some(logged) = reader.next().await? {
        if skipped.contains(&logged.event) {
            M::skip(&mut state, &logged.event);
            continue;
        }
        let _ = fold_event::<M>(&mut state, &logged, &mut M::Rows::default());
    }
    Ok(state)
}

/// The fold of a segment so far.
struct Folding<M: ReadModel> {
    states: Vec<ChangedState<M::State>>,
    rows: M::Rows,
    folded: Folded,
    stream: Option<OpenStream<M>>,
    events_of_stream: usize,
    /// Streams whose state is undefined because the fold of the event at this position panicked.
    panicked: Vec<(StreamId, Position)>,
}

/// The stream that is being folded.
struct OpenStream<M: ReadModel> {
    id: StreamId,
    partition: i32,
    upto: Position,
    state: Option<M::State>,
    is_unfoldable: bool,
}

impl<M: ReadModel> Folding<M> {
    fn new() -> Folding<M> {
        let (states, rows, folded) = (Vec::new(), M::Rows::default(), Folded::default());
        Folding { states, rows, folded, stream: None, events_of_stream: 0, panicked: Vec::new() }
    }

    fn begins_stream(&self, stream: &StreamId) -> bool {
        self.stream.as_ref().is_none_or(|open| open.id != *stream)
    }

    fn begin_stream(&mut self, stream: &StreamId, bounds: &Bounds) {
        let (partition, upto) = (bounds.partition_of(stream), bounds.end_of(stream));
        self.stream = Some(OpenStream { id: stream.clone(), partition, upto, state: None, is_unfoldable: false });
        self.events_of_stream = 0;
    }

    fn end_stream(&mut self) {
        let Some(OpenStream { id, state: Some(state), .. }) = self.stream.take() else { return };
        self.states.push(ChangedState { json: M::document(&state), stream: id, state });
    }

    fn fold(&mut self, logged: &LoggedEvent, skipped: &SkippedEvents) {
        self.folded.events += 1;
        self.events_of_stream += 1;
        let (event, Some(open)) = (&logged.event, &mut self.stream) else { return };
        if event.position > open.upto {
            return;
        }
        let last = self.folded.last.entry(open.partition).or_insert(LogPosition::ZERO);
        *last = (*last).max(log_position(event));
        if open.is_unfoldable {
            return;
        }
        if skipped.contains(event) {
            M::skip(&mut open.state, event);
            self.folded.skipped += 1;
            return;
        }
        let rows_before = self.rows.count();
        let rows = &mut self.rows;
        let folded = catch_unwind(AssertUnwindSafe(|| fold_event::<M>(&mut open.state, logged, rows)));
        let reason = match folded {
            Ok(Ok(())) => return,
            Ok(Err(error)) => error.to_string(),
            Err(_) => {
                // State and new rows are undefined after a panic.
                open.state = None;
                rows.truncate(rows_before);
                self.panicked.push((open.id.clone(), event.position));
                crate::fold::panic_reason(event)
            }
        };
        open.is_unfoldable = true;
        let (stream, partition, position) = (open.id.clone(), open.partition, event.position);
        self.folded.unfoldable.push(Unfoldable { stream, partition, position, reason });
    }

    async fn hand_over(&mut self, sink: &mut impl Sink<M>) -> sqlx::Result<()> {
        M::combine(&mut self.rows);
        sink.add(&self.states, &self.rows).await?;
        self.states.clear();
        self.rows = M::Rows::default();
        Ok(())
    }
}

fn fold_event<M: ReadModel>(
    state: &mut Option<M::State>,
    logged: &LoggedEvent,
    rows: &mut M::Rows,
) -> Result<(), ApplyError> {
    match &logged.metadata_error {
        Some(reason) => Err(ApplyError::Metadata(reason.clone())),
        None => instants::check::<M>(&logged.event).and_then(|()| M::fold(state, &logged.event, rows)),
    }
}
