//! Starting a writer at the current end of the log.

use std::sync::Arc;

use events::Recorded;
use platform::health::Component;
use tokio::sync::mpsc;

use super::Writer;
use super::batch::Batch;
use super::clock_check::ClockCheck;
use super::derived::Derived;
use super::limits::Limits;
use super::log_follower::{LogFollower, read_end};
use super::log_health::LogHealth;
use super::mailbox::{self, Mailbox};
use super::recent_keys;
use super::replay::Replays;
use super::snapshots::Snapshots;
use super::write_access::WriteAccess;
use crate::log::{self, Log};
use domain::world::World;

/// Connections of the tasks beside the writer, so that the writer never waits for a connection: one saves snapshots, one looks up
/// repeats, one looks up outcomes for callers, one reads whose personal data was erased, and one loads the keys of earlier commands.
const BACKGROUND_CONNECTIONS: u32 = 5;

impl Writer {
    /// A writer at the end of the log, and its mailbox. Each batch that the writer commits is sent to `committed`, preceded by the
    /// event before the batch, which tells the receiver which log the batch continues. Batches may be missing there; the log has
    /// them.
    pub async fn start(
        log: Log,
        limits: Limits,
        committed: Option<mpsc::Sender<Arc<[Recorded]>>>,
        health: Component,
    ) -> Result<(Writer, Mailbox), log::Error> {
        let (end, numbers) = read_end(&log).await?;
        let mut world = World::within(limits.room);
        world.restore_numbers(numbers.last);
        let background = log.beside(BACKGROUND_CONNECTIONS);
        let snapshots = Snapshots::start(background.clone(), numbers.saved);
        let replays = Replays::new(limits.answers);
        tokio::spawn(recent_keys::load(background.clone(), replays.clone(), end.head.position));
        let health = LogHealth::new(health, limits.silence);
        let (mailbox, inbox) = mailbox::open(limits.mailbox, background, replays.clone(), health.clone());
        let writer = Writer {
            limits,
            inbox,
            next: Batch::default(),
            follower: LogFollower::new(log, end, health),
            derived: Derived { world, replays, snapshots, lookup_batches: 0 },
            access: WriteAccess::default(),
            unanswered: None,
            committed,
            clock_check: ClockCheck::default(),
        };
        Ok((writer, mailbox))
    }
}
