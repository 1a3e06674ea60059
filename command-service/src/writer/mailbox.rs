//! The mailbox: how the rest of the process submits commands to the writer. It holds a limited number of commands and refuses more.
//!
//! A repeat whose answer is in memory ([`Replays`]) is answered here. A repeat whose key is known to be used, but whose answer is
//! not in memory, is looked up in the log beside the writer ([`replay_lookup`]). All other commands go into the [`queue`].

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use events::Position;
use tokio::sync::{Semaphore, mpsc, oneshot};
use uuid::Uuid;

use super::answer::Answer;
use super::in_flight::{InFlight, Ticket};
use super::log_health::LogHealth;
use super::outcome::{FindError, Outcome};
use super::queue::{self, Entry, Inbox, Permits};
use super::replay::{Remembered, Replays};
use super::request::{Reply, Request, Shed, Together, Want};
use super::submission::{Group, ReplyCollector, ReplyTo, Submission};
use super::{erasures, replay_lookup};
use crate::log::Log;

/// Lookups of outcomes that run at once; others wait. There are few connections for lookups.
const CONCURRENT_LOOKUPS: usize = 1;

/// Submits commands to the writer; cheap to clone, and clones share the mailbox.
#[derive(Debug, Clone)]
pub struct Mailbox {
    entries: mpsc::UnboundedSender<Entry>,
    /// Commands whose keys are known to be used, to be looked up in the log.
    repeats: mpsc::UnboundedSender<Submission>,
    permits: Permits,
    replays: Replays,
    in_flight: InFlight,
    lookups: Arc<Semaphore>,
    log: Log,
    log_health: LogHealth,
}

/// A mailbox for this many commands, and the writer's end of its queue.
pub(super) fn open(commands: usize, log: Log, replays: Replays, log_health: LogHealth) -> (Mailbox, Inbox) {
    let (entries, permits, inbox) = queue::open(commands);
    let (repeats, to_look_up) = mpsc::unbounded_channel();
    tokio::spawn(replay_lookup::run(log.clone(), to_look_up, entries.clone(), permits.clone()));
    let (in_flight, lookups) = (InFlight::default(), Arc::new(Semaphore::new(CONCURRENT_LOOKUPS)));
    (Mailbox { entries, repeats, permits, replays, in_flight, lookups, log, log_health }, inbox)
}

impl Mailbox {
    /// Submits a command and waits for its reply.
    pub async fn submit(&self, request: Request) -> Result<Reply, Shed> {
        let ticket = match self.register(&request) {
            Ok(ticket) => ticket,
            Err(reply) => return Ok(reply),
        };
        let remembered = self.remembered(&request);
        if let Remembered::Reply(reply) = remembered {
            return Ok(reply);
        }
        self.take_permits(1)?;
        let (reply_to, replied) = oneshot::channel();
        let submission = Submission::new(request, ticket, ReplyTo::Caller(reply_to));
        match remembered {
            Remembered::Used => self.repeats.send(submission).map_err(|_| Shed::Closed)?,
            Remembered::Reply(_) | Remembered::Nothing => self.send(Entry::Group(Group::One(submission)))?,
        }
        let mut reply = [replied.await.unwrap_or(Reply::Unknown)];
        erasures::remove_from_states(&self.log, &mut reply).await;
        let [reply] = reply;
        Ok(reply)
    }

    /// Submits several commands at once and returns their replies in order.
    pub async fn submit_many(&self, requests: Vec<Request>, together: Together) -> Result<Vec<Reply>, Shed> {
        self.submit_many_within(requests, together, Duration::ZERO).await
    }

    /// Like [`Mailbox::submit_many`], for a caller that waits for room in the mailbox, up to `patience`. Callers that do not wait get
    /// no room meanwhile, so that several commands are accepted at once even if single commands keep arriving.
    pub async fn submit_many_within(
        &self,
        requests: Vec<Request>,
        together: Together,
        patience: Duration,
    ) -> Result<Vec<Reply>, Shed> {
        let count = requests.len();
        let tickets = self.register_all(&requests);
        if together == Together::AllOrNothing && tickets.iter().any(Result::is_err) {
            return Ok(tickets.into_iter().map(|ticket| ticket.err().unwrap_or(Reply::Skipped)).collect());
        }
        let (caller, replied) = oneshot::channel();
        let collector = Arc::new(ReplyCollector::new(count, caller));
        let (mut new, mut repeats) = (Vec::with_capacity(count), Vec::new());
        for (index, (request, ticket)) in requests.into_iter().zip(tickets).enumerate() {
            let reply_to = ReplyTo::Collector { replies: Arc::clone(&collector), index };
            // The writer itself finds the repeats in a group that takes effect as a whole.
            let remembered = match together {
                Together::Each => self.remembered(&request),
                Together::AllOrNothing => Remembered::Nothing,
            };
            match (ticket, remembered) {
                (Err(reply), _) | (Ok(_), Remembered::Reply(reply)) => reply_to.send(reply),
                (Ok(ticket), Remembered::Used) => repeats.push(Submission::new(request, ticket, reply_to)),
                (Ok(ticket), Remembered::Nothing) => new.push(Submission::new(request, ticket, reply_to)),
            }
        }
        drop(collector);
        self.wait_for_permits(new.len() + repeats.len(), patience).await?;
        for repeat in repeats {
            self.repeats.send(repeat).map_err(|_| Shed::Closed)?;
        }
        match (new.is_empty(), together) {
            (true, _) => {}
            (false, Together::Each) => self.send(Entry::Each(new))?,
            (false, Together::AllOrNothing) => self.send(Entry::Group(Group::AllOrNothing(new)))?,
        }
        let mut replies = replied.await.unwrap_or_else(|_| vec![Reply::Unknown; count]);
        erasures::remove_from_states(&self.log, &mut replies).await;
        Ok(replies)
    }

    /// The outcome of the command with this command id. A command that is in flight in another process is unknown to this one.
    pub async fn find(&self, id: Uuid) -> Result<Outcome, FindError> {
        if self.in_flight.contains(id) {
            return Ok(Outcome::InFlight);
        }
        let _permit = self.lookups.acquire().await;
        if self.log_health.is_down() {
            return Err(FindError::Down);
        }
        let Some(command) = self.log.load_commands(&[id]).await?.remove(&id) else { return Ok(Outcome::Unknown) };
        let mut events = command.events;
        let last = events.last().map_or(Position::ZERO, |last| last.position);
        let Some(answer) = Answer::from_events(&events, last)? else { return Ok(Outcome::Unknown) };
        let erased = erasures::remove_from_events(&self.log, &mut events).await?;
        Ok(Outcome::Done { answer, events, erased })
    }

    /// Takes permits for this many commands, unless the log is down.
    fn take_permits(&self, count: usize) -> Result<(), Shed> {
        match count > 0 && self.log_health.is_down() {
            true => Err(Shed::Down),
            false => self.permits.take(count),
        }
    }

    async fn wait_for_permits(&self, count: usize, patience: Duration) -> Result<(), Shed> {
        match self.take_permits(count) {
            Err(Shed::Full) if !patience.is_zero() => {
                tokio::time::timeout(patience, self.permits.wait(count)).await.unwrap_or(Err(Shed::Full))
            }
            taken => taken,
        }
    }

    /// Adds the key of the command to those in flight; the error is the reply to a command whose key is in flight already.
    fn register(&self, request: &Request) -> Result<Option<Ticket>, Reply> {
        match request.want {
            Want::DryRun => Ok(None),
            Want::Minimal | Want::Representation => self.in_flight.add(request.key).map(Some),
        }
    }

    /// A key that occurs twice in a group is accepted: the later command is decided after the first one and repeats it.
    fn register_all(&self, requests: &[Request]) -> Vec<Result<Option<Ticket>, Reply>> {
        let mut own = HashSet::with_capacity(requests.len());
        let register = |request: &Request| match request.want {
            Want::Minimal | Want::Representation if own.contains(&request.key.id) => {
                Ok(Some(self.in_flight.share(request.key)))
            }
            _ => {
                let ticket = self.register(request)?;
                own.extend(ticket.as_ref().map(|_| request.key.id));
                Ok(ticket)
            }
        };
        requests.iter().map(register).collect()
    }

    /// What is remembered of the key. A dry run is always decided anew.
    fn remembered(&self, request: &Request) -> Remembered {
        match request.want {
            Want::DryRun => Remembered::Nothing,
            Want::Minimal | Want::Representation => self.replays.find(request.key),
        }
    }

    fn send(&self, entry: Entry) -> Result<(), Shed> {
        self.entries.send(entry).map_err(|_| Shed::Closed)
    }
}
