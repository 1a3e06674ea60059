//! Catches up a parked stream, page by page: each page in one transaction with the position at which the stream is
//! parked. If a page cannot be applied, a smaller one is tried, until the event that cannot be applied is alone.

use events::{Position, StreamId, Version};
use sqlx::{Connection, PgConnection};

use crate::changes::shorten;
use crate::config::Limits;
use crate::feed::BATCH_BYTES_MAX;
use crate::fold::{self, StoredStates};
use crate::frame::{Changes, ReadModel, instants, rows, statement};
use crate::next_event::log_position;
use crate::retry::outcome::RetryOutcome;
use crate::retry::writing::Writing;
use crate::store::log::{LoggedEvent, PageLimit, StreamAt};
use crate::store::{StoreError, execute, log, parked, run, skipped};

/// Maximum number of events that are applied at once.
const EVENTS_AT_ONCE: usize = 1_000;

/// A parked stream, and how far it has been applied.
#[derive(Debug)]
pub(super) struct RetriedStream {
    pub(super) id: StreamId,
    /// Position at which the stream is parked, as stored.
    position: Position,
    /// Reason why the stream is parked, as stored.
    reason: String,
    /// Version of the last event that was applied; read when it is first needed.
    applied: Option<Version>,
    /// Number of events that were applied.
    events: usize,
    /// Number of events of the next page: one at first, because most streams stay parked.
    page_events: usize,
}

impl RetriedStream {
    pub(super) fn new(id: StreamId, position: Position, reason: String) -> RetriedStream {
        RetriedStream { id, position, reason, applied: None, events: 0, page_events: 1 }
    }

    /// Whether the stream is stored as parked at this position for this reason, so that nothing needs to be written.
    fn is_parked_at(&self, position: Position, reason: &str) -> bool {
        self.position == position && self.reason == reason
    }

    pub(super) fn applied_version(&self) -> Version {
        self.applied.unwrap_or(Version::NONE)
    }

    pub(super) fn events(&self) -> usize {
        self.events
    }
}

/// How far a stream has been applied.
#[derive(Debug)]
pub(super) enum Progress {
    /// All events up to the requested position are applied.
    CaughtUp,
    /// There may be more events up to the requested position.
    Behind,
    /// The retry of the stream has ended.
    Ended(RetryOutcome),
}

/// Reason why a page is not applied.
enum Refusal {
    /// A page of this number of events may succeed.
    TrySmaller(usize),
    /// The first event of the page cannot be applied, for this reason.
    CannotApply(String),
}

/// The result of a page.
enum Written {
    /// All events are applied, or those before the first event that cannot be applied.
    Applied { events: usize, parked: Option<(Position, String)> },
    /// Nothing is applied, because the stream is not parked at the expected position any more.
    NotParked,
}

/// Applies the next page of a stream, up to a position.
pub(super) async fn apply_next<M: ReadModel>(
    connection: &mut PgConnection,
    writing: &mut Writing<M>,
    stream: &mut RetriedStream,
    upto: Position,
) -> Result<Progress, StoreError> {
    let applied = match stream.applied {
        Some(applied) => applied,
        None => {
            let before = log::find_version_before(connection, &stream.id, stream.position);
            *stream.applied.insert(run("reading the applied version", before).await?)
        }
    };
    let limit = PageLimit { events: stream.page_events, bytes: BATCH_BYTES_MAX };
    let page = log::list_stream(connection, &stream.id, applied, upto, limit);
    let page = run("reading the log", page).await?;
    let (Some(first), Some(last)) = (page.events.first(), page.events.last()) else { return Ok(Progress::CaughtUp) };
    match write::<M>(connection, writing, stream, &page.events).await? {
        Ok(Written::NotParked) => Ok(Progress::Ended(RetryOutcome::NotParked)),
        Ok(Written::Applied { parked: Some((_, reason)), .. }) => {
            Ok(Progress::Ended(RetryOutcome::StillParked(reason)))
        }
        Ok(Written::Applied { events, parked: None }) => {
            stream.events += events;
            stream.applied = Some(last.event.version);
            stream.position = last.event.position.plus(1);
            stream.page_events = (stream.page_events * 2).min(EVENTS_AT_ONCE);
            Ok(if page.has_more { Progress::Behind } else { Progress::CaughtUp })
        }
        Err(Refusal::TrySmaller(events)) => {
            stream.page_events = events;
            Ok(Progress::Behind)
        }
        Err(Refusal::CannotApply(reason)) => {
            let reason = shorten(&reason);
            let (from, to) = (stream.position, first.event.position);
            if stream.is_parked_at(to, &reason) {
                return Ok(Progress::Ended(RetryOutcome::StillParked(reason)));
            }
            let generation = writing.statement.generation();
            let advanced = parked::advance(connection, generation, &stream.id, (from, to), Some(&reason));
            Ok(Progress::Ended(match run("moving the parked position", advanced).await? {
                true => RetryOutcome::StillParked(reason),
                false => RetryOutcome::NotParked,
            }))
        }
    }
}

/// Skips the event at which a stream is parked: records it, lets the state contain it, and parks the stream behind it, in
/// one transaction. Returns the reason if that is impossible; then nothing has changed.
pub(super) async fn skip_next<M: ReadModel>(
    connection: &mut PgConnection,
    writing: &mut Writing<M>,
    mut stream: RetriedStream,
    by: &str,
    reason: &str,
) -> Result<Result<(), String>, StoreError> {
    let before = log::find_version_before(connection, &stream.id, stream.position);
    let applied = run("reading the applied version", before).await?;
    stream.applied = Some(applied);
    let limit = PageLimit { events: 1, bytes: BATCH_BYTES_MAX };
    let page = log::list_stream(connection, &stream.id, applied, stream.position, limit);
    let page = run("reading the log", page).await?;
    let Some(event) = page.events.first().map(|logged| &logged.event) else {
        return Ok(Err("the log has no event of the stream at this position".to_owned()));
    };
    let log_position = log_position(event);
    writing.skip(stream.id.clone(), log_position);
    let mut transaction = run("beginning a transaction", connection.begin()).await?;
    // The record must survive a crash of the server as soon as it is reported.
    run("waiting for the disk", execute(&mut transaction, "set local synchronous_commit = on")).await?;
    let record = skipped::Record { stream: &stream.id, log_position, failure: &stream.reason, by, reason };
    let generation = writing.statement.generation();
    run("recording the skipped event", skipped::insert(&mut transaction, generation, record)).await?;
    let refused = match try_write::<M>(&mut transaction, writing, &stream, &page.events).await {
        Ok(Ok(Written::Applied { parked: None, .. })) => {
            run("committing the skipped event", transaction.commit()).await?;
            return Ok(Ok(()));
        }
        Ok(Ok(Written::Applied { parked: Some((_, reason)), .. }) | Err(Refusal::CannotApply(reason))) => reason,
        Ok(Ok(Written::NotParked)) => "another process has retried the stream".to_owned(),
        Ok(Err(Refusal::TrySmaller(_))) => "the event is too large".to_owned(),
        Err(error) if error.is_about_data() => error.reason(),
        Err(error) => return Err(error),
    };
    // The rollback also removes the months that the transaction created.
    writing.months.forget();
    run("rolling back", transaction.rollback()).await?;
    Ok(Err(refused))
}

/// Applies events in one transaction; after a refusal nothing has changed.
async fn write<M: ReadModel>(
    connection: &mut PgConnection,
    writing: &mut Writing<M>,
    stream: &RetriedStream,
    events: &[LoggedEvent],
) -> Result<Result<Written, Refusal>, StoreError> {
    let mut transaction = run("beginning a transaction", connection.begin()).await?;
    let written = match try_write::<M>(&mut transaction, writing, stream, events).await {
        Err(error) if error.is_about_data() => Err(match events.len() {
            1 => Refusal::CannotApply(error.reason()),
            several => Refusal::TrySmaller(several / 2),
        }),
        written => written?,
    };
    if let Ok(Written::Applied { .. }) = written {
        run("committing the stream", transaction.commit()).await?;
    } else {
        // The rollback also removes the months that the transaction created.
        writing.months.forget();
        run("rolling back", transaction.rollback()).await?;
    }
    Ok(written)
}

async fn try_write<M: ReadModel>(
    connection: &mut PgConnection,
    writing: &mut Writing<M>,
    stream: &RetriedStream,
    events: &[LoggedEvent],
) -> Result<Result<Written, Refusal>, StoreError> {
    let has_month = events.first().is_some_and(|first| instants::check::<M>(&first.event).is_ok());
    let month: Vec<_> = M::month_of(&stream.id).filter(|_| has_month).into_iter().collect();
    run("attaching the month", writing.months.ensure(connection, &month)).await?;
    let mut stored = StoredStates::<M>::new();
    let version = stream.applied_version();
    let wanted = [StreamAt { stream: stream.id.clone(), version, skipped: writing.skipped().of(&stream.id) }];
    let loaded = M::load(connection, &wanted);
    for (id, state) in run("loading the state", loaded).await? {
        stored.insert_loaded(id, state);
    }
    let next: Vec<_> = events.iter().map(|logged| logged.as_next(0)).collect();
    let mut changes = match fold::fold(&next, stored, &writing.unclaimed) {
        Ok(changes) => changes,
        Err(panicked) if panicked.index == 0 => {
            return Ok(Err(Refusal::CannotApply(fold::panic_reason(next[0].event))));
        }
        Err(panicked) => return Ok(Err(Refusal::TrySmaller(panicked.index))),
    };
    if let Some(refusal) = too_large::<M>(&changes, events.len()) {
        return Ok(Err(refusal));
    }
    // The checkpoint has passed these events and stays unchanged; the parked position is moved below.
    changes.checkpoints.clear();
    let parked = std::mem::take(&mut changes.parked).into_iter().next().map(|parked| (parked.position, parked.reason));
    if parked.as_ref().is_some_and(|(position, reason)| stream.is_parked_at(*position, reason)) {
        return Ok(Ok(Written::Applied { events: 0, parked }));
    }
    let end = events.last().map_or(stream.position, |last| last.event.position.plus(1));
    let (to, reason) = parked.as_ref().map_or((end, None), |(position, reason)| (*position, Some(reason.as_str())));
    let generation = writing.statement.generation();
    let advanced = parked::advance(connection, generation, &stream.id, (stream.position, to), reason);
    if !run("moving the parked position", advanced).await? {
        return Ok(Ok(Written::NotParked));
    }
    if !changes.states.is_empty() {
        run("creating months", writing.months.ensure(connection, &rows::months::<M>(&changes))).await?;
        let write = writing.statement.run(connection, &changes, &writing.unclaimed);
        run("writing the stream", write).await?;
    }
    Ok(Ok(Written::Applied { events: changes.applied, parked }))
}

fn too_large<M: ReadModel>(changes: &Changes<M>, events: usize) -> Option<Refusal> {
    let (limits, bytes) = (Limits::default(), statement::bytes::<M>(changes));
    match events {
        1 => (bytes > limits.event_bytes).then(|| Refusal::CannotApply(fold::too_large_reason(bytes))),
        several => (bytes > limits.write_bytes).then_some(Refusal::TrySmaller(several / 2)),
    }
}
