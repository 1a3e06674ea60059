//! Applies a batch: loads the documents it touches, folds, and writes the net change and the checkpoint in one
//! statement. Where that cannot be because of one event (the database refuses the data, the fold panics, the statement would
//! be too large), the batch is divided until the one culprit stands alone; its stream is parked.
//!
//! A connection that breaks proves nothing about the events: the step fails, and the next one takes fewer of them at once.
//! However often it breaks over a single event, that stream is not parked: a server that restarts looks the same.

use std::collections::{BTreeSet, HashSet};
use std::time::Instant;

use events::StreamId;
use platform::metric_names as names;

use super::{StepError, Worker};
use crate::batch::{self, Arrival, Held, Net};
use crate::model::Model;

/// How many events one write takes: half as many after a connection broke over several, twice as many after each success.
#[derive(Debug)]
pub(super) struct Stride {
    most: usize,
    now: usize,
}

impl Stride {
    pub(super) fn new(most: usize) -> Stride {
        Stride { most, now: most }
    }

    pub(super) fn events(&self) -> usize {
        self.now
    }

    fn broke(&mut self, events: usize) {
        self.now = (events / 2).max(1);
    }

    fn worked(&mut self) {
        self.now = self.now.saturating_mul(2).min(self.most);
    }
}

/// Why events are not written though the database is well.
enum Refusal {
    /// The fold of the event in this place panicked.
    Panicked(usize),
    /// The statement would have so many bytes.
    TooLarge(usize),
    /// The database refuses the data, for this reason.
    Data(String),
}

impl Refusal {
    fn reason(&self, culprit: &Arrival<'_>) -> String {
        match self {
            Refusal::Panicked(_) => batch::panic_reason(culprit.event),
            Refusal::TooLarge(bytes) => batch::too_large_reason(*bytes),
            Refusal::Data(reason) => reason.clone(),
        }
    }
}

impl<M: Model> Worker<M> {
    /// Applies events, each partition's in order.
    pub(super) async fn apply(&mut self, arrivals: &[Arrival<'_>]) -> Result<(), StepError> {
        if arrivals.is_empty() {
            return Ok(());
        }
        let begun = Instant::now();
        let applied = self.apply_parts(arrivals).await;
        let projection = M::PROJECTION.name();
        match (&applied, arrivals) {
            (Ok(()), _) => {
                self.stride.worked();
                metrics::histogram!(names::PROJECTOR_BATCH_EVENTS, "projection" => projection)
                    .record(arrivals.len() as f64);
                metrics::histogram!(names::PROJECTOR_BATCH_SECONDS, "projection" => projection).record(begun.elapsed());
            }
            (Err(StepError::Store(error)), [lone]) => tracing::warn!(
                projection,
                event.stream = %lone.event.stream,
                event.position = lone.event.position.0,
                %error,
                "PostgreSQL failed while one event was applied; it is tried again"
            ),
            (Err(StepError::Store(_)), _) => self.stride.broke(arrivals.len()),
            (Err(_), _) => {}
        }
        applied
    }

    async fn apply_parts(&mut self, arrivals: &[Arrival<'_>]) -> Result<(), StepError> {
        let mut parts = vec![arrivals];
        let mut asked_for_months = false;
        while let Some(part) = parts.pop() {
            let Some(refusal) = self.apply_part(part).await? else { continue };
            self.documents.clear();
            match (&refusal, part) {
                // A month may have been detached since we made it.
                (Refusal::Data(_), _) if !asked_for_months => {
                    self.months.forget();
                    asked_for_months = true;
                    parts.push(part);
                }
                (_, [culprit]) => self.write(batch::park(culprit, &refusal.reason(culprit))).await?,
                (Refusal::Panicked(at), _) => {
                    let (before, rest) = part.split_at(*at);
                    let (culprit, after) = rest.split_at(1);
                    parts.extend([after, culprit, before].into_iter().filter(|part| !part.is_empty()));
                }
                (Refusal::TooLarge(_) | Refusal::Data(_), _) => {
                    let (first, second) = part.split_at(part.len() / 2);
                    parts.extend([second, first]);
                }
            }
        }
        Ok(())
    }

    /// Applies events in one statement, or says why that cannot be; then nothing is written.
    async fn apply_part(&mut self, arrivals: &[Arrival<'_>]) -> Result<Option<Refusal>, StepError> {
        let held = self.load(arrivals).await?;
        let net = match batch::fold(arrivals, held, &self.claims) {
            Ok(net) => net,
            Err(panicked) => return Ok(Some(Refusal::Panicked(panicked.at))),
        };
        let bytes_max = if arrivals.len() == 1 { self.limits.event_bytes } else { self.limits.write_bytes };
        if net.bytes() > bytes_max {
            return Ok(Some(Refusal::TooLarge(net.bytes())));
        }
        match self.write(net).await {
            Err(StepError::Store(error)) if error.is_about_data() => Ok(Some(Refusal::Data(error.reason()))),
            written => written.map(|()| None),
        }
    }

    /// The documents of the events' streams, from memory or from the database.
    async fn load(&mut self, arrivals: &[Arrival<'_>]) -> Result<Held<M>, StepError> {
        let mut held = Held::new();
        let mut missing = BTreeSet::new();
        let mut looked = HashSet::with_capacity(arrivals.len());
        for Arrival { event, .. } in arrivals {
            if !looked.insert(&event.stream) || self.claims.is_parked(&event.stream) {
                continue;
            }
            match self.documents.take(&event.stream) {
                Some(document) => held.put(event.stream.clone(), document),
                // What begins with this event has no document yet, and if it has, the write does not touch it.
                None if event.version.0 == 1 => {}
                None => {
                    missing.insert(event.stream.clone());
                }
            }
        }
        self.load_into(&mut held, &mut missing).await?;
        if !missing.is_empty() {
            self.attach_months(&mut held, &mut missing).await?;
            self.load_into(&mut held, &mut missing).await?;
        }
        Ok(held)
    }

    /// What is not there although it began may stand in a month that was detached. Where the month cannot be attached again, its
    /// documents cannot be read.
    async fn attach_months(&mut self, held: &mut Held<M>, missing: &mut BTreeSet<StreamId>) -> Result<(), StepError> {
        self.months.forget();
        let patience = self.store.patience();
        let by_month: Vec<_> = missing.iter().filter_map(|it| Some((it.clone(), M::month_of(it)?))).collect();
        for (stream, month) in by_month {
            let connection = self.store.connection().await?;
            match patience.doing("attaching a month", self.months.ensure(connection, &[month])).await {
                Err(error) if error.is_about_data() => {
                    missing.remove(&stream);
                    held.put_loaded(stream, Err(error.reason()));
                }
                ensured => ensured?,
            }
        }
        missing.retain(|stream| M::month_of(stream).is_some());
        Ok(())
    }

    /// Loads documents out of the database; those that are not there stay in `missing`.
    async fn load_into(&mut self, held: &mut Held<M>, missing: &mut BTreeSet<StreamId>) -> Result<(), StepError> {
        if missing.is_empty() {
            return Ok(());
        }
        let streams: Vec<StreamId> = missing.iter().cloned().collect();
        let patience = self.store.patience();
        let connection = self.store.connection().await?;
        for (stream, document) in patience.doing("loading documents", M::load(connection, &streams)).await? {
            missing.remove(&stream);
            held.put_loaded(stream, document);
        }
        Ok(())
    }

    async fn write(&mut self, net: Net<M>) -> Result<(), StepError> {
        let parked = self.claims.parked() + net.parked.len();
        if !net.parked.is_empty() && parked > self.limits.parked_max {
            return Err(StepError::TooManyParked(parked));
        }
        let patience = self.store.patience();
        let connection = self.store.connection().await?;
        patience.doing("making months", self.months.ensure(connection, &M::months(&net))).await?;
        if !patience.doing("writing a batch", M::write(connection, &net, &self.claims)).await? {
            return Err(StepError::Lost);
        }
        self.dependencies.postgres.up();
        self.settle(net);
        Ok(())
    }

    /// Takes over in memory, and into the cache, what was committed.
    fn settle(&mut self, net: Net<M>) {
        self.count(names::PROJECTOR_EVENTS_APPLIED_TOTAL, net.applied);
        if let Some(cache) = &self.cache {
            cache.write(net.changed.iter().map(|changed| M::entry(cache.keys(), changed)).collect());
        }
        for changed in net.changed {
            self.documents.keep(changed.stream, changed.document, changed.json.len());
        }
        for (partition, reached) in net.reached {
            self.claims.advance(partition, reached.stamp);
        }
        for parked in net.parked {
            tracing::error!(
                projection = M::PROJECTION.name(),
                event.stream = %parked.stream,
                event.position = parked.position.0,
                reason = parked.reason,
                "an event cannot be applied; its stream is parked until `projector retry-parked` or a newer build"
            );
            self.claims.park(parked.stream);
        }
        self.gauge(names::PROJECTOR_PARKED_STREAMS, self.claims.parked() as f64);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stride_is_halved_when_a_connection_breaks_and_grows_again() {
        let mut stride = Stride::new(2_000);
        let mut strides = Vec::new();
        for _ in 0..12 {
            strides.push(stride.events());
            stride.broke(stride.events());
        }
        assert_eq!(strides, [2_000, 1_000, 500, 250, 125, 62, 31, 15, 7, 3, 1, 1]);
        for _ in 0..11 {
            stride.worked();
        }
        assert_eq!(stride.events(), 2_000);
    }
}
