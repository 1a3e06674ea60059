//! Deciding a batch: each command in arrival order against the running state, nothing awaited but what must be loaded first.

use std::collections::{HashMap, HashSet};

use chrono::{DateTime, Utc};
use events::{Metadata, Position, StreamId, Version, codec};
use uuid::Uuid;

use super::answer::Answer;
use super::{Reply, Request, Waiting, Writer};
use crate::log;
use crate::log::append::{CommandMark, NewRow};
use crate::rejection::Rejection;
use crate::rules::{self, Context, NewEvent, Refusal};
use crate::world::{Slot, World};

/// Rounds of loading before a batch is decided: an order first, then the stock of its lines.
const LOAD_ROUNDS: usize = 3;

/// What is known of the commands and claims of a batch beyond the world.
#[derive(Debug, Default)]
pub(super) struct Known {
    /// Claims of this batch that are in the log.
    pub(super) claims: HashSet<String>,
}

/// A batch after its decisions, before its fate.
#[derive(Debug, Default)]
pub(super) struct Decided {
    /// What to append, in order.
    pub(super) rows: Vec<NewRow>,
    /// Who wrote which rows.
    pub(super) accepted: Vec<Accepted>,
    /// Replies that wait until it is sure what they were decided on.
    pub(super) held: Vec<(Waiting, Reply)>,
}

/// A command that wrote something.
#[derive(Debug)]
pub(super) struct Accepted {
    pub(super) waiting: Waiting,
    /// Its answer; the position counts from the start of the batch until the batch is in the log.
    pub(super) answer: Answer,
    /// The same command once more in the same batch: same answer.
    pub(super) repeats: Vec<Waiting>,
}

impl Decided {
    /// Everybody who waits, in the order of arrival as far as it matters.
    pub(super) fn into_waiting(self) -> Vec<Waiting> {
        let accepted = self.accepted.into_iter().flat_map(|a| std::iter::once(a.waiting).chain(a.repeats));
        accepted.chain(self.held.into_iter().map(|(waiting, _)| waiting)).collect()
    }
}

impl Writer {
    /// Decides a batch; the world runs ahead of the log until `commit` or `roll_back`.
    pub(super) async fn decide(
        &mut self,
        batch: Vec<Waiting>,
        known: &Known,
    ) -> Result<Decided, (log::Error, Vec<Waiting>)> {
        if let Err(error) = self.load_what_is_read(&batch).await {
            return Err((error, batch));
        }
        self.world.begin();
        let mut decided = Decided::default();
        let mut by_id: HashMap<Uuid, usize> = HashMap::with_capacity(batch.len());
        let mut claims: HashSet<String> = HashSet::new();
        for waiting in batch {
            let key = waiting.request.key;
            if let Some(first) = by_id.get(&key.id).map(|index| &mut decided.accepted[*index]) {
                match first.waiting.request.key.fingerprint == key.fingerprint {
                    true => first.repeats.push(waiting),
                    false => decided.held.push((waiting, Reply::KeyReused)),
                }
                continue;
            }
            match decide_one(&self.world, &waiting.request, &claims, known) {
                Ok(events) if events.is_empty() => {
                    let reply = already_so(&self.world, &waiting.request, self.head.position);
                    decided.held.push((waiting, reply));
                }
                Ok(events) => {
                    by_id.insert(key.id, decided.accepted.len());
                    claims.extend(events.iter().filter_map(|event| event.claim.clone()));
                    let answer = write_down(&mut self.world, &waiting.request, events, &mut decided.rows);
                    decided.accepted.push(Accepted { waiting, answer, repeats: Vec::new() });
                }
                Err(reply) => decided.held.push((waiting, reply)),
            }
        }
        Ok(decided)
    }

    /// Loads the streams that the batch will look at, in as few queries as there are rounds.
    async fn load_what_is_read(&mut self, batch: &[Waiting]) -> Result<(), log::Error> {
        for _ in 0..LOAD_ROUNDS {
            let mut missing: HashSet<StreamId> = HashSet::new();
            for waiting in batch {
                for stream in rules::reads(&waiting.request.command, &self.world) {
                    match self.world.find(&stream) {
                        Some(_) => self.world.touch(&stream),
                        None => drop(missing.insert(stream)),
                    }
                }
            }
            if missing.is_empty() {
                return Ok(());
            }
            self.load(missing).await?;
        }
        Ok(())
    }

    async fn load(&mut self, streams: HashSet<StreamId>) -> Result<(), log::Error> {
        let names: Vec<StreamId> = streams.iter().cloned().collect();
        let mut slots: HashMap<StreamId, Slot> = streams.into_iter().map(|stream| (stream, Slot::default())).collect();
        for recorded in self.log.load(&names).await? {
            // What another writer appended since our head is folded when we follow it.
            if recorded.position > self.head.position {
                continue;
            }
            match recorded.decode() {
                Ok(event) => {
                    if let Some(slot) = slots.get_mut(&recorded.stream) {
                        slot.evolve(&event);
                    }
                }
                Err(error) => {
                    tracing::error!(stream = %recorded.stream, position = recorded.position.0, %error, "a stream cannot be read");
                    slots.remove(&recorded.stream);
                }
            }
        }
        for (stream, slot) in slots {
            self.world.put(stream, slot);
        }
        Ok(())
    }
}

fn decide_one(
    world: &World,
    request: &Request,
    claims: &HashSet<String>,
    known: &Known,
) -> Result<Vec<NewEvent>, Reply> {
    let context = Context { now: request.now, new_id: request.new_id };
    let events = rules::decide(&request.command, &context, world).map_err(|refusal| match refusal {
        Refusal::Rejected(rejection) => Reply::Rejected(rejection),
        // It was asked for and did not come: it cannot be read.
        Refusal::Needs(_) => Reply::Unreadable,
    })?;
    let taken = |claim: &str| claims.contains(claim) || known.claims.contains(claim);
    match events.iter().filter_map(|event| event.claim.as_deref()).find(|claim| taken(claim)) {
        Some(claim) => Err(Reply::Rejected(Rejection::claim_taken(claim))),
        None => Ok(events),
    }
}

/// The answer to somebody who asks for what is so already: the addressed stream as it stands.
fn already_so(world: &World, request: &Request, head: Position) -> Reply {
    let stream = rules::addressed(&request.command, request.new_id);
    let version = world.find(&stream).map_or(Version::NONE, |slot| slot.version);
    Reply::Done { answer: Answer::about(stream, version, head), replayed: false }
}

/// Turns a command's events into rows and moves the world on.
fn write_down(world: &mut World, request: &Request, events: Vec<NewEvent>, rows: &mut Vec<NewRow>) -> Answer {
    let size = events.len();
    let metadata = (!request.metadata.is_empty()).then(|| json(&request.metadata));
    let mut command = Some(CommandMark {
        id: request.key.id,
        fingerprint: request.key.fingerprint,
        // A command has at most a few events per line and 500 lines.
        size: size as i16,
    });
    let position = Position::ZERO.plus(rows.len() + size);
    let mut answer = Answer::about(events[0].stream.clone(), Version::NONE, position);
    for NewEvent { stream, event, claim } in events {
        let version = world.evolve(&stream, &event);
        answer.add(&stream, version, &event);
        let encoded = codec::encode(&event);
        rows.push(NewRow {
            stream,
            version,
            event_type: encoded.event_type,
            schema_version: encoded.schema_version,
            payload: encoded.payload,
            metadata: metadata.clone(),
            command: command.take(),
            claim,
        });
    }
    answer
}

fn json(metadata: &Metadata) -> String {
    serde_json::to_string(metadata).expect("metadata is plain data")
}

/// Events as the relay wants them, from rows that are in the log after `base`.
pub(super) fn recorded(
    rows: Vec<NewRow>,
    head: log::Head,
    base: Position,
    recorded_at: DateTime<Utc>,
) -> Result<Vec<events::Recorded>, serde_json::Error> {
    let one = |(index, row): (usize, NewRow)| {
        Ok(events::Recorded {
            incarnation: head.incarnation,
            position: base.plus(index + 1),
            stream: row.stream,
            version: row.version,
            event_type: row.event_type.to_owned(),
            schema_version: row.schema_version,
            payload: row.payload,
            metadata: row.metadata.as_deref().map(serde_json::from_str).transpose()?.unwrap_or_default(),
            command_id: row.command.map(|command| command.id),
            recorded_at,
        })
    };
    rows.into_iter().enumerate().map(one).collect()
}
