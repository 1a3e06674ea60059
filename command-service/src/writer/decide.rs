//! Deciding a group of commands: each command changes the world and adds rows to the batch. Dry runs, and groups that fail, are
//! undone.

use events::{LogPosition, Position, StreamId, Version, codec};

use super::answer::Answer;
use super::batch::{DecidedBatch, Decision, Known};
use super::key::Key;
use super::replay::{Remembered, Replays};
use super::request::{Reply, Request, Want};
use super::snapshots::{Snapshots, StreamSnapshot};
use super::submission::{Group, Submission};
use super::unloadable::Unloadable;
use crate::log::batch::{CommandHeader, NewRow};
use domain::decision::{Context, NewEvent};
use domain::reader::{MissingStreams, Reader};
use domain::rejection::Rejection;
use domain::state::State;
use domain::world;
use domain::world::{Slot, World};
use domain::{decide, decision};

/// Decides the commands of one batch.
pub(super) struct Decider<'a> {
    pub(super) world: &'a mut World,
    pub(super) replays: &'a Replays,
    pub(super) known: &'a Known,
    /// Streams that cannot be loaded.
    pub(super) unloadable: &'a Unloadable,
    /// The end of the log.
    pub(super) head: LogPosition,
    /// The batch so far.
    pub(super) decided: &'a mut DecidedBatch,
}

/// A command needs these streams, which are not in memory; nothing was decided.
#[derive(Debug)]
pub(super) struct NeedsLoading(pub(super) Vec<StreamId>);

/// A point in the batch to which the batch can be undone.
#[derive(Debug, Clone, Copy)]
struct Savepoint {
    world: world::Savepoint,
    rows: usize,
    answers: usize,
    snapshots: usize,
    decisions: usize,
}

impl Decider<'_> {
    /// Decides all commands of a group and adds the decisions to the batch, or decides nothing.
    pub(super) fn decide(&mut self, group: &Group) -> Result<(), NeedsLoading> {
        match group {
            Group::One(submission) => {
                let decision = self.decide_one(&submission.request)?;
                self.decided.decisions.push(decision);
                Ok(())
            }
            Group::AllOrNothing(submissions) => self.decide_all(submissions),
        }
    }

    fn decide_one(&mut self, request: &Request) -> Result<Decision, NeedsLoading> {
        match request.want {
            Want::Minimal | Want::Representation => self.execute(request),
            Want::DryRun => {
                let savepoint = self.savepoint();
                let decision = self.dry_run(request);
                self.undo_to(savepoint);
                decision
            }
        }
    }

    fn decide_all(&mut self, submissions: &[Submission]) -> Result<(), NeedsLoading> {
        let savepoint = self.savepoint();
        let is_dry_run = submissions.iter().any(|submission| submission.request.want == Want::DryRun);
        let mut failed = None;
        for (index, submission) in submissions.iter().enumerate() {
            let decision = match (failed, is_dry_run) {
                (Some(_), true) => Ok(Decision::IfUnchanged(Reply::Skipped)),
                (Some(_), false) => Ok(self.skip(&submission.request)),
                (None, true) => self.dry_run_in_group(&submission.request),
                (None, false) => self.execute(&submission.request),
            };
            let decision = decision.inspect_err(|_| {
                self.undo_to(savepoint);
                self.decided.decisions.truncate(savepoint.decisions);
            })?;
            if failed.is_none() && decision.is_failure() {
                failed = Some(index);
            }
            self.decided.decisions.push(decision);
        }
        if is_dry_run || failed.is_some() {
            self.undo_to(savepoint);
        }
        let before_failure = self.decided.decisions[savepoint.decisions..].iter_mut().take(failed.unwrap_or(0));
        before_failure.for_each(Decision::skip);
        Ok(())
    }

    /// The decision on a command after the command of its group that fails. A command that took effect earlier keeps its answer.
    fn skip(&mut self, request: &Request) -> Decision {
        match self.earlier_reply(request.key) {
            Some(reply) => Decision::Final(reply),
            None => Decision::IfUnchanged(Reply::Skipped),
        }
    }

    /// Lets the command take effect, unless it took effect earlier.
    fn execute(&mut self, request: &Request) -> Result<Decision, NeedsLoading> {
        if let Some(reply) = self.earlier_reply(request.key) {
            return Ok(Decision::Final(reply));
        }
        match self.decided.answers.get(&request.key.id) {
            Some((fingerprint, answer)) if *fingerprint == request.key.fingerprint => {
                return Ok(Decision::Repeated(answer.clone()));
            }
            Some(_) => return Ok(Decision::IfUnchanged(Reply::KeyReused)),
            None => {}
        }
        Ok(match self.events_of(request)? {
            Ok(events) if events.is_empty() => {
                let (answer, state) = (self.unchanged(request), self.requested_state(request));
                Decision::IfUnchanged(Reply::Done { answer, replayed: false, state })
            }
            Ok(events) => {
                let answer = self.add_rows(request, events);
                self.decided.answers.insert(request.key.id, (request.key.fingerprint, answer.clone()));
                Decision::Accepted(answer, self.requested_state(request))
            }
            Err(reply) => Decision::IfUnchanged(reply),
        })
    }

    /// Lets the command take effect; the caller undoes it.
    fn dry_run(&mut self, request: &Request) -> Result<Decision, NeedsLoading> {
        Ok(Decision::IfUnchanged(match self.events_of(request)? {
            Ok(events) if events.is_empty() => Reply::Would { answer: self.unchanged(request), events },
            Ok(events) => {
                let answer = Answer { position: self.head.position, ..self.add_rows(request, events.clone()) };
                Reply::Would { answer, events }
            }
            Err(reply) => reply,
        }))
    }

    /// A dry run within a group: a command that repeats another command of the group would do nothing.
    fn dry_run_in_group(&mut self, request: &Request) -> Result<Decision, NeedsLoading> {
        match self.decided.answers.get(&request.key.id) {
            Some((fingerprint, answer)) if *fingerprint == request.key.fingerprint => {
                let answer = Answer { position: self.head.position, ..answer.clone() };
                Ok(Decision::IfUnchanged(Reply::Would { answer, events: Vec::new() }))
            }
            Some(_) => Ok(Decision::IfUnchanged(Reply::KeyReused)),
            None => {
                let decision = self.dry_run(request)?;
                if let Decision::IfUnchanged(Reply::Would { answer, .. }) = &decision {
                    let position = Position::ZERO.plus(self.decided.rows.len());
                    let answer = Answer { position, ..answer.clone() };
                    self.decided.answers.insert(request.key.id, (request.key.fingerprint, answer));
                }
                Ok(decision)
            }
        }
    }

    /// The reply to a repeat, if the command took effect earlier.
    fn earlier_reply(&mut self, key: Key) -> Option<Reply> {
        match self.replays.find(key) {
            Remembered::Reply(reply) => Some(reply),
            Remembered::Used | Remembered::Nothing => Some(self.known.commands.get(&key.id)?.reply_to(key)),
        }
    }

    /// The events of the command, or the reply to a command that has none.
    fn events_of(&mut self, request: &Request) -> Result<Result<Vec<NewEvent>, Reply>, NeedsLoading> {
        let reader = Reader::new(self.world);
        let decision = apply_rules(request, &reader);
        // Streams in use stay in memory.
        reader.into_found().iter().for_each(|stream| self.world.touch(stream));
        let decision = match decision {
            Ok(decision) => decision,
            Err(MissingStreams(missing)) if self.unloadable.contains_any(&missing) => {
                return Ok(Err(Reply::Unreadable));
            }
            Err(MissingStreams(missing)) => return Err(NeedsLoading(missing)),
        };
        let taken = |claim: &str| self.decided.claims.contains(claim) || self.known.claims.contains(claim);
        Ok(decision.map_err(Reply::Rejected).and_then(|events| {
            match events.iter().filter_map(|event| event.claim.as_deref()).find(|claim| taken(claim)) {
                Some(claim) => Err(Reply::Rejected(Rejection::claim_taken(claim))),
                None => Ok(events),
            }
        }))
    }

    /// The answer to a command that has nothing to change: the current version of the addressed stream.
    fn unchanged(&self, request: &Request) -> Answer {
        let stream = request.command.target(request.new_id);
        let version = self.world.version(&stream);
        Answer::about(stream, version, self.head.position)
    }

    fn requested_state(&self, request: &Request) -> Option<Box<State>> {
        match request.want {
            Want::Minimal | Want::DryRun => None,
            Want::Representation => {
                let stream = request.command.target(request.new_id);
                self.world.find(&stream)?.state.clone().map(Box::new)
            }
        }
    }

    /// Adds the events of a command to the rows and applies them to the world.
    fn add_rows(&mut self, request: &Request, events: Vec<NewEvent>) -> Answer {
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
            if Snapshots::is_due(&stream, version) {
                self.add_snapshot(&stream);
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

    /// Adds a snapshot of the stream after the event whose row is added next.
    fn add_snapshot(&mut self, stream: &StreamId) {
        let Some(Slot { version, state: Some(state) }) = self.world.find(stream) else { return };
        self.decided.snapshots.push(StreamSnapshot {
            stream: stream.clone(),
            version: *version,
            position: Position::ZERO.plus(self.decided.rows.len() + 1),
            incarnation: self.head.incarnation,
            state: state.clone(),
        });
    }

    fn savepoint(&mut self) -> Savepoint {
        let DecidedBatch { rows, answers, snapshots, decisions, .. } = &*self.decided;
        Savepoint {
            world: self.world.savepoint(),
            rows: rows.len(),
            answers: answers.len(),
            snapshots: snapshots.len(),
            decisions: decisions.len(),
        }
    }

    /// Undoes the effects after the savepoint; the decisions stay.
    fn undo_to(&mut self, savepoint: Savepoint) {
        self.world.undo_to(savepoint.world);
        self.decided.answers.truncate(savepoint.answers);
        self.decided.snapshots.truncate(savepoint.snapshots);
        let undone: Vec<NewRow> = self.decided.rows.drain(savepoint.rows..).collect();
        self.decided.bytes -= undone.iter().map(NewRow::bytes).sum::<usize>();
        for claim in undone.into_iter().filter_map(|row| row.claim) {
            self.decided.claims.remove(&claim);
        }
    }
}

/// The decision of the rules on a request, including the expected version (`If-Match`).
pub(super) fn apply_rules(request: &Request, reader: &Reader<'_>) -> Result<decision::Decision, MissingStreams> {
    let stale = stale(request, reader);
    // If the addressed stream does not exist, that rejection comes first, whatever version is expected.
    if let Some(rejection @ Rejection::StaleVersion { found: Version(1..), .. }) = stale {
        return Ok(Err(rejection));
    }
    let context = Context { now: request.now, new_id: request.new_id };
    let decision = decide::decide(&request.command, &context, reader)?;
    Ok(decision.and_then(|events| stale.map_or(Ok(events), Err)))
}

/// The rejection if the addressed stream has another version than the caller has seen.
fn stale(request: &Request, reader: &Reader<'_>) -> Option<Rejection> {
    let expected = request.expected?;
    let slot = reader.find(&request.command.target(request.new_id));
    let found = slot.map_or(Version::NONE, |slot| slot.version);
    (found != expected).then_some(Rejection::StaleVersion { expected, found })
}
