//! Retries parked streams: on request, and once when a process starts, because a newer build may be able to apply what
//! an older build could not. Safe while workers run, and costs the workers little.
//!
//! A worker skips the events of a parked stream, so [`stream`] catches the stream up beside the worker: no partition is
//! locked, and a stream that this build cannot apply either costs a few short statements. Streams that have caught up
//! are released under a lock on the checkpoint of their partition, all streams of the partition together: the events
//! that arrived in the meantime are applied up to the checkpoint, and the claim on the partition ends, so that the
//! worker reads the parked streams again.
//!
//! Each stream has its own transactions: an event that PostgreSQL refuses delays no other stream.
//!
//! [`crate::skip`] uses the same steps to continue a stream without the event that cannot be applied.

use std::collections::BTreeMap;
use std::pin::Pin;

use events::{Position, StreamId, Version};
use platform::config::Secret;
use read_model::{Generation, Projection};
use sqlx::{Connection, PgConnection};

use crate::frame::ReadModel;
use crate::operator_error::OperatorError;
use crate::projections::{WithReadModel, with_read_model};
use crate::store::generations::{self, GenerationRow};
use crate::store::parked::{self, ParkedRow};
use crate::store::{self, Store, StoreError, checkpoints, run, skipped};

mod outcome;
mod stream;
mod writing;

pub use outcome::RetryOutcome;
use stream::{Progress, RetriedStream};
use writing::Writing;

/// Number of streams that are released in one transaction: about 100 ms, during which their partition waits.
const RELEASED_AT_ONCE: usize = 1_000;

/// Number of events that are applied while their partition waits; the rest is caught up beside the worker once more.
const EVENTS_UNDER_LOCK: usize = 5_000;

/// Maximum number of passes over a stream that receives more events in each pass than are applied under the lock.
const PASSES_MAX: usize = 10;

/// Which parked streams are retried: all, or those of one projection, or one stream.
#[derive(Debug, Clone, Copy, Default)]
pub struct Selected<'a> {
    /// The projection; `None` for all projections.
    pub projection: Option<Projection>,
    /// The stream; `None` for all streams.
    pub stream: Option<&'a StreamId>,
}

/// Receives the outcome of each stream in each generation.
pub type Report<'a> = &'a mut (dyn FnMut(Generation, &str, &RetryOutcome) + Send);

/// Receives the outcome of each stream of one generation.
type ReportStream<'a> = &'a mut (dyn FnMut(&str, &RetryOutcome) + Send);

/// Retries parked streams and passes each outcome to `report`; the result is whether any was parked. The future is boxed
/// for the same reason as that of [`crate::serve::run`].
pub fn retry<'a>(
    database_url: &'a Secret,
    selected: Selected<'a>,
    report: Report<'a>,
) -> Pin<Box<dyn Future<Output = Result<bool, OperatorError>> + Send + 'a>> {
    Box::pin(retry_selected(database_url, selected, report))
}

async fn retry_selected(
    database_url: &Secret,
    selected: Selected<'_>,
    report: Report<'_>,
) -> Result<bool, OperatorError> {
    let mut locking = lock(database_url).await?;
    let mut was_parked = false;
    for (projection, row) in list_generations(&mut locking, selected.projection).await? {
        let generation = Generation { projection, number: row.number };
        let mut report = |stream: &str, outcome: &RetryOutcome| report(generation, stream, outcome);
        let retry = RetryGeneration { database_url, row: &row, stream: selected.stream, report: &mut report };
        if let Some(retrying) = with_read_model(projection, retry) {
            was_parked |= retrying.await?;
        }
    }
    Ok(was_parked)
}

/// Lets only one process at a time retry parked streams or skip their events, until the connection is closed.
pub(crate) async fn lock(database_url: &Secret) -> Result<PgConnection, OperatorError> {
    let mut locking = store::connect(database_url).await?;
    match run("locking the retry of parked streams", parked::try_lock(&mut locking)).await? {
        true => Ok(locking),
        false => Err(OperatorError::Busy(
            "another process is retrying parked streams; wait until it has finished".to_owned(),
        )),
    }
}

/// The generations of all projections of this build, or of one.
pub(crate) async fn list_generations(
    connection: &mut PgConnection,
    of: Option<Projection>,
) -> Result<Vec<(Projection, GenerationRow)>, StoreError> {
    let rows = run("reading the generations", generations::list(connection)).await?;
    let known = rows.into_iter().filter_map(|row| Some((Projection::find(&row.projection)?, row)));
    Ok(known.filter(|(projection, _)| of.is_none_or(|only| only == *projection)).collect())
}

/// Retries the streams of one generation; the result is whether any was parked.
struct RetryGeneration<'a, 'r> {
    database_url: &'a Secret,
    row: &'a GenerationRow,
    stream: Option<&'a StreamId>,
    report: ReportStream<'r>,
}

impl<'a: 'r, 'r> WithReadModel for RetryGeneration<'a, 'r> {
    type Output = Pin<Box<dyn Future<Output = anyhow::Result<bool>> + Send + 'r>>;

    fn call<M: ReadModel>(self) -> Self::Output {
        Box::pin(self.run::<M>())
    }
}

impl RetryGeneration<'_, '_> {
    async fn run<M: ReadModel>(self) -> anyhow::Result<bool> {
        let generation = Generation { projection: M::PROJECTION, number: self.row.number };
        if !is_written::<M>(self.row) {
            return Ok(false);
        }
        let mut store = Store::new(self.database_url, generation)?;
        let connection = store.connection().await?;
        let rows = run("reading parked streams", parked::list(connection, generation, self.stream)).await?;
        let was_parked = !rows.is_empty();
        retry_all::<M>(connection, generation, rows, self.report).await?;
        Ok(was_parked)
    }
}

/// Whether this build applies events to a generation.
pub(crate) fn is_written<M: ReadModel>(row: &GenerationRow) -> bool {
    row.version == M::VERSION && row.state.is_followed()
}

/// Retries the streams of a projection, partition by partition.
pub(crate) async fn retry_all<M: ReadModel>(
    connection: &mut PgConnection,
    generation: Generation,
    rows: Vec<ParkedRow>,
    report: ReportStream<'_>,
) -> Result<(), StoreError> {
    let skipped = run("reading skipped events", skipped::list(connection, generation)).await?;
    let mut writing = Writing::<M>::new(generation, skipped);
    let mut by_partition: BTreeMap<Option<i32>, Vec<RetriedStream>> = BTreeMap::new();
    for ParkedRow { stream_id, position, partition, reason } in rows {
        match stream_id.parse() {
            Ok(id) => {
                by_partition.entry(partition).or_default().push(RetriedStream::new(id, Position(position), reason));
            }
            Err(_) => {
                report(&stream_id, &RetryOutcome::StillParked("the stream id is unknown to this build".to_owned()))
            }
        }
    }
    for (partition, mut streams) in by_partition {
        for _ in 0..PASSES_MAX {
            catch_up::<M>(connection, &mut writing, partition, &mut streams, report).await?;
            let mut behind = Vec::new();
            while !streams.is_empty() {
                let together = streams.split_off(streams.len().saturating_sub(RELEASED_AT_ONCE));
                behind.extend(release::<M>(connection, &mut writing, partition, together, report).await?);
            }
            streams = behind;
        }
        for stream in &streams {
            let reason = "the stream receives events faster than they are applied; run the retry again".to_owned();
            report(stream.id.as_str(), &RetryOutcome::StillParked(reason));
        }
    }
    Ok(())
}

/// Skips the event at which a stream is parked, and records who skips it and why. Returns the reason if that is impossible.
pub(crate) async fn skip_parked<M: ReadModel>(
    connection: &mut PgConnection,
    generation: Generation,
    stream: &StreamId,
    parked: &ParkedRow,
    (by, reason): (&str, &str),
) -> Result<Result<(), String>, StoreError> {
    let known = run("reading skipped events", skipped::list(connection, generation)).await?;
    let mut writing = Writing::<M>::new(generation, known);
    let parked = RetriedStream::new(stream.clone(), Position(parked.position), parked.reason.clone());
    stream::skip_next::<M>(connection, &mut writing, parked, by, reason).await
}

/// Applies streams up to the checkpoint of their partition; reports and removes those that cannot be applied.
async fn catch_up<M: ReadModel>(
    connection: &mut PgConnection,
    writing: &mut Writing<M>,
    partition: Option<i32>,
    streams: &mut Vec<RetriedStream>,
    report: ReportStream<'_>,
) -> Result<(), StoreError> {
    let mut caught_up = Vec::with_capacity(streams.len());
    let generation = writing.statement.generation();
    let upto = checkpoints::find_position(connection, generation, partition);
    let upto = run("reading the checkpoint", upto).await?;
    for mut stream in streams.drain(..) {
        let mut progress = Progress::Behind;
        while let Progress::Behind = progress {
            progress = stream::apply_next::<M>(connection, writing, &mut stream, upto).await?;
        }
        match progress {
            Progress::Ended(outcome) => report(stream.id.as_str(), &outcome),
            Progress::Behind | Progress::CaughtUp => caught_up.push(stream),
        }
    }
    *streams = caught_up;
    Ok(())
}

/// Releases streams that have caught up, in one transaction; returns those that have received too many events in the
/// meantime.
async fn release<M: ReadModel>(
    connection: &mut PgConnection,
    writing: &mut Writing<M>,
    partition: Option<i32>,
    streams: Vec<RetriedStream>,
    report: ReportStream<'_>,
) -> Result<Vec<RetriedStream>, StoreError> {
    let mut transaction = run("beginning a transaction", connection.begin()).await?;
    let generation = writing.statement.generation();
    let upto = checkpoints::lock_position(&mut transaction, generation, partition);
    let upto = run("locking the checkpoint", upto).await?;
    let names: Vec<&str> = streams.iter().map(|stream| stream.id.as_str()).collect();
    let versions: Vec<Version> = streams.iter().map(|stream| stream.applied_version()).collect();
    let received = parked::list_behind(&mut transaction, &names, &versions, upto);
    let received = run("reading which streams received events", received).await?;
    let (mut caught_up, mut behind, mut ended) = (Vec::new(), Vec::new(), Vec::new());
    let mut applied = 0;
    for mut stream in streams {
        let before = stream.events();
        let progress = match received.contains(stream.id.as_str()) {
            true if applied >= EVENTS_UNDER_LOCK => Progress::Behind,
            true => stream::apply_next::<M>(&mut transaction, writing, &mut stream, upto).await?,
            false => Progress::CaughtUp,
        };
        applied += stream.events() - before;
        match progress {
            Progress::CaughtUp => caught_up.push(stream),
            Progress::Behind => behind.push(stream),
            Progress::Ended(outcome) => ended.push((stream, outcome)),
        }
    }
    let names: Vec<&str> = caught_up.iter().map(|stream| stream.id.as_str()).collect();
    let released = run("releasing streams", parked::release(&mut transaction, generation, &names)).await?;
    if !released.is_empty() {
        run("ending the claim", checkpoints::end_claims(&mut transaction, generation, partition)).await?;
    }
    run("committing the release", transaction.commit()).await?;
    for stream in caught_up {
        let outcome = match released.contains(stream.id.as_str()) {
            true => RetryOutcome::Resumed(stream.events()),
            false => RetryOutcome::NotParked,
        };
        ended.push((stream, outcome));
    }
    ended.iter().for_each(|(stream, outcome)| report(stream.id.as_str(), outcome));
    Ok(behind)
}
