//! Rebuilds a projection: derives a new generation from the log beside the live one, while the live one is read and
//! written.
//!
//! A rebuild reads the log up to the position at its start, segment by segment ([`planning`], [`readers`]), writes tables
//! without indexes ([`table_writer`]), creates the indexes and attaches the months ([`indexes`]), applies the events since its
//! start, and hands the generation over to the serving projector. A rebuild of some streams ([`selection`]) copies the rows of
//! the others from the live generation ([`partial`], [`copying`]). A [`step`] is committed with its rows, so a rebuild that
//! was killed continues after its last step. [`progress`] counts what was read.

use std::sync::Arc;

use anyhow::Context;
use platform::health::Component;
use read_model::{Generation, Projection};
use sqlx::PgConnection;

use crate::apply::Applier;
use crate::config::Limits;
use crate::frame::{ReadModel, rows};
use crate::operator_error::OperatorError;
use crate::step::StepError;
use crate::store::generations::{self, State};
use crate::store::log::PageLimit;
use crate::store::{self, Store, StoreError, rebuilds, run};

mod copying;
pub mod from_kafka;
mod indexes;
mod options;
mod partial;
mod planning;
pub mod progress;
mod readers;
mod refused;
pub mod selection;
pub mod step;
mod table_writer;

pub use options::Options;
pub use planning::{Copies, Plan, plan_rebuild};
use progress::Progress;

/// Events and bytes that are read at once while the events since the start are applied.
const CATCH_UP_PAGE: PageLimit = PageLimit { events: 10_000, bytes: 8 * 1024 * 1024 };

/// Maximum number of passes over the events since the start; what remains is left to the serving projector.
const CATCH_UP_PASSES: usize = 5;

/// Rebuilds a projection, or continues an interrupted rebuild. Returns the generation, whose state is then `following`.
pub async fn rebuild<M: ReadModel>(options: &Options, progress: Arc<Progress>) -> Result<Generation, OperatorError> {
    let mut control = store::connect(&options.database_url).await?;
    lock(&mut control, M::PROJECTION).await?;
    let generation = rebuild_alone::<M>(&mut control, options, &progress).await?;
    progress.enter("done");
    Ok(generation)
}

/// Takes the lock of the rebuilds of a projection. Fails if another process has it.
async fn lock(control: &mut PgConnection, projection: Projection) -> Result<(), OperatorError> {
    match run("locking the rebuild", generations::try_lock_rebuild(control, projection)).await? {
        true => Ok(()),
        false => Err(OperatorError::Busy(format!(
            "another process is rebuilding {}; `projector status` shows its progress",
            projection.name()
        ))),
    }
}

async fn rebuild_alone<M: ReadModel>(
    control: &mut PgConnection,
    options: &Options,
    progress: &Arc<Progress>,
) -> Result<Generation, OperatorError> {
    let generation = planning::begin::<M>(control, options).await?;
    if let Some(throttle) = options.throttle {
        run("setting the limit", rebuilds::set_throttle(control, generation, throttle)).await?;
    }
    let filled = fill::<M>(control, generation, options, progress).await;
    filled.with_context(|| format!("the rebuild of {generation} has stopped, and the same command continues it"))?;
    Ok(generation)
}

/// Fills the tables of a generation and hands it over to the serving projector.
async fn fill<M: ReadModel>(
    control: &mut PgConnection,
    generation: Generation,
    options: &Options,
    progress: &Arc<Progress>,
) -> anyhow::Result<()> {
    readers::run_steps::<M>(control, generation, options, progress).await?;
    progress.enter("creating indexes");
    indexes::create(control, generation, &rows::tables::<M>()).await?;
    let row = run("reading the rebuild", rebuilds::find(control, generation)).await?;
    let row = row.context("the rebuild was retired")?;
    // A rebuild of some streams begins with the checkpoints of the live generation.
    match row.selection().is_partial() {
        true => run("removing the ids of folded streams", partial::finish(control, generation)).await?,
        false => run("writing the checkpoints", rebuilds::write_checkpoints(control, generation)).await?,
    }
    progress.enter("applying the events since the start");
    catch_up::<M>(row.partitions, generation, options).await?;
    if row.selection().is_partial() {
        partial::retry_parked::<M>(&options.database_url, generation).await?;
    }
    run("handing over", generations::set_state(control, generation, State::Building, State::Following)).await?;
    Ok(())
}

/// Applies the events since the start of the rebuild.
pub(crate) async fn catch_up<M: ReadModel>(
    partitions: i32,
    generation: Generation,
    options: &Options,
) -> Result<(), StepError> {
    let store = Store::new(&options.database_url, generation);
    let store = store.map_err(|source| StoreError { operation: "reading DATABASE_URL", source })?;
    let mut applier = Applier::<M>::new(Limits::default(), store, None, Component::unreported("postgres"));
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
