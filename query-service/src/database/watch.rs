//! Looks at both databases all the time: decides which one is asked and publishes how fresh its answers are.
//!
//! How far the replica is behind is measured with our own clock: the watch notes when it saw the primary at a byte of
//! the write-ahead log, and the replica lags for as long as it has not replayed the oldest byte noted. So an idle primary
//! makes no lag and a replica that lost its connection does.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use events::Position;
use metrics::Gauge;
use platform::health::{Component, Health};
use platform::metric_names::{QUERY_PROJECTION_LAG_EVENTS, QUERY_PROJECTION_LAG_SECONDS, QUERY_REPLICA_LAG_SECONDS};
use platform::shutdown::Shutdown;

use super::Database;
use super::probe::{Observation, Observed, Probe};
use super::progress;
use super::source::Source;
use crate::freshness::{Replica, Snapshot, Standing};

/// The primary is looked at this many times less often while a replica is read: it has other things to do.
const PRIMARY_RARER: u32 = 5;
/// Sights of the primary that wait for the replica; at one in half a second an hour, and then the lag is known well enough.
const SIGHTS_MAX: usize = 7200;

/// Watches until asked to stop.
pub async fn watch(database: Database, interval: Duration, health: Health, shutdown: Shutdown) {
    let watch = Arc::new(Watch {
        sights: Mutex::default(),
        readable: health.component("database"),
        replica_lag: metrics::gauge!(QUERY_REPLICA_LAG_SECONDS),
        database,
    });
    let has_replica = watch.database.0.replica.is_some();
    let primary_interval = if has_replica { interval * PRIMARY_RARER } else { interval };
    let watching = async {
        tokio::join!(
            watch.clone().watch_primary(primary_interval),
            watch.clone().watch_replica(interval),
            progress::keep_looking(&watch.database),
        );
    };
    shutdown.unless_requested(watching).await;
}

struct Watch {
    database: Database,
    sights: Mutex<Sights>,
    /// Up while anything can be read at all.
    readable: Component,
    replica_lag: Gauge,
}

/// Where the primary was seen.
#[derive(Default)]
struct Sights {
    head: Position,
    /// Bytes of the write-ahead log that the replica has not replayed, and when they were seen; oldest first.
    unreached: VecDeque<(i64, Instant)>,
}

impl Sights {
    /// The primary has flushed `wal`.
    fn saw(&mut self, wal: i64, now: Instant) {
        let is_news = self.unreached.back().is_none_or(|(last, _)| *last < wal);
        if is_news && self.unreached.len() < SIGHTS_MAX {
            self.unreached.push_back((wal, now));
        }
    }

    /// How long ago the primary was where the replica, which has replayed `wal`, still has to go.
    fn lag_of(&mut self, wal: i64, now: Instant) -> Duration {
        while self.unreached.front().is_some_and(|(sight, _)| *sight <= wal) {
            self.unreached.pop_front();
        }
        self.unreached.front().map_or(Duration::ZERO, |(_, seen)| now.duration_since(*seen))
    }
}

impl Watch {
    async fn watch_primary(self: Arc<Self>, interval: Duration) {
        let primary = &self.database.0.primary;
        let mut probe = Probe::of(primary);
        loop {
            self.look_at(primary, &mut probe).await;
            tokio::time::sleep(interval).await;
        }
    }

    async fn watch_replica(self: Arc<Self>, interval: Duration) {
        let Some(replica) = &self.database.0.replica else { return };
        let mut probe = Probe::of(replica);
        loop {
            self.look_at(replica, &mut probe).await;
            tokio::time::sleep(interval).await;
        }
    }

    /// One look at one database, and what follows from it.
    async fn look_at(&self, source: &Source, probe: &mut Probe) {
        match probe.look().await {
            Ok(seen) => self.saw(source, &seen),
            Err(failure) => {
                source.down(&failure);
                if std::ptr::eq(source, &self.database.0.primary) {
                    self.database.current().log_ends(None);
                }
            }
        }
        match self.database.route().next() {
            Some(_) => self.readable.up(),
            None => {
                self.readable.down("neither the replica nor the primary answers");
                self.database.current().forget();
            }
        }
    }

    fn saw(&self, source: &Source, seen: &Observation) {
        self.database.current().learn(&seen.lives);
        let is_primary = std::ptr::eq(source, &self.database.0.primary);
        let head = {
            let mut sights = self.sights.lock().unwrap_or_else(PoisonError::into_inner);
            if is_primary {
                sights.head = seen.head.position;
                self.database.current().log_ends(Some(seen.head.position));
                sights.saw(seen.wal, Instant::now());
            } else {
                source.lags_by(sights.lag_of(seen.wal, Instant::now()));
                self.replica_lag.set(source.lag().as_secs_f64());
            }
            sights.head.max(seen.head.position)
        };
        source.up();
        if self.database.route().next().is_some_and(|preferred| std::ptr::eq(preferred, source)) {
            self.publish(source, seen, head);
        }
    }

    fn publish(&self, source: &Source, seen: &Observation, head: Position) {
        let standings = seen.projections.iter().map(|it| standing(it, seen, head, source.lag())).collect::<Vec<_>>();
        for standing in &standings {
            let name = standing.projection.name();
            metrics::gauge!(QUERY_PROJECTION_LAG_EVENTS, "projection" => name).set(standing.lag_events as f64);
            metrics::gauge!(QUERY_PROJECTION_LAG_SECONDS, "projection" => name).set(standing.lag.as_secs_f64());
        }
        let replica =
            self.database.0.replica.as_ref().map(|replica| Replica { answers: replica.answers(), lag: replica.lag() });
        let relayed = seen.projections.first().map_or(Position::ZERO, |it| it.freshness.relay.position);
        self.database.current().publish(Snapshot {
            at: seen.at,
            source: source.name.word(),
            head,
            relayed,
            replica,
            projections: standings,
        });
    }
}

/// A projection is as late as the oldest event that it lacks, and on a replica at least as late as the replica.
fn standing(observed: &Observed, seen: &Observation, head: Position, source_lag: Duration) -> Standing {
    let applied = observed.freshness.applied();
    let waiting = observed.behind_since.map_or(Duration::ZERO, |since| (seen.at - since).to_std().unwrap_or_default());
    let lag_events = head.0.saturating_sub(applied.0).max(0);
    Standing::new(observed.projection, lag_events, waiting.max(source_lag), observed.parked, &observed.freshness)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_replica_lags_since_the_primary_was_seen_where_it_still_has_to_go() {
        let (mut sights, began) = (Sights::default(), Instant::now());
        let at = |second| began + Duration::from_secs(second);
        sights.saw(100, at(0));
        assert_eq!(sights.lag_of(100, at(1)), Duration::ZERO);
        sights.saw(200, at(2));
        sights.saw(300, at(3));
        assert_eq!(sights.lag_of(150, at(5)), Duration::from_secs(3));
        assert_eq!(sights.lag_of(250, at(6)), Duration::from_secs(3));
        assert_eq!(sights.lag_of(300, at(7)), Duration::ZERO);
    }

    #[test]
    fn an_idle_primary_makes_no_lag_and_a_lost_replica_does() {
        let (mut sights, began) = (Sights::default(), Instant::now());
        let at = |second| began + Duration::from_secs(second);
        (0..60).for_each(|second| sights.saw(100, at(second)));
        assert_eq!(sights.lag_of(100, at(60)), Duration::ZERO);
        (60..90).for_each(|second| sights.saw(100 + second as i64, at(second)));
        assert_eq!(sights.lag_of(100, at(90)), Duration::from_secs(30));
    }
}
