//! How far the projections have come in the database that is read, looked at for all who wait for it together.
//!
//! One look for all of them, on a connection of its own, and none while nobody waits: a reader who waits costs no statement
//! before the projections are where they are waited for.

use std::time::Duration;

use read_model::Projection;
use tokio::sync::{Notify, watch};
use tokio::time::Instant;

use super::Database;
use super::freshness::Freshness;
use super::probe::Probe;
use super::source::{Name, Source};

/// Between two looks: about what replay takes on a quiet machine.
const BETWEEN_LOOKS: Duration = Duration::from_millis(5);
/// A look wakes everybody who waits, so looks become rarer when there are many: at most 40,000 are woken a second.
const PER_READER: Duration = Duration::from_micros(25);
/// After a look that failed.
const AFTER_FAILURE: Duration = Duration::from_millis(100);

/// How far the projections had come when somebody last waited for them.
pub(super) struct Progress {
    seen: watch::Sender<Vec<Freshness>>,
    somebody_waits: Notify,
}

impl Progress {
    pub(super) fn new() -> Progress {
        Progress { seen: watch::Sender::new(Vec::new()), somebody_waits: Notify::new() }
    }

    /// Returns once the projection was seen to have come far enough, in the opinion of who waits.
    pub(super) async fn until(&self, projection: Projection, is_enough: impl Fn(&Freshness) -> bool) {
        let mut seen = self.seen.subscribe();
        self.somebody_waits.notify_one();
        let is_there = |all: &Vec<Freshness>| all.iter().any(|it| it.is_of(projection) && is_enough(it));
        if seen.wait_for(is_there).await.is_err() {
            // Nobody looks any more: the service stops.
            std::future::pending::<()>().await;
        }
    }

    /// What was seen last of a projection.
    pub(super) fn last(&self, projection: Projection) -> Option<Freshness> {
        self.seen.borrow().iter().find(|it| it.is_of(projection)).cloned()
    }
}

/// Looks for as long as anybody waits; never returns.
pub(super) async fn keep_looking(database: &Database) {
    let progress = &database.0.progress;
    let mut primary = Probe::of(&database.0.primary);
    let mut replica = database.0.replica.as_ref().map(Probe::of);
    loop {
        while progress.seen.receiver_count() == 0 {
            progress.somebody_waits.notified().await;
        }
        let began = Instant::now();
        let probe = match database.route().next().map(name) {
            Some(Name::Replica) => replica.as_mut(),
            Some(Name::Primary) | None => Some(&mut primary),
        };
        let looked = match probe {
            Some(probe) => probe.glance().await.ok(),
            None => None,
        };
        let pause = match looked {
            Some(seen) => {
                progress.seen.send_if_modified(|last| std::mem::replace(last, seen) != *last);
                BETWEEN_LOOKS.max(PER_READER.saturating_mul(progress.seen.receiver_count() as u32))
            }
            None => AFTER_FAILURE,
        };
        tokio::time::sleep_until(began + pause).await;
    }
}

fn name(source: &Source) -> Name {
    source.name
}
