//! Lets the writer decide the documents of a batch: each on its own, atomically, or as a dry run.

use std::collections::HashSet;
use std::time::Duration;

use events::Sku;
use uuid::Uuid;

use super::key;
use super::row_commands::{DocumentCommands, RowRejection};
use super::submit::{self, SubmitOptions, Undecided};
use crate::writer::{GROUP_MAX, Mailbox, Reply, Together, Want};
use domain::command::Command;
use domain::rejection::Rejection;

/// Mode in which a batch is decided.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum DecideMode {
    /// Dry run of each document on its own.
    Check,
    /// Each document takes effect on its own.
    Each,
    /// All documents take effect or none does. If they require more commands than a group can have, as [`DecideMode::Each`].
    AllOrNothing,
}

/// Decides the documents of one job.
#[derive(Debug, Clone)]
pub(super) struct Decider {
    pub mailbox: Mailbox,
    pub import: Uuid,
    pub patience: Duration,
}

/// Outcome of a document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum RowOutcome {
    /// The document took effect, or would take effect.
    Done,
    /// The document had no effect, because another document of its atomic group was rejected.
    Skipped,
    /// The document was rejected.
    Rejected(RowRejection),
}

/// The number of a document's first row, and its commands.
pub(super) type Planned<'a> = (u32, &'a DocumentCommands);

/// A command with the index of its document and its step in the document.
type Sent = (usize, u8, Command);

impl Decider {
    /// The outcome of each document, in order.
    pub(super) async fn outcomes(
        &self,
        planned: &[Planned<'_>],
        mode: DecideMode,
    ) -> Result<Vec<RowOutcome>, Undecided> {
        match mode {
            DecideMode::Check => self.each(planned, Want::DryRun).await,
            DecideMode::Each => self.each(planned, Want::Minimal).await,
            DecideMode::AllOrNothing => self.together(planned).await,
        }
    }

    /// Creates what does not exist, then updates what exists with different data.
    async fn each(&self, planned: &[Planned<'_>], want: Want) -> Result<Vec<RowOutcome>, Undecided> {
        let firsts = planned.iter().enumerate().map(|(at, (_, plan))| (at, 0, first(plan)));
        let mut outcomes: Vec<RowOutcome> = vec![RowOutcome::Done; planned.len()];
        let mut seconds = Vec::new();
        for (at, reply) in self.send(planned, firsts.collect(), want, Together::Each).await? {
            match changes(planned[at].1, &reply) {
                Some(changes) => seconds.extend(steps(at, changes)),
                None => outcomes[at] = outcome(reply),
            }
        }
        for (at, reply) in self.send(planned, seconds, want, Together::Each).await? {
            if outcomes[at] == RowOutcome::Done {
                outcomes[at] = outcome(reply);
            }
        }
        Ok(outcomes)
    }

    /// Determines first what exists already, because the commands of a group are fixed when it is submitted.
    async fn together(&self, planned: &[Planned<'_>]) -> Result<Vec<RowOutcome>, Undecided> {
        let firsts = planned.iter().enumerate().map(|(at, (_, plan))| (at, 0, first(plan)));
        let (mut all, mut made) = (Vec::with_capacity(planned.len()), HashSet::new());
        for (at, reply) in self.send(planned, firsts.collect(), Want::DryRun, Together::Each).await? {
            match changes(planned[at].1, &reply).or_else(|| changes_of_made(planned[at].1, &mut made)) {
                Some(changes) => all.extend(steps(at, changes)),
                None => all.push((at, 0, first(planned[at].1))),
            }
        }
        if all.len() > GROUP_MAX {
            return self.each(planned, Want::Minimal).await;
        }
        let mut outcomes: Vec<RowOutcome> = vec![RowOutcome::Done; planned.len()];
        for (at, reply) in self.send(planned, all, Want::Minimal, Together::AllOrNothing).await? {
            if outcomes[at] == RowOutcome::Done {
                outcomes[at] = outcome(reply);
            }
        }
        Ok(outcomes)
    }

    /// The replies to commands, each with the index of its document.
    async fn send(
        &self,
        planned: &[Planned<'_>],
        commands: Vec<Sent>,
        want: Want,
        together: Together,
    ) -> Result<impl Iterator<Item = (usize, Reply)>, Undecided> {
        let indices: Vec<usize> = commands.iter().map(|(at, ..)| *at).collect();
        let named =
            commands.into_iter().map(|(at, step, command)| (key::of(self.import, planned[at].0, step), command));
        let named: Vec<(Uuid, Command)> = named.collect();
        let options = SubmitOptions { import: self.import, want, together, patience: self.patience };
        let replies = submit::all(&self.mailbox, &named, options).await?;
        Ok(indices.into_iter().zip(replies))
    }
}

fn first(plan: &DocumentCommands) -> Command {
    let (DocumentCommands::One(command) | DocumentCommands::Upsert { create: command, .. }) = plan;
    command.clone()
}

/// The changes of something that exists with different data.
fn changes<'a>(plan: &'a DocumentCommands, reply: &Reply) -> Option<&'a [Command]> {
    match (plan, reply) {
        (DocumentCommands::Upsert { changes, .. }, Reply::Rejected(Rejection::DuplicateSku(_))) => Some(changes),
        _ => None,
    }
}

/// The changes of a product that an earlier document of the same group creates.
fn changes_of_made<'a>(plan: &'a DocumentCommands, made: &mut HashSet<&'a Sku>) -> Option<&'a [Command]> {
    match plan {
        DocumentCommands::Upsert { create: Command::CreateProduct { body }, changes } if !made.insert(&body.sku) => {
            Some(changes)
        }
        DocumentCommands::Upsert { .. } | DocumentCommands::One(_) => None,
    }
}

fn steps(at: usize, changes: &[Command]) -> impl Iterator<Item = Sent> {
    changes.iter().zip(1..).map(move |(change, step)| (at, step, change.clone()))
}

fn outcome(reply: Reply) -> RowOutcome {
    let (problem, detail) = match reply {
        Reply::Done { .. } | Reply::Would { .. } => return RowOutcome::Done,
        Reply::Skipped => return RowOutcome::Skipped,
        Reply::Rejected(rejection) => (rejection.kind(), rejection.detail()),
        Reply::KeyReused => {
            ("idempotency-key-reused", "The idempotency key of the row was used for another command.".to_owned())
        }
        Reply::Unreadable | Reply::Unknown | Reply::InFlight => (
            "unreadable",
            "Data that the row needs cannot be read or written. The service has logged the cause.".to_owned(),
        ),
    };
    RowOutcome::Rejected(RowRejection::new(problem, detail))
}
