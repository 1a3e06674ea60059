//! Folds a batch of events to the net change of each row. Pure: the stored states are parameters, the changes are the
//! result.
//!
//! [`crate::apply`] loads the states and writes the changes. An event that cannot be applied parks its stream: the
//! events before it are applied, the events after it are skipped, and all other streams continue.

use std::collections::HashMap;
use std::panic::{AssertUnwindSafe, catch_unwind};

use events::{Recorded, StreamId};

use crate::changes::{ChangedState, NetChanges, ParkedStream};
use crate::claimed_partitions::ClaimedPartitions;
use crate::frame::{ApplyError, Changes, ReadModel, instants};
use crate::next_event::{NextEvent, log_position};
use crate::skipped_events::SkippedEvents;

/// The stored states of the streams of a batch.
#[derive(Debug)]
pub struct StoredStates<M: ReadModel> {
    entries: HashMap<StreamId, Entry<M>>,
}

#[derive(Debug)]
struct Entry<M: ReadModel> {
    state: Option<M::State>,
    /// Reason why this build cannot read the stored state.
    read_error: Option<String>,
    is_changed: bool,
}

impl<M: ReadModel> StoredStates<M> {
    /// No states.
    pub fn new() -> StoredStates<M> {
        StoredStates { entries: HashMap::new() }
    }

    /// Adds a state.
    pub fn insert(&mut self, stream: StreamId, state: M::State) {
        self.insert_loaded(stream, Ok(state));
    }

    /// Adds a state as it was loaded, or the reason why this build cannot read the state.
    pub fn insert_loaded(&mut self, stream: StreamId, loaded: Result<M::State, String>) {
        let (state, read_error) = match loaded {
            Ok(state) => (Some(state), None),
            Err(reason) => (None, Some(reason)),
        };
        self.entries.insert(stream, Entry { state, read_error, is_changed: false });
    }

    /// Folds an event into the state of its stream; `false` if the state already contains the event or the event is
    /// skipped.
    fn fold(&mut self, next: &NextEvent<'_>, skipped: &SkippedEvents, rows: &mut M::Rows) -> Result<bool, ApplyError> {
        let event = next.event;
        let entry = self.entries.entry(event.stream.clone()).or_insert_with(Entry::empty);
        if let Some(reason) = &entry.read_error {
            return Err(ApplyError::StoredState(reason.clone()));
        }
        if entry.state.as_ref().is_some_and(|state| M::log_position(state) >= log_position(event)) {
            return Ok(false);
        }
        if skipped.contains(event) {
            M::skip(&mut entry.state, event);
            entry.is_changed = true;
            return Ok(false);
        }
        if let Some(reason) = next.metadata_error {
            return Err(ApplyError::Metadata(reason.to_owned()));
        }
        instants::check::<M>(event)?;
        M::fold(&mut entry.state, event, rows)?;
        entry.is_changed = true;
        Ok(true)
    }

    fn into_changed(self) -> impl Iterator<Item = ChangedState<M::State>> {
        self.entries.into_iter().filter_map(|(stream, entry)| {
            let state = entry.state.filter(|_| entry.is_changed)?;
            Some(ChangedState { json: M::document(&state), stream, state })
        })
    }
}

impl<M: ReadModel> Default for StoredStates<M> {
    fn default() -> Self {
        StoredStates::new()
    }
}

impl<M: ReadModel> Entry<M> {
    fn empty() -> Entry<M> {
        Entry { state: None, read_error: None, is_changed: false }
    }
}

/// The fold of an event panicked. The state of its stream is undefined, so nothing of the batch can be
/// used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Panicked {
    /// Index of the event in the batch.
    pub index: usize,
}

/// Folds events, each partition's in order, into the states of their streams.
pub fn fold<M: ReadModel>(
    events: &[NextEvent<'_>],
    mut stored: StoredStates<M>,
    claimed: &ClaimedPartitions,
) -> Result<Changes<M>, Panicked> {
    let mut changes = NetChanges::empty();
    for (index, next) in events.iter().enumerate() {
        changes.advance_to(next);
        let stream = &next.event.stream;
        if claimed.is_parked(stream) || changes.parked.iter().any(|parked| parked.stream == *stream) {
            changes.skipped += 1;
            continue;
        }
        // After a panic the states are dropped.
        let folded = catch_unwind(AssertUnwindSafe(|| stored.fold(next, claimed.skipped(), &mut changes.rows)));
        match folded.map_err(|_| Panicked { index })? {
            Ok(true) => changes.applied += 1,
            Ok(false) => {}
            Err(error) => changes.parked.push(ParkedStream::new(next, &error.to_string())),
        }
    }
    changes.states = stored.into_changed().collect();
    M::combine(&mut changes.rows);
    Ok(changes)
}

/// The change that only parks the stream of an event.
pub fn park<M: ReadModel>(next: &NextEvent<'_>, reason: &str) -> Changes<M> {
    let mut changes = NetChanges::empty();
    changes.advance_to(next);
    changes.parked.push(ParkedStream::new(next, reason));
    changes
}

/// Reason to park the stream of an event whose fold panicked.
pub fn panic_reason(event: &Recorded) -> String {
    format!("the projection panicked while it applied `{}` at this position", event.event_type)
}

/// Reason to park the stream of an event whose statement would exceed the limit.
pub fn too_large_reason(bytes: usize) -> String {
    format!("the statement that writes the state would have {bytes} bytes, which exceeds the limit")
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, HashSet};

    use events::{Incarnation, Metadata, Position, Version};
    use read_model::StockDocument;

    use super::*;
    use crate::projections::Stock;

    fn event(position: i64, stream: &str, version: i32, kind: &str) -> Recorded {
        Recorded {
            incarnation: Incarnation(1),
            position: Position(position),
            stream: stream.parse().unwrap(),
            version: Version(version),
            event_type: kind.into(),
            schema_version: 1,
            payload: format!(r#"{{"quantity":{position}}}"#),
            metadata: Metadata::default(),
            command_id: None,
            recorded_at: "2026-11-30T12:00:00Z".parse().unwrap(),
        }
    }

    fn history() -> Vec<Recorded> {
        let streams = ["stock-A@main", "stock-B@main", "stock-A@main", "stock-A@main", "stock-C@main", "stock-B@main"];
        let version =
            |index: usize| streams[..=index].iter().filter(|stream| **stream == streams[index]).count() as i32;
        (0..streams.len()).map(|i| event(i as i64 + 1, streams[i], version(i), "StockReceived")).collect()
    }

    fn next_events(events: &[Recorded]) -> Vec<NextEvent<'_>> {
        events.iter().map(|event| NextEvent { partition: 0, event, metadata_error: None }).collect()
    }

    fn fold_all(
        events: &[Recorded],
        stored: HashMap<StreamId, StockDocument>,
        claimed: &ClaimedPartitions,
    ) -> Changes<Stock> {
        let mut documents = StoredStates::<Stock>::new();
        stored.into_iter().for_each(|(stream, document)| documents.insert(stream, document));
        fold(&next_events(events), documents, claimed).unwrap()
    }

    fn documents(changes: Changes<Stock>) -> HashMap<StreamId, StockDocument> {
        changes.states.into_iter().map(|changed| (changed.stream, changed.state)).collect()
    }

    #[test]
    fn a_batch_changes_each_document_once_however_many_events_it_has() {
        let changes = fold_all(&history(), HashMap::new(), &ClaimedPartitions::default());
        assert_eq!((changes.states.len(), changes.rows.len(), changes.applied), (3, 6, 6));
        assert_eq!(changes.checkpoints[&0].log_position.position, Position(6));
    }

    #[test]
    fn two_batches_have_the_same_result_as_one_wherever_they_are_cut() {
        let history = history();
        let whole = documents(fold_all(&history, HashMap::new(), &ClaimedPartitions::default()));
        for cut in 0..=history.len() {
            let stored = documents(fold_all(&history[..cut], HashMap::new(), &ClaimedPartitions::default()));
            let mut all = stored.clone();
            all.extend(documents(fold_all(&history[cut..], stored, &ClaimedPartitions::default())));
            assert_eq!(all, whole, "cut at {cut}");
        }
    }

    #[test]
    fn an_event_that_a_document_contains_is_not_folded_again() {
        let history = history();
        let stored = documents(fold_all(&history, HashMap::new(), &ClaimedPartitions::default()));
        let changes = fold_all(&history, stored, &ClaimedPartitions::default());
        assert_eq!((changes.states.len(), changes.rows.len(), changes.applied), (0, 0, 0));
        assert_eq!(changes.checkpoints[&0].log_position.position, Position(6), "the checkpoint moves all the same");
    }

    #[test]
    fn an_event_that_cannot_be_applied_parks_only_its_stream() {
        let mut history = history();
        history[2].event_type = "StockImagined".into();
        let changes = fold_all(&history, HashMap::new(), &ClaimedPartitions::default());
        let parked: Vec<_> = changes.parked.iter().map(|it| (it.stream.as_str(), it.position.0)).collect();
        assert_eq!(parked, [("stock-A@main", 3)]);
        assert_eq!((changes.applied, changes.skipped), (4, 1));
        let versions: BTreeMap<_, _> =
            changes.states.iter().map(|it| (it.stream.as_str(), it.state.version.0)).collect();
        assert_eq!(versions, [("stock-A@main", 1), ("stock-B@main", 2), ("stock-C@main", 1)].into());
    }

    #[test]
    fn a_panic_reports_the_event() {
        let mut history = history();
        history[2].payload = r#"{"quantity":1}"#.into();
        let mut stored = documents(fold_all(&history[..2], HashMap::new(), &ClaimedPartitions::default()));
        for item in stored.values_mut() {
            item.level.on_hand = i64::MAX;
        }
        let mut documents = StoredStates::<Stock>::new();
        stored.into_iter().for_each(|(stream, document)| documents.insert(stream, document));
        let folded = fold(&next_events(&history), documents, &ClaimedPartitions::default());
        assert_eq!(folded.unwrap_err(), Panicked { index: 2 });
    }

    #[test]
    fn a_skipped_event_moves_the_state_of_its_stream_and_changes_nothing_else() {
        let mut history = history();
        // Neither the first event of A nor the last one of B can be applied.
        history[0].event_type = "StockImagined".into();
        history[5].event_type = "StockImagined".into();
        let mut claimed = ClaimedPartitions::default();
        claimed.set_skipped(
            [0, 5].map(|index| (history[index].stream.clone(), log_position(&history[index]))).into_iter().collect(),
        );
        let changes = fold_all(&history, HashMap::new(), &claimed);
        assert_eq!((changes.applied, changes.parked.len(), changes.rows.len()), (4, 0, 4));
        let items = documents(changes);
        let item = |name: &str| {
            let item = &items[&name.parse::<StreamId>().unwrap()];
            (item.level.received, item.version.0, item.position.0)
        };
        assert_eq!(item("stock-A@main"), (3 + 4, 3, 4));
        assert_eq!(item("stock-B@main"), (2, 2, 6));
    }

    #[test]
    fn events_of_a_parked_stream_are_skipped() {
        let mut claimed = ClaimedPartitions::default();
        claimed.add([], HashSet::from(["stock-A@main".parse().unwrap()]));
        let changes = fold_all(&history(), HashMap::new(), &claimed);
        assert_eq!((changes.applied, changes.skipped, changes.parked.len()), (3, 3, 0));
    }
}
