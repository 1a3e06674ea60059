//! One writer at a time: takes every command that waits, decides them in memory, appends what was accepted in one statement.
//!
//! A [`Mailbox`] is how the rest of the process reaches it, with a [`Request`] for which there is a [`Reply`]. A batch is
//! loaded ([`loading`]), decided command by command ([`desk`]), and appended ([`recover`]); [`answer`] is what callers are
//! told, [`key`] how they repeat themselves and [`recall`] what that costs, [`keeper`] what makes the next start short;
//! [`clock_check`] warns when the clock is behind the log, [`erased`] is what nobody is shown any more. A batch grows by itself while the one
//! before it commits, so there are no timers.
//!
//! A failover or a restore can take back the end of the log while this runs, and others can write another end. So the last
//! event that is known must be the one that stands in the log ([`follow`]); where it is not, the writer starts anew.
//!
//! What a reader cannot see: the [`World`] is ahead of the log only between `begin` and `commit`, and only this task touches
//! it. It is ahead by the batch that is on its way into the log and by the one that is decided meanwhile ([`batch::Ahead`]);
//! if the first does not commit, both are undone. Nobody is answered before the batch is durable, not even those who are
//! refused: what they were refused for may have been decided a moment ago by a batch that then does not commit.
//!
//! Tools and tests use it as the service does, on any [`Log`]:
//!
//! ```
//! use domain::command::{Command, CreateProduct};
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
//! let command = Command::CreateProduct(CreateProduct { body });
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
mod batch;
mod clock_check;
mod desk;
mod erased;
mod flight;
mod follow;
mod keeper;
pub mod key;
mod loading;
mod log_health;
mod mailbox;
mod recall;
mod recover;
mod request;
mod start;
mod unit;

use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::{Duration, Instant};

use events::{Position, Recorded};
use platform::metric_names;
use platform::shutdown::Shutdown;
use tokio::sync::mpsc;

use crate::database::DEFAULT_TIMEOUT;
use crate::log::{End, Log};
use batch::Ahead;
use clock_check::ClockCheck;
use domain::rules::channel::Channels;
use domain::world::{Room, World};
use keeper::Keeper;
use log_health::LogHealth;
use mailbox::Inbox;
use recall::Recall;
use recover::Place;

pub use mailbox::{Fate, FindError, GROUP_MAX, Mailbox, Shed};
pub use request::{Reply, Request, Together, Want};

/// How large things may grow.
#[derive(Debug, Clone)]
pub struct Limits {
    /// Commands that may wait; one more is told to come again. At least [`GROUP_MAX`], or larger groups never get in.
    pub mailbox: usize,
    /// Commands in one batch, about: bounds a statement's size and how long the first of a batch waits for the last. A
    /// group of commands is never taken apart, so the last group may go beyond it.
    pub batch: usize,
    /// Events in one batch, about, and bytes of their JSON: large orders reach these long before the number of commands. The
    /// last command may go beyond them.
    pub events: usize,
    /// See [`Limits::events`].
    pub bytes: usize,
    /// What is kept in memory of streams between batches.
    pub room: Room,
    /// Answers kept in memory for callers that repeat themselves soon.
    pub answers: NonZeroUsize,
    /// How long the log may be without an answer before commands are refused at once.
    pub silence: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        let room = Room { streams: nonzero(50_000), bytes: 128 << 20 };
        Limits {
            mailbox: 4096,
            batch: 512,
            // A third of a second's work for a database on two slow cores, and ten times a full batch of usual orders.
            events: 16_384,
            // Far below what one message to PostgreSQL may have, and of that there are three copies at a time.
            bytes: 16 << 20,
            room,
            answers: nonzero(500_000),
            silence: DEFAULT_TIMEOUT,
        }
    }
}

fn nonzero(number: usize) -> NonZeroUsize {
    NonZeroUsize::new(number).unwrap_or(NonZeroUsize::MIN)
}

/// The writer's task.
pub struct Writer {
    log: Log,
    /// The same log, over connections of its own.
    helpers: Log,
    world: World,
    /// Where the log ends, and with which event.
    end: End,
    /// Whether the world may be behind the log, because a race or an answer got lost.
    stale: bool,
    /// Batches whose keys are looked up before they are decided.
    look_first: u32,
    /// How often the log was found to be another one.
    starts: u64,
    /// Turns to take before races are tried again.
    turns: u32,
    place: Place,
    recall: Recall,
    limits: Limits,
    inbox: Inbox,
    ahead: Ahead,
    committed: Option<mpsc::Sender<Arc<[Recorded]>>>,
    log_health: LogHealth,
    /// When what is being done now was begun.
    tried: Instant,
    keeper: Keeper,
    numbers_saved: Position,
    clock_check: ClockCheck,
}

/// Events read at a time while catching up.
const PAGE: i64 = 10_000;

/// How often a log that did not answer is probed while no command waits: after the end of an outage commands are refused for no
/// longer than that.
const PROBE_EVERY: Duration = Duration::from_millis(250);

/// How often the log is looked at while no command waits: for so long a repeat may be told of what a failover took back.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// Positions between two snapshots of the order numbers: what a start has to count at most, a fraction of a second.
const NUMBERS_EVERY: i64 = 50_000;

impl Writer {
    /// The same for these channels, instead of the default one.
    pub fn selling_through(mut self, channels: Channels) -> Writer {
        self.world.sell_through(channels);
        self
    }

    /// Works until asked to stop; what was taken until then is answered first.
    pub async fn run(mut self, stop: Shutdown) {
        while self.step(&stop).await {}
        self.keep_numbers();
        self.keeper.finish().await;
    }

    /// Decides and appends what waits; waits for something first. `false` once nothing can come any more.
    pub async fn step(&mut self, stop: &Shutdown) -> bool {
        if self.ahead.is_empty() && !self.receive(stop).await {
            return false;
        }
        if stop.is_requested() {
            self.inbox.close();
        }
        metrics::histogram!(metric_names::WRITER_BATCH_COMMANDS).record(self.ahead.commands as f64);
        self.process().await;
        self.end_turn().await;
        true
    }

    /// Takes what waits, about a batch of it; `false` once the mailbox is closed and empty.
    async fn receive(&mut self, stop: &Shutdown) -> bool {
        loop {
            let closed = self.inbox.is_closed();
            tokio::select! {
                biased;
                open = self.inbox.receive(&mut self.ahead.batch, self.limits.batch) => {
                    self.ahead.commands = batch::commands(&self.ahead.batch);
                    return open;
                }
                () = stop.requested(), if !closed => self.inbox.close(),
                () = tokio::time::sleep(PROBE_EVERY), if self.log_health.is_silent() => self.probe().await,
                () = tokio::time::sleep(LOOK_EVERY), if !self.log_health.is_silent() => self.look().await,
            }
        }
    }

    fn keep_numbers(&mut self) {
        self.numbers_saved = self.end.head.position;
        self.keeper.keep_numbers(self.end.clone(), self.world.settled_numbers());
    }
}
