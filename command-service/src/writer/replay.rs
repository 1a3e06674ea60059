//! Replies to repeated commands. This process remembers the answers of the latest commands, and of far more commands only that
//! their keys were used, so that a repeat costs the writer nothing.
//!
//! A key that is remembered without its answer is looked up in the log by a separate task ([`super::replay_lookup`]). A key that is
//! not remembered is new, or was used before this process started or was forgotten: in that case the log refuses the append, and
//! the writer looks the key up. So forgetting costs time, never correctness.

use std::collections::{HashMap, HashSet};
use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use lru::{DefaultHasher, LruCache};
use uuid::Uuid;

use super::answer::Answer;
use super::key::Key;
use super::request::Reply;
use crate::log::command::LoggedCommand;
use crate::log::{self, Log};

/// Used keys in one generation. There are two generations: when the young one is full, it replaces the old one. A key takes
/// 8 bytes, and in the table about twice that.
const GENERATION: usize = 1 << 21;

/// Commands whose events are read with one query: of each command the events of one stream, at most an order of 500 lines.
const COMMANDS_PER_QUERY: usize = 32;

/// A command that took effect earlier.
#[derive(Debug)]
pub(super) struct EarlierCommand {
    fingerprint: i64,
    /// `None` if only commands with another fingerprint repeat its key, or if its events cannot be decoded.
    answer: Option<Answer>,
}

/// Remembered answers and keys; cheap to clone, and clones share them.
#[derive(Debug, Clone)]
pub(super) struct Replays(Arc<Mutex<Cache>>);

#[derive(Debug)]
struct Cache {
    answers: LruCache<Uuid, (i64, Answer)>,
    young: HashSet<u64, DefaultHasher>,
    old: HashSet<u64, DefaultHasher>,
    generation: usize,
}

/// What is remembered of a key.
#[derive(Debug, PartialEq)]
pub(super) enum Remembered {
    /// The reply to a repeat.
    Reply(Reply),
    /// The key was used, or another key with the same short form.
    Used,
    /// Nothing.
    Nothing,
}

impl Replays {
    /// Remembers up to this many answers.
    pub(super) fn new(answers: NonZeroUsize) -> Replays {
        Replays::with_generations(answers, GENERATION)
    }

    fn with_generations(answers: NonZeroUsize, generation: usize) -> Replays {
        let (young, old) = (HashSet::default(), HashSet::default());
        Replays(Arc::new(Mutex::new(Cache { answers: LruCache::new(answers), young, old, generation })))
    }

    /// What is remembered of this key.
    pub(super) fn find(&self, key: Key) -> Remembered {
        let mut cache = self.lock();
        if let Some((fingerprint, answer)) = cache.answers.get(&key.id) {
            return Remembered::Reply(match *fingerprint == key.fingerprint {
                true => replayed(answer),
                false => Reply::KeyReused,
            });
        }
        let short = short(key.id);
        match cache.young.contains(&short) || cache.old.contains(&short) {
            true => Remembered::Used,
            false => Remembered::Nothing,
        }
    }

    /// Remembers the answers to these commands, which took effect.
    pub(super) fn remember(&self, answers: impl Iterator<Item = (Key, Answer)>) {
        let mut cache = self.lock();
        for (key, answer) in answers {
            cache.use_key(key.id);
            cache.answers.put(key.id, (key.fingerprint, answer));
        }
    }

    /// Remembers the keys of these commands, which took effect through another process.
    pub(super) fn remember_keys(&self, ids: impl Iterator<Item = Uuid>) {
        let mut cache = self.lock();
        ids.for_each(|id| cache.use_key(id));
    }

    /// Forgets everything, because the log was replaced.
    pub(super) fn clear(&self) {
        let mut cache = self.lock();
        cache.answers.clear();
        cache.young.clear();
        cache.old.clear();
    }

    fn lock(&self) -> MutexGuard<'_, Cache> {
        // No code panics while it holds the lock, and every state of the cache is valid.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl EarlierCommand {
    /// The reply to a command that repeats this one, or only its key.
    pub(super) fn reply_to(&self, key: Key) -> Reply {
        match (self.fingerprint == key.fingerprint, &self.answer) {
            (false, _) => Reply::KeyReused,
            (true, Some(answer)) => replayed(answer),
            (true, None) => Reply::Unreadable,
        }
    }
}

impl Cache {
    fn use_key(&mut self, id: Uuid) {
        if self.young.len() >= self.generation {
            std::mem::swap(&mut self.young, &mut self.old);
            self.young.clear();
        }
        self.young.insert(short(id));
    }
}

/// The commands among these that took effect. Their events are read only if the fingerprint is the same, and only in the stream
/// that the command addressed: for the others the reply is that the key was used.
pub(super) async fn find_earlier(log: &Log, keys: &[Key]) -> Result<HashMap<Uuid, EarlierCommand>, log::Error> {
    let ids: Vec<Uuid> = keys.iter().map(|key| key.id).collect();
    let logged = log.find_commands(&ids).await?;
    let requested: HashSet<(Uuid, i64)> = keys.iter().map(|key| (key.id, key.fingerprint)).collect();
    let unread = |it: &LoggedCommand| (it.id, EarlierCommand { fingerprint: it.fingerprint, answer: None });
    let mut earlier: HashMap<Uuid, EarlierCommand> = logged.iter().map(unread).collect();
    let repeated: Vec<LoggedCommand> =
        logged.into_iter().filter(|command| requested.contains(&(command.id, command.fingerprint))).collect();
    for commands in repeated.chunks(COMMANDS_PER_QUERY) {
        let events = log.read_command_events(commands).await?;
        for command in commands {
            let events = events.get(&command.id).map_or(&[][..], Vec::as_slice);
            let answer = Answer::from_events(events, command.last).ok().flatten();
            earlier.insert(command.id, EarlierCommand { fingerprint: command.fingerprint, answer });
        }
    }
    Ok(earlier)
}

fn replayed(answer: &Answer) -> Reply {
    Reply::Done { answer: answer.clone(), replayed: true, state: None }
}

/// Short form of a key: 64 of its bits, among them the random bits of every UUID version.
fn short(id: Uuid) -> u64 {
    let (high, low) = id.as_u64_pair();
    high.rotate_left(32) ^ low
}

#[cfg(test)]
mod tests {
    use events::{Position, Version};

    use super::*;

    fn replays(answers: usize, generation: usize) -> Replays {
        Replays::with_generations(NonZeroUsize::new(answers).unwrap(), generation)
    }

    fn key(number: u128) -> Key {
        Key { id: Uuid::from_u128(number), fingerprint: 7 }
    }

    fn answer() -> Answer {
        Answer::about("stock-A@main".parse().unwrap(), Version(1), Position(1))
    }

    #[test]
    fn a_repeat_gets_the_first_answer_and_another_command_with_the_key_does_not() {
        let replays = replays(2, 100);
        assert_eq!(replays.find(key(1)), Remembered::Nothing);
        replays.remember([(key(1), answer())].into_iter());
        let again = Reply::Done { answer: answer(), replayed: true, state: None };
        assert_eq!(replays.find(key(1)), Remembered::Reply(again));
        assert_eq!(replays.find(Key { fingerprint: 8, ..key(1) }), Remembered::Reply(Reply::KeyReused));
    }

    #[test]
    fn a_key_is_remembered_longer_than_its_answer_but_not_for_ever() {
        let replays = replays(1, 2);
        replays.remember((1..=3).map(|number| (key(number), answer())));
        assert_eq!(replays.find(key(1)), Remembered::Used);
        replays.remember_keys((4..=5).map(Uuid::from_u128));
        assert_eq!(replays.find(key(1)), Remembered::Nothing);
        assert_eq!(replays.find(key(5)), Remembered::Used);
    }
}
