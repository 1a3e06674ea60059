//! Statistics for a dashboard: sales of the last days and hours, numbers of orders by status, and stock that runs out. All come
//! from sums that projections keep up to date, so no statement reads rows of single orders.
//!
//! [`document`] is the result, [`sections`] reads it. Results are kept in the memory of this process, one for each time zone:
//! a result is served until it is [`StatsLimits::time_to_live`] old, and while it is renewed, until it is [`AGE_MAX`] old.
//! Concurrent readers share one load.

pub mod document;
mod sections;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use axum::http::HeaderValue;
use bytes::Bytes;
use chrono::Utc;
use chrono_tz::Tz;
use metrics::Counter;
use moka::ops::compute::{CompResult, Op};
use platform::metric_names::QUERY_CACHE_REQUESTS_TOTAL;
use read_model::Projection;

use crate::reads::cache::in_flight::InFlight;
use crate::reads::cache::process::may_serve;
use crate::reads::consistency::Required;
use crate::reads::database::routing::Database;
use crate::reads::error::Error;
use crate::reads::latest::Latest;
use crate::reads::representation::Representation;
use crate::reads::sse;

/// No result is older when it is served without a consistency token.
pub const AGE_MAX: Duration = Duration::from_secs(30);
/// Maximum number of results, one for each time zone; there are about 600 time zones, and a result has a few kilobytes.
const RESULTS_MAX: u64 = 600;

/// How long results are kept.
#[derive(Debug, Clone)]
pub struct StatsLimits {
    /// A result is renewed by the first reader after this time; at most [`AGE_MAX`].
    pub time_to_live: Duration,
}

/// Statistics. Cheap to clone.
#[derive(Clone)]
pub struct Stats {
    database: Database,
    results: moka::sync::Cache<Tz, Arc<CachedStats>>,
    in_flight: InFlight<Tz, Arc<CachedStats>>,
    time_to_live: Duration,
    hits: Counter,
    misses: Counter,
}

/// A result with its age.
pub struct CachedStats {
    /// The result.
    pub representation: Representation,
    /// The result as an event of a stream, encoded once for all streams.
    pub event: Bytes,
    loaded_at: Instant,
    /// Lag of the projections when the result was loaded; `None` if it was unknown.
    lag: Option<Duration>,
    /// Whether a reader renews this result.
    is_renewed: AtomicBool,
}

impl Stats {
    /// Starts without results.
    pub fn new(database: Database, limits: &StatsLimits) -> Stats {
        let count = |result: &'static str| metrics::counter!(QUERY_CACHE_REQUESTS_TOTAL, "kind" => "stats", "level" => "process", "result" => result);
        Stats {
            database,
            results: moka::sync::Cache::builder().max_capacity(RESULTS_MAX).time_to_live(AGE_MAX).build(),
            in_flight: InFlight::default(),
            time_to_live: limits.time_to_live.min(AGE_MAX),
            hits: count("hit"),
            misses: count("miss"),
        }
    }

    /// The statistics with the days of a time zone, not older than required.
    pub async fn find(&self, zone: Tz, required: Option<&Required>) -> Result<Arc<CachedStats>, Error> {
        let not_before = required.map(|required| required.position);
        let cached = self.results.get(&zone).filter(|it| it.age() < AGE_MAX);
        let cached = cached.filter(|it| may_serve(&it.representation, not_before, self.database.latest()));
        if let Some(cached) = cached {
            self.hits.increment(1);
            if cached.age() >= self.time_to_live && !cached.is_renewed.swap(true, Ordering::Relaxed) {
                self.renew(zone, Arc::clone(&cached));
            }
            return Ok(cached);
        }
        self.misses.increment(1);
        match required {
            None => self.load_shared(zone).await,
            Some(_) => self.load(zone, required).await,
        }
    }

    /// Renews a result while readers are served the old one.
    fn renew(&self, zone: Tz, old: Arc<CachedStats>) {
        let stats = self.clone();
        tokio::spawn(async move {
            if stats.load_shared(zone).await.is_err() {
                // The next reader tries again, until the result is too old to be served.
                old.is_renewed.store(false, Ordering::Relaxed);
            }
        });
    }

    async fn load_shared(&self, zone: Tz) -> Result<Arc<CachedStats>, Error> {
        let stats = self.clone();
        self.in_flight.join(&zone, || async move { stats.load(zone, None).await }).await
    }

    async fn load(&self, zone: Tz, required: Option<&Required>) -> Result<Arc<CachedStats>, Error> {
        let loaded_at = Instant::now();
        let (document, contained) = sections::read(&self.database, required, zone, Utc::now()).await?;
        let json = serde_json::to_vec(&document)?;
        let text = String::from_utf8_lossy(&json);
        let event = sse::event(Some(&contained.position.to_string()), "statistics", &text);
        let loaded = Arc::new(CachedStats {
            representation: Representation::page(json.into(), contained),
            event,
            loaded_at,
            lag: lag(self.database.latest()),
            is_renewed: AtomicBool::new(false),
        });
        Ok(self.store(zone, loaded))
    }

    /// Keeps a result, unless a concurrent load has found a newer one meanwhile; returns the one that is kept.
    fn store(&self, zone: Tz, loaded: Arc<CachedStats>) -> Arc<CachedStats> {
        let is_newer = |kept: &CachedStats| {
            let is_valid = kept.age() < AGE_MAX && may_serve(&kept.representation, None, self.database.latest());
            is_valid && kept.representation.as_of > loaded.representation.as_of
        };
        let result = self.results.entry(zone).and_compute_with(|kept| match kept {
            Some(kept) if is_newer(kept.value()) => Op::Nop,
            Some(_) | None => Op::Put(Arc::clone(&loaded)),
        });
        match result {
            CompResult::Unchanged(kept) => kept.into_value(),
            _ => loaded,
        }
    }
}

/// The largest lag of the projections that the statistics come from.
fn lag(latest: &Latest) -> Option<Duration> {
    let report = latest.report()?;
    let lags = sections::PROJECTIONS.map(|projection: Projection| Some(report.of(projection)?.lag?.time));
    lags.into_iter().try_fold(Duration::ZERO, |longest, lag| Some(longest.max(lag?)))
}

impl CachedStats {
    fn age(&self) -> Duration {
        self.loaded_at.elapsed()
    }

    /// Age of the oldest event that may be missing in the result, for the header `Projection-Lag-Ms`: the lag when the result
    /// was loaded, and its age.
    pub fn lag_header(&self) -> Option<HeaderValue> {
        let lag = self.lag? + self.age();
        Some(HeaderValue::from(u64::try_from(lag.as_millis()).unwrap_or(u64::MAX)))
    }
}
