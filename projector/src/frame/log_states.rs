//! Loads the states of streams from the log, for projections that do not store states: the state is the fold of the
//! stream up to the version that was applied.

use std::collections::HashMap;

use events::StreamId;
use sqlx::PgConnection;

use super::apply_error::ApplyError;
use super::read_model::{LoadedState, ReadModel};
use crate::skipped_events::SkippedEvents;
use crate::store::log::{self, LoggedEvent, StreamAt};

/// Number of streams whose events are read at once.
const STREAMS_AT_ONCE: usize = 500;

/// Loads states by folding the events of their streams. An event that cannot be folded makes the state unreadable.
pub async fn load<M: ReadModel>(
    connection: &mut PgConnection,
    streams: &[StreamAt],
) -> sqlx::Result<Vec<LoadedState<M>>> {
    let mut states: HashMap<StreamId, Result<Option<M::State>, String>> = HashMap::new();
    let skipped: SkippedEvents =
        streams.iter().flat_map(|it| it.skipped.iter().map(|skipped| (it.stream.clone(), *skipped))).collect();
    for streams in streams.chunks(STREAMS_AT_ONCE) {
        for logged in log::list_streams(connection, streams).await? {
            let state = states.entry(logged.event.stream.clone()).or_insert(Ok(None));
            if let Ok(folded) = state {
                if skipped.contains(&logged.event) {
                    M::skip(folded, &logged.event);
                } else if let Err(error) = fold::<M>(folded, &logged) {
                    *state = Err(error.to_string());
                }
            }
        }
    }
    Ok(states.into_iter().filter_map(|(stream, state)| Some((stream, state.transpose()?))).collect())
}

/// Folds an event into a state; the rows of the event were written before.
fn fold<M: ReadModel>(state: &mut Option<M::State>, logged: &LoggedEvent) -> Result<(), ApplyError> {
    if let Some(reason) = &logged.metadata_error {
        return Err(ApplyError::Metadata(reason.clone()));
    }
    M::fold(state, &logged.event, &mut M::Rows::default())
}
