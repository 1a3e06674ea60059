//! Where a batch is decided: one command after the other moves the world on and leaves rows, and what was only tried, or
//! belongs to a group that fails, is taken back.

use events::{LogPosition, Position, StreamId, Version, codec};
use uuid::Uuid;

use super::answer::Answer;
use super::batch::{Decided, Known};
use super::keeper::{Keeper, Portrait};
use super::key::Key;
use super::loading::Unloadable;
use super::mailbox::Waiting;
use super::recall::{self, Memory, Recall};
use super::request::{Reply, Request, Want};
use super::unit::Unit;
use crate::log::batch::{CommandHeader, NewRow};
use domain::rejection::Rejection;
use domain::rules::{self, Context, MissingStreams, NewEvent, Reader};
use domain::state::State;
use domain::world::{self, Slot, World};

/// What a command will be told, if its batch goes as decided.
#[derive(Debug)]
pub(super) enum Verdict {
    /// It takes effect with the batch; its position counts from the start of the batch until that is in the log.
    Accepted(Answer, Option<Box<State>>),
    /// A command of the batch with the same key takes effect with it; this repeats its answer.
    Repeated(Answer),
    /// True if the log stands where the batch was decided.
    Held(Reply),
    /// True in any case: it was done, or its key was used, before.
    Settled(Reply),
}

/// Decides the commands of one batch.
pub(super) struct Desk<'a> {
    pub(super) world: &'a mut World,
    pub(super) recall: &'a Recall,
    pub(super) known: &'a Known,
    /// Streams that could not be loaded.
    pub(super) unloadable: &'a Unloadable,
    /// Where the log ends.
    pub(super) head: LogPosition,
    /// The batch so far.
    pub(super) decided: &'a mut Decided,
}

/// A command needs streams that are not in memory; nothing was decided.
#[derive(Debug, Clone, Copy)]
pub(super) struct NeedsLoading;

/// A point in the batch to which it can be taken back.
#[derive(Debug, Clone, Copy)]
struct Mark {
    world: world::Mark,
    rows: usize,
    portraits: usize,
}

impl Desk<'_> {
    /// Decides a unit as a whole, or nothing of it.
    pub(super) fn decide(&mut self, unit: &Unit<Waiting>) -> Result<Unit<Verdict>, NeedsLoading> {
        match unit {
            Unit::One(waiting) => self.one(&waiting.request).map(Unit::One),
            Unit::Together(members) => self.together(members).map(Unit::Together),
        }
    }

    fn one(&mut self, request: &Request) -> Result<Verdict, NeedsLoading> {
        match request.want {
            Want::Minimal | Want::Representation => self.carry_out(request),
            Want::DryRun => {
                let mark = self.mark();
                let verdict = self.attempt(request);
                self.undo_to(mark);
                verdict
            }
        }
    }

    fn together(&mut self, members: &[Waiting]) -> Result<Vec<Verdict>, NeedsLoading> {
        let mark = self.mark();
        let only_tried = members.iter().any(|waiting| waiting.request.want == Want::DryRun);
        let mut failed = None;
        let mut verdicts = Vec::with_capacity(members.len());
        for (place, waiting) in members.iter().enumerate() {
            let verdict = match (failed, only_tried) {
                (Some(_), true) => Ok(Verdict::Held(Reply::Skipped)),
                (Some(_), false) => Ok(self.skip(&waiting.request)),
                (None, true) => self.attempt_in_group(&waiting.request),
                (None, false) => self.carry_out(&waiting.request),
            };
            let verdict = verdict.inspect_err(|NeedsLoading| self.undo_to(mark))?;
            if failed.is_none() && verdict.is_no() {
                failed = Some(place);
            }
            verdicts.push(verdict);
        }
        if only_tried || failed.is_some() {
            self.undo_to(mark);
        }
        verdicts.iter_mut().take(failed.unwrap_or(0)).for_each(Verdict::skip);
        Ok(verdicts)
    }

    /// Another command of the group fails. What was done at an earlier time stays done.
    fn skip(&mut self, request: &Request) -> Verdict {
        match self.again(request.key) {
            Some(reply) => Verdict::Settled(reply),
            None => Verdict::Held(Reply::Skipped),
        }
    }

    /// The command takes effect, unless it did before.
    fn carry_out(&mut self, request: &Request) -> Result<Verdict, NeedsLoading> {
        if let Some(reply) = self.again(request.key) {
            return Ok(Verdict::Settled(reply));
        }
        match self.decided.answers.get(&request.key.id) {
            Some((fingerprint, answer)) if *fingerprint == request.key.fingerprint => {
                return Ok(Verdict::Repeated(answer.clone()));
            }
            Some(_) => return Ok(Verdict::Held(Reply::KeyReused)),
            None => {}
        }
        Ok(match self.ask_the_rules(request)? {
            Ok(events) if events.is_empty() => {
                let (answer, state) = (self.as_it_stands(request), self.wanted_state(request));
                Verdict::Held(Reply::Done { answer, replayed: false, state })
            }
            Ok(events) => {
                let answer = self.write_down(request, events);
                self.decided.answers.insert(request.key.id, (request.key.fingerprint, answer.clone()));
                Verdict::Accepted(answer, self.wanted_state(request))
            }
            Err(reply) => Verdict::Held(reply),
        })
    }

    /// What the command would do; the caller takes it back.
    fn attempt(&mut self, request: &Request) -> Result<Verdict, NeedsLoading> {
        Ok(Verdict::Held(match self.ask_the_rules(request)? {
            Ok(events) if events.is_empty() => Reply::Would { answer: self.as_it_stands(request), events },
            Ok(events) => {
                let answer = Answer { position: self.head.position, ..self.write_down(request, events.clone()) };
                Reply::Would { answer, events }
            }
            Err(reply) => reply,
        }))
    }

    /// The same within a group that is only tried: a command that repeats another one of it would do nothing.
    fn attempt_in_group(&mut self, request: &Request) -> Result<Verdict, NeedsLoading> {
        match self.decided.answers.get(&request.key.id) {
            Some((fingerprint, answer)) if *fingerprint == request.key.fingerprint => {
                let answer = Answer { position: self.head.position, ..answer.clone() };
                Ok(Verdict::Held(Reply::Would { answer, events: Vec::new() }))
            }
            Some(_) => Ok(Verdict::Held(Reply::KeyReused)),
            None => {
                let verdict = self.attempt(request)?;
                if let Verdict::Held(Reply::Would { answer, .. }) = &verdict {
                    let position = Position::ZERO.plus(self.decided.rows.len());
                    let answer = Answer { position, ..answer.clone() };
                    self.decided.answers.insert(request.key.id, (request.key.fingerprint, answer));
                }
                Ok(verdict)
            }
        }
    }

    /// The first answer again, if the command took effect before.
    fn again(&mut self, key: Key) -> Option<Reply> {
        match self.recall.find(key) {
            Memory::Answer(reply) => Some(reply),
            Memory::Used | Memory::Nothing => Some(recall::replayed(self.known.past.get(&key.id)?, key)),
        }
    }

    /// The events of the command, or the reply to a command that has none.
    fn ask_the_rules(&mut self, request: &Request) -> Result<Result<Vec<NewEvent>, Reply>, NeedsLoading> {
        let reader = Reader::new(self.world);
        let decision = decide(request, &reader);
        // A stream that is used now stays in memory.
        reader.into_found().iter().for_each(|stream| self.world.touch(stream));
        let decision = match decision {
            Ok(decision) => decision,
            Err(MissingStreams(missing)) if self.unloadable.has_any(&missing) => return Ok(Err(Reply::Unreadable)),
            Err(MissingStreams(_)) => return Err(NeedsLoading),
        };
        let taken = |claim: &str| self.decided.claims.contains(claim) || self.known.claims.contains(claim);
        Ok(decision.map_err(Reply::Rejected).and_then(|events| {
            match events.iter().filter_map(|event| event.claim.as_deref()).find(|claim| taken(claim)) {
                Some(claim) => Err(Reply::Rejected(Rejection::claim_taken(claim))),
                None => Ok(events),
            }
        }))
    }

    /// The answer to somebody who asks for what is so already: the addressed stream as it stands.
    fn as_it_stands(&self, request: &Request) -> Answer {
        let stream = rules::addressed(&request.command, request.new_id);
        let version = self.world.version(&stream);
        Answer::about(stream, version, self.head.position)
    }

    fn wanted_state(&self, request: &Request) -> Option<Box<State>> {
        match request.want {
            Want::Minimal | Want::DryRun => None,
            Want::Representation => {
                let stream = rules::addressed(&request.command, request.new_id);
                self.world.find(&stream)?.state.clone().map(Box::new)
            }
        }
    }

    /// Turns a command's events into rows and moves the world on.
    fn write_down(&mut self, request: &Request, events: Vec<NewEvent>) -> Answer {
        let size = events.len();
        let metadata = (!request.metadata.is_empty())
            .then(|| serde_json::to_string(&request.metadata).expect("metadata is plain data"));
        let mut command = Some(CommandHeader {
            id: request.key.id,
            fingerprint: request.key.fingerprint,
            // A command has at most a few events per line and 500 lines.
            size: size as i16,
        });
        let position = Position::ZERO.plus(self.decided.rows.len() + size);
        let mut answer = Answer::about(events[0].stream.clone(), Version::NONE, position);
        for NewEvent { stream, event, claim } in events {
            let version = self.world.evolve(&stream, &event);
            answer.add(&stream, version, &event);
            if Keeper::wants(&stream, version) {
                self.portray(&stream);
            }
            let encoded = codec::encode(&event);
            self.decided.claims.extend(claim.clone());
            let row = NewRow {
                stream,
                version,
                event_type: encoded.event_type,
                schema_version: encoded.schema_version,
                payload: encoded.payload,
                metadata: metadata.clone(),
                command: command.take(),
                claim,
            };
            self.decided.bytes += row.bytes();
            self.decided.rows.push(row);
        }
        answer
    }

    /// The stream as it is after the event whose row comes next.
    fn portray(&mut self, stream: &StreamId) {
        let Some(Slot { version, state: Some(state) }) = self.world.find(stream) else { return };
        self.decided.portraits.push(Portrait {
            stream: stream.clone(),
            version: *version,
            position: Position::ZERO.plus(self.decided.rows.len() + 1),
            incarnation: self.head.incarnation,
            state: state.clone(),
        });
    }

    fn mark(&mut self) -> Mark {
        let Decided { rows, portraits, .. } = &*self.decided;
        Mark { world: self.world.mark(), rows: rows.len(), portraits: portraits.len() }
    }

    fn undo_to(&mut self, mark: Mark) {
        self.world.undo_to(mark.world);
        self.decided.portraits.truncate(mark.portraits);
        let undone: Vec<NewRow> = self.decided.rows.drain(mark.rows..).collect();
        self.decided.bytes -= undone.iter().map(NewRow::bytes).sum::<usize>();
        for row in undone {
            if let Some(claim) = row.claim {
                self.decided.claims.remove(&claim);
            }
            if let Some(command) = row.command {
                self.forget_answer(command.id, mark);
            }
        }
    }

    /// Unless the answer is that of an earlier command with the same key: a dry run may have the key of any other.
    fn forget_answer(&mut self, id: Uuid, mark: Mark) {
        let is_undone = |answer: &Answer| answer.position > Position::ZERO.plus(mark.rows);
        if self.decided.answers.get(&id).is_some_and(|(_, answer)| is_undone(answer)) {
            self.decided.answers.remove(&id);
        }
    }
}

/// What the rules say to a request, and what `If-Match` does.
pub(super) fn decide(request: &Request, reader: &Reader<'_>) -> Result<rules::Decision, MissingStreams> {
    let stale = stale(request, reader);
    // Who addresses what is not there is told that, whatever version they expected.
    if let Some(rejection @ Rejection::StaleVersion { found: Version(1..), .. }) = stale {
        return Ok(Err(rejection));
    }
    let context = Context { now: request.now, new_id: request.new_id };
    let decision = rules::decide(&request.command, &context, reader)?;
    Ok(decision.and_then(|events| stale.map_or(Ok(events), Err)))
}

/// The caller has seen another version of the addressed stream than there is.
fn stale(request: &Request, reader: &Reader<'_>) -> Option<Rejection> {
    let expected = request.expected?;
    let slot = reader.find(&rules::addressed(&request.command, request.new_id));
    let found = slot.map_or(Version::NONE, |slot| slot.version);
    (found != expected).then_some(Rejection::StaleVersion { expected, found })
}

impl Verdict {
    /// Whether a group with this in it fails.
    fn is_no(&self) -> bool {
        match self {
            Verdict::Accepted(..) | Verdict::Repeated(_) => false,
            Verdict::Held(reply) | Verdict::Settled(reply) => {
                !matches!(reply, Reply::Done { .. } | Reply::Would { .. })
            }
        }
    }

    /// Another command of the group fails. What was done at an earlier time stays done.
    fn skip(&mut self) {
        if !matches!(self, Verdict::Settled(_)) {
            *self = Verdict::Held(Reply::Skipped);
        }
    }
}
