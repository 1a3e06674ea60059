//! A submitted command: the request, the caller that waits for the reply, and the key that is in flight meanwhile. Commands that
//! take effect together or not at all are one [`Group`].

use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::oneshot;

use super::in_flight::Ticket;
use super::request::{Reply, Request};

/// A command and the caller that waits for its reply.
#[derive(Debug)]
pub(super) struct Submission {
    pub(super) request: Request,
    /// The entry of the command's key among those in flight; a dry run has none.
    ticket: Option<Ticket>,
    reply_to: ReplyTo,
}

/// Commands that cannot be separated: one command, or several that take effect together or not at all.
#[derive(Debug)]
#[expect(clippy::large_enum_variant, reason = "nearly all groups are of one command: a box for each would cost more")]
pub(super) enum Group {
    One(Submission),
    /// All or nothing, in this order.
    AllOrNothing(Vec<Submission>),
}

/// Where the reply to a command goes.
#[derive(Debug)]
pub(super) enum ReplyTo {
    /// To a caller that submitted one command.
    Caller(oneshot::Sender<Reply>),
    /// To a caller that submitted several commands, of which this is the one at `index`.
    Collector { replies: Arc<ReplyCollector>, index: usize },
}

/// Collects the replies to the commands that one caller submitted, until all are there.
#[derive(Debug)]
pub(super) struct ReplyCollector(Mutex<Collected>);

#[derive(Debug)]
struct Collected {
    replies: Vec<Reply>,
    missing: usize,
    caller: Option<oneshot::Sender<Vec<Reply>>>,
}

impl Submission {
    pub(super) fn new(request: Request, ticket: Option<Ticket>, reply_to: ReplyTo) -> Submission {
        Submission { request, ticket, reply_to }
    }

    /// Replies to the caller. The key is no longer in flight before the caller can know the reply, so that a caller that repeats
    /// a command after its reply never gets the reply that the command is in flight.
    pub(super) fn reply(self, reply: Reply) {
        drop(self.ticket);
        self.reply_to.send(reply);
    }
}

impl Group {
    pub(super) fn members(&self) -> &[Submission] {
        match self {
            Group::One(submission) => std::slice::from_ref(submission),
            Group::AllOrNothing(submissions) => submissions,
        }
    }

    pub(super) fn into_members(self) -> impl Iterator<Item = Submission> {
        let (one, several) = match self {
            Group::One(submission) => (Some(submission), Vec::new()),
            Group::AllOrNothing(submissions) => (None, submissions),
        };
        one.into_iter().chain(several)
    }
}

impl ReplyTo {
    pub(super) fn send(self, reply: Reply) {
        match self {
            // The caller may have disconnected; its command stands.
            ReplyTo::Caller(caller) => drop(caller.send(reply)),
            ReplyTo::Collector { replies, index } => replies.add(index, reply),
        }
    }
}

impl ReplyCollector {
    /// A collector of this many replies.
    pub(super) fn new(count: usize, caller: oneshot::Sender<Vec<Reply>>) -> ReplyCollector {
        ReplyCollector(Mutex::new(Collected {
            replies: vec![Reply::Unknown; count],
            missing: count,
            caller: Some(caller),
        }))
    }

    fn add(&self, index: usize, reply: Reply) {
        let mut collected = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        collected.replies[index] = reply;
        collected.missing -= 1;
        if collected.missing > 0 {
            return;
        }
        if let Some(caller) = collected.caller.take() {
            // The caller may have disconnected; its commands stand.
            let _ = caller.send(std::mem::take(&mut collected.replies));
        }
    }
}

/// Number of commands in these groups.
pub(super) fn count(groups: &[Group]) -> usize {
    groups.iter().map(|group| group.members().len()).sum()
}

/// Gives every command the same reply.
pub(super) fn reply_all(groups: Vec<Group>, reply: &Reply) {
    for submission in groups.into_iter().flat_map(Group::into_members) {
        submission.reply(reply.clone());
    }
}
