//! Deciding a batch: each command in arrival order against the running state, nothing awaited but what must be loaded first.

use std::collections::{HashMap, HashSet};

use events::StreamId;
use uuid::Uuid;

use super::Writer;
use super::desk::{Desk, Verdict};
use super::mailbox::Waiting;
use super::request::{Reply, Want};
use super::unit::Unit;
use crate::log;
use crate::log::append::NewRow;
use crate::log::past::PastCommand;
use crate::rules;
use crate::world::Slot;

/// Rounds of loading before a batch is decided: an order first, then the stock of its lines.
const LOAD_ROUNDS: usize = 3;

/// Commands that are settled together.
pub(super) type Batch = Vec<Unit<Waiting>>;

/// What is known of the commands and claims of a batch beyond the world.
#[derive(Debug, Default)]
pub(super) struct Known {
    /// Claims of this batch that are in the log.
    pub(super) claims: HashSet<String>,
    /// Commands of this batch that are in the log.
    pub(super) past: HashMap<Uuid, PastCommand>,
}

/// A batch after its decisions, before its fate.
#[derive(Debug, Default)]
pub(super) struct Decided {
    /// What to append, in order.
    pub(super) rows: Vec<NewRow>,
    /// Who is told what, in order of arrival.
    pub(super) units: Vec<Unit<Decision>>,
}

/// A command and what it will be told.
#[derive(Debug)]
pub(super) struct Decision {
    pub(super) waiting: Waiting,
    pub(super) verdict: Verdict,
}

impl Decided {
    /// The commands again, undecided.
    pub(super) fn into_batch(self) -> Batch {
        self.units.into_iter().map(|unit| unit.map(|decision| decision.waiting)).collect()
    }

    pub(super) fn decisions(&self) -> impl Iterator<Item = &Decision> {
        self.units.iter().flat_map(Unit::members)
    }
}

impl Decision {
    /// Whether it may have taken effect before: then the first answer stands, and not what it would be told now.
    pub(super) fn may_be_past(&self) -> bool {
        let Verdict::Held(reply) = &self.verdict else { return false };
        match reply {
            Reply::Done { .. } | Reply::Rejected(_) | Reply::Unreadable | Reply::Skipped => {
                self.waiting.request.want != Want::DryRun
            }
            Reply::Would { .. } | Reply::KeyReused | Reply::InFlight | Reply::Unknown => false,
        }
    }
}

impl Writer {
    /// Decides a batch; the world runs ahead of the log until `commit` or `roll_back`.
    pub(super) async fn decide(&mut self, batch: Batch, known: &Known) -> Result<Decided, (log::Error, Batch)> {
        if let Err(error) = self.load_what_is_read(&batch).await {
            return Err((error, batch));
        }
        self.world.begin();
        let mut desk = Desk::new(&mut self.world, &mut self.answers, known, self.head.position);
        let units = batch.into_iter().map(|unit| desk.decide(unit)).collect();
        Ok(Decided { rows: desk.into_rows(), units })
    }

    /// Loads the streams that the batch will look at, in as few queries as there are rounds.
    async fn load_what_is_read(&mut self, batch: &[Unit<Waiting>]) -> Result<(), log::Error> {
        for _ in 0..LOAD_ROUNDS {
            let mut missing: HashSet<StreamId> = HashSet::new();
            for waiting in batch.iter().flat_map(Unit::members) {
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
