//! The fate of a batch: committed, beaten by another writer, taken already, refused, or unknown. Whatever it is, every
//! caller gets a true reply.

use std::pin::pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use chrono::{DateTime, SubsecRound, Utc};
use events::{LogPosition, Position, StreamId};
use platform::metric_names;

use super::answer::Answer;
use super::batch::{Ahead, Batch, Decided, Decision, Known, Undecided};
use super::desk::Verdict;
use super::follow::QUIET_TURNS;
use super::keeper::Portrait;
use super::key::Key;
use super::recall;
use super::request::Reply;
use super::unit::Unit;
use super::{NUMBERS_EVERY, Writer};
use crate::log::batch::{self, Appended, NewRow};
use crate::log::head_lock::LockedHead;
use crate::log::write_lock::WriteLock;
use crate::log::{self, End};

/// Batches after one with an old key whose keys are looked up first: that is a round trip for each of them, but an append
/// that the database refuses for one used key costs the whole batch.
const LOOK_FIRST: u32 = 32;

/// Tries of one batch before its callers are told that its fate is unknown: with the pauses between them, and a connection
/// that does not come to be each time, eleven seconds, so that callers hear it before their requests time out.
const TRIES: usize = 8;

/// Pause before the log is asked again after it did not answer; doubled each time, up to the longest.
const FIRST_PAUSE: Duration = Duration::from_millis(50);
const LONGEST_PAUSE: Duration = Duration::from_millis(1_600);

/// What to do with a batch next.
enum Next {
    /// Everybody has a reply.
    Answered,
    /// The log has moved: follow it, decide again.
    Again(Batch),
    /// A command or one of these claims is in the log already: look which, decide again.
    Taken(Batch, Vec<String>),
    /// It was decided on streams that are not in the log as they are in memory: they are forgotten, decide again.
    Conflicting(Batch),
    /// The log did not answer: wait, look what became of the batch, decide it again.
    Later(Batch),
    /// One of them is refused by the database: find out which.
    Halve(Batch),
}

/// How the writer stands to others that write to the same log.
#[derive(Debug, Default)]
pub(super) enum Place {
    /// It has no turn: alone, or waiting for nothing.
    #[default]
    Free,
    /// It is its turn, until then.
    Turn(WriteLock, Instant),
    /// It is its turn, and somebody else wrote all the same.
    Passed(WriteLock),
}

/// What must be looked up before a batch is decided again.
#[derive(Debug, Default)]
struct Doubts {
    /// Whether commands of it may be in the log.
    commands: bool,
    /// Claims that may be taken.
    claims: Vec<String>,
}

impl Place {
    /// Whether the next batch is another writer's.
    fn is_over(&self) -> bool {
        match self {
            Place::Free => false,
            Place::Turn(_, until) => Instant::now() >= *until,
            Place::Passed(_) => true,
        }
    }
}

impl Writer {
    /// Gives every caller of the batch that comes next a reply.
    pub(super) async fn process(&mut self) {
        let Ahead { decided, batch, .. } = std::mem::take(&mut self.ahead);
        if let Some(refused) = self.settle(decided, batch, self.limits.batch).await {
            self.find_culprit(refused).await;
        }
    }

    /// Of a batch that the database refuses it tries the halves, until the culprit stands alone: a command, or a group that
    /// cannot be taken apart.
    async fn find_culprit(&mut self, refused: Batch) {
        let mut batches = vec![refused];
        while let Some(mut batch) = batches.pop() {
            if batch.len() == 1 {
                reply_all(batch, &Reply::Unreadable);
                continue;
            }
            let rest = batch.split_off(batch.len() / 2);
            for half in [batch, rest] {
                batches.extend(self.settle(None, half, 0).await);
            }
        }
    }

    /// Tries a batch, of which some may be decided, until its fate is known; gives it back if the database refuses its data.
    /// While it waits for its turn it grows to `most` commands.
    async fn settle(&mut self, begun: Option<Decided>, mut batch: Batch, most: usize) -> Option<Batch> {
        let mut begun = begun;
        let mut known = Known::default();
        let mut doubts = Doubts { commands: self.look_first > 0 && begun.is_none(), claims: Vec::new() };
        let mut pause = FIRST_PAUSE;
        // How much was known when something was taken last.
        let mut taken = None;
        let mut was_conflicting = false;
        for left in (0..TRIES).rev() {
            match self.try_once(begun.take(), batch, most, &mut doubts, &mut known).await {
                Next::Answered => return None,
                Next::Halve(batch) => return Some(batch),
                Next::Again(rest) => batch = rest,
                // It was looked, and nothing in the log explains it.
                Next::Taken(rest, _) if taken == Some(known.len()) => return Some(rest),
                Next::Taken(rest, claims) => {
                    batch = rest;
                    taken = Some(known.len());
                    doubts = Doubts { commands: true, claims };
                }
                Next::Conflicting(rest) if was_conflicting => return Some(rest),
                Next::Conflicting(rest) => {
                    batch = rest;
                    was_conflicting = true;
                    doubts.commands = true;
                }
                Next::Later(rest) => {
                    batch = rest;
                    doubts.commands = true;
                    self.drop_turn();
                    if left > 0 {
                        tokio::time::sleep(pause).await;
                    }
                    pause = LONGEST_PAUSE.min(pause * 2);
                }
            }
            self.stale = true;
        }
        reply_all(batch, &Reply::Unknown);
        None
    }

    /// Comes level with the log, decides the batch and appends it.
    async fn try_once(
        &mut self,
        begun: Option<Decided>,
        mut batch: Batch,
        most: usize,
        doubts: &mut Doubts,
        known: &mut Known,
    ) -> Next {
        self.tried = Instant::now();
        let starts = self.starts;
        // What is begun stands on the batch before it, which is the log's end.
        let lock = match &begun {
            Some(_) => Ok(None),
            None => self.come_level().await,
        };
        let lock = match lock {
            Ok(lock) => lock,
            Err(error) => return self.unreachable(&error, batch),
        };
        if self.starts != starts {
            // What was known is of another log.
            *known = Known::default();
            doubts.commands = true;
        }
        if begun.is_none() && !matches!(self.place, Place::Free) {
            self.grow(&mut batch, most);
        }
        if let Err(error) = self.settle_doubts(&batch, doubts, known).await {
            return self.unreachable(&error, batch);
        }
        let decided = match self.decide_knowing_the_past(begun, batch, known).await {
            Ok(decided) => decided,
            Err(Undecided::Behind(batch)) => {
                self.passed();
                return Next::Again(batch);
            }
            Err(Undecided::Unread(batch, error)) => return self.unreachable(&error, batch),
        };
        if decided.rows.is_empty() {
            return self.confirm(decided, lock).await;
        }
        let clock = Utc::now().trunc_subsecs(6);
        let began = Instant::now();
        let appended = match lock {
            Some(lock) => lock.append(&self.end, clock, &decided.rows).await,
            None if most > 0 && !self.place.is_over() => self.append_looking_ahead(clock, &decided.rows).await,
            None => self.log.append(&self.end, clock, &decided.rows).await,
        };
        metrics::histogram!(metric_names::WRITER_APPEND_SECONDS).record(began.elapsed());
        if let Appended::After(_, recorded_at) = appended {
            self.clock_check.compare(clock, recorded_at);
        }
        self.conclude(appended, decided)
    }

    /// Appends, and decides what comes meanwhile: it goes out as soon as this is in the log. After the end of a turn others
    /// write, and it would be decided in vain.
    async fn append_looking_ahead(&mut self, clock: DateTime<Utc>, rows: &[NewRow]) -> Appended {
        let (log, end) = (self.log.clone(), self.end.clone());
        let mut appending = pin!(log.append(&end, clock, rows));
        loop {
            let mut units = Vec::new();
            let room = self.ahead.commands < self.limits.batch;
            tokio::select! {
                biased;
                appended = &mut appending => return appended,
                open = self.inbox.receive(&mut units, 1), if room => match open {
                    true => self.look_ahead(units),
                    false => return appending.await,
                },
            }
        }
    }

    /// The log has moved under a batch: from now on in turns; if this was in turn, others must be made to wait.
    fn passed(&mut self) {
        self.turns = QUIET_TURNS;
        self.place = match std::mem::take(&mut self.place) {
            Place::Free => Place::Free,
            Place::Turn(turn, _) | Place::Passed(turn) => Place::Passed(turn),
        };
    }

    /// Ends the turn when it has lasted long enough, or there is nothing to append.
    pub(super) async fn end_turn(&mut self) {
        if self.ahead.decided.is_some() {
            return;
        }
        if self.ahead.is_empty() || self.place.is_over() {
            self.leave().await;
        }
    }

    async fn leave(&mut self) {
        match std::mem::take(&mut self.place) {
            Place::Free => {}
            Place::Turn(turn, _) | Place::Passed(turn) => turn.release().await,
        }
    }

    /// Ends the turn without asking a log that may not answer: its connection is closed.
    fn drop_turn(&mut self) {
        self.place = Place::Free;
    }

    /// Reads what the log knows of the batch.
    async fn settle_doubts(&mut self, batch: &Batch, doubts: &mut Doubts, known: &mut Known) -> Result<(), log::Error> {
        if !doubts.claims.is_empty() {
            known.claims.extend(self.log.find_claims(&doubts.claims).await?);
        }
        if doubts.commands {
            let keys: Vec<Key> = batch.iter().flat_map(Unit::members).map(|waiting| waiting.request.key).collect();
            known.past.extend(recall::find(&self.log, &keys).await?);
            self.look_first = match known.past.is_empty() {
                true => self.look_first.saturating_sub(1),
                false => LOOK_FIRST,
            };
        }
        *doubts = Doubts::default();
        Ok(())
    }

    /// Who is refused, or told that it is so already, may have done it: then the first answer stands, and the batch is
    /// decided again with that in mind.
    async fn decide_knowing_the_past(
        &mut self,
        mut begun: Option<Decided>,
        mut batch: Batch,
        known: &mut Known,
    ) -> Result<Decided, Undecided> {
        loop {
            let decided = self.decide(begun.take(), batch, known).await?;
            let suspects = decided.decisions().filter(|decision| decision.may_be_past());
            let keys = suspects.map(|decision| decision.waiting.request.key);
            let keys: Vec<Key> = keys.filter(|key| !known.past.contains_key(&key.id)).collect();
            let past = match keys.is_empty() {
                true => return Ok(decided),
                false => recall::find(&self.log, &keys).await,
            };
            match past {
                Ok(past) if past.is_empty() => return Ok(decided),
                Ok(past) => known.past.extend(past),
                Err(error) => {
                    self.world.roll_back();
                    return Err(Undecided::Unread(decided.into_batch(), error));
                }
            }
            self.world.roll_back();
            batch = decided.into_batch();
        }
    }

    fn conclude(&mut self, appended: Appended, decided: Decided) -> Next {
        if let Appended::After(base, recorded_at) = appended {
            self.committed(decided, base, recorded_at);
            return Next::Answered;
        }
        self.world.roll_back();
        self.ahead.undo();
        let claims = decided.rows.iter().filter_map(|row| row.claim.clone()).collect();
        let streams: Vec<StreamId> = match appended {
            Appended::Conflicting(_) => decided.rows.iter().map(|row| row.stream.clone()).collect(),
            _ => Vec::new(),
        };
        let commands = decided.decisions().count();
        let batch = decided.into_batch();
        match appended {
            Appended::After(..) => Next::Answered,
            Appended::Lost => {
                metrics::counter!(metric_names::WRITER_RACES_LOST_TOTAL).increment(1);
                self.passed();
                Next::Again(batch)
            }
            Appended::Taken => Next::Taken(batch, claims),
            Appended::Conflicting(error) => {
                tracing::error!(commands, %error, "the log does not agree with the streams in memory; loading them again");
                streams.iter().for_each(|stream| self.world.forget(stream));
                Next::Conflicting(batch)
            }
            Appended::Refused(error) => {
                tracing::error!(commands, %error, "the database refuses a batch; looking for the command");
                Next::Halve(batch)
            }
            Appended::Unknown(error) => {
                self.log_health.down(self.tried, format!("appending to the log: {error}"));
                tracing::warn!(commands, %error, "the answer to an append got lost; looking what became of it");
                Next::Later(batch)
            }
        }
    }

    fn unreachable(&mut self, error: &log::Error, batch: Batch) -> Next {
        self.log_health.down(self.tried, reason(error));
        Next::Later(batch)
    }

    /// The batch is in the log: answers everybody and offers the events to the relay.
    fn committed(&mut self, decided: Decided, base: Position, recorded_at: DateTime<Utc>) {
        self.world.commit();
        let before = self.move_on(&decided.rows, base, recorded_at);
        self.log_health.up();
        for portrait in decided.portraits {
            let position = base.plus(portrait.position.0 as usize);
            self.keeper.keep(Portrait { position, ..portrait });
        }
        metrics::counter!(metric_names::WRITER_EVENTS_TOTAL).increment(decided.rows.len() as u64);
        self.tell(decided.units, base);
        if self.end.head.position.0 - self.numbers_saved.0 >= NUMBERS_EVERY {
            self.keep_numbers();
        }
        self.offer(decided.rows, &before, base, recorded_at);
    }

    /// The log ends with these rows now; gives where it ended before them.
    fn move_on(&mut self, rows: &[NewRow], base: Position, recorded_at: DateTime<Utc>) -> End {
        let head = LogPosition { position: base.plus(rows.len()), ..self.end.head };
        let last: Vec<NewRow> = rows.last().cloned().into_iter().collect();
        let last = match batch::recorded(last, head.incarnation, Position(head.position.0 - 1), recorded_at) {
            Ok(mut last) => last.pop().map(Arc::new),
            Err(error) => {
                tracing::error!(%error, "the metadata of an event that this process wrote cannot be read; the next batch is checked by its position only");
                None
            }
        };
        std::mem::replace(&mut self.end, End { head, last })
    }

    /// Tells everybody what was decided, which is true from now on.
    fn tell(&mut self, units: Vec<Unit<Decision>>, base: Position) {
        let decisions = units.into_iter().flat_map(Unit::into_members);
        let mut told = Vec::new();
        let mut answers = Vec::new();
        for Decision { waiting, verdict } in decisions {
            let reply = match verdict {
                Verdict::Accepted(mut answer, state) => {
                    answer.position = base.plus(answer.position.0 as usize);
                    answers.push((waiting.request.key, answer.clone()));
                    Reply::Done { answer, replayed: false, state }
                }
                Verdict::Repeated(answer) => {
                    let position = base.plus(answer.position.0 as usize);
                    Reply::Done { answer: Answer { position, ..answer }, replayed: true, state: None }
                }
                Verdict::Held(Reply::Done { answer, replayed, state }) => {
                    // What made it so may stand in this very batch.
                    Reply::Done { answer: Answer { position: self.end.head.position, ..answer }, replayed, state }
                }
                Verdict::Held(reply) | Verdict::Settled(reply) => reply,
            };
            told.push((waiting, reply));
        }
        // Before anybody can know and repeat.
        self.recall.answered(answers.into_iter());
        for (waiting, reply) in told {
            waiting.reply(reply);
        }
    }

    /// The relay may be behind or not there; what it misses here it reads from the log. The event before the batch comes first,
    /// because it says which log this is.
    fn offer(&self, rows: Vec<NewRow>, before: &End, base: Position, recorded_at: DateTime<Utc>) {
        let Some(Ok(place)) = self.committed.as_ref().map(|relay| relay.try_reserve()) else { return };
        match batch::recorded(rows, before.head.incarnation, base, recorded_at) {
            Ok(events) => place.send(before.last.as_deref().cloned().into_iter().chain(events).collect()),
            Err(error) => {
                tracing::error!(%error, "the metadata of an event that this process wrote cannot be read; the relay reads the log")
            }
        }
    }

    /// Nothing to append: refusals are true only if the log has not moved.
    async fn confirm(&mut self, decided: Decided, lock: Option<LockedHead>) -> Next {
        let held = decided.decisions().any(|decision| matches!(decision.verdict, Verdict::Held(_)));
        let stands = match lock {
            None if held => self.log.ends_at(&self.end).await,
            None => Ok(true),
            Some(lock) => {
                lock.release().await;
                Ok(true)
            }
        };
        match stands {
            Ok(true) => {
                self.world.commit();
                self.log_health.up();
                self.tell(decided.units, self.end.head.position);
                Next::Answered
            }
            Ok(false) => {
                self.world.roll_back();
                Next::Again(decided.into_batch())
            }
            Err(error) => {
                self.world.roll_back();
                self.unreachable(&error, decided.into_batch())
            }
        }
    }
}

fn reply_all(batch: Batch, what: &Reply) {
    for waiting in batch.into_iter().flat_map(Unit::into_members) {
        waiting.reply(what.clone());
    }
}

/// The error with its cause.
pub(super) fn reason(error: &log::Error) -> String {
    match std::error::Error::source(error) {
        Some(cause) => format!("{error}: {cause}"),
        None => error.to_string(),
    }
}

pub(super) fn source(error: &log::Error) -> String {
    std::error::Error::source(error).map(ToString::to_string).unwrap_or_default()
}
