//! Deciding a batch: each command in arrival order against the running state, nothing awaited but what must be loaded first.

use std::collections::{HashMap, HashSet};

use uuid::Uuid;

use super::Writer;
use super::desk::{Desk, Verdict, Written};
use super::keeper::Portrait;
use super::loading::Loaded;
use super::mailbox::Waiting;
use super::request::{Reply, Want};
use super::unit::Unit;
use crate::log;
use crate::log::append::NewRow;
use crate::log::past::PastCommand;

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
    /// Streams to keep snapshots of; their positions count from the start of the batch.
    pub(super) portraits: Vec<Portrait>,
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

/// Why a batch could not be decided.
#[derive(Debug)]
pub(super) enum Undecided {
    /// The log has moved on: follow it first.
    Behind(Batch),
    /// The log could not be read.
    Unread(Batch, log::Error),
}

impl Writer {
    /// Decides a batch; the world runs ahead of the log until `commit` or `roll_back`.
    pub(super) async fn decide(&mut self, batch: Batch, known: &Known) -> Result<Decided, Undecided> {
        match self.load_what_is_read(&batch).await {
            Ok(Loaded::All) => Ok(self.decide_loaded(batch, known)),
            Ok(Loaded::Behind) => Err(Undecided::Behind(batch)),
            Err(error) => Err(Undecided::Unread(batch, error)),
        }
    }

    /// Decides a batch whose streams are in memory.
    pub(super) fn decide_loaded(&mut self, batch: Batch, known: &Known) -> Decided {
        self.world.begin();
        let mut desk = Desk::new(&mut self.world, &mut self.answers, known, self.head);
        let units = batch.into_iter().map(|unit| desk.decide(unit)).collect();
        let Written { rows, portraits } = desk.into_written();
        Decided { rows, portraits, units }
    }
}
