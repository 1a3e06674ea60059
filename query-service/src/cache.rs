//! What was read lately, in two levels: this process's memory, then Redis. Both hold answers with how new they are.
//!
//! Neither is ever right against the database: an answer stands in them for as long as their lifetimes say, never over a
//! newer one, and readers that cannot live with that send a consistency token.

pub mod flights;
pub mod redis;

use std::hash::Hash;
use std::sync::Arc;
use std::time::Duration;

use events::Position;
use moka::ops::compute::{CompResult, Op};
use moka::sync::Cache;

use crate::answer::Answer;

/// How much of what was read stays in this process, and for how long.
#[derive(Debug, Clone)]
pub struct ProcessLimits {
    /// Bytes of all answers together.
    pub bytes_max: u64,
    /// How long an answer stays without being read anew.
    pub time_to_live: Duration,
}

impl ProcessLimits {
    /// A part of the bytes, in percent, for answers of one kind.
    pub fn share(&self, percent: u64) -> ProcessLimits {
        ProcessLimits { bytes_max: self.bytes_max / 100 * percent, ..self.clone() }
    }
}

/// Answers in this process's memory.
#[derive(Clone)]
pub struct ProcessCache<K>(Cache<K, Arc<Answer>>);

impl<K: Hash + Eq + Clone + Send + Sync + 'static> ProcessCache<K> {
    /// Empty.
    pub fn new(limits: &ProcessLimits) -> ProcessCache<K> {
        let cache = Cache::builder()
            .max_capacity(limits.bytes_max)
            .weigher(|_: &K, answer: &Arc<Answer>| u32::try_from(answer.weight()).unwrap_or(u32::MAX))
            .time_to_live(limits.time_to_live)
            .build();
        ProcessCache(cache)
    }

    /// The answer, if it is there and not older than wanted.
    pub fn get(&self, key: &K, not_before: Position) -> Option<Arc<Answer>> {
        self.0.get(key).filter(|answer| answer.as_of >= not_before)
    }

    /// Keeps an answer, unless a newer one is there; returns the newer of the two.
    pub fn keep(&self, key: &K, answer: Answer) -> Arc<Answer> {
        let answer = Arc::new(answer);
        let kept = self.0.entry_by_ref(key).and_compute_with(|held| match held {
            Some(held) if held.value().is_newer_than(&answer) => Op::Nop,
            Some(_) | None => Op::Put(Arc::clone(&answer)),
        });
        match kept {
            CompResult::Unchanged(held) => held.into_value(),
            _ => answer,
        }
    }
}

#[cfg(test)]
mod tests {
    use events::Incarnation;
    use read_model::Stamp;

    use super::*;

    fn answer(position: i64) -> Answer {
        let stamp = Stamp { incarnation: Incarnation(1), position: Position(position) };
        Answer::document(format!("{{\"position\":{position}}}").into(), stamp)
    }

    fn cache() -> ProcessCache<u8> {
        ProcessCache::new(&ProcessLimits { bytes_max: 1 << 20, time_to_live: Duration::from_secs(60) })
    }

    #[test]
    fn an_older_answer_never_replaces_a_newer_one() {
        let cache = cache();
        cache.keep(&1, answer(7));
        assert_eq!(cache.keep(&1, answer(5)).as_of, Position(7));
        assert_eq!(cache.get(&1, Position::ZERO).expect("it is kept").as_of, Position(7));
        assert_eq!(cache.keep(&1, answer(9)).as_of, Position(9));
    }

    #[test]
    fn an_answer_that_is_older_than_wanted_is_not_there() {
        let cache = cache();
        cache.keep(&1, answer(7));
        assert!(cache.get(&1, Position(7)).is_some() && cache.get(&1, Position(8)).is_none());
        cache.keep(&1, answer(7).not_older_than(Position(8)));
        assert!(cache.get(&1, Position(8)).is_some());
    }
}
