//! The commands of operators on projections, by name: what the command line and the HTTP API of operators run.

use std::pin::Pin;
use std::sync::Arc;

use platform::config::Secret;
use platform::shown::shown;
use read_model::{Generation, Projection};

use crate::frame::ReadModel;
use crate::operator_error::OperatorError;
use crate::projections::{WithReadModel, with_read_model};
use crate::promote::{self, Check};
use crate::rebuild::progress::Progress;
use crate::rebuild::{self, Plan, from_kafka};
use crate::repair::{self, Repaired};
use crate::store::generations::{self, State};
use crate::store::{self, rebuilds, run};
use crate::upgrade;
use crate::verify::{self, Report};

/// Input is repeated in an error up to this length.
const SHOWN_MAX_CHARS: usize = 80;

/// A command of an operator.
#[derive(Debug, Clone)]
pub enum Operation {
    /// Plan a rebuild without changing anything.
    Plan(rebuild::Options),
    /// Rebuild, or continue an interrupted rebuild.
    Rebuild(rebuild::Options, Arc<Progress>),
    /// Rebuild from Kafka alone, or continue an interrupted rebuild from Kafka.
    RebuildFromKafka(from_kafka::Options, Arc<Progress>),
    /// Verify a generation; without a number, the rebuilt one, or the live one if there is none.
    Verify(Option<i32>, verify::Options, Arc<Progress>),
    /// Replace generations that contain events which the log does not contain.
    Repair(rebuild::Options, Arc<Progress>),
    /// Replace the live generation by one with the version of this build.
    Upgrade(rebuild::Options, Arc<Progress>),
    /// Make the rebuilt generation live.
    Promote(Secret, Check),
    /// Make the retained generation live again.
    Rollback(Secret),
    /// Remove a generation.
    Retire(Secret, i32),
}

/// The result of an [`Operation`].
#[derive(Debug, Clone)]
pub enum Done {
    /// What a rebuild would do.
    Planned(Plan),
    /// The generation that was rebuilt.
    Rebuilt(Generation),
    /// The generation that was rebuilt from Kafka.
    RebuiltFromKafka(from_kafka::Rebuilt),
    /// The result of a verification.
    Verified(Box<Report>),
    /// What a repair has done.
    Repaired(Repaired),
    /// The generation that is live now.
    Upgraded(Generation),
    /// The generation that is live now, and the former one.
    Live(Generation, Option<Generation>),
    /// The generation was removed.
    Retired,
}

/// Runs an operation on a projection.
pub async fn operate(name: &str, operation: Operation) -> Result<Done, OperatorError> {
    let projection = find(name)?;
    match with_read_model(projection, operation) {
        Some(running) => running.await,
        None => Err(OperatorError::NotFound(format!("this build has no fold of {name}"))),
    }
}

/// Pauses or continues the rebuild of a projection, whichever process runs it.
pub async fn set_paused(url: &Secret, name: &str, paused: bool) -> Result<Generation, OperatorError> {
    let projection = find(name)?;
    let mut connection = store::connect(url).await?;
    let rows = run("reading the generations", generations::list_of(&mut connection, projection)).await?;
    let building = rows.iter().find(|row| row.state == State::Building);
    let building = building.ok_or_else(|| OperatorError::Conflict(format!("{name} is not being rebuilt")))?;
    let generation = Generation { projection, number: building.number };
    run("changing the rebuild", rebuilds::set_paused(&mut connection, generation, paused)).await?;
    Ok(generation)
}

/// The projection with this name.
pub fn find(name: &str) -> Result<Projection, OperatorError> {
    Projection::find(name).ok_or_else(|| {
        let names: Vec<&str> = Projection::ALL.into_iter().map(Projection::name).collect();
        let name = shown(name, SHOWN_MAX_CHARS);
        OperatorError::NotFound(format!("there is no projection `{name}`; the projections are {}", names.join(", ")))
    })
}

impl WithReadModel for Operation {
    type Output = Pin<Box<dyn Future<Output = Result<Done, OperatorError>> + Send>>;

    fn call<M: ReadModel>(self) -> Self::Output {
        Box::pin(run_operation::<M>(self))
    }
}

async fn run_operation<M: ReadModel>(operation: Operation) -> Result<Done, OperatorError> {
    Ok(match operation {
        Operation::Plan(options) => Done::Planned(rebuild::plan_rebuild::<M>(&options).await?),
        Operation::Rebuild(options, progress) => Done::Rebuilt(rebuild::rebuild::<M>(&options, progress).await?),
        Operation::RebuildFromKafka(options, progress) => {
            Done::RebuiltFromKafka(from_kafka::rebuild::<M>(&options, &progress).await?)
        }
        Operation::Verify(number, options, progress) => {
            let generation = find_verified::<M>(&options.database_url, number).await?;
            Done::Verified(Box::new(verify::verify::<M>(generation, &options, &progress).await?))
        }
        Operation::Repair(options, progress) => Done::Repaired(repair::repair::<M>(&options, progress).await?),
        Operation::Upgrade(options, progress) => Done::Upgraded(upgrade::upgrade::<M>(&options, progress).await?),
        Operation::Promote(url, check) => {
            let (live, former) = promote::promote::<M>(&url, check).await?;
            Done::Live(live, former)
        }
        Operation::Rollback(url) => {
            let (live, former) = promote::rollback::<M>(&url).await?;
            Done::Live(live, former)
        }
        Operation::Retire(url, number) => {
            promote::retire::<M>(&url, number).await?;
            Done::Retired
        }
    })
}

/// The generation to verify: the one with this number, or else the rebuilt one, or else the live one.
async fn find_verified<M: ReadModel>(url: &Secret, number: Option<i32>) -> Result<Generation, OperatorError> {
    let name = M::PROJECTION.name();
    let mut connection = store::connect(url).await?;
    let own = run("reading the generations", generations::list_of(&mut connection, M::PROJECTION)).await?;
    let in_state = |state| own.iter().find(|row| row.state == state);
    let row = match number {
        Some(number) => own.iter().find(|row| row.number == number),
        None => in_state(State::Following).or_else(|| in_state(State::Live)),
    };
    let row = row.ok_or_else(|| {
        OperatorError::NotFound(match number {
            Some(number) => format!("{name} has no generation {number}"),
            None => format!("{name} has no generation yet: start the projector"),
        })
    })?;
    if row.state == State::Building {
        return Err(OperatorError::Conflict(format!("generation {} of {name} is being rebuilt", row.number)));
    }
    if row.version != M::VERSION {
        return Err(OperatorError::Conflict(format!(
            "generation {} of {name} has version {}, and this build can fold version {}",
            row.number,
            row.version,
            M::VERSION
        )));
    }
    Ok(Generation { projection: M::PROJECTION, number: row.number })
}
