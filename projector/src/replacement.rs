//! Replaces the live generation of a projection: derives a new one from the log, verifies it, and makes it live. For
//! [`crate::repair`] and [`crate::upgrade`].

use std::sync::Arc;

use anyhow::ensure;
use read_model::Generation;
use sqlx::PgConnection;

use crate::frame::ReadModel;
use crate::promote::{self, Check};
use crate::rebuild;
use crate::rebuild::progress::Progress;
use crate::step::StepError;
use crate::store::generations::{self, State};
use crate::store::{relay, run};
use crate::verify;

/// Derives a generation from the log, unless that was done, verifies it, and makes it live. The former live generation is
/// retained.
pub(crate) async fn replace_live<M: ReadModel>(
    connection: &mut PgConnection,
    options: &rebuild::Options,
    progress: Arc<Progress>,
) -> anyhow::Result<Generation> {
    let next = derive::<M>(connection, options, &progress).await?;
    let verified = verify::verify::<M>(next, &verify_options(options), &progress).await?;
    ensure!(
        verified.is_equal(),
        "{} rows of {next} differ from the log, as `projector verify {}` shows: retire {next} and repeat the command",
        verified.differences_total,
        M::PROJECTION.name()
    );
    catch_up::<M>(connection, next, options).await?;
    promote::promote::<M>(&options.database_url, Check::All).await?;
    Ok(next)
}

/// The rebuilt generation, which an interrupted command may have left.
async fn derive<M: ReadModel>(
    connection: &mut PgConnection,
    options: &rebuild::Options,
    progress: &Arc<Progress>,
) -> anyhow::Result<Generation> {
    let rows = run("reading the generations", generations::list_of(connection, M::PROJECTION)).await?;
    let Some(row) = rows.into_iter().find(|row| row.state == State::Following) else {
        return Ok(rebuild::rebuild::<M>(options, Arc::clone(progress)).await?);
    };
    let (next, found, known) = (Generation { projection: M::PROJECTION, number: row.number }, row.version, M::VERSION);
    ensure!(
        found == known,
        "{next} has version {found}, and this build has version {known}: use the build with that version, or retire {next}"
    );
    Ok(next)
}

/// Applies the events that were recorded since the rebuild, unless a projector with the same version does.
async fn catch_up<M: ReadModel>(
    connection: &mut PgConnection,
    next: Generation,
    options: &rebuild::Options,
) -> anyhow::Result<()> {
    let partitions = relay::count_partitions(connection, M::PROJECTION.category());
    let Some(partitions) = run("reading the partitions", partitions).await? else { return Ok(()) };
    match rebuild::catch_up::<M>(partitions, next, options).await {
        Err(StepError::ClaimLost) | Ok(()) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

fn verify_options(options: &rebuild::Options) -> verify::Options {
    let (database_url, source_url) = (options.database_url.clone(), options.source_url.clone());
    let (readers, segment_events) = (options.readers, options.segment_events);
    verify::Options { database_url, source_url, readers, segment_events }
}
