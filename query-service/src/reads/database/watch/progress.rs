//! Observes the progress of the projections for as long as a reader waits, and publishes it to [`super::super::progress`]. All
//! waiting readers wait for the same database, the one that is least behind, and read from it.

use std::time::Duration;

use tokio::time::Instant;

use crate::reads::database::probe::Probe;
use crate::reads::database::routing::Database;

/// Time between two observations: about the delay of replay on an idle machine.
const INTERVAL: Duration = Duration::from_millis(5);
/// Added for each waiting reader, because an observation wakes all of them: at most 40,000 wake-ups per second.
const INTERVAL_PER_READER: Duration = Duration::from_micros(25);
/// Pause after a failed observation.
const PAUSE_AFTER_FAILURE: Duration = Duration::from_millis(100);

/// Observes while readers wait; never returns.
pub(super) async fn observe_while_readers_wait(database: &Database) {
    let progress = database.progress();
    let mut probes: Vec<_> = database.sources().iter().map(|source| (source.name, Probe::new(source))).collect();
    loop {
        progress.reader_waits().await;
        let began = Instant::now();
        let name = database.least_behind().map_or(database.primary().name, |source| source.name);
        let observed = match probes.iter_mut().find(|(probed, _)| *probed == name) {
            Some((_, probe)) => probe.observe_projections().await.ok(),
            None => None,
        };
        let pause = match observed {
            Some(observed) => {
                progress.publish(name, observed);
                INTERVAL.max(INTERVAL_PER_READER.saturating_mul(progress.waiting() as u32))
            }
            None => PAUSE_AFTER_FAILURE,
        };
        tokio::time::sleep_until(began + pause).await;
    }
}
