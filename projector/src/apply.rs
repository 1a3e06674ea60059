//! Applies events to a read model: loads the states of their streams, folds the events, and writes the changes and the checkpoints in
//! one statement. [`crate::worker`] applies what its feed delivers, [`crate::log_projector`] applies the log
//! without a worker.
//!
//! If one event prevents the write (PostgreSQL refuses the data, the fold panics, or the statement would be too large),
//! the batch is divided until that event is alone; then its stream is parked.
//!
//! A broken connection is no evidence against an event: the step fails, and the next step writes fewer events at once.
//! A stream is not parked however often the connection breaks, because a server that restarts looks the same.
//!
//! [`loading`] loads the states of the streams of a batch.

use std::time::Instant;

use chrono::{DateTime, Utc};
use events::{LogId, Position, Recorded, topics};
use platform::health::Component;
use platform::metric_names as names;
use read_model::Generation;
use read_model::cache::{Keys, encode};

use crate::cache::{Cache, Entry};
use crate::changes::ChangedState;
use crate::claimed_partitions::ClaimedPartitions;
use crate::config::Limits;
use crate::fold;
use crate::frame::{Caching, Changes, ReadModel, WriteStatement, rows, statement};
use crate::measure::{count, gauge, record};
use crate::next_event::NextEvent;
use crate::state_cache::StateCache;
use crate::step::StepError;
use crate::store::log::{self, PageLimit};
use crate::store::months::Months;
use crate::store::relay::{self, Published};
use crate::store::{Store, StoreError, checkpoints, execute, incarnations, parked, skipped};

mod batch_size;
mod loading;

use batch_size::BatchSize;

/// Applies events to a generation of the read model `M`, for the partitions that it has claimed.
///
/// Everything in memory (states, parked streams, checkpoints) holds only as long as the claims hold, and every write
/// checks the claims. After an error call [`Applier::forget`] and claim again.
pub struct Applier<M: ReadModel> {
    limits: Limits,
    store: Store,
    cache: Option<Cache>,
    postgres: Component,
    claimed: ClaimedPartitions,
    states: StateCache<M::State>,
    statement: WriteStatement<M>,
    batch_size: BatchSize,
    months: Months,
}

/// The part of the log that one partition is missing.
#[derive(Debug, Clone, Copy)]
pub struct MissingEvents {
    /// Partition of the topic.
    pub partition: i32,
    /// Number of partitions of the topic.
    pub partitions: i32,
    /// The log is read after this position.
    pub after: Position,
    /// The log is read up to and including this position.
    pub upto: Position,
}

/// What [`Applier::apply_from_log`] applied.
#[derive(Debug, Clone, Copy)]
pub struct AppliedFromLog {
    /// Number of events of the partition.
    pub events: usize,
    /// The position from which to continue, if the log may have more events.
    pub continue_after: Option<Position>,
}

/// Reason why events are not written although PostgreSQL works.
enum Refusal {
    /// The fold of the event with this index panicked.
    Panicked(usize),
    /// The statement would have this number of bytes.
    TooLarge(usize),
    /// PostgreSQL refused the data, for this reason.
    Data(String),
}

impl Refusal {
    fn reason(&self, refused: &NextEvent<'_>) -> String {
        match self {
            Refusal::Panicked(_) => fold::panic_reason(refused.event),
            Refusal::TooLarge(bytes) => fold::too_large_reason(*bytes),
            Refusal::Data(reason) => reason.clone(),
        }
    }
}

impl<M: ReadModel> Applier<M> {
    /// An applier without claims. `postgres` is the health of the connection.
    pub fn new(limits: Limits, store: Store, cache: Option<Cache>, postgres: Component) -> Applier<M> {
        Applier {
            states: StateCache::new(limits.documents),
            statement: WriteStatement::new(store.generation()),
            batch_size: BatchSize::new(limits.batch_events),
            claimed: ClaimedPartitions::default(),
            months: Months::of(rows::tables::<M>()),
            limits,
            store,
            cache,
            postgres,
        }
    }

    /// The generation that is written.
    pub fn generation(&self) -> Generation {
        self.store.generation()
    }

    /// The claimed partitions.
    pub fn claimed(&self) -> &ClaimedPartitions {
        &self.claimed
    }

    /// Number of events that the next write may contain.
    pub fn batch_events(&self) -> usize {
        self.batch_size.events()
    }

    /// Claims partitions, which ends the claims of other workers, and returns the identity of the log. Fails if the log
    /// does not contain the event of a checkpoint.
    pub async fn claim(&mut self, partitions: &[i32]) -> Result<LogId, StepError> {
        let (timeout, generation) = (self.store.statement_timeout(), self.store.generation());
        let connection = self.store.connection().await?;
        let log = timeout.run("reading the identity of the log", log::find_id(connection)).await?;
        let claim = checkpoints::claim(connection, generation, partitions);
        let claims = timeout.run("claiming partitions", claim).await?;
        let parked = timeout.run("reading parked streams", parked::list_ids(connection, generation)).await?;
        let ahead = incarnations::list_ahead(connection, Some(generation));
        let ahead = timeout.run("comparing the checkpoints with the log", ahead).await?;
        let ended = timeout.run("reading the incarnations of the log", incarnations::find_ended(connection)).await?;
        let skipped = timeout.run("reading skipped events", skipped::list(connection, generation)).await?;
        self.postgres.up();
        let claimed_ahead =
            ahead.iter().find_map(|row| Some((row.partition.filter(|it| partitions.contains(it))?, row.position)));
        if let Some((partition, position)) = claimed_ahead {
            return Err(StepError::AheadOfLog { partition, position: Position(position) });
        }
        self.claimed.add(claims, parked);
        self.claimed.set_ended(ended);
        self.claimed.set_skipped(skipped);
        gauge(generation, names::PROJECTOR_PARTITIONS, self.claimed.iter().count() as f64);
        gauge(generation, names::PROJECTOR_PARKED_STREAMS, self.claimed.parked() as f64);
        Ok(log)
    }

    /// Removes the claims and the states in memory.
    pub fn forget(&mut self) {
        self.claimed.clear();
        self.states.clear();
    }

    /// Closes the connection after an error of PostgreSQL.
    pub fn disconnect(&mut self, error: &StoreError) {
        self.store.disconnect();
        self.postgres.down(error.to_string());
    }

    /// Reads events of a partition from the log, at most `limit` events of its category, and applies them.
    pub async fn apply_from_log(
        &mut self,
        MissingEvents { partition, partitions, after, upto }: MissingEvents,
        limit: PageLimit,
    ) -> Result<AppliedFromLog, StepError> {
        let timeout = self.store.statement_timeout();
        let connection = self.store.connection().await?;
        let page = log::list_events(connection, M::PROJECTION.category(), after, upto, limit);
        let page = timeout.run("reading the log", page).await?;
        let is_in_partition = |event: &Recorded| topics::partition_of(event.stream.as_str(), partitions) == partition;
        let events = page.events.iter().filter(|logged| is_in_partition(&logged.event));
        let events: Vec<NextEvent<'_>> = events.map(|logged| logged.as_next(partition)).collect();
        for batch in events.chunks(self.batch_size.events()) {
            self.apply(batch).await?;
        }
        let last = page.events.last().filter(|_| page.has_more);
        Ok(AppliedFromLog { events: events.len(), continue_after: last.map(|last| last.event.position) })
    }

    /// Applies the events of the log after the checkpoints of the claimed partitions, up to and including `upto`; the topic
    /// has `partitions` partitions. Returns the number of events.
    pub async fn apply_log(&mut self, partitions: i32, upto: Position, limit: PageLimit) -> Result<usize, StepError> {
        let claimed: Vec<(i32, Position)> =
            self.claimed.iter().map(|(partition, claim)| (partition, claim.checkpoint.position)).collect();
        let mut applied = 0;
        for (partition, checkpoint) in claimed {
            let mut after = Some(checkpoint);
            while let Some(position) = after {
                let missing = MissingEvents { partition, partitions, after: position, upto };
                let from_log = self.apply_from_log(missing, limit).await?;
                applied += from_log.events;
                after = from_log.continue_after;
            }
        }
        Ok(applied)
    }

    /// Applies events, each partition's in order.
    pub async fn apply(&mut self, events: &[NextEvent<'_>]) -> Result<(), StepError> {
        if events.is_empty() {
            return Ok(());
        }
        let begun = Instant::now();
        let applied = self.apply_parts(events).await;
        let generation = self.store.generation();
        match (&applied, events) {
            (Ok(()), _) => {
                self.batch_size.grow();
                record(generation, names::PROJECTOR_BATCH_EVENTS, events.len() as f64);
                record(generation, names::PROJECTOR_BATCH_SECONDS, begun.elapsed().as_secs_f64());
            }
            (Err(StepError::Store(error)), [only]) => tracing::warn!(
                projection = M::PROJECTION.name(),
                event.stream = %only.event.stream,
                event.position = only.event.position.0,
                %error,
                "PostgreSQL failed while one event was applied; retrying"
            ),
            (Err(StepError::Store(_)), _) => self.batch_size.shrink(events.len()),
            (Err(_), _) => {}
        }
        applied
    }

    async fn apply_parts(&mut self, events: &[NextEvent<'_>]) -> Result<(), StepError> {
        let mut parts = vec![events];
        let mut months_forgotten = false;
        while let Some(part) = parts.pop() {
            let Some(refusal) = self.apply_part(part).await? else { continue };
            self.states.clear();
            match (&refusal, part) {
                // An operator may have detached a month after this process created it.
                (Refusal::Data(_), _) if !months_forgotten => {
                    self.months.forget();
                    months_forgotten = true;
                    parts.push(part);
                }
                (_, [refused]) => self.write(fold::park::<M>(refused, &refusal.reason(refused))).await?,
                (Refusal::Panicked(index), _) => {
                    let (before, rest) = part.split_at(*index);
                    let (panicked, after) = rest.split_at(1);
                    parts.extend([after, panicked, before].into_iter().filter(|part| !part.is_empty()));
                }
                (Refusal::TooLarge(_) | Refusal::Data(_), _) => {
                    let (first, second) = part.split_at(part.len() / 2);
                    parts.extend([second, first]);
                }
            }
        }
        Ok(())
    }

    /// Applies events in one statement, or returns the reason why nothing was written.
    async fn apply_part(&mut self, events: &[NextEvent<'_>]) -> Result<Option<Refusal>, StepError> {
        let stored = self.load(events).await?;
        let changes = match fold::fold(events, stored, &self.claimed) {
            Ok(changes) => changes,
            Err(panicked) => return Ok(Some(Refusal::Panicked(panicked.index))),
        };
        let bytes_max = if events.len() == 1 { self.limits.event_bytes } else { self.limits.write_bytes };
        let bytes = statement::bytes::<M>(&changes);
        if bytes > bytes_max {
            return Ok(Some(Refusal::TooLarge(bytes)));
        }
        match self.write(changes).await {
            Err(StepError::Store(error)) if error.is_about_data() => Ok(Some(Refusal::Data(error.reason()))),
            written => written.map(|()| None),
        }
    }

    async fn write(&mut self, changes: Changes<M>) -> Result<(), StepError> {
        let parked = self.claimed.parked() + changes.parked.len();
        if !changes.parked.is_empty() && parked > self.limits.parked_max {
            return Err(StepError::TooManyParked(parked));
        }
        let timeout = self.store.statement_timeout();
        let connection = self.store.connection().await?;
        timeout.run("creating months", self.months.ensure(connection, &rows::months::<M>(&changes))).await?;
        let write = self.statement.run(connection, &changes, &self.claimed);
        if !timeout.run("writing a batch", write).await? {
            return Err(StepError::ClaimLost);
        }
        self.postgres.up();
        self.remember(changes);
        Ok(())
    }

    /// Updates the memory and the cache after a write.
    fn remember(&mut self, changes: Changes<M>) {
        let generation = self.store.generation();
        count(generation, names::PROJECTOR_EVENTS_APPLIED_TOTAL, changes.applied);
        if let (Some(cache), Some(caching)) = (&self.cache, M::CACHE) {
            let keys = cache.keys(generation);
            cache.write(changes.states.iter().map(|changed| cache_entry::<M>(&keys, &caching, changed)).collect());
        }
        for changed in changes.states {
            self.states.insert(changed.stream, changed.state, changed.json.len());
        }
        for (partition, checkpoint) in changes.checkpoints {
            self.claimed.advance(partition, checkpoint.log_position);
        }
        for parked in changes.parked {
            tracing::error!(
                projection = M::PROJECTION.name(),
                event.stream = %parked.stream,
                event.position = parked.position.0,
                reason = parked.reason,
                "parked stream: its event cannot be applied; retry with `projector parked retry` or a newer build"
            );
            self.claimed.park(parked.stream);
        }
        gauge(generation, names::PROJECTOR_PARKED_STREAMS, self.claimed.parked() as f64);
    }

    /// Creates the current and the next month of all tables that are partitioned by month.
    pub async fn create_coming_months(&mut self) -> Result<(), StoreError> {
        let timeout = self.store.statement_timeout();
        let connection = self.store.connection().await?;
        let ahead = self.months.ensure_ahead(connection, Utc::now());
        match timeout.run("creating coming months", ahead).await {
            // Streams that need the month will be parked; all other streams continue.
            Err(error) if error.is_about_data() => {
                tracing::error!(%error, "the partition of a coming month cannot be created");
                Ok(())
            }
            ensured => ensured,
        }
    }

    /// Removes rows that are not needed any more.
    pub async fn clean_up(&mut self) -> Result<(), StoreError> {
        let Some(statement) = M::CLEAN_UP else { return Ok(()) };
        let timeout = self.store.statement_timeout();
        let connection = self.store.connection().await?;
        timeout.run("removing rows", execute(connection, statement)).await
    }

    /// Time before which all events were recorded that are applied.
    pub async fn find_applied_since(&mut self) -> Result<Option<DateTime<Utc>>, StoreError> {
        let (timeout, generation) = (self.store.statement_timeout(), self.store.generation());
        let connection = self.store.connection().await?;
        timeout.run("reading the checkpoints", checkpoints::find_recorded_at(connection, generation)).await
    }

    /// How far the relay has published the events of the projection. Fails if the incarnation of the log has changed since
    /// the partitions were claimed.
    pub async fn find_published(&mut self) -> Result<Published, StepError> {
        let timeout = self.store.statement_timeout();
        let connection = self.store.connection().await?;
        let published = relay::find_published(connection, M::PROJECTION.category());
        let published = timeout.run("reading the checkpoint of the relay", published).await?;
        let current = incarnations::find_current(connection);
        let current = timeout.run("reading the incarnation of the log", current).await?;
        self.postgres.up();
        if self.claimed.iter().next().is_some() && self.claimed.ended().current() != current {
            return Err(StepError::IncarnationChanged);
        }
        Ok(published)
    }

    /// Instant at which the first event after a position was recorded.
    pub async fn find_recorded_after(&mut self, position: Position) -> Result<Option<DateTime<Utc>>, StoreError> {
        let timeout = self.store.statement_timeout();
        let connection = self.store.connection().await?;
        timeout.run("reading the oldest event", relay::find_recorded_after(connection, position)).await
    }
}

fn cache_entry<M: ReadModel>(keys: &Keys, caching: &Caching<M::State>, changed: &ChangedState<M::State>) -> Entry {
    Entry {
        key: (caching.key)(keys, &changed.state),
        value: encode(M::log_position(&changed.state), &changed.json),
        ttl: caching.time_to_live,
    }
}
