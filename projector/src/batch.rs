//! Folds a batch of events to one net change per row. Pure: what is stored is handed in, what is to be stored comes
//! out.
//!
//! [`crate::worker`] loads and applies; [`crate::model`] knows the documents. An event that does not fit parks its
//! stream: the events before it stand, those after it wait, all other streams flow on.

use std::collections::{BTreeMap, HashMap};
use std::panic::{AssertUnwindSafe, catch_unwind};

use chrono::{DateTime, Utc};
use events::{LogPosition, Position, Recorded, StreamId};

use crate::claims::Claims;
use crate::model::{Model, Unfit};

/// An event that is next in its partition.
#[derive(Debug, Clone, Copy)]
pub struct Arrival<'a> {
    /// Its partition.
    pub partition: i32,
    /// The event.
    pub event: &'a Recorded,
    /// Why this build cannot read what the log says about the event.
    pub unreadable: Option<&'a str>,
}

/// The documents that a batch touches, as stored.
#[derive(Debug)]
pub struct Held<M: Model> {
    slots: HashMap<StreamId, Slot<M>>,
}

#[derive(Debug)]
struct Slot<M: Model> {
    document: Option<M::Document>,
    /// Why the stored document cannot be folded further.
    unreadable: Option<String>,
    changed: bool,
}

/// A document that a batch changed.
#[derive(Debug)]
pub struct Changed<M: Model> {
    /// Its stream.
    pub stream: StreamId,
    /// As it is now.
    pub document: M::Document,
    /// The document in JSON.
    pub json: String,
}

/// A stream that waits from an event on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Parked {
    /// The stream.
    pub stream: StreamId,
    /// Its partition.
    pub partition: i32,
    /// The event that does not fit.
    pub position: Position,
    /// Why; without any value of the event.
    pub reason: String,
}

/// How far a batch brings a partition.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reached {
    /// The last event of the batch.
    pub stamp: LogPosition,
    /// When that was recorded.
    pub recorded_at: DateTime<Utc>,
}

/// What a batch comes to.
#[derive(Debug)]
pub struct Net<M: Model> {
    /// Documents that changed, each once.
    pub changed: Vec<Changed<M>>,
    /// New rows of history.
    pub rows: Vec<M::Row>,
    /// Streams that wait from now on.
    pub parked: Vec<Parked>,
    /// How far each partition has come.
    pub reached: BTreeMap<i32, Reached>,
    /// Events applied.
    pub applied: usize,
    /// Events left out because their stream waits.
    pub waiting: usize,
}

impl<M: Model> Held<M> {
    /// Nothing yet.
    pub fn new() -> Held<M> {
        Held { slots: HashMap::new() }
    }

    /// Puts a document as stored.
    pub fn put(&mut self, stream: StreamId, document: M::Document) {
        self.slots.insert(stream, Slot { document: Some(document), unreadable: None, changed: false });
    }

    /// Puts a document as it was loaded: it may be none that this build can read.
    pub fn put_loaded(&mut self, stream: StreamId, loaded: Result<M::Document, String>) {
        let (document, unreadable) = match loaded {
            Ok(document) => (Some(document), None),
            Err(reason) => (None, Some(reason)),
        };
        self.slots.insert(stream, Slot { document, unreadable, changed: false });
    }

    /// Folds an event into its document.
    fn fold(&mut self, arrival: &Arrival<'_>, rows: &mut Vec<M::Row>) -> Result<Folded, Unfit> {
        let event = arrival.event;
        let slot = self.slots.entry(event.stream.clone()).or_insert_with(Slot::none);
        if let Some(reason) = &slot.unreadable {
            return Err(Unfit::Unreadable(reason.clone()));
        }
        if slot.document.as_ref().is_some_and(|document| M::stamp(document) >= stamp(event)) {
            return Ok(Folded::Before);
        }
        if let Some(reason) = arrival.unreadable {
            return Err(Unfit::Metadata(reason.to_owned()));
        }
        M::fold(&mut slot.document, event, rows)?;
        slot.changed = true;
        Ok(Folded::Now)
    }
}

impl<M: Model> Default for Held<M> {
    fn default() -> Self {
        Held::new()
    }
}

impl<M: Model> Slot<M> {
    fn none() -> Slot<M> {
        Slot { document: None, unreadable: None, changed: false }
    }
}

enum Folded {
    Now,
    /// The document contains the event already.
    Before,
}

/// A fold panicked, which leaves its document half changed: nothing of the batch can be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Panicked {
    /// Place of the event in the batch.
    pub at: usize,
}

/// Folds events, each partition's in order, into the documents that they touch.
pub fn fold<M: Model>(arrivals: &[Arrival<'_>], mut held: Held<M>, claims: &Claims) -> Result<Net<M>, Panicked> {
    let mut net = Net::empty();
    for (at, arrival) in arrivals.iter().enumerate() {
        let event = arrival.event;
        net.reached.insert(arrival.partition, Reached { stamp: stamp(event), recorded_at: event.recorded_at });
        if claims.is_parked(&event.stream) || net.parked.iter().any(|parked| parked.stream == event.stream) {
            net.waiting += 1;
            continue;
        }
        // What a panic leaves half changed is dropped below.
        let folded = catch_unwind(AssertUnwindSafe(|| held.fold(arrival, &mut net.rows)));
        match folded.map_err(|_| Panicked { at })? {
            Ok(Folded::Now) => net.applied += 1,
            Ok(Folded::Before) => {}
            Err(unfit) => net.parked.push(Parked::new(arrival, &unfit.to_string())),
        }
    }
    net.take_documents(held);
    Ok(net)
}

/// Why the stream of an event waits whose fold panics.
pub fn panic_reason(event: &Recorded) -> String {
    format!("this build panics over `{}` in this place of the stream", event.event_type)
}

/// Why the stream of an event waits that would take a statement of so many bytes.
pub fn too_large_reason(bytes: usize) -> String {
    format!("its document would take a statement of {bytes} bytes, which is too large")
}

/// The net change of an event that the database refuses: nothing but that its stream is parked.
pub fn park<M: Model>(arrival: &Arrival<'_>, reason: &str) -> Net<M> {
    let event = arrival.event;
    let mut net = Net::empty();
    net.reached.insert(arrival.partition, Reached { stamp: stamp(event), recorded_at: event.recorded_at });
    net.parked.push(Parked::new(arrival, reason));
    net
}

/// How new an event is.
pub fn stamp(event: &Recorded) -> LogPosition {
    LogPosition { incarnation: event.incarnation, position: event.position }
}

/// Longest reason that is kept, in characters: enough to know, too little to fill a disk with.
const REASON_MAX_CHARS: usize = 500;

/// A reason as it is kept: one line, of limited length.
pub fn short(reason: &str) -> String {
    reason.chars().filter(|c| !c.is_control()).take(REASON_MAX_CHARS).collect()
}

impl Parked {
    fn new(Arrival { partition, event, .. }: &Arrival<'_>, reason: &str) -> Parked {
        let (stream, position) = (event.stream.clone(), event.position);
        Parked { stream, partition: *partition, position, reason: short(reason) }
    }
}

/// About what a row of history takes in a statement, in bytes.
const ROW_BYTES: usize = 200;

impl<M: Model> Net<M> {
    /// About how many bytes the statement that writes it has.
    pub fn bytes(&self) -> usize {
        self.changed.iter().map(|changed| changed.json.len()).sum::<usize>() + self.rows.len() * ROW_BYTES
    }

    fn empty() -> Net<M> {
        Net {
            changed: Vec::new(),
            rows: Vec::new(),
            parked: Vec::new(),
            reached: BTreeMap::new(),
            applied: 0,
            waiting: 0,
        }
    }

    fn take_documents(&mut self, held: Held<M>) {
        for (stream, slot) in held.slots {
            let Some(document) = slot.document.filter(|_| slot.changed) else { continue };
            let json = serde_json::to_string(&document).expect("a document is plain data with text keys");
            self.changed.push(Changed { stream, document, json });
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use events::{Incarnation, Metadata, Version};
    use read_model::StockDocument;

    use super::*;
    use crate::model::Stock;

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

    fn fold_all(events: &[Recorded], stored: HashMap<StreamId, StockDocument>, claims: &Claims) -> Net<Stock> {
        let mut held = Held::new();
        stored.into_iter().for_each(|(stream, document)| held.put(stream, document));
        let arrivals: Vec<_> = events.iter().map(|event| Arrival { partition: 0, event, unreadable: None }).collect();
        fold(&arrivals, held, claims).unwrap()
    }

    fn documents(net: Net<Stock>) -> HashMap<StreamId, StockDocument> {
        net.changed.into_iter().map(|changed| (changed.stream, changed.document)).collect()
    }

    #[test]
    fn a_batch_changes_each_document_once_however_many_events_it_has() {
        let net = fold_all(&history(), HashMap::new(), &Claims::default());
        assert_eq!((net.changed.len(), net.rows.len(), net.applied), (3, 6, 6));
        assert_eq!(net.reached[&0].stamp.position, Position(6));
    }

    #[test]
    fn batches_come_to_the_same_wherever_they_are_cut() {
        let history = history();
        let whole = documents(fold_all(&history, HashMap::new(), &Claims::default()));
        for cut in 0..=history.len() {
            let stored = documents(fold_all(&history[..cut], HashMap::new(), &Claims::default()));
            let mut all = stored.clone();
            all.extend(documents(fold_all(&history[cut..], stored, &Claims::default())));
            assert_eq!(all, whole, "cut at {cut}");
        }
    }

    #[test]
    fn what_a_document_contains_is_not_folded_again() {
        let history = history();
        let stored = documents(fold_all(&history, HashMap::new(), &Claims::default()));
        let net = fold_all(&history, stored, &Claims::default());
        assert_eq!((net.changed.len(), net.rows.len(), net.applied), (0, 0, 0));
        assert_eq!(net.reached[&0].stamp.position, Position(6), "and yet the checkpoint moves");
    }

    #[test]
    fn after_an_event_that_does_not_fit_its_stream_waits_and_no_other() {
        let mut history = history();
        history[2].event_type = "StockDreamt".into();
        let net = fold_all(&history, HashMap::new(), &Claims::default());
        let parked: Vec<_> = net.parked.iter().map(|it| (it.stream.as_str(), it.position.0)).collect();
        assert_eq!(parked, [("stock-A@main", 3)]);
        assert_eq!((net.applied, net.waiting), (4, 1));
        let versions: BTreeMap<_, _> =
            net.changed.iter().map(|it| (it.stream.as_str(), it.document.version.0)).collect();
        assert_eq!(versions, [("stock-A@main", 1), ("stock-B@main", 2), ("stock-C@main", 1)].into());
    }

    #[test]
    fn a_fold_that_panics_says_over_which_event() {
        let mut history = history();
        history[2].payload = r#"{"quantity":1}"#.into();
        let mut stored = documents(fold_all(&history[..2], HashMap::new(), &Claims::default()));
        for item in stored.values_mut() {
            item.level.on_hand = i64::MAX;
        }
        let mut held = Held::<Stock>::new();
        stored.into_iter().for_each(|(stream, document)| held.put(stream, document));
        let arrivals: Vec<_> = history.iter().map(|event| Arrival { partition: 0, event, unreadable: None }).collect();
        assert_eq!(fold(&arrivals, held, &Claims::default()).unwrap_err(), Panicked { at: 2 });
    }

    #[test]
    fn a_stream_that_waits_goes_on_waiting() {
        let mut claims = Claims::default();
        claims.take([], HashSet::from(["stock-A@main".parse().unwrap()]));
        let net = fold_all(&history(), HashMap::new(), &claims);
        assert_eq!((net.applied, net.waiting, net.parked.len()), (3, 3, 0));
    }

    #[test]
    fn a_reason_is_one_short_line() {
        let reason = short(&format!("a\0b\n{}", "c".repeat(1000)));
        assert_eq!(reason.len(), REASON_MAX_CHARS);
        assert!(reason.starts_with("abccc"));
    }
}
