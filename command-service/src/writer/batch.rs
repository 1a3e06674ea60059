//! Deciding a batch: each command in arrival order against the running state, nothing awaited but what must be loaded first.

use std::collections::{HashMap, HashSet};

use lru::DefaultHasher;
use uuid::Uuid;

use super::Writer;
use super::answer::Answer;
use super::desk::{Desk, Verdict};
use super::keeper::Portrait;
use super::loading::Loaded;
use super::mailbox::Waiting;
use super::recall::Past;
use super::request::{Reply, Want};
use super::unit::Unit;
use crate::log;
use crate::log::batch::NewRow;

/// Commands that are settled together.
pub(super) type Batch = Vec<Unit<Waiting>>;

/// What is known of the commands and claims of a batch beyond the world.
#[derive(Debug, Default)]
pub(super) struct Known {
    /// Claims of this batch that are in the log.
    pub(super) claims: HashSet<String>,
    /// Commands of this batch that are in the log.
    pub(super) past: HashMap<Uuid, Past>,
}

impl Known {
    /// How much it is.
    pub(super) fn len(&self) -> usize {
        self.claims.len() + self.past.len()
    }
}

/// A batch as far as it is decided, before its fate.
#[derive(Debug, Default)]
pub(super) struct Decided {
    /// What to append, in order.
    pub(super) rows: Vec<NewRow>,
    /// Bytes of the rows' JSON.
    pub(super) bytes: usize,
    /// Claims of the rows.
    pub(super) claims: HashSet<String, DefaultHasher>,
    /// Answers of its commands that take effect, with their fingerprints, by key: for commands of a group that repeat one.
    pub(super) answers: HashMap<Uuid, (i64, Answer), DefaultHasher>,
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

/// The batch that comes next: what of it could be decided while the one before was on its way into the log, and the rest.
#[derive(Debug, Default)]
pub(super) struct Ahead {
    /// Decided on a world that runs ahead of the log with it.
    pub(super) decided: Option<Decided>,
    /// Came later.
    pub(super) batch: Batch,
    /// How many commands both have.
    pub(super) commands: usize,
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

impl Ahead {
    pub(super) fn is_empty(&self) -> bool {
        self.commands == 0
    }

    /// The world was taken back, so nothing of it is decided any more.
    pub(super) fn undo(&mut self) {
        if let Some(decided) = self.decided.take() {
            let rest = std::mem::replace(&mut self.batch, decided.into_batch());
            self.batch.extend(rest);
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
    /// Decides a batch, of which some may be decided, until it is full; the world runs ahead of the log until `commit` or
    /// `roll_back`.
    pub(super) async fn decide(
        &mut self,
        begun: Option<Decided>,
        mut batch: Batch,
        known: &Known,
    ) -> Result<Decided, Undecided> {
        let is_full = begun.as_ref().is_some_and(|decided| self.is_full(decided));
        if is_full {
            self.put_back(std::mem::take(&mut batch));
        }
        let loaded = self.load_what_is_read(&mut batch).await;
        if let Ok(Loaded::All) = loaded {
            let mut decided = begun.unwrap_or_else(|| self.begin());
            let mut units = batch.into_iter();
            while !self.is_full(&decided)
                && let Some(unit) = units.next()
            {
                self.decide_unit(&mut decided, unit, known);
            }
            self.put_back(units.collect());
            return Ok(decided);
        }
        self.world.roll_back();
        let mut whole = begun.map(Decided::into_batch).unwrap_or_default();
        whole.extend(batch);
        Err(match loaded {
            Ok(_) => Undecided::Behind(whole),
            Err(error) => Undecided::Unread(whole, error),
        })
    }

    /// Decides what comes while a batch is on its way into the log. What needs a stream that is not in memory waits until
    /// that batch is there, and so does all that comes after it; so does everything whose keys are to be looked up first.
    pub(super) fn look_ahead(&mut self, units: Batch) {
        let mut ahead = std::mem::take(&mut self.ahead);
        for unit in units {
            ahead.commands += unit.members().len();
            let is_full = ahead.decided.as_ref().is_some_and(|decided| self.is_full(decided));
            if is_full || !ahead.batch.is_empty() || self.look_first > 0 || self.needs_loading(&unit) {
                ahead.batch.push(unit);
                continue;
            }
            let mut decided = ahead.decided.take().unwrap_or_else(|| self.begin());
            self.decide_unit(&mut decided, unit, &Known::default());
            ahead.decided = Some(decided);
        }
        self.ahead = ahead;
    }

    /// Whether the batch has as much to append as one may have.
    fn is_full(&self, decided: &Decided) -> bool {
        decided.rows.len() >= self.limits.events || decided.bytes >= self.limits.bytes
    }

    /// Units that a batch has no room for come next, before all that came later.
    pub(super) fn put_back(&mut self, units: Batch) {
        self.ahead.commands += commands(&units);
        self.ahead.batch.splice(0..0, units);
    }

    /// Adds what came later to a batch that waited for its turn, up to `most` commands.
    pub(super) fn grow(&mut self, batch: &mut Batch, most: usize) {
        if commands(batch) + self.ahead.commands > most {
            return;
        }
        let mut ahead = std::mem::take(&mut self.ahead);
        ahead.undo();
        batch.append(&mut ahead.batch);
        self.inbox.receive_more(batch, most);
    }

    fn begin(&mut self) -> Decided {
        self.world.begin();
        Decided::default()
    }

    fn decide_unit(&mut self, decided: &mut Decided, unit: Unit<Waiting>, known: &Known) {
        let mut desk = Desk { world: &mut self.world, recall: &self.recall, known, head: self.end.head, decided };
        desk.decide(unit);
    }
}

/// How many commands the units have.
pub(super) fn commands(batch: &Batch) -> usize {
    batch.iter().map(|unit| unit.members().len()).sum()
}
