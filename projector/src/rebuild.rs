//! Rebuilds a projection: derives a new generation from the log beside the live one, while the live one is read and
//! written.
//!
//! A rebuild reads the log up to the position at its start, segment by segment ([`readers`]), writes tables without indexes
//! ([`table_writer`]), creates the indexes and attaches the months ([`indexes`]), applies the events since its start, and
//! hands the generation over to the serving projector. A segment is committed with its rows, so a rebuild that was killed
//! continues after the last segment. [`progress`] counts what was read.

use std::sync::Arc;

use anyhow::{Context, ensure};
use events::Position;
use platform::health::Health;
use read_model::Generation;
use sqlx::{Connection, PgConnection};

use crate::apply::Applier;
use crate::config::Limits;
use crate::frame::{ReadModel, rows};
use crate::scan::plan;
use crate::store::generations::{self, State};
use crate::store::log::PageLimit;
use crate::store::{self, Store, rebuilds, relay, run};

pub mod from_kafka;
mod indexes;
mod options;
pub mod progress;
mod readers;
mod table_writer;

pub use options::Options;
use progress::Progress;

/// Events and bytes that are read at once while the events since the start are applied.
const CATCH_UP_PAGE: PageLimit = PageLimit { events: 10_000, bytes: 8 * 1024 * 1024 };

/// Maximum number of passes over the events since the start; what remains is left to the serving projector.
const CATCH_UP_PASSES: usize = 5;

/// What a rebuild would do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    /// The generation that is created or continued.
    pub generation: Generation,
    /// Whether an interrupted rebuild continues.
    pub continues: bool,
    /// Position up to which the log is read.
    pub upto: Position,
    /// Number of segments that remain.
    pub segments: usize,
}

/// Plans a rebuild without changing anything.
pub async fn plan_rebuild<M: ReadModel>(options: &Options) -> anyhow::Result<Plan> {
    let mut connection = store::connect(&options.database_url).await?;
    let (generation, continues) = next_generation::<M>(&mut connection).await?;
    if continues {
        let row = run("reading the rebuild", rebuilds::find(&mut connection, generation)).await?;
        let row = row.context("the rebuild was not planned completely: retire the generation and start again")?;
        let segments = (row.segments - row.segments_done) as usize;
        return Ok(Plan { generation, continues, upto: Position(row.upto), segments });
    }
    let mut source = store::connect(&options.source_url).await?;
    let upto = run("reading the head of the log", store::log::find_head(&mut source)).await?;
    let segments = plan::plan(&mut source, M::PROJECTION.category(), upto, options.segment_events)
        .await
        .context("planning the segments")?;
    Ok(Plan { generation, continues, upto, segments: segments.len() })
}

/// Rebuilds a projection, or continues an interrupted rebuild. Returns the generation, whose state is then `following`.
pub async fn rebuild<M: ReadModel>(options: &Options, progress: Arc<Progress>) -> anyhow::Result<Generation> {
    let mut control = store::connect(&options.database_url).await?;
    let name = M::PROJECTION.name();
    let is_alone = run("locking the rebuild", generations::try_lock_rebuild(&mut control, M::PROJECTION)).await?;
    ensure!(is_alone, "another process is rebuilding {name}; `projector status` shows its progress");
    let generation = begin::<M>(&mut control, options).await?;
    if let Some(throttle) = options.throttle {
        run("setting the limit", rebuilds::set_throttle(&mut control, generation, throttle)).await?;
    }
    readers::read_segments::<M>(&mut control, generation, options, &progress).await?;
    progress.enter("creating indexes");
    indexes::create(&mut control, generation, &rows::tables::<M>()).await?;
    run("writing the checkpoints", rebuilds::write_checkpoints(&mut control, generation)).await?;
    progress.enter("applying the events since the start");
    catch_up::<M>(&mut control, generation, options).await?;
    run("handing over", generations::set_state(&mut control, generation, State::Building, State::Following)).await?;
    progress.enter("done");
    Ok(generation)
}

/// The generation that a rebuild creates, or the one that an interrupted rebuild left.
async fn next_generation<M: ReadModel>(connection: &mut PgConnection) -> anyhow::Result<(Generation, bool)> {
    let rows = run("reading the generations", generations::list(connection)).await?;
    let own: Vec<_> = rows.iter().filter(|row| row.projection == M::PROJECTION.name()).collect();
    let of = |number| Generation { projection: M::PROJECTION, number };
    if let Some(building) = own.iter().find(|row| row.state == State::Building) {
        ensure!(
            building.version == M::VERSION,
            "{} was begun by a build with version {}, and this build has version {}: retire the generation first",
            of(building.number),
            building.version,
            M::VERSION
        );
        return Ok((of(building.number), true));
    }
    if let Some(following) = own.iter().find(|row| row.state == State::Following) {
        anyhow::bail!("{} is rebuilt already: promote or retire it first", of(following.number));
    }
    let last = own.iter().map(|row| row.number).max().unwrap_or(0);
    Ok((of(last + 1), false))
}

/// Creates the generation and its segments, unless an interrupted rebuild continues.
async fn begin<M: ReadModel>(control: &mut PgConnection, options: &Options) -> anyhow::Result<Generation> {
    let (generation, continues) = next_generation::<M>(control).await?;
    if continues {
        return Ok(generation);
    }
    let category = M::PROJECTION.category();
    let mut source = store::connect(&options.source_url).await?;
    let upto = run("reading the head of the log", store::log::find_head(&mut source)).await?;
    let segments =
        plan::plan(&mut source, category, upto, options.segment_events).await.context("planning the segments")?;
    let partitions = run("reading the partitions", relay::count_partitions(control, category)).await?;
    let partitions = partitions.with_context(|| {
        format!("the number of partitions of topic {category} is unknown: start the command-service once")
    })?;
    let mut transaction = control.begin().await.context("beginning a transaction")?;
    generations::create_for_rebuild::<M>(&mut transaction, generation).await.context("creating the tables")?;
    rebuilds::insert(&mut transaction, generation, upto, partitions, &segments).await.context("saving the segments")?;
    transaction.commit().await.context("committing the plan")?;
    Ok(generation)
}

/// Applies the events since the start of the rebuild.
async fn catch_up<M: ReadModel>(
    control: &mut PgConnection,
    generation: Generation,
    options: &Options,
) -> anyhow::Result<()> {
    let row = run("reading the rebuild", rebuilds::find(control, generation)).await?;
    let partitions = row.context("the rebuild was retired")?.partitions;
    let store = Store::new(&options.database_url, generation)?;
    let mut applier = Applier::<M>::new(Limits::default(), store, None, Health::new().component("postgres"));
    applier.claim(&(0..partitions).collect::<Vec<_>>()).await?;
    for _ in 0..CATCH_UP_PASSES {
        let upto = applier.find_published().await?.relay.position;
        let applied = applier.apply_log(partitions, upto, CATCH_UP_PAGE).await?;
        if applied == 0 {
            break;
        }
    }
    Ok(())
}
