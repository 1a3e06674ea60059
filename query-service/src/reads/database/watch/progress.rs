//! Observes the progress of the projections for as long as a reader waits, and publishes it to [`super::super::progress`].

use std::time::Duration;

use tokio::time::Instant;

use crate::reads::database::probe::Probe;
use crate::reads::database::routing::Database;
use crate::reads::database::source::SourceName;

/// Time between two observations: about the delay of replay on an idle machine.
const INTERVAL: Duration = Duration::from_millis(5);
/// Added for each waiting reader, because an observation wakes all of them: at most 40,000 wake-ups per second.
const INTERVAL_PER_READER: Duration = Duration::from_micros(25);
/// Pause after a failed observation.
const PAUSE_AFTER_FAILURE: Duration = Duration::from_millis(100);

/// Observes while readers wait; never returns.
pub(super) async fn observe_while_readers_wait(database: &Database) {
    let progress = database.progress();
    let mut primary = Probe::new(database.primary());
    let mut replica = database.replica().map(Probe::new);
    loop {
        progress.reader_waits().await;
        let began = Instant::now();
        let probe = match database.route().next().map(|source| source.name) {
            Some(SourceName::Replica) => replica.as_mut(),
            Some(SourceName::Primary) | None => Some(&mut primary),
        };
        let observed = match probe {
            Some(probe) => probe.observe_projections().await.ok(),
            None => None,
        };
        let pause = match observed {
            Some(observed) => {
                progress.publish(observed);
                INTERVAL.max(INTERVAL_PER_READER.saturating_mul(progress.waiting() as u32))
            }
            None => PAUSE_AFTER_FAILURE,
        };
        tokio::time::sleep_until(began + pause).await;
    }
}
