//! Folds a batch of events to the net change of each row. Pure: the stored documents are parameters, the changes are
//! the result.
//!
//! [`crate::apply`] loads the documents and writes the changes. An event that cannot be applied parks its stream: the
//! events before it are applied, the events after it are skipped, and all other streams continue.

use std::collections::HashMap;
use std::panic::{AssertUnwindSafe, catch_unwind};

use events::{Recorded, StreamId};

use crate::changes::{ChangedDocument, NetChanges, ParkedStream};
use crate::claimed_partitions::ClaimedPartitions;
use crate::frame::{ApplyError, Changes, ReadModel};
use crate::next_event::{NextEvent, log_position};

/// The stored documents of the streams of a batch.
#[derive(Debug)]
pub struct StoredDocuments<M: ReadModel> {
    entries: HashMap<StreamId, Entry<M>>,
}

#[derive(Debug)]
struct Entry<M: ReadModel> {
    document: Option<M::Document>,
    /// Reason why this build cannot read the stored document.
    read_error: Option<String>,
    is_changed: bool,
}

impl<M: ReadModel> StoredDocuments<M> {
    /// No documents.
    pub fn new() -> StoredDocuments<M> {
        StoredDocuments { entries: HashMap::new() }
    }

    /// Adds a document.
    pub fn insert(&mut self, stream: StreamId, document: M::Document) {
        self.insert_loaded(stream, Ok(document));
    }

    /// Adds a document as it was loaded, or the reason why this build cannot read the document.
    pub fn insert_loaded(&mut self, stream: StreamId, loaded: Result<M::Document, String>) {
        let (document, read_error) = match loaded {
            Ok(document) => (Some(document), None),
            Err(reason) => (None, Some(reason)),
        };
        self.entries.insert(stream, Entry { document, read_error, is_changed: false });
    }

    /// Folds an event into its document; `false` if the document already contains the event.
    fn fold(&mut self, next: &NextEvent<'_>, rows: &mut Vec<M::Row>) -> Result<bool, ApplyError> {
        let event = next.event;
        let entry = self.entries.entry(event.stream.clone()).or_insert_with(Entry::empty);
        if let Some(reason) = &entry.read_error {
            return Err(ApplyError::StoredDocument(reason.clone()));
        }
        if entry.document.as_ref().is_some_and(|document| M::log_position(document) >= log_position(event)) {
            return Ok(false);
        }
        if let Some(reason) = next.metadata_error {
            return Err(ApplyError::Metadata(reason.to_owned()));
        }
        M::fold(&mut entry.document, event, rows)?;
        entry.is_changed = true;
        Ok(true)
    }

    fn into_changed(self) -> impl Iterator<Item = ChangedDocument<M::Document>> {
        self.entries.into_iter().filter_map(|(stream, entry)| {
            let document = entry.document.filter(|_| entry.is_changed)?;
            let json = serde_json::to_string(&document).expect("a document is plain data with text keys");
            Some(ChangedDocument { stream, document, json })
        })
    }
}

impl<M: ReadModel> Default for StoredDocuments<M> {
    fn default() -> Self {
        StoredDocuments::new()
    }
}

impl<M: ReadModel> Entry<M> {
    fn empty() -> Entry<M> {
        Entry { document: None, read_error: None, is_changed: false }
    }
}

/// The fold of an event panicked. The document of the event is in an undefined state, so nothing of the batch can be
/// used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Panicked {
    /// Index of the event in the batch.
    pub index: usize,
}

/// Folds events, each partition's in order, into the documents of their streams.
pub fn fold<M: ReadModel>(
    events: &[NextEvent<'_>],
    mut stored: StoredDocuments<M>,
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
        // After a panic the documents are dropped.
        let folded = catch_unwind(AssertUnwindSafe(|| stored.fold(next, &mut changes.rows)));
        match folded.map_err(|_| Panicked { index })? {
            Ok(true) => changes.applied += 1,
            Ok(false) => {}
            Err(error) => changes.parked.push(ParkedStream::new(next, &error.to_string())),
        }
    }
    changes.documents = stored.into_changed().collect();
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
    format!("the statement that writes the document would have {bytes} bytes, which exceeds the limit")
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, HashSet};

    use chrono::DateTime;
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
            recorded_at: DateTime::UNIX_EPOCH,
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
        let mut documents = StoredDocuments::<Stock>::new();
        stored.into_iter().for_each(|(stream, document)| documents.insert(stream, document));
        fold(&next_events(events), documents, claimed).unwrap()
    }

    fn documents(changes: Changes<Stock>) -> HashMap<StreamId, StockDocument> {
        changes.documents.into_iter().map(|changed| (changed.stream, changed.document)).collect()
    }

    #[test]
    fn a_batch_changes_each_document_once_however_many_events_it_has() {
        let changes = fold_all(&history(), HashMap::new(), &ClaimedPartitions::default());
        assert_eq!((changes.documents.len(), changes.rows.len(), changes.applied), (3, 6, 6));
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
        assert_eq!((changes.documents.len(), changes.rows.len(), changes.applied), (0, 0, 0));
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
            changes.documents.iter().map(|it| (it.stream.as_str(), it.document.version.0)).collect();
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
        let mut documents = StoredDocuments::<Stock>::new();
        stored.into_iter().for_each(|(stream, document)| documents.insert(stream, document));
        let folded = fold(&next_events(&history), documents, &ClaimedPartitions::default());
        assert_eq!(folded.unwrap_err(), Panicked { index: 2 });
    }

    #[test]
    fn events_of_a_parked_stream_are_skipped() {
        let mut claimed = ClaimedPartitions::default();
        claimed.add([], HashSet::from(["stock-A@main".parse().unwrap()]));
        let changes = fold_all(&history(), HashMap::new(), &claimed);
        assert_eq!((changes.applied, changes.skipped, changes.parked.len()), (3, 3, 0));
    }
}
