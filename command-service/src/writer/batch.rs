//! Deciding a batch: each command in arrival order against the running state, nothing awaited but the
//! streams that are loaded.

use std::collections::{HashMap, HashSet, VecDeque};

use lru::DefaultHasher;
use uuid::Uuid;

use super::Writer;
use super::answer::Answer;
use super::desk::{Desk, NeedsLoading, Verdict};
use super::keeper::Portrait;
use super::loading::{Loaded, Loading, Unloadable};
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
    /// Decides a batch, of which some may be decided, until it is full. Where a command lacks streams, they are loaded and the
    /// batch goes on from that command. The world runs ahead of the log until `commit` or
    /// `roll_back`.
    pub(super) async fn decide(
        &mut self,
        begun: Option<Decided>,
        batch: Batch,
        known: &Known,
    ) -> Result<Decided, Undecided> {
        let mut decided = begun.unwrap_or_else(|| self.begin());
        let mut loading = Loading::default();
        let mut rest = VecDeque::from(batch);
        while !self.is_full(&decided)
            && let Some(unit) = rest.front()
        {
            if let Ok(verdicts) = self.decide_unit(&mut decided, unit, known, &loading.unloadable) {
                decided.units.extend(rest.pop_front().map(|unit| with(unit, verdicts)));
                loading.unit_is_decided();
                continue;
            }
            if loading.is_full() && !decided.units.is_empty() {
                break;
            }
            let loaded = self.load_for(&rest, &mut loading).await;
            if let Ok(Loaded::All) = loaded {
                continue;
            }
            self.world.roll_back();
            let mut whole = decided.into_batch();
            whole.extend(rest);
            return Err(match loaded {
                Ok(_) => Undecided::Behind(whole),
                Err(error) => Undecided::Unread(whole, error),
            });
        }
        self.put_back(rest.into());
        Ok(decided)
    }

    /// Decides what comes while a batch is on its way into the log. What needs a stream that is not in memory waits until
    /// that batch is there, and so does all that comes after it; so does everything whose keys are to be looked up first.
    pub(super) fn look_ahead(&mut self, units: Batch) {
        let mut ahead = std::mem::take(&mut self.ahead);
        for unit in units {
            ahead.commands += unit.members().len();
            let is_full = ahead.decided.as_ref().is_some_and(|decided| self.is_full(decided));
            if is_full || !ahead.batch.is_empty() || self.look_first > 0 {
                ahead.batch.push(unit);
                continue;
            }
            let mut decided = ahead.decided.take().unwrap_or_else(|| self.begin());
            match self.decide_unit(&mut decided, &unit, &Known::default(), &Unloadable::default()) {
                Ok(verdicts) => decided.units.push(with(unit, verdicts)),
                Err(NeedsLoading) => ahead.batch.push(unit),
            }
            match decided.units.is_empty() {
                true => self.world.abandon(),
                false => ahead.decided = Some(decided),
            }
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

    fn decide_unit(
        &mut self,
        decided: &mut Decided,
        unit: &Unit<Waiting>,
        known: &Known,
        unloadable: &Unloadable,
    ) -> Result<Unit<Verdict>, NeedsLoading> {
        let (world, recall, head) = (&mut self.world, &self.recall, self.end.head);
        Desk { world, recall, known, unloadable, head, decided }.decide(unit)
    }
}

/// The members of a unit with their verdicts.
fn with(unit: Unit<Waiting>, verdicts: Unit<Verdict>) -> Unit<Decision> {
    let mut verdicts = verdicts.into_members();
    unit.map(|waiting| Decision { waiting, verdict: verdicts.next().expect("there is a verdict for each member") })
}

/// How many commands the units have.
pub(super) fn commands(batch: &Batch) -> usize {
    batch.iter().map(|unit| unit.members().len()).sum()
}
