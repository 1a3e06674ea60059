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
use crate::freshness::Current;

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

/// Whether an answer that was kept may be given: to somebody who wants it not older than that, if to anybody. One of a tail
/// that the log has lost may not, and positions are compared only while it is known that they are of the same life.
pub fn may_give(answer: &Answer, not_before: Option<Position>, current: &Current) -> bool {
    let is_new_enough = |position| answer.as_of.position >= position && current.knows_the_incarnation();
    let incarnations = current.incarnations();
    not_before.is_none_or(is_new_enough) && answer.stamps().all(|stamp| incarnations.include(stamp))
}

/// Answers in this process's memory.
#[derive(Clone)]
pub struct ProcessCache<K> {
    answers: Cache<K, Arc<Answer>>,
    current: Current,
}

impl<K: Hash + Eq + Clone + Send + Sync + 'static> ProcessCache<K> {
    /// Empty.
    pub fn new(limits: &ProcessLimits, current: Current) -> ProcessCache<K> {
        let answers = Cache::builder()
            .max_capacity(limits.bytes_max)
            .weigher(|_: &K, answer: &Arc<Answer>| u32::try_from(answer.weight()).unwrap_or(u32::MAX))
            .time_to_live(limits.time_to_live)
            .build();
        ProcessCache { answers, current }
    }

    /// The answer, if it is there and not older than wanted.
    pub fn get(&self, key: &K, not_before: Option<Position>) -> Option<Arc<Answer>> {
        self.answers.get(key).filter(|answer| may_give(answer, not_before, &self.current))
    }

    /// Keeps an answer, unless one is there that is as new in everything; returns the one that is there then, so never one
    /// of which less is known than of `answer`.
    pub fn keep(&self, key: &K, answer: Answer) -> Arc<Answer> {
        let answer = Arc::new(answer);
        let holds = |held: &Answer| held.is_as_new_as(&answer) && may_give(held, None, &self.current);
        let kept = self.answers.entry_by_ref(key).and_compute_with(|held| match held {
            Some(held) if holds(held.value()) => Op::Nop,
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
    use events::{Incarnation, LogPosition};

    use super::*;
    use crate::freshness::Snapshot;
    use crate::incarnations::Incarnations;

    fn stamp(life: i32, position: i64) -> LogPosition {
        LogPosition { incarnation: Incarnation(life), position: Position(position) }
    }

    fn answer(position: i64) -> Answer {
        Answer::document(format!("{{\"position\":{position}}}").into(), stamp(1, position))
    }

    /// A database answers.
    fn known() -> Current {
        let current = Current::default();
        current.publish(Snapshot {
            at: chrono::DateTime::UNIX_EPOCH,
            source: "primary",
            head: Position(9),
            relayed: Position(9),
            replica: None,
            projections: Vec::new(),
        });
        current
    }

    fn cache(current: &Current) -> ProcessCache<u8> {
        let limits = ProcessLimits { bytes_max: 1 << 20, time_to_live: Duration::from_secs(60) };
        ProcessCache::new(&limits, current.clone())
    }

    #[test]
    fn an_older_answer_never_replaces_a_newer_one() {
        let cache = cache(&known());
        cache.keep(&1, answer(7));
        assert_eq!(cache.keep(&1, answer(5)).as_of, stamp(1, 7));
        assert_eq!(cache.get(&1, None).expect("it is kept").as_of, stamp(1, 7));
        assert_eq!(cache.keep(&1, answer(9)).as_of, stamp(1, 9));
    }

    #[test]
    fn an_answer_that_is_older_than_wanted_is_not_there() {
        let cache = cache(&known());
        cache.keep(&1, answer(7));
        assert!(cache.get(&1, Some(Position(7))).is_some() && cache.get(&1, Some(Position(8))).is_none());
        cache.keep(&1, answer(7).not_older_than(stamp(1, 8)));
        assert!(cache.get(&1, Some(Position(8))).is_some());
    }

    #[test]
    fn an_answer_of_which_more_is_known_is_kept_and_given_although_a_part_of_it_is_older() {
        let collection = |parts: &[(&str, i64)]| {
            let parts = parts.iter().map(|(key, position)| ((*key).to_owned(), stamp(1, *position)));
            Answer::collection("{}".into(), parts)
        };
        let cache = cache(&known());
        cache.keep(&1, collection(&[("main", 9)]));
        let kept = cache.keep(&1, collection(&[("main", 3), ("north", 5)]).not_older_than(stamp(1, 5)));
        assert_eq!(kept.as_of, stamp(1, 5));
        assert!(cache.get(&1, Some(Position(5))).is_some());
    }

    #[test]
    fn an_answer_of_a_lost_tail_is_not_there_and_gives_way_to_an_older_one() {
        let current = known();
        let cache = cache(&current);
        cache.keep(&1, answer(9));
        cache.keep(&2, answer(5).not_older_than(stamp(1, 9)));
        current.learn(&Incarnations::new(Incarnation(2), vec![(Incarnation(2), Position(7))]));
        assert!(cache.get(&1, None).is_none() && cache.get(&2, Some(Position(8))).is_none());
        assert_eq!(cache.keep(&1, answer(5)).as_of, stamp(1, 5));
        assert!(cache.get(&1, Some(Position(5))).is_some(), "what was there before the tail still holds");
    }

    #[test]
    fn no_position_is_promised_while_no_database_says_of_which_life_it_is() {
        let current = known();
        let cache = cache(&current);
        cache.keep(&1, answer(7));
        current.forget();
        assert!(cache.get(&1, Some(Position(7))).is_none() && cache.get(&1, None).is_some());
    }
}
