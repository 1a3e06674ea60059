//! From an entry that is due to a command of the platform's own, and from its reply to the entry's fate.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use events::Metadata;
use events::stream::Subject;
use platform::backoff::Backoff;

use super::measures;
use super::plan::Kind;
use super::store::{Entry, Fate};
use crate::writer::key::Key;
use crate::writer::{Mailbox, Reply, Request, Shed, Together};
use domain::command::{Command, CompleteOrder, ExpireHold, ExpireOrder};

/// The first pause of an entry that got no reply is at most this long.
const FIRST_PAUSE: Duration = Duration::from_secs(1);

/// Longest pause of an entry that gets no reply, such as one whose stream cannot be read: a newer build may be able to.
pub(super) const LONGEST_PAUSE: Duration = Duration::from_secs(300);

/// How long commands wait for room in a full mailbox; what is due may be what makes room for others. Far shorter than an entry
/// is kept from other instances.
pub(super) const ROOM_PATIENCE: Duration = Duration::from_secs(5);

/// What the events that follow belong to.
const CORRELATION: &str = "schedule";

/// Hands all of them to the writer at once and waits for its replies.
pub(super) async fn issue(mailbox: &Mailbox, entries: Vec<Entry>, now: DateTime<Utc>) -> Vec<(Entry, Fate)> {
    let mut fates = Vec::with_capacity(entries.len());
    let (mut asked, mut requests) = (Vec::with_capacity(entries.len()), Vec::with_capacity(entries.len()));
    for entry in entries {
        match command_for(&entry) {
            Some(command) => {
                requests.push(request(key(&entry, &command), &entry, command, now));
                asked.push(entry);
            }
            None => fates.push((entry, Fate::Asleep)),
        }
    }
    match mailbox.submit_many_within(requests, Together::Each, ROOM_PATIENCE).await {
        Ok(replies) => {
            for (entry, reply) in asked.into_iter().zip(replies) {
                let fate = fate(mailbox, &entry, reply, now).await;
                fates.push((entry, fate));
            }
        }
        Err(Shed::Full | Shed::Closed | Shed::Down) => fates.extend(asked.into_iter().map(|entry| {
            measures::issued(entry.kind, "shed");
            let fate = later(&entry, now);
            (entry, fate)
        })),
    }
    fates
}

/// Each of them can take effect on its stream only once, so its key is made of nothing but the stream and the kind.
fn key(entry: &Entry, command: &Command) -> Key {
    Key::of_platform(&format!("{}/{}", entry.kind.as_str(), entry.stream), command)
}

async fn fate(mailbox: &Mailbox, entry: &Entry, reply: Reply, now: DateTime<Utc>) -> Fate {
    let reply = match (reply, command_for(entry)) {
        // A caller who knows how our keys are made has used this one. The rules see to it that it happens once, even so.
        (Reply::KeyReused, Some(command)) => {
            let unnamed = request(Key::anonymous(&command), entry, command, now);
            mailbox.submit(unnamed).await.unwrap_or(Reply::Unknown)
        }
        (reply, _) => reply,
    };
    let (outcome, fate) = match &reply {
        Reply::Done { replayed: false, .. } => ("done", Fate::Asleep),
        Reply::Done { replayed: true, .. } => ("replayed", Fate::Asleep),
        Reply::Rejected(rejection) => (rejection.kind(), Fate::Asleep),
        Reply::Unreadable => ("unreadable", later(entry, now)),
        Reply::Unknown | Reply::InFlight | Reply::KeyReused | Reply::Skipped | Reply::Would { .. } => {
            ("unknown", later(entry, now))
        }
    };
    if reply == Reply::Unreadable {
        tracing::error!(stream = %entry.stream, command = entry.kind.as_str(), "what is due cannot be decided");
    }
    measures::issued(entry.kind, outcome);
    fate
}

pub(super) fn request(key: Key, entry: &Entry, command: Command, now: DateTime<Utc>) -> Request {
    let metadata = Metadata {
        causation_id: Some(entry.cause.to_string()),
        correlation_id: Some(CORRELATION.to_owned()),
        ..Metadata::default()
    };
    Request { now, metadata, ..Request::new(key, command) }
}

/// What the platform asks for; `None` for a kind that does not go with the stream, which no version of ours plans.
fn command_for(entry: &Entry) -> Option<Command> {
    match (entry.kind, entry.stream.subject()) {
        (Kind::ExpireOrder, Subject::Order(order_id)) => Some(Command::ExpireOrder(ExpireOrder { order_id })),
        (Kind::CompleteOrder, Subject::Order(order_id)) => Some(Command::CompleteOrder(CompleteOrder { order_id })),
        (Kind::ExpireHold, Subject::Hold(hold_id)) => Some(Command::ExpireHold(ExpireHold { hold_id })),
        // Asks for several commands, in `super::allocation`.
        (Kind::AllocateStock, _) => None,
        (Kind::ExpireOrder | Kind::CompleteOrder | Kind::ExpireHold, _) => None,
    }
}

pub(super) fn later(entry: &Entry, now: DateTime<Utc>) -> Fate {
    let failures = entry.attempts.saturating_sub(1);
    let pause = Backoff::between(FIRST_PAUSE, LONGEST_PAUSE).after(failures).next_delay();
    Fate::Again(now + TimeDelta::from_std(pause).unwrap_or_default())
}
