//! The fate of a batch: committed, beaten by another writer, taken already, refused, or unknown. Whatever it is, every
//! caller gets a true reply.

use std::collections::HashMap;
use std::time::Duration;

use chrono::{DateTime, SubsecRound, Utc};
use events::Position;
use platform::metric_names;
use uuid::Uuid;

use super::answer::Answer;
use super::batch::{self, Accepted, Decided, Known};
use super::{PAGE, Reply, Waiting, Writer};
use crate::log::append::{Appended, Locked};
use crate::log::past::PastCommand;
use crate::log::{self, Head};

/// Lost races before the head of the log is locked for one batch, so that nobody starves.
const RACES: usize = 2;

/// Tries of one batch before its callers are told that its fate is unknown.
const TRIES: usize = 8;

/// Pause before the log is asked again after it did not answer; doubled each time.
const FIRST_PAUSE: Duration = Duration::from_millis(50);

/// What to do with a batch next.
enum Next {
    /// Everybody has a reply.
    Answered,
    /// Decide it again.
    Again(Vec<Waiting>),
    /// A command or one of these claims is in the log already: look which, decide the others again.
    Taken(Vec<Waiting>, Vec<String>),
    /// The log did not answer: wait, catch up, decide it again.
    Later(Vec<Waiting>),
    /// One of them is refused by the database: find out which.
    Halve(Vec<Waiting>),
}

impl Writer {
    /// Gives every caller of the batch a reply.
    pub(super) async fn process(&mut self, batch: Vec<Waiting>) {
        let mut batches = vec![batch];
        while let Some(batch) = batches.pop() {
            match self.settle(batch).await {
                Some(mut half) if half.len() > 1 => {
                    let rest = half.split_off(half.len() / 2);
                    batches.push(rest);
                    batches.push(half);
                }
                Some(culprit) => reply_all(culprit, &Reply::Unreadable),
                None => {}
            }
        }
    }

    /// Tries a batch until its fate is known; gives it back if the database refuses its data.
    async fn settle(&mut self, mut batch: Vec<Waiting>) -> Option<Vec<Waiting>> {
        let mut known = Known::default();
        let mut suspects: Vec<String> = Vec::new();
        let mut pause = FIRST_PAUSE;
        for attempt in 0..TRIES {
            if self.stale {
                match self.catch_up(batch, &suspects, &mut known).await {
                    Ok(rest) => batch = rest,
                    Err(rest) => {
                        batch = rest;
                        tokio::time::sleep(pause).await;
                        pause *= 2;
                        continue;
                    }
                }
            }
            batch = self.answer_repeats(batch);
            if batch.is_empty() {
                return None;
            }
            match self.try_once(batch, &known, attempt >= RACES).await {
                Next::Answered => return None,
                Next::Halve(batch) => return Some(batch),
                Next::Again(rest) => {
                    batch = rest;
                    self.stale = true;
                }
                Next::Taken(rest, claims) => {
                    batch = rest;
                    self.stale = true;
                    suspects = claims;
                }
                Next::Later(rest) => {
                    batch = rest;
                    self.stale = true;
                    tokio::time::sleep(pause).await;
                    pause *= 2;
                }
            }
        }
        reply_all(batch, &Reply::Unknown);
        None
    }

    /// Decides the batch and appends it, under a lock of the head where races were lost before.
    async fn try_once(&mut self, batch: Vec<Waiting>, known: &Known, locked: bool) -> Next {
        let lock = match locked {
            true => match self.lock().await {
                Ok(lock) => Some(lock),
                Err(error) => return self.unreachable(&error, batch),
            },
            false => None,
        };
        let decided = match self.decide(batch, known).await {
            Ok(decided) => decided,
            Err((error, batch)) => return self.unreachable(&error, batch),
        };
        let decided = match self.answer_from_the_past(decided).await {
            Ok(decided) => decided,
            Err((error, batch)) => {
                self.world.roll_back();
                return self.unreachable(&error, batch);
            }
        };
        if decided.rows.is_empty() {
            return self.confirm(decided).await;
        }
        let recorded_at = Utc::now().trunc_subsecs(6);
        let began = std::time::Instant::now();
        let appended = match lock {
            Some(lock) => lock.append(self.head, recorded_at, &decided.rows).await,
            None => self.log.append(self.head, recorded_at, &decided.rows).await,
        };
        metrics::histogram!(metric_names::WRITER_APPEND_SECONDS).record(began.elapsed());
        self.conclude(appended, decided, recorded_at)
    }

    /// Who is refused, or told that it is so already, may have done it: then the first answer stands.
    async fn answer_from_the_past(&self, mut decided: Decided) -> Result<Decided, (log::Error, Vec<Waiting>)> {
        if decided.held.is_empty() {
            return Ok(decided);
        }
        let ids: Vec<Uuid> = decided.held.iter().map(|(waiting, _)| waiting.request.key.id).collect();
        let past = match self.log.find_commands(&ids).await {
            Ok(past) => past,
            Err(error) => return Err((error, decided.into_waiting())),
        };
        for (waiting, held) in std::mem::take(&mut decided.held) {
            match past.contains_key(&waiting.request.key.id) {
                true => drop(answer_past(vec![waiting], &past)),
                false => decided.held.push((waiting, held)),
            }
        }
        Ok(decided)
    }

    fn conclude(&mut self, appended: Appended, decided: Decided, recorded_at: DateTime<Utc>) -> Next {
        if let Appended::After(base) = appended {
            self.committed(decided, base, recorded_at);
            return Next::Answered;
        }
        self.world.roll_back();
        let claims = decided.rows.iter().filter_map(|row| row.claim.clone()).collect();
        let batch = decided.into_waiting();
        match appended {
            Appended::After(_) => Next::Answered,
            Appended::Lost => {
                metrics::counter!(metric_names::WRITER_RACES_LOST_TOTAL).increment(1);
                Next::Again(batch)
            }
            Appended::Taken => Next::Taken(batch, claims),
            Appended::Refused(error) => {
                tracing::error!(commands = batch.len(), %error, "the database refuses a batch; looking for the command");
                Next::Halve(batch)
            }
            Appended::Unknown(error) => {
                self.health.down(format!("appending to the log: {error}"));
                tracing::warn!(commands = batch.len(), %error, "the answer to an append got lost; looking what became of it");
                Next::Later(batch)
            }
        }
    }

    fn unreachable(&mut self, error: &log::Error, batch: Vec<Waiting>) -> Next {
        self.health.down(format!("{error}: {}", source(error)));
        Next::Later(batch)
    }

    /// The batch is in the log: answers everybody and offers the events to the relay.
    fn committed(&mut self, decided: Decided, base: Position, recorded_at: DateTime<Utc>) {
        self.world.commit();
        let before = self.head;
        self.head.position = base.plus(decided.rows.len());
        self.health.up();
        metrics::counter!(metric_names::WRITER_EVENTS_TOTAL).increment(decided.rows.len() as u64);
        for Accepted { waiting, mut answer, repeats } in decided.accepted {
            answer.position = base.plus(answer.position.0 as usize);
            self.answers.put(waiting.request.key.id, (waiting.request.key.fingerprint, answer.clone()));
            for repeat in repeats {
                reply(repeat, Reply::Done { answer: answer.clone(), replayed: true });
            }
            reply(waiting, Reply::Done { answer, replayed: false });
        }
        for (waiting, held) in decided.held {
            reply(waiting, held);
        }
        self.offer(decided.rows, before, base, recorded_at);
    }

    /// The relay may be behind or not there; what it misses here it reads from the log.
    fn offer(&self, rows: Vec<log::append::NewRow>, head: Head, base: Position, recorded_at: DateTime<Utc>) {
        let Some(Ok(place)) = self.committed.as_ref().map(|relay| relay.try_reserve()) else { return };
        match batch::recorded(rows, head, base, recorded_at) {
            Ok(events) => place.send(events.into()),
            Err(error) => tracing::error!(%error, "metadata of our own cannot be read; the relay reads the log"),
        }
    }

    /// Nothing to append: refusals and repeats are true only if the log has not moved.
    async fn confirm(&mut self, decided: Decided) -> Next {
        match self.log.head().await {
            Ok(head) if head == self.head => {
                self.world.commit();
                self.health.up();
                for (waiting, held) in decided.held {
                    reply(waiting, held);
                }
                Next::Answered
            }
            Ok(_) => {
                self.world.roll_back();
                Next::Again(decided.into_waiting())
            }
            Err(error) => {
                self.world.roll_back();
                self.unreachable(&error, decided.into_waiting())
            }
        }
    }

    async fn lock(&mut self) -> Result<Locked, log::Error> {
        let lock = self.log.lock().await?;
        self.follow(lock.head).await?;
        Ok(lock)
    }

    /// Reads what the log holds beyond the world, and answers those of the batch whose command is in it already.
    async fn catch_up(
        &mut self,
        batch: Vec<Waiting>,
        suspects: &[String],
        known: &mut Known,
    ) -> Result<Vec<Waiting>, Vec<Waiting>> {
        match self.look_up(&batch, suspects, known).await {
            Ok(past) => {
                self.stale = false;
                self.health.up();
                Ok(answer_past(batch, &past))
            }
            Err(error) => {
                self.health.down(format!("{error}: {}", source(&error)));
                Err(batch)
            }
        }
    }

    async fn look_up(
        &mut self,
        batch: &[Waiting],
        suspects: &[String],
        known: &mut Known,
    ) -> Result<HashMap<Uuid, PastCommand>, log::Error> {
        let head = self.log.head().await?;
        self.follow(head).await?;
        if !suspects.is_empty() {
            known.claims.extend(self.log.find_claims(suspects).await?);
        }
        let ids: Vec<Uuid> = batch.iter().map(|waiting| waiting.request.key.id).collect();
        self.log.find_commands(&ids).await
    }

    /// Applies what other writers appended up to `head`.
    async fn follow(&mut self, head: Head) -> Result<(), log::Error> {
        if head.position < self.head.position {
            return Err(log::Error::Row(format!(
                "it ends at position {}, but {} was there before: it has lost its tail; restart when it is restored",
                head.position, self.head.position
            )));
        }
        while self.head.position < head.position {
            let page = self.log.read_after(self.head.position, PAGE).await?;
            if page.is_empty() {
                return Err(log::Error::Row(format!("nothing follows position {}", self.head.position)));
            }
            for recorded in page {
                match recorded.decode() {
                    Ok(event) => self.world.follow(&recorded.stream, recorded.version, &event),
                    Err(_) => self.world.forget(&recorded.stream),
                }
                self.head.position = recorded.position;
            }
        }
        self.head.incarnation = head.incarnation;
        Ok(())
    }

    /// Answers those whose command took effect a short while ago.
    fn answer_repeats(&mut self, batch: Vec<Waiting>) -> Vec<Waiting> {
        let mut rest = Vec::with_capacity(batch.len());
        for waiting in batch {
            let key = waiting.request.key;
            match self.answers.get(&key.id) {
                Some((fingerprint, answer)) if *fingerprint == key.fingerprint => {
                    let answer = answer.clone();
                    reply(waiting, Reply::Done { answer, replayed: true });
                }
                Some(_) => reply(waiting, Reply::KeyReused),
                None => rest.push(waiting),
            }
        }
        rest
    }
}

fn answer_past(batch: Vec<Waiting>, past: &HashMap<Uuid, PastCommand>) -> Vec<Waiting> {
    let mut rest = Vec::with_capacity(batch.len());
    for waiting in batch {
        let key = waiting.request.key;
        let Some(past) = past.get(&key.id) else {
            rest.push(waiting);
            continue;
        };
        if past.fingerprint != key.fingerprint {
            reply(waiting, Reply::KeyReused);
            continue;
        }
        match Answer::again(&past.events) {
            Ok(Some(answer)) => reply(waiting, Reply::Done { answer, replayed: true }),
            Ok(None) | Err(_) => reply(waiting, Reply::Unreadable),
        }
    }
    rest
}

fn reply_all(batch: Vec<Waiting>, what: &Reply) {
    for waiting in batch {
        reply(waiting, what.clone());
    }
}

/// A caller who went away is not waited for; its command stands.
fn reply(waiting: Waiting, what: Reply) {
    let _ = waiting.reply.send(what);
}

fn source(error: &log::Error) -> String {
    std::error::Error::source(error).map(ToString::to_string).unwrap_or_default()
}
