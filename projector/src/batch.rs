//! Folds a batch of events to one net change per row. Pure: what is stored is handed in, what is to be stored comes out.
//!
//! [`crate::worker`] loads and applies; [`crate::model`] knows the documents. An event that does not fit parks its stream:
//! the events before it stand, those after it wait, all other streams flow on.

use std::collections::{BTreeMap, HashMap};

use chrono::{DateTime, Utc};
use events::{Position, Recorded, StreamId};
use read_model::Stamp;

use crate::claims::Claims;
use crate::model::{Model, Unfit};

/// An event that is next in its partition.
#[derive(Debug, Clone, Copy)]
pub struct Arrival<'a> {
    /// Its partition.
    pub partition: i32,
    /// The event.
    pub event: &'a Recorded,
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
    /// The event that does not fit.
    pub position: Position,
    /// Why; without any value of the event.
    pub reason: String,
}

/// How far a batch brings a partition.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reached {
    /// The last event of the batch.
    pub stamp: Stamp,
    /// When that was recorded.
    pub recorded_at: DateTime<Utc>,
}

/// What a batch comes to.
#[derive(Debug)]
pub struct Net<M: Model> {
    /// Documents that changed, each once.
    pub changed: Vec<Changed<M>>,
    /// Documents that did not.
    pub unchanged: Vec<(StreamId, M::Document)>,
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

    /// Puts a document that is stored and cannot be read.
    pub fn put_unreadable(&mut self, stream: StreamId, reason: String) {
        self.slots.insert(stream, Slot { document: None, unreadable: Some(reason), changed: false });
    }

    /// Folds `event` into its document.
    fn fold(&mut self, event: &Recorded, rows: &mut Vec<M::Row>) -> Result<Folded, Unfit> {
        let slot = self.slots.entry(event.stream.clone()).or_insert_with(Slot::none);
        if let Some(reason) = &slot.unreadable {
            return Err(Unfit::Unreadable(reason.clone()));
        }
        if slot.document.as_ref().is_some_and(|document| M::stamp(document) >= stamp(event)) {
            return Ok(Folded::Before);
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

/// Folds events, each partition's in order, into the documents that they touch.
pub fn fold<M: Model>(arrivals: &[Arrival<'_>], mut held: Held<M>, claims: &Claims) -> Net<M> {
    let mut net = Net::empty();
    for arrival in arrivals {
        let event = arrival.event;
        net.reached.insert(arrival.partition, Reached { stamp: stamp(event), recorded_at: event.recorded_at });
        if claims.is_parked(&event.stream) || net.parked.iter().any(|parked| parked.stream == event.stream) {
            net.waiting += 1;
            continue;
        }
        match held.fold(event, &mut net.rows) {
            Ok(Folded::Now) => net.applied += 1,
            Ok(Folded::Before) => {}
            Err(unfit) => net.parked.push(Parked::new(event, &unfit.to_string())),
        }
    }
    net.take_documents(held);
    net
}

/// The net change of an event that the database refuses: nothing but that its stream is parked.
pub fn park<M: Model>(arrival: &Arrival<'_>, reason: &str) -> Net<M> {
    let event = arrival.event;
    let mut net = Net::empty();
    net.reached.insert(arrival.partition, Reached { stamp: stamp(event), recorded_at: event.recorded_at });
    net.parked.push(Parked::new(event, reason));
    net
}

/// How new an event is.
pub fn stamp(event: &Recorded) -> Stamp {
    Stamp { incarnation: event.incarnation, position: event.position }
}

/// Longest reason that is kept, in characters: enough to know, too little to fill a disk with.
const REASON_MAX_CHARS: usize = 500;

impl Parked {
    fn new(event: &Recorded, reason: &str) -> Parked {
        let reason = reason.chars().filter(|c| !c.is_control()).take(REASON_MAX_CHARS).collect();
        Parked { stream: event.stream.clone(), position: event.position, reason }
    }
}

impl<M: Model> Net<M> {
    fn empty() -> Net<M> {
        Net {
            changed: Vec::new(),
            unchanged: Vec::new(),
            rows: Vec::new(),
            parked: Vec::new(),
            reached: BTreeMap::new(),
            applied: 0,
            waiting: 0,
        }
    }

    fn take_documents(&mut self, held: Held<M>) {
        for (stream, slot) in held.slots {
            let Some(document) = slot.document else { continue };
            if !slot.changed {
                self.unchanged.push((stream, document));
                continue;
            }
            let json = serde_json::to_string(&document).expect("a document is plain data with text keys");
            self.changed.push(Changed { stream, document, json });
        }
    }
}
