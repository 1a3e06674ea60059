//! The fate of a batch: committed, beaten by another writer, taken already, refused, or unknown. Whatever it is, every
//! caller gets a true reply.

use std::time::Duration;

use chrono::{DateTime, SubsecRound, Utc};
use events::Position;
use platform::metric_names;
use uuid::Uuid;

use super::batch::{Batch, Decided, Known};
use super::desk::Verdict;
use super::request::Reply;
use super::unit::Unit;
use super::{PAGE, Writer};
use crate::log::append::{self, Appended, Locked};
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
    /// The log has moved: follow it, decide again.
    Again(Batch),
    /// A command or one of these claims is in the log already: look which, decide again.
    Taken(Batch, Vec<String>),
    /// The log did not answer: wait, look what became of the batch, decide it again.
    Later(Batch),
    /// One of them is refused by the database: find out which.
    Halve(Batch),
}

/// What must be looked up before a batch is decided again.
#[derive(Debug, Default)]
struct Doubts {
    /// Whether commands of it may be in the log.
    commands: bool,
    /// Claims that may be taken.
    claims: Vec<String>,
}

impl Writer {
    /// Gives every caller of the batch a reply. Of a batch that the database refuses it tries the halves, until the culprit
    /// stands alone: a command, or a group that cannot be taken apart.
    pub(super) async fn process(&mut self, batch: Batch) {
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
    async fn settle(&mut self, mut batch: Batch) -> Option<Batch> {
        let mut known = Known::default();
        let mut doubts = Doubts::default();
        let mut pause = FIRST_PAUSE;
        for attempt in 0..TRIES {
            let next = match self.settle_doubts(&batch, &mut doubts, &mut known).await {
                Ok(()) => self.try_once(batch, &mut known, attempt >= RACES).await,
                Err(error) => self.unreachable(&error, batch),
            };
            match next {
                Next::Answered => return None,
                Next::Halve(batch) => return Some(batch),
                Next::Again(rest) => batch = rest,
                Next::Taken(rest, claims) => {
                    batch = rest;
                    doubts = Doubts { commands: true, claims };
                }
                Next::Later(rest) => {
                    batch = rest;
                    doubts.commands = true;
                    tokio::time::sleep(pause).await;
                    pause *= 2;
                }
            }
            self.stale = true;
        }
        reply_all(batch, &Reply::Unknown);
        None
    }

    /// Reads what the log holds beyond the world and what it knows of the batch.
    async fn settle_doubts(
        &mut self,
        batch: &[Unit<super::mailbox::Waiting>],
        doubts: &mut Doubts,
        known: &mut Known,
    ) -> Result<(), log::Error> {
        if self.stale {
            let head = self.log.head().await?;
            self.follow(head).await?;
            self.stale = false;
        }
        if !doubts.claims.is_empty() {
            known.claims.extend(self.log.find_claims(&doubts.claims).await?);
        }
        if doubts.commands {
            let ids: Vec<Uuid> = batch.iter().flat_map(Unit::members).map(|waiting| waiting.request.key.id).collect();
            known.past.extend(self.log.find_commands(&ids).await?);
        }
        *doubts = Doubts::default();
        Ok(())
    }

    /// Decides the batch and appends it, under a lock of the head where races were lost before.
    async fn try_once(&mut self, batch: Batch, known: &mut Known, locked: bool) -> Next {
        let lock = match locked {
            true => match self.lock().await {
                Ok(lock) => Some(lock),
                Err(error) => return self.unreachable(&error, batch),
            },
            false => None,
        };
        let decided = match self.decide_knowing_the_past(batch, known).await {
            Ok(decided) => decided,
            Err((error, batch)) => return self.unreachable(&error, batch),
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

    /// Who is refused, or told that it is so already, may have done it: then the first answer stands, and the batch is
    /// decided again with that in mind.
    async fn decide_knowing_the_past(
        &mut self,
        mut batch: Batch,
        known: &mut Known,
    ) -> Result<Decided, (log::Error, Batch)> {
        loop {
            let decided = self.decide(batch, known).await?;
            let suspects = decided.decisions().filter(|decision| decision.may_be_past());
            let ids: Vec<Uuid> = suspects.map(|decision| decision.waiting.request.key.id).collect();
            let past = match ids.is_empty() {
                true => return Ok(decided),
                false => self.log.find_commands(&ids).await,
            };
            match past {
                Ok(past) if past.is_empty() => return Ok(decided),
                Ok(past) => known.past.extend(past),
                Err(error) => {
                    self.world.roll_back();
                    return Err((error, decided.into_batch()));
                }
            }
            self.world.roll_back();
            batch = decided.into_batch();
        }
    }

    fn conclude(&mut self, appended: Appended, decided: Decided, recorded_at: DateTime<Utc>) -> Next {
        if let Appended::After(base) = appended {
            self.committed(decided, base, recorded_at);
            return Next::Answered;
        }
        self.world.roll_back();
        let claims = decided.rows.iter().filter_map(|row| row.claim.clone()).collect();
        let commands = decided.decisions().count();
        let batch = decided.into_batch();
        match appended {
            Appended::After(_) => Next::Answered,
            Appended::Lost => {
                metrics::counter!(metric_names::WRITER_RACES_LOST_TOTAL).increment(1);
                Next::Again(batch)
            }
            Appended::Taken => Next::Taken(batch, claims),
            Appended::Refused(error) => {
                tracing::error!(commands, %error, "the database refuses a batch; looking for the command");
                Next::Halve(batch)
            }
            Appended::Unknown(error) => {
                self.health.down(format!("appending to the log: {error}"));
                tracing::warn!(commands, %error, "the answer to an append got lost; looking what became of it");
                Next::Later(batch)
            }
        }
    }

    fn unreachable(&mut self, error: &log::Error, batch: Batch) -> Next {
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
        self.tell(decided.units, base);
        self.offer(decided.rows, before, base, recorded_at);
    }

    /// Tells everybody what was decided, which is true from now on.
    fn tell(&mut self, units: Vec<Unit<super::batch::Decision>>, base: Position) {
        for decision in units.into_iter().flat_map(Unit::into_members) {
            let key = decision.waiting.request.key;
            decision.waiting.reply(match decision.verdict {
                Verdict::Accepted(mut answer, state) => {
                    answer.position = base.plus(answer.position.0 as usize);
                    self.answers.put(key.id, (key.fingerprint, answer.clone()));
                    Reply::Done { answer, replayed: false, state }
                }
                Verdict::Held(reply) | Verdict::Settled(reply) => reply,
            });
        }
    }

    /// The relay may be behind or not there; what it misses here it reads from the log.
    fn offer(&self, rows: Vec<append::NewRow>, head: Head, base: Position, recorded_at: DateTime<Utc>) {
        let Some(Ok(place)) = self.committed.as_ref().map(|relay| relay.try_reserve()) else { return };
        match append::recorded(rows, head.incarnation, base, recorded_at) {
            Ok(events) => place.send(events.into()),
            Err(error) => tracing::error!(%error, "metadata of our own cannot be read; the relay reads the log"),
        }
    }

    /// Nothing to append: refusals are true only if the log has not moved.
    async fn confirm(&mut self, decided: Decided) -> Next {
        let held = decided.decisions().any(|decision| matches!(decision.verdict, Verdict::Held(_)));
        let head = match held {
            true => self.log.head().await,
            false => Ok(self.head),
        };
        match head {
            Ok(head) if head == self.head => {
                self.world.commit();
                self.health.up();
                self.tell(decided.units, head.position);
                Next::Answered
            }
            Ok(_) => {
                self.world.roll_back();
                Next::Again(decided.into_batch())
            }
            Err(error) => {
                self.world.roll_back();
                self.unreachable(&error, decided.into_batch())
            }
        }
    }

    async fn lock(&mut self) -> Result<Locked, log::Error> {
        let lock = self.log.lock().await?;
        self.follow(lock.head).await?;
        Ok(lock)
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
                    Ok(event) => {
                        self.world.count(&event);
                        self.world.follow(&recorded.stream, recorded.version, &event);
                    }
                    Err(_) => self.world.forget(&recorded.stream),
                }
                self.head.position = recorded.position;
            }
        }
        self.head.incarnation = head.incarnation;
        Ok(())
    }
}

fn reply_all(batch: Batch, what: &Reply) {
    for waiting in batch.into_iter().flat_map(Unit::into_members) {
        waiting.reply(what.clone());
    }
}

fn source(error: &log::Error) -> String {
    std::error::Error::source(error).map(ToString::to_string).unwrap_or_default()
}
