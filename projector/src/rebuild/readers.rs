//! Reads the segments of a rebuild, several at the same time.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::Context;
use events::Position;
use platform::config::Secret;
use read_model::Generation;
use sqlx::{Connection, PgConnection};
use tokio::task::JoinSet;

use super::options::Options;
use super::progress::Progress;
use super::table_writer::{RebuiltTables, TableWriter};
use crate::changes::shorten;
use crate::frame::{ReadModel, rows};
use crate::scan::{Bounds, Segment, Unfoldable, fold_segment, reader};
use crate::store::{self, parked, rebuilds, run, search_path};

/// Interval at which a paused rebuild checks whether it may continue.
const PAUSE: Duration = Duration::from_millis(500);

/// The segments that remain.
type Queue = Arc<Mutex<VecDeque<(i32, Segment)>>>;

/// Reads all segments that are not done.
pub(super) async fn read_segments<M: ReadModel>(
    control: &mut PgConnection,
    generation: Generation,
    options: &Options,
    progress: &Arc<Progress>,
) -> anyhow::Result<()> {
    let row = run("reading the rebuild", rebuilds::find(control, generation)).await?;
    let row = row.context("the rebuild was not planned completely: retire the generation and start again")?;
    let open = run("reading the segments", rebuilds::list_open(control, generation)).await?;
    progress.begin(row.segments as u64, row.segments_done as u64, row.events as u64);
    let queue: Queue = Arc::new(Mutex::new(open.into()));
    let creating = store::connect(&options.database_url).await?;
    let tables = RebuiltTables::new(generation, rows::tables::<M>(), creating);
    let bounds = Arc::new(Bounds::at(Position(row.upto), row.partitions));
    let mut readers = JoinSet::new();
    for _ in 0..options.readers.max(1) {
        let reader = Reader {
            generation,
            source: reader::connect(&options.source_url).await?,
            target: connect_target(&options.database_url, generation).await?,
            queue: Arc::clone(&queue),
            tables: tables.clone(),
            bounds: Arc::clone(&bounds),
            progress: Arc::clone(progress),
            readers: options.readers.max(1) as i64,
        };
        readers.spawn(reader.run::<M>());
    }
    while let Some(ended) = readers.join_next().await {
        // The first error ends the others: dropping the set aborts them, and their segments are read again.
        ended.context("a reader of the rebuild panicked")??;
    }
    Ok(())
}

async fn connect_target(url: &Secret, generation: Generation) -> anyhow::Result<PgConnection> {
    let mut connection = store::connect(url).await?;
    sqlx::query("select set_config('search_path', $1, false)")
        .bind(search_path(generation))
        .execute(&mut connection)
        .await
        .context("preparing the connection to the tables")?;
    Ok(connection)
}

/// Reads one segment after the other.
struct Reader {
    generation: Generation,
    source: PgConnection,
    target: PgConnection,
    queue: Queue,
    tables: RebuiltTables,
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
            let Some((number, segment)) = next else { return Ok(()) };
            let began = tokio::time::Instant::now();
            let events = self.read::<M>(number, &segment).await?;
            if throttle > 0 {
                let at_least = Duration::from_secs_f64(events as f64 * self.readers as f64 / throttle as f64);
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

    /// Folds a segment and commits its rows together with its end.
    async fn read<M: ReadModel>(&mut self, number: i32, segment: &Segment) -> anyhow::Result<u64> {
        let place = || format!("reading the streams from {} to {}", segment.first, segment.end);
        let mut transaction = self.target.begin().await.with_context(place)?;
        let mut writer = TableWriter::new(self.tables.clone(), &mut transaction);
        let on_events = |events| self.progress.add_events(events);
        let folded = fold_segment::<M>(&mut self.source, segment, &self.bounds, &mut writer, &on_events).await;
        let folded = folded.with_context(place)?;
        writer.flush().await.with_context(place)?;
        park(&mut transaction, self.generation, &folded.unfoldable).await?;
        rebuilds::finish_segment(&mut transaction, self.generation, number, folded.events, &folded.last)
            .await
            .with_context(place)?;
        transaction.commit().await.with_context(place)?;
        self.progress.finish_segment();
        Ok(folded.events)
    }
}

/// Parks the streams whose events cannot be applied, as a worker does.
async fn park(connection: &mut PgConnection, generation: Generation, streams: &[Unfoldable]) -> anyhow::Result<()> {
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
