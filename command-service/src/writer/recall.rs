//! What this process remembers of keys that took effect, so that a repeat costs the writer nothing: the answers of the
//! last of them, and of far more only that they were used.
//!
//! A key that is remembered without its answer is looked up in the log by a task of its own ([`Recall::look_up`]), many at
//! once, beside the writer and not in its way. A key that is not remembered is new, or from before this process or its
//! memory: then the log refuses it when it is appended, and the writer looks. So forgetting costs time, never truth.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use lru::{DefaultHasher, LruCache};
use tokio::sync::mpsc;
use uuid::Uuid;

use super::Limits;
use super::answer::Answer;
use super::key::Key;
use super::mailbox::{Entry, Permits, Waiting};
use super::request::Reply;
use crate::log::command::LoggedCommand;
use crate::log::{self, Log};

/// Keys of one generation of those that were used; there are two, and a full one replaces the other. A key takes 8 bytes,
/// and a table of keys about twice that.
const GENERATION: usize = 1 << 21;

/// Keys that are looked up with one query.
const LOOKED_UP_AT_ONCE: usize = 256;

/// Commands whose events are read with one query: of each those of one stream, an order of 500 lines at most.
const ANSWERED_AT_ONCE: usize = 32;

/// A command that took effect before, as far as who asks may know it.
#[derive(Debug)]
pub(super) struct Past {
    fingerprint: i64,
    /// None where it was asked for with other fingerprints only, or cannot be read.
    answer: Option<Answer>,
}

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
            let keys: Vec<Key> = waiting.iter().map(|waiting| waiting.request.key).collect();
            let past = find(&log, &keys).await.unwrap_or_default();
            for waiting in waiting.drain(..) {
                match past.get(&waiting.request.key.id) {
                    Some(past) => {
                        room.give_back(1);
                        let reply = replayed(past, waiting.request.key);
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

/// Those of these commands that took effect. Only of those that are asked for with the fingerprint that they have is read what
/// they wrote, and only to the stream that they addressed: for the others the answer is that the key was used.
pub(super) async fn find(log: &Log, keys: &[Key]) -> Result<HashMap<Uuid, Past>, log::Error> {
    let ids: Vec<Uuid> = keys.iter().map(|key| key.id).collect();
    let written = log.find_commands(&ids).await?;
    let asked: HashSet<(Uuid, i64)> = keys.iter().map(|key| (key.id, key.fingerprint)).collect();
    let unread = |it: &LoggedCommand| (it.id, Past { fingerprint: it.fingerprint, answer: None });
    let mut past: HashMap<Uuid, Past> = written.iter().map(unread).collect();
    let repeated: Vec<LoggedCommand> =
        written.into_iter().filter(|written| asked.contains(&(written.id, written.fingerprint))).collect();
    for some in repeated.chunks(ANSWERED_AT_ONCE) {
        let events = log.read_command_events(some).await?;
        for written in some {
            let events = events.get(&written.id).map_or(&[][..], Vec::as_slice);
            let answer = Answer::again(events, written.last).ok().flatten();
            past.insert(written.id, Past { fingerprint: written.fingerprint, answer });
        }
    }
    Ok(past)
}

/// What whoever repeats a command is told.
pub(super) fn replayed(past: &Past, key: Key) -> Reply {
    match (past.fingerprint == key.fingerprint, &past.answer) {
        (false, _) => Reply::KeyReused,
        (true, Some(answer)) => Reply::Done { answer: answer.clone(), replayed: true, state: None },
        (true, None) => Reply::Unreadable,
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
