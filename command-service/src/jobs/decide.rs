//! Has the writer decide the documents of a batch: for good, all or none, or only to know what would happen.

use std::collections::HashSet;
use std::time::Duration;

use events::Sku;
use uuid::Uuid;

use super::key;
use super::kind::{Plan, Refused};
use super::submit::{self, Terms, Undecided};
use crate::writer::{GROUP_MAX, Mailbox, Reply, Together, Want};
use domain::command::Command;
use domain::rejection::Rejection;

/// How a batch is decided.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum How {
    /// Nothing happens; each document would be alone.
    Check,
    /// Each takes effect that can.
    Each,
    /// All take effect, or none does. Where they need more commands than a group has, each that can.
    AllOrNothing,
}

/// What decides the documents of one job.
#[derive(Debug, Clone)]
pub(super) struct Decider {
    pub mailbox: Mailbox,
    pub import: Uuid,
    pub patience: Duration,
}

/// What becomes of a document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Fate {
    /// It took effect, or would.
    Done,
    /// It takes no effect only because another does not.
    Skipped,
    /// It takes no effect.
    Refused(Refused),
}

/// What a row asks for, and its number.
pub(super) type Asked<'a> = (u32, &'a Plan);

/// A command on its way: the index of its document, its step there.
type Sent = (usize, u8, Command);

impl Decider {
    /// The fate of each document, in order.
    pub(super) async fn fates(&self, asked: &[Asked<'_>], how: How) -> Result<Vec<Fate>, Undecided> {
        match how {
            How::Check => self.each(asked, Want::DryRun).await,
            How::Each => self.each(asked, Want::Minimal).await,
            How::AllOrNothing => self.together(asked).await,
        }
    }

    /// Makes what can be made, then changes what was there with other data.
    async fn each(&self, asked: &[Asked<'_>], want: Want) -> Result<Vec<Fate>, Undecided> {
        let firsts = asked.iter().enumerate().map(|(at, (_, plan))| (at, 0, first(plan)));
        let mut fates: Vec<Fate> = vec![Fate::Done; asked.len()];
        let mut seconds = Vec::new();
        for (at, reply) in self.send(asked, firsts.collect(), want, Together::Each).await? {
            match changes(asked[at].1, &reply) {
                Some(changes) => seconds.extend(steps(at, changes)),
                None => fates[at] = fate(reply),
            }
        }
        for (at, reply) in self.send(asked, seconds, want, Together::Each).await? {
            if fates[at] == Fate::Done {
                fates[at] = fate(reply);
            }
        }
        Ok(fates)
    }

    /// Finds out first what is there already, because a group is decided as it was sent.
    async fn together(&self, asked: &[Asked<'_>]) -> Result<Vec<Fate>, Undecided> {
        let firsts = asked.iter().enumerate().map(|(at, (_, plan))| (at, 0, first(plan)));
        let (mut all, mut made) = (Vec::with_capacity(asked.len()), HashSet::new());
        for (at, reply) in self.send(asked, firsts.collect(), Want::DryRun, Together::Each).await? {
            match changes(asked[at].1, &reply).or_else(|| changes_of_made(asked[at].1, &mut made)) {
                Some(changes) => all.extend(steps(at, changes)),
                None => all.push((at, 0, first(asked[at].1))),
            }
        }
        if all.len() > GROUP_MAX {
            return self.each(asked, Want::Minimal).await;
        }
        let mut fates: Vec<Fate> = vec![Fate::Done; asked.len()];
        for (at, reply) in self.send(asked, all, Want::Minimal, Together::AllOrNothing).await? {
            if fates[at] == Fate::Done {
                fates[at] = fate(reply);
            }
        }
        Ok(fates)
    }

    /// The replies to commands, each with the index of its document.
    async fn send(
        &self,
        asked: &[Asked<'_>],
        commands: Vec<Sent>,
        want: Want,
        together: Together,
    ) -> Result<impl Iterator<Item = (usize, Reply)>, Undecided> {
        let indices: Vec<usize> = commands.iter().map(|(at, ..)| *at).collect();
        let named = commands.into_iter().map(|(at, step, command)| (key::of(self.import, asked[at].0, step), command));
        let named: Vec<(Uuid, Command)> = named.collect();
        let terms = Terms { import: self.import, want, together, patience: self.patience };
        let replies = submit::all(&self.mailbox, &named, terms).await?;
        Ok(indices.into_iter().zip(replies))
    }
}

fn first(plan: &Plan) -> Command {
    let (Plan::Do(command) | Plan::Upsert { create: command, .. }) = plan;
    command.clone()
}

/// What is to be changed of a thing that is there with other data.
fn changes<'a>(plan: &'a Plan, reply: &Reply) -> Option<&'a [Command]> {
    match (plan, reply) {
        (Plan::Upsert { changes, .. }, Reply::Rejected(Rejection::DuplicateSku(_))) => Some(changes),
        _ => None,
    }
}

/// What is to be changed of a product that an earlier document of the same group makes.
fn changes_of_made<'a>(plan: &'a Plan, made: &mut HashSet<&'a Sku>) -> Option<&'a [Command]> {
    match plan {
        Plan::Upsert { create: Command::CreateProduct(create), changes } if !made.insert(&create.body.sku) => {
            Some(changes)
        }
        Plan::Upsert { .. } | Plan::Do(_) => None,
    }
}

fn steps(at: usize, changes: &[Command]) -> impl Iterator<Item = Sent> {
    changes.iter().zip(1..).map(move |(change, step)| (at, step, change.clone()))
}

fn fate(reply: Reply) -> Fate {
    let (problem, detail) = match reply {
        Reply::Done { .. } | Reply::Would { .. } => return Fate::Done,
        Reply::Skipped => return Fate::Skipped,
        Reply::Rejected(rejection) => (rejection.kind(), rejection.detail()),
        Reply::KeyReused => ("idempotency-key-reused", "The row's key belongs to another command.".to_owned()),
        Reply::Unreadable | Reply::Unknown | Reply::InFlight => {
            ("unreadable", "What the row needs cannot be read or written; the service's log says why.".to_owned())
        }
    };
    Fate::Refused(Refused::new(problem, detail))
}
