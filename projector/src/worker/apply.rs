//! Applies a batch: loads the documents it touches, folds, and writes the net change and the checkpoint in one
//! statement. Where the database refuses the data, the batch is halved until the one culprit stands alone; its stream
//! is parked.

use std::collections::HashSet;
use std::time::Instant;

use platform::metric_names as names;

use super::{StepError, Worker};
use crate::batch::{self, Arrival, Held, Net};
use crate::model::Model;

impl<M: Model> Worker<M> {
    /// Applies events, each partition's in order.
    pub(super) async fn apply(&mut self, arrivals: &[Arrival<'_>]) -> Result<(), StepError> {
        let begun = Instant::now();
        let mut parts = vec![arrivals];
        let mut asked_for_months = false;
        while let Some(part) = parts.pop().filter(|part| !part.is_empty()) {
            let Err(error) = self.apply_part(part).await else { continue };
            let StepError::Store(refusal) = &error else { return Err(error) };
            if !refusal.is_about_data() {
                return Err(error);
            }
            self.documents.clear();
            match part {
                // A month may have been detached since we made it.
                _ if !asked_for_months => {
                    self.months.forget();
                    asked_for_months = true;
                    parts.push(part);
                }
                [culprit] => self.write(batch::park(culprit, &refusal.reason())).await?,
                _ => {
                    let (first, second) = part.split_at(part.len() / 2);
                    parts.extend([second, first]);
                }
            }
        }
        if !arrivals.is_empty() {
            let projection = M::PROJECTION.name();
            metrics::histogram!(names::PROJECTOR_BATCH_EVENTS, "projection" => projection)
                .record(arrivals.len() as f64);
            metrics::histogram!(names::PROJECTOR_BATCH_SECONDS, "projection" => projection).record(begun.elapsed());
        }
        Ok(())
    }

    async fn apply_part(&mut self, arrivals: &[Arrival<'_>]) -> Result<(), StepError> {
        let held = self.load(arrivals).await?;
        self.write(batch::fold(arrivals, held, &self.claims)).await
    }

    /// The documents of the events' streams, from memory or from the database.
    async fn load(&mut self, arrivals: &[Arrival<'_>]) -> Result<Held<M>, StepError> {
        let mut held = Held::new();
        let mut missing = Vec::new();
        let mut looked = HashSet::with_capacity(arrivals.len());
        for Arrival { event, .. } in arrivals {
            if !looked.insert(&event.stream) || self.claims.is_parked(&event.stream) {
                continue;
            }
            match self.documents.pop(&event.stream) {
                Some(document) => held.put(event.stream.clone(), document),
                // What begins with this event has no document yet, and if it has, the write does not touch it.
                None if event.version.0 == 1 => {}
                None => missing.push(event.stream.clone()),
            }
        }
        if missing.is_empty() {
            return Ok(held);
        }
        let patience = self.store.patience();
        let connection = self.store.connection().await?;
        for (stream, document) in patience.doing("loading documents", M::load(connection, &missing)).await? {
            match document {
                Ok(document) => held.put(stream, document),
                Err(reason) => held.put_unreadable(stream, reason),
            }
        }
        Ok(held)
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
            self.documents.put(changed.stream, changed.document);
        }
        for (stream, document) in net.unchanged {
            self.documents.put(stream, document);
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
