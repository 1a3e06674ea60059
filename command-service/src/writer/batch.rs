//! The types of a batch: the commands that wait in it, the commands that are decided, and what is known of their keys and claims.

use std::collections::{HashMap, HashSet};

use chrono::{DateTime, Utc};
use events::Position;
use indexmap::IndexMap;
use lru::DefaultHasher;
use uuid::Uuid;

use super::answer::Answer;
use super::replay::EarlierCommand;
use super::request::{Reply, Request, Want};
use super::snapshots::StreamSnapshot;
use super::submission::{Group, count};
use crate::database;
use crate::log::batch::NewRow;
use crate::log::{self, End};
use domain::state::State;

/// Commands that are processed together.
#[derive(Debug, Default)]
pub(super) struct Batch {
    /// The first commands, decided on a world that contains their effects before the log does.
    pub(super) decided: Option<DecidedBatch>,
    /// The commands after them, in the order of arrival.
    pub(super) waiting: Vec<Group>,
    /// Number of all these commands.
    pub(super) commands: usize,
    /// Number of commands that the batch may grow to while the writer waits for the write lock. 0 for a part of a batch that
    /// PostgreSQL refused: such a part does not grow, and no commands are decided ahead while it is appended.
    pub(super) max_commands: usize,
    pub(super) known: Known,
    pub(super) lookups: Lookups,
}

/// Keys and claims of a batch that are in the log.
#[derive(Debug, Default)]
pub(super) struct Known {
    pub(super) claims: HashSet<String>,
    /// Commands that took effect earlier, by command id.
    pub(super) commands: HashMap<Uuid, EarlierCommand>,
}

/// What must be looked up in the log before the batch is decided.
#[derive(Debug, Default)]
pub(super) struct Lookups {
    /// Whether commands of the batch may be in the log.
    pub(super) commands: bool,
    /// Claims that may be taken.
    pub(super) claims: Vec<String>,
}

/// Commands that are decided, but not in the log yet.
#[derive(Debug, Default)]
pub(super) struct DecidedBatch {
    /// The events to append, in order.
    pub(super) rows: Vec<NewRow>,
    /// Bytes of the rows' JSON.
    pub(super) bytes: usize,
    /// Claims of the rows.
    pub(super) claims: HashSet<String, DefaultHasher>,
    /// Answers of the commands that take effect, with their fingerprints, by command id: for commands of a group that repeat
    /// another command of the group. In the order of the commands, so that those of an undone group can be removed.
    pub(super) answers: IndexMap<Uuid, (i64, Answer), DefaultHasher>,
    /// Snapshots to save; their positions count from the start of the batch.
    pub(super) snapshots: Vec<StreamSnapshot>,
    /// The commands, in the order of arrival.
    pub(super) groups: Vec<Group>,
    /// The decision on each command of the groups, in the same order.
    pub(super) decisions: Vec<Decision>,
}

/// The position after which a batch was appended, and the time at which its events were recorded. For a batch without events: the
/// end of the log, and the clock.
#[derive(Debug, Clone, Copy)]
pub(super) struct Committed {
    pub(super) base: Position,
    pub(super) recorded_at: DateTime<Utc>,
}

/// A batch that is in the log, and whose callers have no replies yet.
#[derive(Debug)]
pub(super) struct DurableBatch {
    pub(super) decided: DecidedBatch,
    pub(super) committed: Committed,
    /// The end of the log before the batch, if the batch has events.
    pub(super) end_before: Option<End>,
}

/// The decision on a command, which becomes its reply once the batch is durable.
#[derive(Debug)]
pub(super) enum Decision {
    /// The command takes effect with the batch; the position counts from the start of the batch.
    Accepted(Answer, Option<Box<State>>),
    /// The command repeats another command of the batch and gets its answer; the position counts from the start of the batch.
    Repeated(Answer),
    /// True only if the log ends where the batch was decided.
    IfUnchanged(Reply),
    /// True in any case: the command took effect before, or its key was used before.
    Final(Reply),
}

/// The reason why a batch was not appended.
#[derive(Debug)]
pub(super) enum Failure {
    /// Another writer appended after the end that this writer knew.
    Overtaken,
    /// The batch has nothing to append, and the log has changed since its rejections were decided.
    Outdated,
    /// A command or a claim of the batch is in the log already.
    Taken,
    /// The batch was decided on states that differ from the log.
    Conflicting(database::Error),
    /// PostgreSQL refuses the data of the batch.
    Refused(database::Error),
    /// The response to the append was lost: the batch is in the log or not.
    OutcomeUnknown(database::Error),
    /// The log could not be read.
    Unreachable(log::Error),
}

impl From<log::Error> for Failure {
    fn from(error: log::Error) -> Self {
        Failure::Unreachable(error)
    }
}

impl Batch {
    /// A part of a batch that PostgreSQL refused.
    pub(super) fn part(groups: Vec<Group>) -> Batch {
        Batch { commands: count(&groups), waiting: groups, ..Batch::default() }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.commands == 0
    }

    /// Whether nothing is left to do before the batch is appended.
    pub(super) fn is_ready(&self) -> bool {
        let Some(decided) = &self.decided else { return false };
        let is_settled = |decision: &Decision| !matches!(decision, Decision::IfUnchanged(_));
        self.waiting.is_empty() && !decided.rows.is_empty() && decided.decisions.iter().all(is_settled)
    }

    /// Puts groups before all others, because the batch before this one has no room for them.
    pub(super) fn put_first(&mut self, groups: Vec<Group>) {
        self.commands += count(&groups);
        self.waiting.splice(0..0, groups);
    }

    /// Discards all decisions, because the world was rolled back. Returns the rows that were not appended.
    pub(super) fn undo(&mut self) -> Vec<NewRow> {
        let Some(decided) = self.decided.take() else { return Vec::new() };
        let waiting = std::mem::replace(&mut self.waiting, decided.groups);
        self.waiting.extend(waiting);
        decided.rows
    }
}

impl Known {
    pub(super) fn len(&self) -> usize {
        self.claims.len() + self.commands.len()
    }
}

impl DecidedBatch {
    /// Each command with the decision on it.
    pub(super) fn decisions(&self) -> impl Iterator<Item = (&Request, &Decision)> {
        let submissions = self.groups.iter().flat_map(Group::members);
        submissions.map(|submission| &submission.request).zip(&self.decisions)
    }
}

impl Decision {
    /// Whether the command may have taken effect earlier: in that case its first answer applies, not this decision.
    pub(super) fn may_be_repeat(&self, want: Want) -> bool {
        let Decision::IfUnchanged(reply) = self else { return false };
        match reply {
            Reply::Done { .. } | Reply::Rejected(_) | Reply::Unreadable | Reply::Skipped => want != Want::DryRun,
            Reply::Would { .. } | Reply::KeyReused | Reply::InFlight | Reply::Unknown => false,
        }
    }

    /// Whether a group that contains this decision fails.
    pub(super) fn is_failure(&self) -> bool {
        match self {
            Decision::Accepted(..) | Decision::Repeated(_) => false,
            Decision::IfUnchanged(reply) | Decision::Final(reply) => {
                !matches!(reply, Reply::Done { .. } | Reply::Would { .. })
            }
        }
    }

    /// Skips the command, because another command of its group fails. A command that took effect earlier keeps its answer.
    pub(super) fn skip(&mut self) {
        if !matches!(self, Decision::Final(_)) {
            *self = Decision::IfUnchanged(Reply::Skipped);
        }
    }
}
