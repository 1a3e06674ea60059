//! Going on with a log that has lost its last events: a backup was restored, or a replica that was behind was promoted.
//!
//! Kafka, the relay checkpoint and the projections may contain events that the log does not contain any more ([`ahead`]). The positions of
//! these events would be assigned again, so writer and relay refuse to work. [`raise_incarnation`] accepts the loss: the log continues
//! in the next incarnation, by which new events differ from lost ones, and the relay checkpoint is set back to the last event that the
//! log still contains ([`store`]). If nothing is ahead of the log, nothing has to be done.

pub mod ahead;
mod error;
mod finding;
mod store;
pub mod writers;

use std::time::{Duration, Instant};

use events::{Incarnation, Position};

use crate::database::Database;
use crate::log::Log;
use crate::relay::checkpoint::Checkpoint;
use crate::relay::config::Config;
use crate::relay::previous_events;
use crate::relay::watermark::Watermark;
pub use ahead::Ahead;
pub use error::Error;
pub use finding::Finding;

/// How long the connections of writers may exist: a service that refuses to start its writer connects for each attempt.
const WRITER_TIMEOUT: Duration = Duration::from_secs(3);

/// Interval at which the connections of writers are counted.
const WRITER_INTERVAL: Duration = Duration::from_millis(200);

/// Raises the incarnation of a log that has lost the events in `ahead`. The log, and the relay checkpoint, must not have changed
/// since. Returns the new incarnation and the position of the relay checkpoint.
pub async fn raise_incarnation(
    config: &Config,
    database: Database,
    ahead: &Ahead,
) -> Result<(Incarnation, Position), Error> {
    until_no_writer_is_active(&database).await?;
    let log = Log::new(database.clone());
    let target = set_back(&log, &database, &ahead.relay).await?;
    let checkpoint = Checkpoint::new(database.clone(), config.instance.clone(), config.lease, config.partitions);
    checkpoint.prepare().await.map_err(crate::relay::Error::from)?;
    let next = ahead.next_incarnation();
    match store::raise(&database, ahead.head, &ahead.relay, &target, next).await? {
        true => Ok((next, target.position)),
        false => Err(Error::Changed),
    }
}

/// The watermark of the last published event that the log still contains.
async fn set_back(log: &Log, database: &Database, relay: &Watermark) -> Result<Watermark, Error> {
    let common = store::find_last_common(database, relay).await?;
    if common == relay.position {
        return Ok(relay.clone());
    }
    Ok(previous_events::find(log, common.plus(1), relay).await?)
}

/// Waits until no writer is connected to the log. A writer may be deciding commands on the lost state.
async fn until_no_writer_is_active(database: &Database) -> Result<(), Error> {
    let deadline = Instant::now() + WRITER_TIMEOUT;
    loop {
        match writers::find_writer(database).await? {
            None => return Ok(()),
            Some(client) if Instant::now() >= deadline => return Err(Error::WriterActive(client)),
            Some(_) => tokio::time::sleep(WRITER_INTERVAL).await,
        }
    }
}
