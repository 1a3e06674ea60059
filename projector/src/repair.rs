//! Repairs the projections that contain events which the log does not contain any more: derives a new generation from the
//! log, verifies it, makes it live, and removes the wrong ones. Other projections are left as they are.
//!
//! Every step looks at the generations as they are, so a repair that was interrupted is continued by repeating it. A repair
//! folds the whole log and not only the streams that are known to have lost events: the log does not contain the lost
//! events, so it cannot tell which rows they changed.

use std::sync::Arc;

use anyhow::{Context, bail};
use platform::config::Secret;
use read_model::{Generation, Projection};
use sqlx::PgConnection;

use crate::frame::ReadModel;
use crate::promote;
use crate::rebuild;
use crate::rebuild::progress::Progress;
use crate::replacement::replace_live;
use crate::store::generations::{self, GenerationRow, State};
use crate::store::incarnations::{self, AheadRow};
use crate::store::{self, rebuilds, run};

/// What a repair has done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Repaired {
    /// The generation that is live now.
    pub live: Generation,
    /// The wrong generations that were removed.
    pub removed: Vec<Generation>,
}

/// Finds the generations that contain events which the log does not contain, of one projection or of all.
pub async fn find(url: &Secret, only: Option<Projection>) -> anyhow::Result<Vec<AheadRow>> {
    let mut connection = store::connect(url).await?;
    let rows = run("comparing the checkpoints with the log", incarnations::list_ahead(&mut connection, None)).await?;
    Ok(rows.into_iter().filter(|row| only.is_none_or(|only| only.name() == row.projection)).collect())
}

/// Repairs a projection. Fails if the incarnation of the log was not raised after the loss of its events.
pub async fn repair<M: ReadModel>(options: &rebuild::Options, progress: Arc<Progress>) -> anyhow::Result<Repaired> {
    let mut connection = store::connect(&options.database_url).await?;
    let mut removed = Vec::new();
    let wrong = list_wrong::<M>(&mut connection).await?;
    // The last one first: a rebuild that copies rows of another generation.
    for row in wrong.iter().rev() {
        // A rebuild that copies rows of a wrong generation may have copied lost events.
        let copying = rebuilds::find_copying(&mut connection, of::<M>(row.number));
        if let Some(copying) = run("reading the rebuilds", copying).await? {
            removed.push(retire::<M>(options, copying).await?);
        }
        if row.state != State::Live {
            removed.push(retire::<M>(options, row.number).await?);
        }
    }
    if let Some(live) = wrong.iter().find(|row| row.state == State::Live) {
        replace_live::<M>(&mut connection, options, progress).await?;
        removed.push(retire::<M>(options, live.number).await?);
    }
    let rows = list::<M>(&mut connection).await?;
    let live = rows.iter().find(|row| row.state == State::Live);
    let live = live.with_context(|| format!("{} has no live generation", M::PROJECTION.name()))?;
    Ok(Repaired { live: of::<M>(live.number), removed })
}

/// The generations of a projection that contain events which the log does not contain.
async fn list_wrong<M: ReadModel>(connection: &mut PgConnection) -> anyhow::Result<Vec<GenerationRow>> {
    let ahead = run("comparing the checkpoints with the log", incarnations::list_ahead(connection, None)).await?;
    let ahead: Vec<AheadRow> = ahead.into_iter().filter(|row| row.projection == M::PROJECTION.name()).collect();
    if let Some(row) = ahead.iter().find(|row| !row.is_of_ended_incarnation()) {
        bail!("{row}: run `command-service raise-incarnation` first, so that new events differ from the lost ones");
    }
    let rows = list::<M>(connection).await?;
    Ok(rows.into_iter().filter(|row| ahead.iter().any(|ahead| ahead.generation == row.number)).collect())
}

async fn retire<M: ReadModel>(options: &rebuild::Options, number: i32) -> anyhow::Result<Generation> {
    promote::retire::<M>(&options.database_url, number).await?;
    Ok(of::<M>(number))
}

async fn list<M: ReadModel>(connection: &mut PgConnection) -> anyhow::Result<Vec<GenerationRow>> {
    Ok(run("reading the generations", generations::list_of(connection, M::PROJECTION)).await?)
}

fn of<M: ReadModel>(number: i32) -> Generation {
    Generation { projection: M::PROJECTION, number }
}
