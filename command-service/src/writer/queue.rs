//! The queue between the mailbox and the writer, with a permit for each command that may wait in it.

use std::sync::Arc;

use tokio::sync::{Semaphore, TryAcquireError, mpsc};

use super::request::Shed;
use super::submission::{Group, Submission, count};

/// One entry of the queue. Commands that one caller submits at once are one entry, whatever their number, so that the writer is
/// woken once.
#[derive(Debug)]
#[expect(clippy::large_enum_variant, reason = "nearly all entries are of one command: a box for each would cost more")]
pub(super) enum Entry {
    Group(Group),
    /// Commands that are independent of each other.
    Each(Vec<Submission>),
}

/// A permit for each command that may still wait.
#[derive(Debug, Clone)]
pub(super) struct Permits {
    free: Arc<Semaphore>,
    /// Number of permits, free or not.
    total: usize,
}

/// The writer's end of the queue.
#[derive(Debug)]
pub(super) struct Inbox {
    entries: mpsc::UnboundedReceiver<Entry>,
    permits: Permits,
}

/// A queue for this many commands.
pub(super) fn open(commands: usize) -> (mpsc::UnboundedSender<Entry>, Permits, Inbox) {
    let (sender, entries) = mpsc::unbounded_channel();
    let total = commands.min(Semaphore::MAX_PERMITS);
    let permits = Permits { free: Arc::new(Semaphore::new(total)), total };
    (sender, permits.clone(), Inbox { entries, permits })
}

impl Permits {
    /// Takes permits for this many commands, or fails at once.
    pub(super) fn take(&self, count: usize) -> Result<(), Shed> {
        let count = u32::try_from(count).map_err(|_| Shed::Full)?;
        match self.free.try_acquire_many(count) {
            Ok(permits) => permits.forget(),
            Err(TryAcquireError::NoPermits) => return Err(Shed::Full),
            Err(TryAcquireError::Closed) => return Err(Shed::Closed),
        }
        Ok(())
    }

    /// Takes permits for this many commands as soon as there are enough; permits that become free meanwhile are reserved for the
    /// caller that waits.
    pub(super) async fn wait(&self, count: usize) -> Result<(), Shed> {
        // A caller that waited for more permits than exist would keep all of them from everybody else.
        let Some(count) = u32::try_from(count).ok().filter(|_| count <= self.total) else { return Err(Shed::Full) };
        self.free.acquire_many(count).await.map_err(|_| Shed::Closed)?.forget();
        Ok(())
    }

    /// Returns permits, because this many commands no longer wait.
    pub(super) fn give_back(&self, count: usize) {
        self.free.add_permits(count);
    }
}

impl Inbox {
    /// Accepts no new commands; commands in the queue can still be received.
    pub(super) fn close(&mut self) {
        self.permits.free.close();
        self.entries.close();
    }

    pub(super) fn is_closed(&self) -> bool {
        self.entries.is_closed()
    }

    /// Waits for commands and receives up to about `max` of them; `false` once the queue is closed and empty.
    pub(super) async fn receive(&mut self, groups: &mut Vec<Group>, max: usize) -> bool {
        let Some(entry) = self.entries.recv().await else { return false };
        self.unpack(entry, groups);
        self.receive_more(groups, max);
        true
    }

    /// Receives commands that wait, until there are `max` commands. A group is never split, so there may be more.
    pub(super) fn receive_more(&mut self, groups: &mut Vec<Group>, max: usize) {
        let mut commands = count(groups);
        while commands < max
            && let Ok(entry) = self.entries.try_recv()
        {
            commands += self.unpack(entry, groups);
        }
    }

    fn unpack(&self, entry: Entry, groups: &mut Vec<Group>) -> usize {
        let count = match &entry {
            Entry::Group(group) => group.members().len(),
            Entry::Each(submissions) => submissions.len(),
        };
        self.permits.give_back(count);
        match entry {
            Entry::Group(group) => groups.push(group),
            Entry::Each(submissions) => groups.extend(submissions.into_iter().map(Group::One)),
        }
        count
    }
}
