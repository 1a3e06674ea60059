//! The writer: the one task of this process that decides commands and appends their events to the log.
//!
//! [`Writer::step`] is the path of a batch, from the mailbox to the replies:
//!
//! 1. **receive** all commands that wait in the [`Mailbox`]: each is a [`Request`] that gets one [`Reply`] ([`submission`], [`queue`]);
//! 2. **catch up** with the log, if other instances write to it too ([`log_follower`], [`write_access`]);
//! 3. **load and decide**: load the streams that are not in memory ([`loading`], [`fold`]), and decide each command in the order of
//!    arrival on the effects of the commands before it ([`decide_batch`], [`decide`]);
//! 4. **append** the events of all accepted commands in one statement ([`append`]); meanwhile the next batch is decided, so a
//!    batch grows while the batch before it is appended, and there are no timers;
//! 5. **commit and reply**: every caller gets the [`answer`] to its command, and the relay gets the events ([`commit`]). If the next
//!    batch is already decided, its append starts first.
//!
//! If a step fails, [`recover`] undoes the batch and tries again, until every caller has a true reply. A repeated command gets its
//! first answer, by its [`key`] ([`replay`], [`recent_keys`], [`in_flight`], [`outcome`]). Snapshots are saved in the background ([`snapshots`]).
//! Personal data that was erased is removed from replies ([`erasures`]). [`log_health`] refuses commands while the log is down, and
//! [`clock_check`] warns if the clock is behind the log.
//!
//! Invariants that the code does not show:
//! - The [`World`](domain::world::World) contains effects that the log does not have only between `begin` and `commit`, and only this
//!   task changes it. It is ahead of the log by at most two batches: the batch that is being appended, and the batch that is decided
//!   meanwhile. If the first is not appended, both are undone.
//! - No caller gets a reply before the batch is durable, not even for a rejection: the reason of the rejection may be the effect of a
//!   command in a batch that is then not appended.
//! - A failover or a restore can take back the end of the log while the writer runs, and other instances can continue the log with
//!   other events. Therefore every append and every read checks that the last known event is still in the log. If it is not,
//!   everything in memory ([`derived`]) is discarded.
//!
//! Tools and tests use the writer like the service does, on any [`Log`](crate::log::Log):
//!
//! ```
//! use domain::command::Command;
//! use domain::product::create::CreateProduct;
//! use command_service::log::Log;
//! use command_service::writer::key::Key;
//! use command_service::writer::{Limits, Reply, Request, Writer};
//! use platform::health::Health;
//! use platform::shutdown::Shutdown;
//!
//! # #[tokio::main]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let health = Health::new().component("log");
//! let (writer, mailbox) = Writer::start(Log::in_memory(), Limits::default(), None, health).await?;
//! let stop = Shutdown::new();
//! let running = tokio::spawn(writer.run(stop.clone()));
//!
//! let body = serde_json::from_str(r#"{"sku": "MUG-1", "name": "Mug", "prices": {"GBP": 450}}"#)?;
//! let command = Command::CreateProduct { body };
//! let request = Request::new(Key::named("the-first-mug", &command)?, command);
//! let reply = mailbox.submit(request).await.expect("the mailbox has room");
//! assert!(matches!(reply, Reply::Done { replayed: false, .. }));
//!
//! stop.request();
//! running.await?;
//! # Ok(())
//! # }
//! ```

pub mod answer;
mod append;
mod batch;
mod clock_check;
mod commit;
mod decide;
mod decide_batch;
mod derived;
mod erasures;
mod fold;
mod in_flight;
pub mod key;
mod limits;
mod loading;
mod log_follower;
mod log_health;
mod mailbox;
mod outcome;
mod queue;
mod recent_keys;
mod recover;
mod replay;
mod replay_lookup;
mod request;
mod snapshots;
mod start;
mod submission;
mod unloadable;
mod write_access;

use std::sync::Arc;
use std::time::Duration;

use events::Recorded;
use platform::metric_names;
use platform::shutdown::Shutdown;
use tokio::sync::mpsc;

use batch::{Batch, DurableBatch, Failure};
use clock_check::ClockCheck;
use derived::Derived;
use domain::channel::Channels;
use log_follower::LogFollower;
use queue::Inbox;
use write_access::WriteAccess;

pub use limits::{GROUP_MAX, Limits};
pub use mailbox::Mailbox;
pub use outcome::{FindError, Outcome};
pub use request::{Reply, Request, Shed, Together, Want};

/// The writer; [`Writer::run`] is its task.
pub struct Writer {
    limits: Limits,
    inbox: Inbox,
    /// The commands of the next batch.
    next: Batch,
    follower: LogFollower,
    derived: Derived,
    access: WriteAccess,
    /// The batch that was appended last, until its callers have their replies.
    unanswered: Option<DurableBatch>,
    /// Committed events, for the relay.
    committed: Option<mpsc::Sender<Arc<[Recorded]>>>,
    clock_check: ClockCheck,
}

/// Interval of requests to a log that did not answer, while no command waits: commands are refused for no longer than this after
/// the end of an outage.
const PROBE_INTERVAL: Duration = Duration::from_millis(250);

/// Interval of checks that the log was not replaced, while no command waits: for no longer than this, a repeat may get an answer that
/// a failover took back.
const CHECK_INTERVAL: Duration = Duration::from_secs(1);

impl Writer {
    /// Sets the sales channels, instead of the default one.
    pub fn selling_through(mut self, channels: Channels) -> Writer {
        self.derived.world.set_channels(channels);
        self
    }

    /// Processes batches until a stop is requested. Commands that were accepted before get their replies first.
    pub async fn run(mut self, stop: Shutdown) {
        while self.step(&stop).await {}
        self.derived.save_numbers(self.follower.end().clone());
        self.derived.snapshots.finish().await;
    }

    /// Receives and processes one batch. Returns `false` once the mailbox is closed and empty.
    pub async fn step(&mut self, stop: &Shutdown) -> bool {
        if !self.receive(stop).await {
            return false;
        }
        let mut batch = self.take_next();
        if let Err(failure) = self.process(&mut batch).await {
            self.recover(batch, failure).await;
        }
        self.release_write_lock().await;
        true
    }

    /// The path of a batch after it was received. After a failure the commands are still in the batch, and [`recover`] calls this
    /// function again.
    async fn process(&mut self, batch: &mut Batch) -> Result<(), Failure> {
        if !batch.is_ready() {
            self.reply();
        }
        let locked_head = self.catch_up(batch).await?;
        self.look_up(batch).await?;
        self.load_and_decide(batch).await?;
        let committed = self.append(batch, locked_head).await?;
        self.commit(batch.decided.take().unwrap_or_default(), committed);
        if self.next.decided.is_none() {
            self.reply();
        }
        Ok(())
    }

    /// Receives the commands that wait, about as many as a batch may have. Returns `false` once the mailbox is closed and empty.
    async fn receive(&mut self, stop: &Shutdown) -> bool {
        while self.next.is_empty() {
            let closed = self.inbox.is_closed();
            tokio::select! {
                biased;
                open = self.inbox.receive(&mut self.next.waiting, self.limits.batch) => {
                    if !open {
                        return false;
                    }
                    self.next.commands = submission::count(&self.next.waiting);
                }
                () = stop.requested(), if !closed => self.inbox.close(),
                () = tokio::time::sleep(PROBE_INTERVAL), if self.follower.is_silent() => {
                    self.follower.probe(&mut self.derived).await;
                }
                () = tokio::time::sleep(CHECK_INTERVAL), if !self.follower.is_silent() => {
                    self.follower.check(&mut self.derived).await;
                }
            }
        }
        if stop.is_requested() {
            self.inbox.close();
        }
        metrics::histogram!(metric_names::WRITER_BATCH_COMMANDS).record(self.next.commands as f64);
        true
    }

    /// Releases the write lock when this writer has held it long enough or has nothing to append. A batch that was decided ahead
    /// is appended first.
    async fn release_write_lock(&mut self) {
        if self.next.decided.is_none() && (self.next.is_empty() || self.access.is_over()) {
            self.access.release().await;
        }
    }
}
