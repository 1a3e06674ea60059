//! How a writer begins: at the end of the log as it is now, knowing nothing else. It begins anew where the log turns out to be
//! another one than was [followed](super::follow): after a restore or a failover everything in memory may be void.

use std::sync::Arc;
use std::time::Instant;

use events::Recorded;
use platform::health::Component;
use tokio::sync::mpsc;

use super::batch::Ahead;
use super::clock_check::ClockCheck;
use super::keeper::Keeper;
use super::log_health::LogHealth;
use super::mailbox::{self, Mailbox};
use super::recall::Recall;
use super::recover::Place;
use super::{Limits, Writer};
use crate::log::snapshot::OrderNumbers;
use crate::log::{self, End, Log};
use domain::world::World;

/// Connections of those that help the writer, so that it never waits for one of its own: one keeps snapshots, one looks up
/// repeats, one looks up keys for callers, and one looks for erased customers.
const HELPER_CONNECTIONS: u32 = 4;

/// Where a writer begins.
struct Beginning {
    end: End,
    numbers: OrderNumbers,
}

/// Fails where others have seen more of the log than there is.
async fn begin(log: &Log) -> Result<Beginning, log::Error> {
    let end = log.end().await?;
    let (head, seen) = (end.head.position, log.seen().await?);
    if seen > head {
        return Err(log::Error::LostTail { head, seen });
    }
    let numbers = log.load_numbers(end.head).await?;
    Ok(Beginning { end, numbers })
}

impl Writer {
    /// A writer that knows where the log ends. Batches that it commits are offered to `committed`, each after the event before
    /// it, so that the other end can tell which log they go on with; it may miss some: the log has them.
    pub async fn start(
        log: Log,
        limits: Limits,
        committed: Option<mpsc::Sender<Arc<[Recorded]>>>,
        health: Component,
    ) -> Result<(Writer, Mailbox), log::Error> {
        let Beginning { end, numbers } = begin(&log).await?;
        let mut world = World::within(limits.room);
        world.restore_numbers(numbers.last);
        let helpers = log.beside(HELPER_CONNECTIONS);
        let keeper = Keeper::start(helpers.clone());
        let recall = Recall::new(&limits);
        let log_health = LogHealth::new(health, limits.silence);
        let (mailbox, inbox) = mailbox::open(limits.mailbox, helpers.clone(), recall.clone(), log_health.clone());
        let writer = Writer {
            log,
            helpers,
            world,
            end,
            stale: false,
            look_first: 0,
            starts: 1,
            turns: 0,
            place: Place::Free,
            recall,
            limits,
            inbox,
            ahead: Ahead::default(),
            committed,
            log_health,
            tried: Instant::now(),
            keeper,
            numbers_saved: numbers.saved,
            clock_check: ClockCheck::default(),
        };
        Ok((writer, mailbox))
    }

    /// Forgets all that was read, decided and remembered, and begins at the end of the log as it is now. Whoever repeats a
    /// command is told what became of it in this log, by its key.
    pub(super) async fn start_anew(&mut self) -> Result<(), log::Error> {
        let known = self.end.head;
        let Beginning { end, numbers } = begin(&self.log).await?;
        tracing::warn!(
            log.incarnation = end.head.incarnation.0,
            log.position = end.head.position.0,
            known.incarnation = known.incarnation.0,
            known.position = known.position.0,
            "the log is not the one that was followed (a restore or a failover); the writer starts anew"
        );
        self.ahead.undo();
        self.world.clear();
        self.world.restore_numbers(numbers.last);
        self.recall.forget();
        std::mem::replace(&mut self.keeper, Keeper::start(self.helpers.clone())).abandon();
        self.end = end;
        self.numbers_saved = numbers.saved;
        self.look_first = 0;
        self.starts += 1;
        Ok(())
    }
}
