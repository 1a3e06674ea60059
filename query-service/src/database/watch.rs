//! Looks at both databases all the time: decides which one is asked and publishes how fresh its answers are.
//!
//! How far the replica is behind is measured with our own clock: the watch notes when it saw the primary at a byte of
//! the write-ahead log, and the replica lags for as long as it has not replayed the oldest byte noted. So an idle primary
//! makes no lag and a replica that lost its connection does. While the primary cannot be seen, nobody knows how far the
//! replica is behind it, and so nothing is said about it.
//!
//! After a failover the primary may be at an earlier byte than before, because it never had the last ones; what only the old
//! primary had is not waited for. A replica whose log is still in an earlier life than the primary's is behind whatever its byte.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use events::{Incarnation, LogPosition, Position};
use metrics::Gauge;
use platform::health::{Component, Health};
use platform::metric_names::{QUERY_PROJECTION_LAG_EVENTS, QUERY_PROJECTION_LAG_SECONDS, QUERY_REPLICA_LAG_SECONDS};
use platform::shutdown::Shutdown;
use read_model::Projection;

use super::Database;
use super::failure::Failure;
use super::probe::{Observation, Observed, Probe};
use super::progress;
use super::source::Source;
use crate::freshness::{Lag, Replica, Snapshot, Standing};

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
    watch.show_replica_lag();
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

/// How far a server has come: the life of its log, and the byte of the write-ahead log.
type Reached = (Incarnation, i64);

/// Where the primary was seen.
#[derive(Default)]
struct Sights {
    /// End of the log, once it was seen.
    head: Option<LogPosition>,
    /// What the replica has not reached, and when it was seen; oldest first.
    unreached: VecDeque<(Reached, Instant)>,
}

impl Sights {
    /// The primary has flushed so much.
    fn saw(&mut self, reached: Reached, now: Instant) {
        // A primary does not go back: this is another one, and what it does not have nobody will replay.
        while self.unreached.back().is_some_and(|(last, _)| *last > reached) {
            self.unreached.pop_back();
        }
        let is_news = self.unreached.back().is_none_or(|(last, _)| *last < reached);
        if is_news && self.unreached.len() < SIGHTS_MAX {
            self.unreached.push_back((reached, now));
        }
    }

    /// How long ago the primary was where the replica, which has replayed so much, still has to go.
    fn lag_of(&mut self, reached: Reached, now: Instant) -> Duration {
        while self.unreached.front().is_some_and(|(sight, _)| *sight <= reached) {
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
            Ok(seen) => self.saw(source, seen),
            Err(failure) => self.lost(source, &failure),
        }
        match self.database.route().next() {
            Some(_) => self.readable.up(),
            None => {
                self.readable.down("neither the replica nor the primary answers");
                self.database.current().forget();
                Projection::ALL.into_iter().for_each(|projection| show(projection, None));
            }
        }
    }

    fn saw(&self, source: &Source, seen: Observation) {
        self.database.current().learn(&seen.incarnations);
        let (now, reached) = (Instant::now(), (seen.head.incarnation, seen.wal));
        let head = {
            let mut sights = self.sights.lock().unwrap_or_else(PoisonError::into_inner);
            if self.is_primary(source) {
                sights.head = Some(seen.head);
                sights.saw(reached, now);
            } else {
                source.lags_by(sights.lag_of(reached, now));
            }
            sights.head.map_or(seen.head, |head| head.max(seen.head))
        };
        source.up();
        if self.is_primary(source) {
            self.database.current().log_ends(Some(seen.head.position));
        } else {
            self.show_replica_lag();
        }
        if self.database.route().next().is_some_and(|preferred| std::ptr::eq(preferred, source)) {
            self.publish(source, &seen, head);
        }
    }

    fn lost(&self, source: &Source, failure: &Failure) {
        source.down(failure);
        if self.is_primary(source) {
            self.database.current().log_ends(None);
        }
        self.show_replica_lag();
    }

    fn is_primary(&self, source: &Source) -> bool {
        std::ptr::eq(source, &self.database.0.primary)
    }

    /// How far a database is behind the primary; `None` while it or the primary cannot be seen.
    fn lag_of(&self, source: &Source) -> Option<Duration> {
        let sees_primary = || self.sights.lock().unwrap_or_else(PoisonError::into_inner).head.is_some();
        let is_known = source.answers() && self.database.0.primary.answers() && sees_primary();
        is_known.then(|| source.lag())
    }

    /// A gauge that is not a number is one that nobody knows.
    fn show_replica_lag(&self) {
        let Some(replica) = &self.database.0.replica else { return };
        self.replica_lag.set(self.lag_of(replica).map_or(f64::NAN, |lag| lag.as_secs_f64()));
    }

    fn publish(&self, source: &Source, seen: &Observation, head: LogPosition) {
        let lag = self.lag_of(source);
        let standings = seen.projections.iter().map(|it| standing(it, seen, head, lag)).collect::<Vec<_>>();
        standings.iter().for_each(|standing| show(standing.projection, standing.lag));
        let replica = self.database.0.replica.as_ref();
        let replica = replica.map(|replica| Replica { answers: replica.answers(), lag: self.lag_of(replica) });
        let relayed = seen.projections.first().map_or(Position::ZERO, |it| it.freshness.relay.position);
        self.database.current().publish(Snapshot {
            at: seen.at,
            source: source.name.word(),
            head: head.position,
            relayed,
            replica,
            projections: standings,
        });
    }
}

/// A projection is as late as the oldest event that it lacks, and on a replica at least as late as the replica.
fn standing(observed: &Observed, seen: &Observation, head: LogPosition, source_lag: Option<Duration>) -> Standing {
    let applied = observed.freshness.applied();
    let waiting = observed.behind_since.map_or(Duration::ZERO, |since| (seen.at - since).to_std().unwrap_or_default());
    let events = u64::try_from(head.position.0.saturating_sub(applied.0)).unwrap_or(0);
    let lag = source_lag.map(|source_lag| Lag { events, time: waiting.max(source_lag) });
    Standing::new(observed.projection, lag, observed.parked, &observed.freshness)
}

/// Shows the lag of a projection in metrics, or that nobody knows it.
fn show(projection: Projection, lag: Option<Lag>) {
    let name = projection.name();
    let (events, seconds) = lag.map_or((f64::NAN, f64::NAN), |lag| (lag.events as f64, lag.time.as_secs_f64()));
    metrics::gauge!(QUERY_PROJECTION_LAG_EVENTS, "projection" => name).set(events);
    metrics::gauge!(QUERY_PROJECTION_LAG_SECONDS, "projection" => name).set(seconds);
}

#[cfg(test)]
mod tests {
    use super::*;

    /// So many bytes of the log's first life.
    fn at(wal: i64) -> Reached {
        (Incarnation(1), wal)
    }

    fn second(began: Instant) -> impl Fn(u64) -> Instant {
        move |second| began + Duration::from_secs(second)
    }

    #[test]
    fn a_replica_lags_since_the_primary_was_seen_where_it_still_has_to_go() {
        let (mut sights, second) = (Sights::default(), second(Instant::now()));
        sights.saw(at(100), second(0));
        assert_eq!(sights.lag_of(at(100), second(1)), Duration::ZERO);
        sights.saw(at(200), second(2));
        sights.saw(at(300), second(3));
        assert_eq!(sights.lag_of(at(150), second(5)), Duration::from_secs(3));
        assert_eq!(sights.lag_of(at(250), second(6)), Duration::from_secs(3));
        assert_eq!(sights.lag_of(at(300), second(7)), Duration::ZERO);
    }

    #[test]
    fn an_idle_primary_makes_no_lag_and_a_lost_replica_does() {
        let (mut sights, second) = (Sights::default(), second(Instant::now()));
        (0..60).for_each(|number| sights.saw(at(100), second(number)));
        assert_eq!(sights.lag_of(at(100), second(60)), Duration::ZERO);
        (60..90).for_each(|number| sights.saw(at(100 + number as i64), second(number)));
        assert_eq!(sights.lag_of(at(100), second(90)), Duration::from_secs(30));
    }

    #[test]
    fn what_only_a_lost_primary_had_is_not_waited_for() {
        let (mut sights, second) = (Sights::default(), second(Instant::now()));
        sights.saw(at(900), second(0));
        sights.saw(at(1000), second(1));
        // The new primary had replayed no more than this.
        sights.saw(at(950), second(9));
        assert_eq!(sights.lag_of(at(940), second(10)), Duration::from_secs(1));
        assert_eq!(sights.lag_of(at(950), second(11)), Duration::ZERO);
    }

    #[test]
    fn a_replica_with_the_lost_tail_is_behind_until_it_is_in_the_life_of_the_primary() {
        let (mut sights, second) = (Sights::default(), second(Instant::now()));
        sights.saw((Incarnation(1), 900), second(0));
        sights.saw((Incarnation(2), 950), second(5));
        assert_eq!(sights.lag_of((Incarnation(1), 1000), second(9)), Duration::from_secs(4));
        assert_eq!(sights.lag_of((Incarnation(2), 960), second(10)), Duration::ZERO);
    }
}
