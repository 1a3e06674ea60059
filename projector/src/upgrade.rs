//! Upgrades projections whose live generation has an older version than this build: derives a generation from the log,
//! verifies it, and makes it live, while a projector of the older build follows the one that readers see.
//!
//! Can be repeated: an upgrade that was interrupted is continued.

use std::sync::Arc;

use platform::config::Secret;
use read_model::{Generation, Projection};

use crate::frame::ReadModel;
use crate::operator_error::OperatorError;
use crate::projections::{WithReadModel, with_read_model};
use crate::rebuild;
use crate::rebuild::progress::Progress;
use crate::replacement::replace_live;
use crate::store::generations::{self, State};
use crate::store::{self, run};

/// A live generation with another version than this build.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OtherVersion {
    /// The live generation.
    pub live: Generation,
    /// Its version.
    pub version: i32,
    /// The version of this build.
    pub build: i32,
}

impl OtherVersion {
    /// Whether this build is newer, so that it can upgrade the projection.
    pub fn is_older(&self) -> bool {
        self.version < self.build
    }
}

/// Lists the live generations that have another version than this build.
pub async fn list(url: &Secret) -> Result<Vec<OtherVersion>, OperatorError> {
    let mut connection = store::connect(url).await?;
    let mut found = Vec::new();
    for projection in Projection::ALL {
        let Some(build) = with_read_model(projection, BuildVersion) else { continue };
        let rows = run("reading the generations", generations::list_of(&mut connection, projection)).await?;
        let Some(live) = rows.iter().find(|row| row.state == State::Live) else { continue };
        let (version, live) = (live.version, Generation { projection, number: live.number });
        if version != build {
            found.push(OtherVersion { live, version, build });
        }
    }
    Ok(found)
}

/// Upgrades a projection; returns the generation that is live now.
pub async fn upgrade<M: ReadModel>(
    options: &rebuild::Options,
    progress: Arc<Progress>,
) -> Result<Generation, OperatorError> {
    let mut connection = store::connect(&options.database_url).await?;
    Ok(replace_live::<M>(&mut connection, options, progress).await?)
}

struct BuildVersion;

impl WithReadModel for BuildVersion {
    type Output = i32;

    fn call<M: ReadModel>(self) -> i32 {
        M::VERSION
    }
}
