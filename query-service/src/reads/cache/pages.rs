//! The cache of pages of lists, in the memory of this process. A page is served while nothing that it shows has changed: as long as
//! the projection was last observed at a position that the page contains. Concurrent readers of one page share one read. The gzip form
//! of a large page is made for the first reader who accepts it, and kept with the page.

use std::sync::{Arc, OnceLock};

use axum::http::HeaderValue;
use bytes::Bytes;
use events::Position;
use metrics::Counter;
use moka::ops::compute::Op;
use moka::sync::Cache;
use platform::metric_names::QUERY_CACHE_REQUESTS_TOTAL;
use read_model::Projection;

use super::in_flight::InFlight;
use super::process::{ProcessLimits, may_serve};
use crate::reads::error::Error;
use crate::reads::gzip;
use crate::reads::latest::Latest;
use crate::reads::representation::Representation;

/// A page that is ready to be sent.
#[derive(Debug, Clone)]
pub struct CachedPage {
    /// The page.
    pub representation: Representation,
    /// The `Link` header with the next page, if there is one.
    pub link: Option<HeaderValue>,
    /// The gzip form of the body, once a reader has accepted it.
    gzip: OnceLock<Bytes>,
    /// The generation of the projection that was live before the page was read.
    generation: Option<i32>,
}

impl CachedPage {
    /// Memory that the page occupies, in bytes (an estimate).
    fn weight(&self) -> usize {
        self.representation.weight() + self.gzip.get().map_or(0, Bytes::len)
    }
}

/// Pages by the path and query of the request. Cheap to clone.
#[derive(Clone)]
pub struct PageCache {
    entries: Cache<String, Arc<CachedPage>>,
    in_flight: InFlight<String, Arc<CachedPage>>,
    latest: Latest,
    hits: Counter,
    misses: Counter,
}

impl PageCache {
    /// An empty cache.
    pub fn new(limits: &ProcessLimits, latest: Latest) -> PageCache {
        let weigher =
            |key: &String, page: &Arc<CachedPage>| u32::try_from(key.len() + page.weight()).unwrap_or(u32::MAX);
        let count = |result: &'static str| metrics::counter!(QUERY_CACHE_REQUESTS_TOTAL, "kind" => "page", "level" => "process", "result" => result);
        PageCache {
            entries: Cache::builder().max_capacity(limits.bytes_max).weigher(weigher).build(),
            in_flight: InFlight::default(),
            latest,
            hits: count("hit"),
            misses: count("miss"),
        }
    }

    /// The cached page of a projection, if nothing has changed since and if it is not older than required.
    pub fn get(&self, key: &str, projection: Projection, not_before: Option<Position>) -> Option<Arc<CachedPage>> {
        let cached = self.entries.get(key).filter(|cached| self.is_current(cached, projection, not_before));
        let counter = if cached.is_some() { &self.hits } else { &self.misses };
        counter.increment(1);
        cached
    }

    /// Reads a page for all concurrent readers who require no position, and stores it.
    pub async fn read_shared<F>(
        &self,
        key: &str,
        projection: Projection,
        read: impl FnOnce() -> F + Send + 'static,
    ) -> Result<Arc<CachedPage>, Error>
    where
        F: Future<Output = Result<(Representation, Option<HeaderValue>), Error>> + Send,
    {
        let (cache, load_key) = (self.clone(), key.to_owned());
        let load = || async move {
            let generation = cache.latest.generation(projection);
            let (representation, link) = read().await?;
            let page = Arc::new(CachedPage { representation, link, gzip: OnceLock::new(), generation });
            cache.entries.insert(load_key, Arc::clone(&page));
            Ok(page)
        };
        self.in_flight.join(&key.to_owned(), load).await
    }

    /// The gzip form of a page; `None` if the page is small.
    pub fn gzip(&self, key: &str, page: &Arc<CachedPage>) -> Option<Bytes> {
        if page.representation.body.len() < gzip::MIN_BYTES {
            return None;
        }
        if let Some(kept) = page.gzip.get() {
            return Some(kept.clone());
        }
        let made = page.gzip.get_or_init(|| gzip::compress(&page.representation.body)).clone();
        // An entry is weighed only when it is written.
        self.entries.entry_by_ref(key).and_compute_with(|cached| match cached {
            Some(cached) if Arc::ptr_eq(cached.value(), page) => Op::Put(Arc::clone(page)),
            Some(_) | None => Op::Nop,
        });
        Some(made)
    }

    /// Whether the projection was last observed in the same generation and at a position that the page contains.
    fn is_current(&self, cached: &CachedPage, projection: Projection, not_before: Option<Position>) -> bool {
        let Some(report) = self.latest.report() else { return false };
        let contained = cached.representation.as_of.position;
        let is_unchanged = report.of(projection).is_some_and(|observed| observed.applied <= contained);
        is_unchanged
            && cached.generation == self.latest.generation(projection)
            && may_serve(&cached.representation, not_before, &self.latest)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::time::Duration;

    use events::{Incarnation, LogPosition};

    use super::*;
    use crate::reads::latest::{FreshnessReport, ProjectionFreshness};

    const ORDERS: Projection = Projection::ORDERS;

    /// The observation of a database in which the projection contains every event up to a position.
    fn observe(latest: &Latest, applied: i64, generation: i32) {
        let applied = Position(applied);
        latest.record_generations(HashMap::from([(ORDERS, generation)]));
        latest.publish(FreshnessReport {
            at: chrono::DateTime::UNIX_EPOCH,
            source: "primary",
            head: applied,
            relayed: applied,
            replica: None,
            replicas: Vec::new(),
            source_lag: None,
            projections: vec![ProjectionFreshness::new(ORDERS, applied, None, 0, Vec::new())],
        });
    }

    fn page(position: i64) -> (Representation, Option<HeaderValue>) {
        let at = LogPosition { incarnation: Incarnation(1), position: Position(position) };
        (Representation::page("{}".into(), at), None)
    }

    fn cache(latest: &Latest) -> PageCache {
        PageCache::new(&ProcessLimits { bytes_max: 1 << 20, time_to_live: Duration::from_secs(1) }, latest.clone())
    }

    #[tokio::test]
    async fn a_page_is_served_until_the_projection_is_observed_beyond_it() {
        let latest = Latest::default();
        let pages = cache(&latest);
        observe(&latest, 5, 1);
        pages.read_shared("a", ORDERS, || async { Ok(page(7)) }).await.expect("a page");
        let is_served = |not_before: Option<i64>| pages.get("a", ORDERS, not_before.map(Position)).is_some();
        observe(&latest, 7, 1);
        assert!(is_served(None) && is_served(Some(7)) && !is_served(Some(8)));
        assert!(pages.get("b", ORDERS, None).is_none());
        observe(&latest, 8, 1);
        assert!(!is_served(None), "the page may lack an event");
        observe(&latest, 7, 2);
        assert!(!is_served(None), "another generation is live");
        observe(&latest, 7, 1);
        assert!(is_served(None));
        latest.clear();
        assert!(!is_served(None), "no database was observed");
    }

    #[tokio::test]
    async fn the_gzip_form_of_a_large_page_is_kept_and_counted() {
        let latest = Latest::default();
        let pages = cache(&latest);
        observe(&latest, 7, 1);
        let large = |position| {
            let at = LogPosition { incarnation: Incarnation(1), position: Position(position) };
            (Representation::page("12345678".repeat(gzip::MIN_BYTES / 8).into(), at), None)
        };
        let small = pages.read_shared("small", ORDERS, || async { Ok(page(7)) }).await.expect("a page");
        assert_eq!(pages.gzip("small", &small), None);
        let first = pages.read_shared("large", ORDERS, move || async move { Ok(large(7)) }).await.expect("a page");
        let size = || {
            pages.entries.run_pending_tasks();
            pages.entries.weighted_size()
        };
        let plain = size();
        let gzip = pages.gzip("large", &first).expect("it is large");
        assert!(gzip.len() < first.representation.body.len());
        assert_eq!(size(), plain + gzip.len() as u64);
        let cached = pages.get("large", ORDERS, None).expect("it is cached");
        assert_eq!(pages.gzip("large", &cached).expect("it is kept").as_ptr(), gzip.as_ptr());

        pages.read_shared("large", ORDERS, move || async move { Ok(large(8)) }).await.expect("a page");
        pages.gzip("large", &first);
        let cached = pages.get("large", ORDERS, None).expect("it is cached");
        assert_eq!(cached.representation.as_of.position, Position(8), "an older page never replaces a newer one");
    }

    #[tokio::test]
    async fn concurrent_readers_share_one_read() {
        let latest = Latest::default();
        let (pages, reads) = (cache(&latest), Arc::new(AtomicUsize::new(0)));
        let readers = (0..10).map(|_| {
            let (pages, reads) = (pages.clone(), Arc::clone(&reads));
            async move {
                let read = move || async move {
                    reads.fetch_add(1, Ordering::Relaxed);
                    tokio::task::yield_now().await;
                    Ok(page(7))
                };
                pages.read_shared("a", ORDERS, read).await.expect("a page")
            }
        });
        assert_eq!(futures::future::join_all(readers).await.len(), 10);
        assert_eq!(reads.load(Ordering::Relaxed), 1);
    }
}
