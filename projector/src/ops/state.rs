//! State that the handlers share.

use events::StreamId;
use platform::config::Secret;
use platform::params::Path;
use platform::problem::{Problem, types};
use platform::shutdown::Shutdown;
use read_model::Projection;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::tasks::Tasks;
use crate::operate;
use crate::operator_error::OperatorError;
use crate::scan::plan::EVENTS_PER_SEGMENT;

/// What the API works on: the database, and the tasks of this process.
#[derive(Debug, Clone)]
pub struct Ops {
    pub(super) database_url: Secret,
    /// The database that rebuilds and verifications read the log from.
    pub(super) source_url: Secret,
    /// Number of events in the log per segment.
    pub(super) segment_events: i64,
    pub(super) tasks: Tasks,
}

impl Ops {
    /// The API of a database; `source_url` is the database that the log is read from. The tasks stop when the shutdown is
    /// requested.
    pub fn new(database_url: Secret, source_url: Secret, shutdown: Shutdown) -> Ops {
        Ops { database_url, source_url, segment_events: EVENTS_PER_SEGMENT, tasks: Tasks::new(shutdown) }
    }

    /// The same with another number of events per segment.
    pub fn with_segment_events(self, segment_events: i64) -> Ops {
        Ops { segment_events, ..self }
    }
}

/// The body of a command without parameters.
#[derive(Debug, Clone, Copy, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct NoParameters {}

/// A generation of a projection.
#[derive(Debug, Clone, Copy, Serialize, JsonSchema)]
pub(super) struct GenerationName {
    /// Name of the projection.
    pub(super) projection: &'static str,
    /// Number of the generation.
    pub(super) generation: i32,
}

impl From<read_model::Generation> for GenerationName {
    fn from(generation: read_model::Generation) -> GenerationName {
        GenerationName { projection: generation.projection.name(), generation: generation.number }
    }
}

/// The projection that a path names.
pub(super) fn projection(Path(name): Path<String>) -> Result<Projection, Problem> {
    Ok(operate::find(&name)?)
}

/// The stream that a path names.
pub(super) fn stream(id: &str) -> Result<StreamId, Problem> {
    id.parse().map_err(|error| Problem::of(types::INVALID_PATH).detail(format!("The stream id is invalid: {error}.")))
}

/// Runs a command to its end, even if the client disconnects meanwhile.
pub(super) async fn to_its_end<T: Send + 'static>(
    command: impl Future<Output = Result<T, OperatorError>> + Send + 'static,
) -> Result<T, Problem> {
    match tokio::spawn(command).await {
        Ok(done) => Ok(done?),
        Err(error) => Err(OperatorError::Failed(error.into()).into()),
    }
}
