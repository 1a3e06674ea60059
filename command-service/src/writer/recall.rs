//! What this process remembers of keys that took effect, so that a repeat costs the writer nothing: the answers of the
//! last of them, and of far more only that they were used.
//!
//! A key that is remembered without its answer is looked up in the log by a task of its own ([`Recall::look_up`]), many at
//! once, beside the writer and not in its way. A key that is not remembered is new, or from before this process or its
//! memory: then the log refuses it when it is appended, and the writer looks. So forgetting costs time, never truth.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use lru::{DefaultHasher, LruCache};
use tokio::sync::mpsc;
use uuid::Uuid;

use super::Limits;
use super::answer::Answer;
use super::key::Key;
use super::mailbox::{Entry, Permits, Waiting};
use super::request::Reply;
use crate::log::Log;
use crate::log::past::PastCommand;

/// Keys of one generation of those that were used; there are two, and a full one replaces the other. A key takes 8 bytes,
/// and a table of keys about twice that.
const GENERATION: usize = 1 << 21;

/// Keys that are looked up with one query.
const LOOKED_UP_AT_ONCE: usize = 256;

/// What is remembered; cheap to clone.
#[derive(Debug, Clone)]
pub(super) struct Recall(Arc<Mutex<Remembered>>);

#[derive(Debug)]
struct Remembered {
    answers: LruCache<Uuid, (i64, Answer)>,
    young: HashSet<u64, DefaultHasher>,
    old: HashSet<u64, DefaultHasher>,
    generation: usize,
}

/// What is remembered of a key.
#[derive(Debug, PartialEq)]
pub(super) enum Memory {
    /// What whoever repeats it is told.
    Answer(Reply),
    /// It took effect, or another key did that looks the same here.
    Used,
    /// Nothing.
    Nothing,
}

impl Recall {
    /// Nothing is remembered yet.
    pub(super) fn new(limits: &Limits) -> Recall {
        Recall::of_generations(limits, GENERATION)
    }

    fn of_generations(limits: &Limits, generation: usize) -> Recall {
        let (young, old) = (HashSet::default(), HashSet::default());
        Recall(Arc::new(Mutex::new(Remembered { answers: LruCache::new(limits.answers), young, old, generation })))
    }

    /// What is remembered of this key.
    pub(super) fn find(&self, key: Key) -> Memory {
        let mut remembered = self.lock();
        if let Some((fingerprint, answer)) = remembered.answers.get(&key.id) {
            return Memory::Answer(again(*fingerprint == key.fingerprint, || answer.clone()));
        }
        let short = short(key.id);
        match remembered.young.contains(&short) || remembered.old.contains(&short) {
            true => Memory::Used,
            false => Memory::Nothing,
        }
    }

    /// These commands took effect.
    pub(super) fn answered(&self, answers: impl Iterator<Item = (Key, Answer)>) {
        let mut remembered = self.lock();
        for (key, answer) in answers {
            remembered.use_key(key.id);
            remembered.answers.put(key.id, (key.fingerprint, answer));
        }
    }

    /// These commands took effect through another process.
    pub(super) fn used(&self, ids: impl Iterator<Item = Uuid>) {
        let mut remembered = self.lock();
        ids.for_each(|id| remembered.use_key(id));
    }

    /// The log is another one.
    pub(super) fn forget(&self) {
        let mut remembered = self.lock();
        remembered.answers.clear();
        remembered.young.clear();
        remembered.old.clear();
    }

    /// Answers repeats of keys that are known to be used from the log; one that the log does not know after all goes on to
    /// the writer, and so do all when the log does not answer. Ends when nobody can repeat anything any more.
    pub(super) async fn look_up(
        log: Log,
        mut suspects: mpsc::UnboundedReceiver<Waiting>,
        entries: mpsc::UnboundedSender<Entry>,
        room: Permits,
    ) {
        let mut waiting = Vec::new();
        while suspects.recv_many(&mut waiting, LOOKED_UP_AT_ONCE).await > 0 {
            let ids: Vec<Uuid> = waiting.iter().map(|waiting| waiting.request.key.id).collect();
            let mut past = log.find_commands(&ids).await.unwrap_or_default();
            for waiting in waiting.drain(..) {
                match past.remove(&waiting.request.key.id) {
                    Some(past) => {
                        room.give_back(1);
                        let reply = replayed(&past, waiting.request.key);
                        waiting.reply(reply);
                    }
                    // If the writer takes nothing any more, whoever waits is told that the outcome is unknown.
                    None => drop(entries.send(Entry::One(waiting))),
                }
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, Remembered> {
        // Nobody panics while holding it, and every state of it is a good one.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Remembered {
    fn use_key(&mut self, id: Uuid) {
        if self.young.len() >= self.generation {
            std::mem::swap(&mut self.young, &mut self.old);
            self.young.clear();
        }
        self.young.insert(short(id));
    }
}

/// What whoever repeats a command is told, from what it wrote.
pub(super) fn replayed(past: &PastCommand, key: Key) -> Reply {
    match Answer::again(&past.events) {
        Ok(Some(answer)) => again(past.fingerprint == key.fingerprint, || answer),
        Ok(None) | Err(_) => Reply::Unreadable,
    }
}

fn again(is_same: bool, answer: impl FnOnce() -> Answer) -> Reply {
    match is_same {
        true => Reply::Done { answer: answer(), replayed: true, state: None },
        false => Reply::KeyReused,
    }
}

/// Half of a key: its random bits are all there, whatever its version.
fn short(id: Uuid) -> u64 {
    let (high, low) = id.as_u64_pair();
    high.rotate_left(32) ^ low
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroUsize;

    use events::{Position, Version};

    use super::*;

    fn recall(answers: usize, generation: usize) -> Recall {
        let limits = Limits { answers: NonZeroUsize::new(answers).unwrap(), ..Limits::default() };
        Recall::of_generations(&limits, generation)
    }

    fn key(number: u128) -> Key {
        Key { id: Uuid::from_u128(number), fingerprint: 7 }
    }

    fn answer() -> Answer {
        Answer::about("stock-A@main".parse().unwrap(), Version(1), Position(1))
    }

    #[test]
    fn a_repeat_gets_the_first_answer_and_another_command_none() {
        let recall = recall(2, 100);
        assert_eq!(recall.find(key(1)), Memory::Nothing);
        recall.answered([(key(1), answer())].into_iter());
        let again = Reply::Done { answer: answer(), replayed: true, state: None };
        assert_eq!(recall.find(key(1)), Memory::Answer(again));
        assert_eq!(recall.find(Key { fingerprint: 8, ..key(1) }), Memory::Answer(Reply::KeyReused));
    }

    #[test]
    fn a_key_is_known_longer_than_its_answer_and_not_for_ever() {
        let recall = recall(1, 2);
        recall.answered((1..=3).map(|number| (key(number), answer())));
        assert_eq!(recall.find(key(1)), Memory::Used);
        recall.used((4..=5).map(Uuid::from_u128));
        assert_eq!(recall.find(key(1)), Memory::Nothing);
        assert_eq!(recall.find(key(5)), Memory::Used);
    }
}
