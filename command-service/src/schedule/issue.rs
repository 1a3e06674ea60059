//! From an entry that is due to a command of the platform's own, and from its reply to the entry's fate.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use events::stream::Subject;
use events::{Metadata, OrderId};
use futures::future::join_all;
use platform::backoff::Backoff;
use uuid::Uuid;

use super::measures;
use super::plan::Kind;
use super::store::{Entry, Fate};
use crate::command::{CancelOrder, Command};
use crate::writer::key::Key;
use crate::writer::{Full, Mailbox, Reply, Request};

/// The first pause of an entry that got no reply is at most this long.
const FIRST_PAUSE: Duration = Duration::from_secs(1);

/// Longest pause of an entry that gets no reply, such as one whose stream cannot be read: a newer build may be able to.
pub(super) const LONGEST_PAUSE: Duration = Duration::from_secs(300);

/// What the events that follow belong to.
const CORRELATION: &str = "schedule";

/// Hands all of them to the writer and waits for its replies.
pub(super) async fn issue(mailbox: &Mailbox, entries: Vec<Entry>, now: DateTime<Utc>) -> Vec<(Entry, Fate)> {
    join_all(entries.into_iter().map(|entry| async move {
        let fate = match command_for(&entry) {
            Some(command) => ask(mailbox, &entry, command, now).await,
            None => Fate::Asleep,
        };
        (entry, fate)
    }))
    .await
}

/// Each of them can take effect on its stream only once, so its key is made of nothing but the stream and the kind.
async fn ask(mailbox: &Mailbox, entry: &Entry, command: Command, now: DateTime<Utc>) -> Fate {
    let key = Key::of_platform(&format!("{}/{}", entry.kind.as_str(), entry.stream), &command);
    let mut replied = mailbox.submit(request(key, entry, command.clone(), now)).await;
    if let Ok(Reply::KeyReused) = replied {
        // A caller who knows how our keys are made has used this one. The rules make sure that it happens once, even so.
        replied = mailbox.submit(request(Key::anonymous(&command), entry, command, now)).await;
    }
    let (outcome, fate) = match &replied {
        Ok(Reply::Done { replayed: false, .. }) => ("done", Fate::Asleep),
        Ok(Reply::Done { replayed: true, .. }) => ("replayed", Fate::Asleep),
        Ok(Reply::Rejected(rejection)) => (rejection.kind(), Fate::Asleep),
        Ok(Reply::KeyReused) => ("key-reused", later(entry, now)),
        Ok(Reply::Unreadable) => ("unreadable", later(entry, now)),
        Ok(Reply::Unknown) => ("unknown", later(entry, now)),
        Err(Full) => ("shed", later(entry, now)),
    };
    if let Ok(Reply::Unreadable) = replied {
        tracing::error!(stream = %entry.stream, command = entry.kind.as_str(), "what is due cannot be decided");
    }
    measures::issued(entry.kind, outcome);
    fate
}

fn request(key: Key, entry: &Entry, command: Command, now: DateTime<Utc>) -> Request {
    let metadata = Metadata {
        causation_id: Some(entry.cause.to_string()),
        correlation_id: Some(CORRELATION.to_owned()),
        ..Metadata::default()
    };
    // Nothing is made under this id.
    let new_id = OrderId::try_from(Uuid::now_v7()).expect("a UUID version 7 was just made");
    Request { key, command, now, new_id, metadata }
}

/// What the platform asks for; `None` for a kind that does not go with the stream, which no version of ours plans.
fn command_for(entry: &Entry) -> Option<Command> {
    match (entry.kind, entry.stream.subject()) {
        (Kind::ExpireOrder | Kind::CompleteOrder, Subject::Order(order_id)) => {
            Some(Command::CancelOrder(CancelOrder {
                order_id,
                body: serde_json::from_str("{\"reason\":\"not paid\"}").ok()?,
            }))
        }
        (Kind::ExpireOrder | Kind::CompleteOrder | Kind::ExpireHold, _) => None,
    }
}

fn later(entry: &Entry, now: DateTime<Utc>) -> Fate {
    let failures = entry.attempts.saturating_sub(1);
    let pause = Backoff::between(FIRST_PAUSE, LONGEST_PAUSE).after(failures).next_delay();
    Fate::Again(now + TimeDelta::from_std(pause).unwrap_or_default())
}
