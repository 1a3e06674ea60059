//! Submits the commands of due entries to the writer, and converts the replies to outcomes of the entries.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use events::Metadata;
use events::stream::Subject;
use platform::backoff::Backoff;

use super::command::ScheduledCommand;
use super::measures;
use super::store::due::{AttemptOutcome, DueEntry};
use crate::writer::key::Key;
use crate::writer::{Mailbox, Reply, Request, Shed, Together};
use domain::command::Command;
use domain::order::OrderCommand;
use domain::stock_hold::StockHoldCommand;

/// Longest delay before the first retry of an entry without a reply.
const FIRST_RETRY_DELAY: Duration = Duration::from_secs(1);

/// Longest delay before a retry of an entry without a reply, for example because its stream cannot be decoded by this release.
pub(super) const MAX_RETRY_DELAY: Duration = Duration::from_secs(300);

/// How long commands wait for room in a full mailbox; far shorter than the lease of an entry.
pub(super) const MAILBOX_TIMEOUT: Duration = Duration::from_secs(5);

/// Correlation id of the events of scheduled commands.
const CORRELATION_ID: &str = "schedule";

/// Submits the commands of all entries to the writer together and waits for the replies.
pub(super) async fn submit_all(
    mailbox: &Mailbox,
    entries: Vec<DueEntry>,
    now: DateTime<Utc>,
) -> Vec<(DueEntry, AttemptOutcome)> {
    let mut outcomes = Vec::with_capacity(entries.len());
    let (mut submitted, mut requests) = (Vec::with_capacity(entries.len()), Vec::with_capacity(entries.len()));
    for entry in entries {
        match command_for(&entry) {
            Some(command) => {
                requests.push(request(key(&entry, &command), &entry, command, now));
                submitted.push(entry);
            }
            None => outcomes.push((entry, AttemptOutcome::Answered)),
        }
    }
    match mailbox.submit_many_within(requests, Together::Each, MAILBOX_TIMEOUT).await {
        Ok(replies) => {
            for (entry, reply) in submitted.into_iter().zip(replies) {
                let outcome = outcome(mailbox, &entry, reply, now).await;
                outcomes.push((entry, outcome));
            }
        }
        Err(Shed::Full | Shed::Closed | Shed::Down) => outcomes.extend(submitted.into_iter().map(|entry| {
            measures::submitted(entry.command, "shed");
            let outcome = retry_later(&entry, now);
            (entry, outcome)
        })),
    }
    outcomes
}

/// Each scheduled command can take effect on its stream only once, so its idempotency key consists of the command and the stream.
fn key(entry: &DueEntry, command: &Command) -> Key {
    Key::of_platform(&format!("{}/{}", entry.command.as_str(), entry.stream), command)
}

async fn outcome(mailbox: &Mailbox, entry: &DueEntry, reply: Reply, now: DateTime<Utc>) -> AttemptOutcome {
    let reply = match (reply, command_for(entry)) {
        // A client has used the same key for another command. The rules ensure that the command takes effect only once anyway.
        (Reply::KeyReused, Some(command)) => {
            let without_key = request(Key::anonymous(&command), entry, command, now);
            mailbox.submit(without_key).await.unwrap_or(Reply::Unknown)
        }
        (reply, _) => reply,
    };
    let (label, outcome) = match &reply {
        Reply::Done { replayed: false, .. } => ("done", AttemptOutcome::Answered),
        Reply::Done { replayed: true, .. } => ("replayed", AttemptOutcome::Answered),
        Reply::Rejected(rejection) => (rejection.kind(), AttemptOutcome::Answered),
        Reply::Unreadable => ("unreadable", retry_later(entry, now)),
        Reply::Unknown | Reply::InFlight | Reply::KeyReused | Reply::Skipped | Reply::Would { .. } => {
            ("unknown", retry_later(entry, now))
        }
    };
    if reply == Reply::Unreadable {
        tracing::error!(stream = %entry.stream, command = entry.command.as_str(), "a scheduled command cannot be decided because its stream cannot be decoded");
    }
    measures::submitted(entry.command, label);
    outcome
}

pub(super) fn request(key: Key, entry: &DueEntry, command: Command, now: DateTime<Utc>) -> Request {
    let metadata = Metadata {
        causation_id: Some(entry.cause.to_string()),
        correlation_id: Some(CORRELATION_ID.to_owned()),
        ..Metadata::default()
    };
    Request { now, metadata, ..Request::new(key, command) }
}

/// The command of an entry; `None` for allocations, and for a command that does not match the stream, which no release schedules.
fn command_for(entry: &DueEntry) -> Option<Command> {
    match (entry.command, entry.stream.subject()) {
        (ScheduledCommand::ExpireOrder, Subject::Order(order_id)) => {
            Some(Command::Order(order_id, OrderCommand::ExpireOrder {}))
        }
        (ScheduledCommand::CompleteOrder, Subject::Order(order_id)) => {
            Some(Command::Order(order_id, OrderCommand::CompleteOrder {}))
        }
        (ScheduledCommand::ExpireStockHold, Subject::StockHold(hold_id)) => {
            Some(Command::StockHold(hold_id, StockHoldCommand::ExpireHold {}))
        }
        // Submits several commands; see `super::allocation`.
        (ScheduledCommand::AllocateStock, _) => None,
        (ScheduledCommand::ExpireOrder | ScheduledCommand::CompleteOrder | ScheduledCommand::ExpireStockHold, _) => {
            None
        }
    }
}

pub(super) fn retry_later(entry: &DueEntry, now: DateTime<Utc>) -> AttemptOutcome {
    let failures = entry.attempts.saturating_sub(1);
    let delay = Backoff::between(FIRST_RETRY_DELAY, MAX_RETRY_DELAY).after(failures).next_delay();
    AttemptOutcome::RetryAt(now + TimeDelta::from_std(delay).unwrap_or_default())
}
