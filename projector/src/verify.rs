//! Verifies a generation: compares its tables with an independent fold of the log, by checksums of rows first, and then
//! down to the rows and columns that differ.
//!
//! The tables are read in one snapshot together with the checkpoints, so the verification is exact while events are
//! applied: each stream is folded up to the checkpoint of its partition in that snapshot, without the events that operators
//! have skipped. [`checksums`] adds up rows by [`parts`],
//! [`rows`] collects the rows of the parts that differ, [`stored`] reads the tables, [`report`] is the result.
//!
//! Months that the tables do not show are not compared row by row. The log must result in the rows that were archived, by
//! their checksum, because no event was applied to an archived month since; detached months are only reported.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::Context;
use events::Position;
use platform::config::Secret;
use read_model::Generation;
use sqlx::PgConnection;
use tokio::task::JoinSet;

use crate::frame::ReadModel;
use crate::operator_error::OperatorError;
use crate::rebuild::progress::Progress;
use crate::scan::{Bounds, Segment, Sink, fold_segment, plan, reader, source};
use crate::store::{self, generations, run};

mod checksums;
mod parts;
pub mod report;
mod rows;
mod stored;

use checksums::Checksums;
pub use report::{Difference, Report};
use rows::{ExpectedRows, WantedRows};
use stored::Snapshot;

/// How a verification runs.
#[derive(Debug, Clone)]
pub struct Options {
    /// The database whose tables are verified: the primary if the result is stored.
    pub database_url: Secret,
    /// The database that the log is read from: the primary or a standby that contains the checkpoints.
    pub source_url: Secret,
    /// Number of segments that are read at the same time.
    pub readers: usize,
    /// Number of events in the log per segment.
    pub segment_events: i64,
}

/// Verifies a generation, and stores the result with it.
pub async fn verify<M: ReadModel>(
    generation: Generation,
    options: &Options,
    progress: &Arc<Progress>,
) -> Result<Report, OperatorError> {
    let report = compare::<M>(generation, options, progress).await?;
    let mut connection = store::connect(&options.database_url).await?;
    let (position, differences) = (Position(report.position), report.differences_total);
    let json = report.to_stored_json();
    let verified = generations::set_verified(&mut connection, generation, position, differences, &json);
    run("storing the result", verified).await?;
    progress.enter("done");
    Ok(report)
}

/// Compares a generation with the log, and only reads: the login needs no right to write.
pub async fn compare<M: ReadModel>(
    generation: Generation,
    options: &Options,
    progress: &Arc<Progress>,
) -> Result<Report, OperatorError> {
    let mut snapshot = Snapshot::open::<M>(&options.database_url, generation).await?;
    let bounds = Arc::new(snapshot.bounds().clone());
    progress.enter("comparing checksums");
    let absent_months = Arc::clone(snapshot.absent_months());
    let sink = || Checksums::new(Arc::clone(&absent_months));
    let folding = fold_all_again::<M, Checksums<M>>(options, &bounds, progress, sink);
    let (expected, stored) = tokio::join!(folding, snapshot.checksums::<M>());
    let ((expected, skipped), stored) = (expected?, stored?);
    let expected = Checksums::total(expected);
    let mut report = Report::new(generation, bounds.last(), &expected, &stored);
    report.events_skipped = skipped;
    report.add_absent_months(&absent_months, &expected.absent);
    let parts = expected.differing(&stored);
    if !parts.is_empty() {
        progress.enter("finding the differences");
        let wanted = Arc::new(WantedRows { parts, absent_months });
        let sink = || ExpectedRows::of(Arc::clone(&wanted));
        let (expected, _) = fold_all_again::<M, ExpectedRows<M>>(options, &bounds, progress, sink).await?;
        let expected = ExpectedRows::total(expected);
        report.add_differences(&expected, &snapshot.rows::<M>(&wanted).await?);
    }
    snapshot.close().await?;
    Ok(report)
}

/// Folds all streams, and once more if a standby cancels a query: the sinks would contain a part of a segment.
async fn fold_all_again<M: ReadModel, S: Sink<M> + Send + 'static>(
    options: &Options,
    bounds: &Arc<Bounds>,
    progress: &Arc<Progress>,
    sink: impl Fn() -> S,
) -> anyhow::Result<(Vec<S>, u64)> {
    let mut attempt = 1;
    loop {
        match fold_all::<M, S>(options, bounds, progress, &sink).await {
            Err(error) if attempt < source::ATTEMPTS_MAX && source::is_conflict(&error) => {
                source::wait_to_retry(attempt, &error).await;
                attempt += 1;
            }
            folded => return folded,
        }
    }
}

/// Folds all streams with several readers, each with a sink of its own. Returns the sinks and the number of events that
/// operators have skipped.
async fn fold_all<M: ReadModel, S: Sink<M> + Send + 'static>(
    options: &Options,
    bounds: &Arc<Bounds>,
    progress: &Arc<Progress>,
    sink: &impl Fn() -> S,
) -> anyhow::Result<(Vec<S>, u64)> {
    let mut planning = store::connect_to_read(&options.source_url).await?;
    source::wait_until_contained(&mut planning, bounds.last()).await?;
    let segments = plan::plan(&mut planning, M::PROJECTION.category(), bounds.last(), options.segment_events).await;
    let segments = segments.context("planning the segments")?;
    progress.begin(segments.len() as u64, 0, 0);
    let queue = Arc::new(Mutex::new(VecDeque::from(segments)));
    let mut readers = JoinSet::new();
    for _ in 0..options.readers.max(1) {
        let source = reader::connect(&options.source_url).await?;
        let (queue, bounds, progress) = (Arc::clone(&queue), Arc::clone(bounds), Arc::clone(progress));
        readers.spawn(fold_segments::<M, S>(source, queue, bounds, progress, sink()));
    }
    let (mut sinks, mut skipped) = (Vec::new(), 0);
    while let Some(ended) = readers.join_next().await {
        let (sink, skipped_by_reader) = ended.context("a reader of the verification panicked")??;
        sinks.push(sink);
        skipped += skipped_by_reader;
    }
    Ok((sinks, skipped))
}

async fn fold_segments<M: ReadModel, S: Sink<M> + Send>(
    mut source: PgConnection,
    queue: Arc<Mutex<VecDeque<Segment>>>,
    bounds: Arc<Bounds>,
    progress: Arc<Progress>,
    mut sink: S,
) -> anyhow::Result<(S, u64)> {
    let mut skipped = 0;
    loop {
        let next = queue.lock().unwrap_or_else(PoisonError::into_inner).pop_front();
        let Some(segment) = next else { return Ok((sink, skipped)) };
        let on_events = |events| progress.add_events(events);
        let folded = fold_segment::<M>(&mut source, &segment, &bounds, &mut sink, &on_events)
            .await
            .with_context(|| format!("reading {segment}"))?;
        skipped += folded.skipped;
        progress.finish_segment();
    }
}
