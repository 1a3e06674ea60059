//! The way to the writer: a mailbox that holds so many commands and refuses one more.
//!
//! A group of commands is one entry, whatever its size, and wakes the writer once. [`Waiting::reply`] takes a command off
//! the writer's hands: it frees the command's key before the caller can know, so that a repeat by somebody who has an answer
//! is never told that the command is in flight. A repeat that is remembered does not come to the writer at all ([`Recall`]).

use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use events::{Position, Recorded};
use tokio::sync::{Semaphore, TryAcquireError, mpsc, oneshot};
use uuid::Uuid;

use super::answer::Answer;
use super::erased;
use super::flight::{Flights, Ticket};
use super::log_health::LogHealth;
use super::recall::{Memory, Recall};
use super::request::{Reply, Request, Together, Want};
use super::unit::Unit;
use crate::log::{self, Log};

/// Callers that look up a key at once; the others wait. There are few connections for this.
const LOOKUPS: usize = 1;

/// Most commands that anybody hands over as one group: some ten milliseconds of the writer's time. Callers keep to it; a mailbox
/// has room for as many.
pub const GROUP_MAX: usize = 1_000;

/// Why a command was not even taken: nothing happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shed {
    /// Too many wait: it is better to come again than to wait.
    Full,
    /// The writer takes no more commands: this process stops.
    Closed,
    /// The log does not answer.
    Down,
}

/// The way to the writer; cheap to clone.
#[derive(Debug, Clone)]
pub struct Mailbox {
    entries: mpsc::UnboundedSender<Entry>,
    /// For commands that are repeats as it seems, and are looked up in the log.
    suspects: mpsc::UnboundedSender<Waiting>,
    room: Permits,
    recall: Recall,
    flights: Flights,
    lookups: Arc<Semaphore>,
    log: Log,
    log_health: LogHealth,
}

/// The writer's end of the mailbox.
#[derive(Debug)]
pub(super) struct Inbox {
    entries: mpsc::UnboundedReceiver<Entry>,
    room: Permits,
}

/// A permit for each command that may still wait.
#[derive(Debug, Clone)]
pub(super) struct Permits {
    free: Arc<Semaphore>,
    /// How many there are, free or not.
    all: usize,
}

/// What is handed over at once.
#[derive(Debug)]
#[expect(clippy::large_enum_variant, reason = "nearly all entries are of one command: a box for each would cost more")]
pub(super) enum Entry {
    One(Waiting),
    Each(Vec<Waiting>),
    Together(Vec<Waiting>),
}

/// A command and the one who waits for it.
#[derive(Debug)]
pub(super) struct Waiting {
    pub(super) request: Request,
    /// A dry run has none.
    ticket: Option<Ticket>,
    to: To,
}

#[derive(Debug)]
enum To {
    Caller(oneshot::Sender<Reply>),
    Group { group: Arc<Group>, place: usize },
}

/// Replies of a group, gathered until the last is there.
#[derive(Debug)]
struct Group(Mutex<Gathered>);

#[derive(Debug)]
struct Gathered {
    replies: Vec<Reply>,
    missing: usize,
    to: Option<oneshot::Sender<Vec<Reply>>>,
}

/// What became of a key.
#[derive(Debug, Clone, PartialEq)]
pub enum Fate {
    /// It took effect.
    Done {
        /// What it did.
        answer: Answer,
        /// The events that it wrote, without personal data that was erased meanwhile.
        events: Vec<Recorded>,
        /// Positions of the events of which something was left out; those are in today's shape.
        erased: HashSet<Position>,
    },
    /// It waits or is being decided in this process.
    InFlight,
    /// The log knows nothing of it: it was never taken, was refused, or found that everything was so already.
    Unknown,
}

/// Why it cannot be said what became of a key.
#[derive(Debug, thiserror::Error)]
pub enum FindError {
    /// The log does not answer.
    #[error("the log does not answer")]
    Down,
    /// The log could not be read.
    #[error("looking for a command in the log")]
    Log(#[from] log::Error),
    /// An event that the command wrote cannot be read.
    #[error("reading what a command wrote")]
    Decode(#[from] events::DecodeError),
}

/// A mailbox for so many commands, and the writer's end of it.
pub(super) fn open(commands: usize, log: Log, recall: Recall, log_health: LogHealth) -> (Mailbox, Inbox) {
    let (entries, receiver) = mpsc::unbounded_channel();
    let (suspects, suspected) = mpsc::unbounded_channel();
    let all = commands.min(Semaphore::MAX_PERMITS);
    let room = Permits { free: Arc::new(Semaphore::new(all)), all };
    tokio::spawn(Recall::look_up(log.clone(), suspected, entries.clone(), room.clone()));
    let (flights, lookups) = (Flights::default(), Arc::new(Semaphore::new(LOOKUPS)));
    let mailbox = Mailbox { entries, suspects, room: room.clone(), recall, flights, lookups, log, log_health };
    (mailbox, Inbox { entries: receiver, room })
}

impl Mailbox {
    /// Hands a command to the writer and waits for its reply.
    pub async fn submit(&self, request: Request) -> Result<Reply, Shed> {
        let ticket = match self.take_off(&request) {
            Ok(ticket) => ticket,
            Err(reply) => return Ok(reply),
        };
        let memory = self.remember(&request);
        if let Memory::Answer(reply) = memory {
            return Ok(reply);
        }
        self.make_room(1)?;
        let (to, replied) = oneshot::channel();
        let waiting = Waiting { request, ticket, to: To::Caller(to) };
        match memory {
            Memory::Used => self.suspects.send(waiting).map_err(|_| Shed::Closed)?,
            Memory::Answer(_) | Memory::Nothing => self.send(Entry::One(waiting))?,
        }
        let mut reply = [replied.await.unwrap_or(Reply::Unknown)];
        erased::leave_out_of_states(&self.log, &mut reply).await;
        let [reply] = reply;
        Ok(reply)
    }

    /// Hands a group of commands to the writer at once; gives their replies in order.
    pub async fn submit_many(&self, requests: Vec<Request>, together: Together) -> Result<Vec<Reply>, Shed> {
        self.submit_many_within(requests, together, Duration::ZERO).await
    }

    /// The same for a caller that waits for room, but no longer than `patience`. Callers that do not wait get none meanwhile, so
    /// a group gets in however many of them there are.
    pub async fn submit_many_within(
        &self,
        requests: Vec<Request>,
        together: Together,
        patience: Duration,
    ) -> Result<Vec<Reply>, Shed> {
        let count = requests.len();
        let tickets = self.take_off_group(&requests);
        if together == Together::AllOrNothing && tickets.iter().any(Result::is_err) {
            return Ok(tickets.into_iter().map(|ticket| ticket.err().unwrap_or(Reply::Skipped)).collect());
        }
        let (to, replied) = oneshot::channel();
        let group = Arc::new(Group::new(count, to));
        let (mut waiting, mut suspects) = (Vec::with_capacity(count), Vec::new());
        for (place, (request, ticket)) in requests.into_iter().zip(tickets).enumerate() {
            let to = To::Group { group: Arc::clone(&group), place };
            // Members that hang together are looked at together, by the writer.
            let memory = match together {
                Together::Each => self.remember(&request),
                Together::AllOrNothing => Memory::Nothing,
            };
            match (ticket, memory) {
                (Err(reply), _) | (Ok(_), Memory::Answer(reply)) => to.send(reply),
                (Ok(ticket), Memory::Used) => suspects.push(Waiting { request, ticket, to }),
                (Ok(ticket), Memory::Nothing) => waiting.push(Waiting { request, ticket, to }),
            }
        }
        drop(group);
        self.wait_for_room(waiting.len() + suspects.len(), patience).await?;
        for suspect in suspects {
            self.suspects.send(suspect).map_err(|_| Shed::Closed)?;
        }
        match (waiting.is_empty(), together) {
            (true, _) => {}
            (false, Together::Each) => self.send(Entry::Each(waiting))?,
            (false, Together::AllOrNothing) => self.send(Entry::Together(waiting))?,
        }
        let mut replies = replied.await.unwrap_or_else(|_| vec![Reply::Unknown; count]);
        erased::leave_out_of_states(&self.log, &mut replies).await;
        Ok(replies)
    }

    /// What became of the command with this key id. Another process may have one in flight that this one knows nothing of.
    pub async fn find(&self, id: Uuid) -> Result<Fate, FindError> {
        if self.flights.has(id) {
            return Ok(Fate::InFlight);
        }
        let _turn = self.lookups.acquire().await;
        if self.log_health.is_down() {
            return Err(FindError::Down);
        }
        let Some(past) = self.log.load_commands(&[id]).await?.remove(&id) else { return Ok(Fate::Unknown) };
        let mut events = past.events;
        let last = events.last().map_or(Position::ZERO, |last| last.position);
        let Some(answer) = Answer::again(&events, last)? else { return Ok(Fate::Unknown) };
        let erased = erased::leave_out_of_events(&self.log, &mut events).await?;
        Ok(Fate::Done { answer, events, erased })
    }

    /// For so many commands, unless there is nobody to give them to.
    fn make_room(&self, count: usize) -> Result<(), Shed> {
        match count > 0 && self.log_health.is_down() {
            true => Err(Shed::Down),
            false => self.room.take(count),
        }
    }

    async fn wait_for_room(&self, count: usize, patience: Duration) -> Result<(), Shed> {
        match self.make_room(count) {
            Err(Shed::Full) if !patience.is_zero() => {
                tokio::time::timeout(patience, self.room.wait(count)).await.unwrap_or(Err(Shed::Full))
            }
            made => made,
        }
    }

    fn take_off(&self, request: &Request) -> Result<Option<Ticket>, Reply> {
        match request.want {
            Want::DryRun => Ok(None),
            Want::Minimal | Want::Representation => self.flights.take_off(request.key).map(Some),
        }
    }

    /// A key that comes again within a group is not refused: that command is decided after the first, and repeats it.
    fn take_off_group(&self, requests: &[Request]) -> Vec<Result<Option<Ticket>, Reply>> {
        let mut own = HashSet::with_capacity(requests.len());
        let take_off = |request: &Request| match request.want {
            Want::Minimal | Want::Representation if own.contains(&request.key.id) => {
                Ok(Some(self.flights.share(request.key)))
            }
            _ => {
                let ticket = self.take_off(request)?;
                own.extend(ticket.as_ref().map(|_| request.key.id));
                Ok(ticket)
            }
        };
        requests.iter().map(take_off).collect()
    }

    /// A dry run is always asked anew.
    fn remember(&self, request: &Request) -> Memory {
        match request.want {
            Want::DryRun => Memory::Nothing,
            Want::Minimal | Want::Representation => self.recall.find(request.key),
        }
    }

    fn send(&self, entry: Entry) -> Result<(), Shed> {
        self.entries.send(entry).map_err(|_| Shed::Closed)
    }
}

impl Permits {
    /// For so many commands that are going to wait.
    fn take(&self, count: usize) -> Result<(), Shed> {
        let count = u32::try_from(count).map_err(|_| Shed::Full)?;
        match self.free.try_acquire_many(count) {
            Ok(room) => room.forget(),
            Err(TryAcquireError::NoPermits) => return Err(Shed::Full),
            Err(TryAcquireError::Closed) => return Err(Shed::Closed),
        }
        Ok(())
    }

    /// The same, as soon as there are as many; those that become free are kept for who waits.
    async fn wait(&self, count: usize) -> Result<(), Shed> {
        // Whoever waits for more than there are keeps all of them from everybody else.
        let Some(count) = u32::try_from(count).ok().filter(|_| count <= self.all) else { return Err(Shed::Full) };
        self.free.acquire_many(count).await.map_err(|_| Shed::Closed)?.forget();
        Ok(())
    }

    /// So many commands wait no longer.
    pub(super) fn give_back(&self, count: usize) {
        self.free.add_permits(count);
    }
}

impl Inbox {
    /// Takes nothing new from now on; what was taken can still be received.
    pub(super) fn close(&mut self) {
        self.room.free.close();
        self.entries.close();
    }

    pub(super) fn is_closed(&self) -> bool {
        self.entries.is_closed()
    }

    /// Waits for something; `false` once nothing can come any more.
    pub(super) async fn receive(&mut self, batch: &mut Vec<Unit<Waiting>>, most: usize) -> bool {
        let Some(entry) = self.entries.recv().await else { return false };
        self.take(entry, batch);
        self.receive_more(batch, most);
        true
    }

    /// Takes what waits, until the batch has as many commands as there may be. A group comes whole, so there may be more.
    pub(super) fn receive_more(&mut self, batch: &mut Vec<Unit<Waiting>>, most: usize) {
        let mut count: usize = batch.iter().map(|unit| unit.members().len()).sum();
        while count < most
            && let Ok(entry) = self.entries.try_recv()
        {
            count += self.take(entry, batch);
        }
    }

    fn take(&self, entry: Entry, batch: &mut Vec<Unit<Waiting>>) -> usize {
        let count = entry.len();
        self.room.give_back(count);
        match entry {
            Entry::One(waiting) => batch.push(Unit::One(waiting)),
            Entry::Each(waiting) => batch.extend(waiting.into_iter().map(Unit::One)),
            Entry::Together(waiting) => batch.push(Unit::Together(waiting)),
        }
        count
    }
}

impl Entry {
    fn len(&self) -> usize {
        match self {
            Entry::One(_) => 1,
            Entry::Each(waiting) | Entry::Together(waiting) => waiting.len(),
        }
    }
}

impl Waiting {
    /// A caller who went away is not waited for; its command stands.
    pub(super) fn reply(self, reply: Reply) {
        drop(self.ticket);
        self.to.send(reply);
    }
}

impl To {
    fn send(self, reply: Reply) {
        match self {
            To::Caller(caller) => drop(caller.send(reply)),
            To::Group { group, place } => group.gather(place, reply),
        }
    }
}

impl Group {
    fn new(count: usize, to: oneshot::Sender<Vec<Reply>>) -> Group {
        Group(Mutex::new(Gathered { replies: vec![Reply::Unknown; count], missing: count, to: Some(to) }))
    }

    fn gather(&self, place: usize, reply: Reply) {
        let mut gathered = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        gathered.replies[place] = reply;
        gathered.missing -= 1;
        if gathered.missing > 0 {
            return;
        }
        if let Some(to) = gathered.to.take() {
            // A caller who went away is not waited for.
            let _ = to.send(std::mem::take(&mut gathered.replies));
        }
    }
}
