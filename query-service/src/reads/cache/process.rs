//! The process cache: representations in the memory of this process. The first cache that `reads::documents` looks into.

use std::hash::Hash;
use std::sync::Arc;
use std::time::Duration;

use events::Position;
use moka::ops::compute::{CompResult, Op};
use moka::sync::Cache;

use crate::reads::latest::Latest;
use crate::reads::representation::Representation;

/// Size and lifetime of the process cache.
#[derive(Debug, Clone)]
pub struct ProcessLimits {
    /// Maximum size of all representations together, in bytes.
    pub bytes_max: u64,
    /// Lifetime of a representation.
    pub time_to_live: Duration,
}

impl ProcessLimits {
    /// Limits with a share of the bytes, in percent.
    pub fn share(&self, percent: u64) -> ProcessLimits {
        ProcessLimits { bytes_max: self.bytes_max / 100 * percent, ..self.clone() }
    }
}

/// Whether a cached representation may be served to a reader who requires `not_before`. It must not contain lost events, and
/// positions are compared only while it is certain that they belong to the same incarnation of the log.
pub fn may_serve(cached: &Representation, not_before: Option<Position>, latest: &Latest) -> bool {
    let is_new_enough = |position| cached.as_of.position >= position && latest.are_incarnations_certain();
    let incarnations = latest.incarnations();
    not_before.is_none_or(is_new_enough) && cached.log_positions().all(|at| incarnations.include(at))
}

/// Representations of one kind of document, by key.
#[derive(Clone)]
pub struct ProcessCache<K> {
    entries: Cache<K, Arc<Representation>>,
    latest: Latest,
}

impl<K: Hash + Eq + Clone + Send + Sync + 'static> ProcessCache<K> {
    /// An empty cache.
    pub fn new(limits: &ProcessLimits, latest: Latest) -> ProcessCache<K> {
        let entries = Cache::builder()
            .max_capacity(limits.bytes_max)
            .weigher(|_: &K, it: &Arc<Representation>| u32::try_from(it.weight()).unwrap_or(u32::MAX))
            .time_to_live(limits.time_to_live)
            .build();
        ProcessCache { entries, latest }
    }

    /// The cached representation, if it is not older than required.
    pub fn get(&self, key: &K, not_before: Option<Position>) -> Option<Arc<Representation>> {
        self.entries.get(key).filter(|cached| may_serve(cached, not_before, &self.latest))
    }

    /// Stores a representation unless the cache has one that is at least as new; returns the one that is cached afterwards.
    pub fn store(&self, key: &K, representation: Representation) -> Arc<Representation> {
        let new = Arc::new(representation);
        let is_newer = |cached: &Representation| cached.is_as_new_as(&new) && may_serve(cached, None, &self.latest);
        let result = self.entries.entry_by_ref(key).and_compute_with(|cached| match cached {
            Some(cached) if is_newer(cached.value()) => Op::Nop,
            Some(_) | None => Op::Put(Arc::clone(&new)),
        });
        match result {
            CompResult::Unchanged(cached) => cached.into_value(),
            _ => new,
        }
    }
}

#[cfg(test)]
mod tests {
    use events::{Incarnation, LogPosition};

    use super::*;
    use crate::reads::incarnations::Incarnations;
    use crate::reads::latest::FreshnessReport;

    fn at(incarnation: i32, position: i64) -> LogPosition {
        LogPosition { incarnation: Incarnation(incarnation), position: Position(position) }
    }

    fn document(position: i64) -> Representation {
        Representation::document(format!("{{\"position\":{position}}}").into(), at(1, position))
    }

    /// The observations while a database answers.
    fn observed() -> Latest {
        let latest = Latest::default();
        latest.publish(FreshnessReport {
            at: chrono::DateTime::UNIX_EPOCH,
            source: "primary",
            head: Position(9),
            relayed: Position(9),
            replica: None,
            replicas: Vec::new(),
            projections: Vec::new(),
            source_lag: None,
        });
        latest
    }

    fn cache(latest: &Latest) -> ProcessCache<u8> {
        let limits = ProcessLimits { bytes_max: 1 << 20, time_to_live: Duration::from_secs(60) };
        ProcessCache::new(&limits, latest.clone())
    }

    #[test]
    fn an_older_document_never_replaces_a_newer_one() {
        let cache = cache(&observed());
        cache.store(&1, document(7));
        assert_eq!(cache.store(&1, document(5)).as_of, at(1, 7));
        assert_eq!(cache.get(&1, None).expect("it is cached").as_of, at(1, 7));
        assert_eq!(cache.store(&1, document(9)).as_of, at(1, 9));
    }

    #[test]
    fn a_document_that_is_older_than_required_is_a_miss() {
        let cache = cache(&observed());
        cache.store(&1, document(7));
        assert!(cache.get(&1, Some(Position(7))).is_some() && cache.get(&1, Some(Position(8))).is_none());
        cache.store(&1, document(7).not_older_than(at(1, 8)));
        assert!(cache.get(&1, Some(Position(8))).is_some());
    }

    #[test]
    fn a_collection_that_is_proven_up_to_a_later_position_is_stored_although_a_part_of_it_is_older() {
        let collection = |parts: &[(&str, i64)]| {
            let parts = parts.iter().map(|(key, position)| ((*key).to_owned(), at(1, *position)));
            Representation::collection("{}".into(), parts)
        };
        let cache = cache(&observed());
        cache.store(&1, collection(&[("main", 9)]));
        let cached = cache.store(&1, collection(&[("main", 3), ("north", 5)]).not_older_than(at(1, 5)));
        assert_eq!(cached.as_of, at(1, 5));
        assert!(cache.get(&1, Some(Position(5))).is_some());
    }

    #[test]
    fn a_document_with_lost_events_is_a_miss_and_is_replaced_by_an_older_one() {
        let latest = observed();
        let cache = cache(&latest);
        cache.store(&1, document(9));
        cache.store(&2, document(5).not_older_than(at(1, 9)));
        latest.record_incarnations(&Incarnations::new(Incarnation(2), vec![(Incarnation(2), Position(7))]));
        assert!(cache.get(&1, None).is_none() && cache.get(&2, Some(Position(8))).is_none());
        assert_eq!(cache.store(&1, document(5)).as_of, at(1, 5));
        assert!(cache.get(&1, Some(Position(5))).is_some(), "events before the lost ones are still in the log");
    }

    #[test]
    fn no_position_is_guaranteed_while_the_current_incarnation_is_uncertain() {
        let latest = observed();
        let cache = cache(&latest);
        cache.store(&1, document(7));
        latest.clear();
        assert!(cache.get(&1, Some(Position(7))).is_none() && cache.get(&1, None).is_some());
    }
}
