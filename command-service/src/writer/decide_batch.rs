//! Deciding a batch: each command in the order of arrival, on the effects of the commands before it. The world then contains the
//! effects of the batch before the log does, until the batch is committed or rolled back.

use std::collections::VecDeque;

use super::Writer;
use super::batch::{Batch, DecidedBatch, Failure, Known};
use super::decide::{Decider, NeedsLoading};
use super::key::Key;
use super::loading::Loading;
use super::replay::find_earlier;
use super::submission::{Group, count};
use super::unloadable::Unloadable;

/// Number of batches after one with a repeat that was not remembered whose keys are looked up before the batch is decided: each
/// lookup is a round trip, but an append that is refused because of one used key costs the whole batch.
const LOOKUP_BATCHES: u32 = 32;

impl Writer {
    /// The next batch to process.
    pub(super) fn take_next(&mut self) -> Batch {
        let mut batch = std::mem::take(&mut self.next);
        batch.max_commands = self.limits.batch;
        batch.lookups.commands = self.derived.lookup_batches > 0 && batch.decided.is_none();
        batch
    }

    /// Looks up keys and claims of the batch in the log, if a previous attempt or batch found that they may be used.
    pub(super) async fn look_up(&mut self, batch: &mut Batch) -> Result<(), Failure> {
        if !batch.lookups.claims.is_empty() {
            batch.known.claims.extend(self.follower.log().find_claims(&batch.lookups.claims).await?);
        }
        if batch.lookups.commands {
            let submissions = batch.waiting.iter().flat_map(Group::members);
            let keys: Vec<Key> = submissions.map(|submission| submission.request.key).collect();
            batch.known.commands.extend(find_earlier(self.follower.log(), &keys).await?);
            self.derived.lookup_batches = match batch.known.commands.is_empty() {
                true => self.derived.lookup_batches.saturating_sub(1),
                false => LOOKUP_BATCHES,
            };
        }
        batch.lookups = Default::default();
        Ok(())
    }

    /// Decides the commands of the batch, and loads the streams that they need. A command that is rejected, or finds nothing to
    /// change, may have taken effect earlier: in that case its first answer applies, and the batch is decided again.
    pub(super) async fn load_and_decide(&mut self, batch: &mut Batch) -> Result<(), Failure> {
        loop {
            self.decide_once(batch).await?;
            let known = &batch.known.commands;
            let decisions = batch.decided.iter().flat_map(DecidedBatch::decisions);
            let may_be_repeats = decisions.filter(|(request, decision)| decision.may_be_repeat(request.want));
            let keys = may_be_repeats.map(|(request, _)| request.key);
            let keys: Vec<Key> = keys.filter(|key| !known.contains_key(&key.id)).collect();
            if keys.is_empty() {
                return Ok(());
            }
            let earlier = find_earlier(self.follower.log(), &keys).await?;
            if earlier.is_empty() {
                return Ok(());
            }
            batch.known.commands.extend(earlier);
            self.derived.world.roll_back();
            batch.undo();
        }
    }

    /// Decides groups until the batch is full; the rest is decided with the next batch. If a command lacks streams, they are loaded,
    /// and the batch continues with that command.
    async fn decide_once(&mut self, batch: &mut Batch) -> Result<(), Failure> {
        let mut decided = batch.decided.take().unwrap_or_else(|| self.begin());
        let mut rest = VecDeque::from(std::mem::take(&mut batch.waiting));
        let mut loading = Loading::default();
        let mut result = Ok(());
        while !self.is_full(&decided)
            && let Some(group) = rest.front()
        {
            let decision = self.decide_group(&mut decided, group, &batch.known, &loading.unloadable);
            let Err(NeedsLoading(missing)) = decision else {
                decided.groups.extend(rest.pop_front());
                loading.next_group();
                continue;
            };
            if loading.is_full() && !decided.groups.is_empty() {
                break;
            }
            result = self.load_for(missing, &rest, &mut loading).await;
            if result.is_err() {
                break;
            }
        }
        batch.decided = Some(decided);
        match result {
            Ok(()) => self.next.put_first(rest.into()),
            Err(_) => batch.waiting = rest.into(),
        }
        result
    }

    /// Decides commands that arrive while a batch is being appended. A command that lacks streams waits until the append is
    /// complete, and so do all commands after it, and commands whose keys must be looked up first.
    pub(super) fn decide_ahead(&mut self, groups: Vec<Group>) {
        let mut next = std::mem::take(&mut self.next);
        for group in groups {
            next.commands += group.members().len();
            let is_full = next.decided.as_ref().is_some_and(|decided| self.is_full(decided));
            if is_full || !next.waiting.is_empty() || self.derived.lookup_batches > 0 {
                next.waiting.push(group);
                continue;
            }
            let mut decided = next.decided.take().unwrap_or_else(|| self.begin());
            match self.decide_group(&mut decided, &group, &Known::default(), &Unloadable::default()) {
                Ok(()) => decided.groups.push(group),
                Err(NeedsLoading(_)) => next.waiting.push(group),
            }
            match decided.groups.is_empty() {
                true => self.derived.world.abandon(),
                false => next.decided = Some(decided),
            }
        }
        self.next = next;
    }

    /// Adds commands that arrived later to a batch that waited for the write lock, up to its maximum.
    pub(super) fn grow(&mut self, batch: &mut Batch) {
        if count(&batch.waiting) + self.next.commands > batch.max_commands {
            return;
        }
        let mut next = std::mem::take(&mut self.next);
        next.undo();
        batch.waiting.append(&mut next.waiting);
        self.inbox.receive_more(&mut batch.waiting, batch.max_commands);
    }

    /// Whether the batch has as many events or bytes as a batch may have.
    fn is_full(&self, decided: &DecidedBatch) -> bool {
        decided.rows.len() >= self.limits.events || decided.bytes >= self.limits.bytes
    }

    fn begin(&mut self) -> DecidedBatch {
        self.derived.world.begin();
        DecidedBatch::default()
    }

    fn decide_group(
        &mut self,
        decided: &mut DecidedBatch,
        group: &Group,
        known: &Known,
        unloadable: &Unloadable,
    ) -> Result<(), NeedsLoading> {
        let (world, replays, head) = (&mut self.derived.world, &self.derived.replays, self.follower.head());
        Decider { world, replays, known, unloadable, head, decided }.decide(group)
    }
}
