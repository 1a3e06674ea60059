//! Runs the steps of a rebuild, several at the same time.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::Context;
use events::Position;
use platform::config::Secret;
use read_model::Generation;
use sqlx::{Connection, PgConnection};
use tokio::task::JoinSet;

use super::copying::Copying;
use super::options::Options;
use super::progress::Progress;
use super::refused::{Probe, REFUSED_MAX, is_refusal};
use super::step::{Part, Step};
use super::table_writer::{self, RebuiltTables, write_segment};
use crate::changes::shorten;
use crate::frame::{ReadModel, rows};
use crate::scan::source::{self, is_conflict};
use crate::scan::{Bounds, Segment, Unfoldable, reader};
use crate::store::rebuilds::{self, RebuildRow, StepResult};
use crate::store::{self, parked, run};

/// Interval at which a paused rebuild checks whether it may continue.
const PAUSE: Duration = Duration::from_millis(500);

/// The steps that remain.
type Queue = Arc<Mutex<VecDeque<(i32, Step)>>>;

/// Runs all steps that are not done: copies of tables with states first ([`super::copying`] has the reason).
pub(super) async fn run_steps<M: ReadModel>(
    control: &mut PgConnection,
    generation: Generation,
    options: &Options,
    progress: &Arc<Progress>,
) -> anyhow::Result<()> {
    let row = run("reading the rebuild", rebuilds::find(control, generation)).await?;
    let row = row.context("the rebuild was not planned completely: retire the generation and start again")?;
    let steps = list_steps(control, generation).await?;
    progress.begin(row.segments as u64, row.segments_done as u64, row.events as u64);
    progress.add_rows(row.rows as u64);
    source::wait_until_contained(&mut store::connect_to_read(&options.source_url).await?, Position(row.upto)).await?;
    let copying = Copying::of::<M>(&row, generation);
    if let Some(copying) = &copying {
        let states = open(&steps).filter(|(_, step)| step.copies_states()).collect();
        run_queue::<M>(states, &row, Some(copying), options, progress, generation).await?;
        let added = add_new_months::<M>(control, copying, &steps, options).await?;
        progress.add_segments(added as u64);
    }
    let steps = list_steps(control, generation).await?;
    run_queue::<M>(open(&steps).collect(), &row, copying.as_ref(), options, progress, generation).await?;
    match &copying {
        // A live generation that is ahead of the log stays ahead, so copied rows are right if it is not ahead now.
        Some(copying) => Ok(copying.ensure_possible(control).await?),
        None => Ok(()),
    }
}

async fn list_steps(control: &mut PgConnection, generation: Generation) -> anyhow::Result<Vec<(i32, Step, bool)>> {
    Ok(run("reading the steps", rebuilds::list_steps(control, generation)).await?)
}

/// The steps that are not done.
fn open(steps: &[(i32, Step, bool)]) -> impl Iterator<Item = (i32, Step)> + '_ {
    steps.iter().filter(|(_, _, is_done)| !is_done).map(|(number, step, _)| (*number, step.clone()))
}

/// Adds steps for the months that were created since the rebuild was planned. Returns their number.
async fn add_new_months<M: ReadModel>(
    control: &mut PgConnection,
    copying: &Copying,
    steps: &[(i32, Step, bool)],
    options: &Options,
) -> anyhow::Result<usize> {
    let part = |step: &Step| match step {
        Step::Copy(Part { table, month, .. }) => Some((table.clone(), *month)),
        Step::Fold(_) => None,
    };
    let known: Vec<_> = steps.iter().filter_map(|(_, step, _)| part(step)).collect();
    let mut parts = copying.list_parts(control, &rows::tables::<M>(), options.segment_events).await?;
    parts.retain(|step| part(step).is_none_or(|part| !known.contains(&part)));
    run("adding steps", rebuilds::add_steps(control, copying.generation, &parts)).await?;
    Ok(parts.len())
}

async fn run_queue<M: ReadModel>(
    steps: VecDeque<(i32, Step)>,
    row: &RebuildRow,
    copying: Option<&Copying>,
    options: &Options,
    progress: &Arc<Progress>,
    generation: Generation,
) -> anyhow::Result<()> {
    if steps.is_empty() {
        return Ok(());
    }
    let queue: Queue = Arc::new(Mutex::new(steps));
    let creating = store::connect(&options.database_url).await?;
    let tables = RebuiltTables::new(generation, rows::tables::<M>(), creating);
    let bounds = Arc::new(Bounds::at(Position(row.upto), row.partitions));
    let mut readers = JoinSet::new();
    for _ in 0..options.readers.max(1) {
        let reader = Reader {
            generation,
            source_url: options.source_url.clone(),
            source: reader::connect(&options.source_url).await?,
            database_url: options.database_url.clone(),
            target: table_writer::connect(&options.database_url, generation).await?,
            queue: Arc::clone(&queue),
            tables: tables.clone(),
            copying: copying.cloned(),
            bounds: Arc::clone(&bounds),
            progress: Arc::clone(progress),
            readers: options.readers.max(1) as i64,
        };
        readers.spawn(reader.run::<M>());
    }
    while let Some(ended) = readers.join_next().await {
        // The first error ends the others: dropping the set aborts them, and their steps are repeated.
        ended.context("a reader of the rebuild panicked")??;
    }
    Ok(())
}

/// Runs one step after the other.
struct Reader {
    generation: Generation,
    source_url: Secret,
    source: PgConnection,
    database_url: Secret,
    target: PgConnection,
    queue: Queue,
    tables: RebuiltTables,
    copying: Option<Copying>,
    bounds: Arc<Bounds>,
    progress: Arc<Progress>,
    /// Number of readers that share the limit of events per second.
    readers: i64,
}

impl Reader {
    async fn run<M: ReadModel>(mut self) -> anyhow::Result<()> {
        loop {
            let throttle = self.wait_while_paused().await?;
            let next = self.queue.lock().unwrap_or_else(PoisonError::into_inner).pop_front();
            let Some((number, step)) = next else { return Ok(()) };
            let began = tokio::time::Instant::now();
            let counted = self.run_step::<M>(number, &step).await.with_context(|| step.to_string())?;
            if throttle > 0 {
                let at_least = Duration::from_secs_f64(counted as f64 * self.readers as f64 / throttle as f64);
                tokio::time::sleep_until(began + at_least).await;
            }
        }
    }

    /// Waits while the rebuild is paused; returns the maximum number of events per second.
    async fn wait_while_paused(&mut self) -> anyhow::Result<i64> {
        loop {
            let row = run("reading the rebuild", rebuilds::find(&mut self.target, self.generation)).await?;
            let row = row.context("the rebuild was retired")?;
            self.progress.set_paused(row.paused);
            if !row.paused {
                return Ok(row.throttle);
            }
            tokio::time::sleep(PAUSE).await;
        }
    }

    /// Runs a step, and repeats it if a standby cancels the query, or without an event whose rows PostgreSQL refuses.
    /// Returns the number of events or rows.
    async fn run_step<M: ReadModel>(&mut self, number: i32, step: &Step) -> anyhow::Result<u64> {
        let (mut attempt, mut refused) = (1, Vec::new());
        loop {
            let counted = AtomicU64::new(0);
            let error = match self.try_step::<M>(number, step, &refused, &counted).await {
                Ok(done) => return Ok(done),
                Err(error) => error,
            };
            self.progress.discard_events(counted.into_inner());
            match step {
                Step::Fold(segment) if is_refusal(&error) && refused.len() < REFUSED_MAX => {
                    self.target = table_writer::connect(&self.database_url, self.generation).await?;
                    refused.push(self.find_refused::<M>(segment, &refused).await?.ok_or(error)?);
                }
                Step::Fold(_) if is_conflict(&error) && attempt < source::ATTEMPTS_MAX => {
                    source::wait_to_retry(attempt, &error).await;
                    self.source = reader::connect(&self.source_url).await?;
                    attempt += 1;
                }
                _ => return Err(error),
            }
        }
    }

    async fn find_refused<M: ReadModel>(
        &mut self,
        segment: &Segment,
        refused: &[Unfoldable],
    ) -> anyhow::Result<Option<Unfoldable>> {
        let mut probe = Probe {
            generation: self.generation,
            database_url: &self.database_url,
            source: &mut self.source,
            tables: &self.tables,
            bounds: before(&self.bounds, refused),
        };
        probe.find::<M>(segment).await
    }

    /// Runs a step and commits its rows together with its end. The streams of refused events end before them.
    async fn try_step<M: ReadModel>(
        &mut self,
        number: i32,
        step: &Step,
        refused: &[Unfoldable],
        counted: &AtomicU64,
    ) -> anyhow::Result<u64> {
        let mut transaction = self.target.begin().await.context("beginning a transaction")?;
        let result = match step {
            Step::Fold(segment) => {
                let on_events = |events| {
                    counted.fetch_add(events, Ordering::Relaxed);
                    self.progress.add_events(events);
                };
                let (source, bounds) = (&mut self.source, before(&self.bounds, refused));
                let folded =
                    write_segment::<M>(source, &mut transaction, segment, &bounds, &self.tables, &on_events).await?;
                park(&mut transaction, self.generation, folded.unfoldable.iter().chain(refused)).await?;
                StepResult { events: folded.events, rows: 0, last: folded.last }
            }
            Step::Copy(part) => {
                let copying = self.copying.as_ref().context("the rebuild does not know which generation it copies")?;
                let table = self.tables.schema(&part.table).context("the table is unknown to this build")?;
                self.tables.ensure_copied(table.name, part.month).await?;
                let rows = copying.copy(&mut transaction, table, part).await?;
                copying.copy_skipped(&mut transaction).await.context("copying the skipped events")?;
                StepResult { rows, ..StepResult::default() }
            }
        };
        rebuilds::finish_step(&mut transaction, self.generation, number, &result).await?;
        transaction.commit().await?;
        self.progress.add_rows(result.rows);
        self.progress.finish_segment();
        Ok(result.events + result.rows)
    }
}

/// The bounds with which streams end before refused events.
fn before(bounds: &Bounds, refused: &[Unfoldable]) -> Bounds {
    let mut bounds = bounds.clone();
    bounds.parked.extend(refused.iter().map(|event| (event.stream.clone(), event.position)));
    bounds
}

/// Parks the streams whose events cannot be applied, as a worker does.
async fn park(
    connection: &mut PgConnection,
    generation: Generation,
    streams: impl Iterator<Item = &Unfoldable>,
) -> anyhow::Result<()> {
    for Unfoldable { stream, partition, position, reason } in streams {
        let reason = shorten(reason);
        tracing::error!(
            projection = generation.projection.name(),
            generation = generation.number,
            event.stream = %stream,
            event.position = position.0,
            reason,
            "parked stream: its event cannot be applied"
        );
        let park = parked::insert(connection, generation, stream, *partition, *position, &reason);
        run("parking a stream", park).await?;
    }
    Ok(())
}
