//! The schedule submits the commands of the platform itself when they are due: the expiry of unpaid orders and of stock holds, the
//! completion of orders, and the [`allocation`] of stock to backordered orders.
//!
//! The schedule follows the log: the [`rules`] define which events schedule which commands, the net [`changes`] are written to tables
//! ([`store`]), and due commands are [submitted](submit) to the writer like the commands of any client. The writer decides. The tables are
//! derived from the log: `command-service schedule rebuild` empties them, and running instances rebuild them.
//!
//! Every instance runs a schedule, and each of them may be slow, stopped or started twice. The checkpoint moves by compare-and-set, a
//! claimed entry becomes due again after its lease, and a command has the same idempotency key on every instance. Therefore no command is
//! lost, and none takes effect twice, even if a clock jumps back. Commands are due by the earlier of two [`clocks`].

mod action;
mod allocation;
mod backorder_changes;
pub mod changes;
mod clocks;
mod command;
mod config;
mod error;
mod measures;
pub mod rules;
pub mod store;
mod submit;

use std::pin::Pin;
use std::time::{Duration, Instant};

use anyhow::Context;
use chrono::{DateTime, Utc};
use events::{DecodeError, LogPosition, Position};
use platform::backoff::{self, Backoff};
use platform::health::Component;
use platform::output::print_line;
use platform::shutdown::Shutdown;

use crate::database::Database;
use crate::log::scan::EventFilter;
use crate::log::{self, Log};
use crate::writer::Mailbox;
use allocation::{Allocation, AllocationOutcome};
use changes::ScheduleChanges;
use clocks::Clocks;
use command::ScheduledCommand;
pub use config::{Config, Delays};
pub use error::Error;
use store::due::{AttemptOutcome, DueEntry};
use store::{Checkpoint, Store};

/// Maximum number of positions that one step follows: at most some hundred milliseconds of work, so that due commands are not delayed.
const PAGE: i64 = 10_000;

/// Duration of the lease of a claimed entry: far longer than a reply takes. The commands of a stopped instance are late by at most this
/// time.
const LEASE: Duration = Duration::from_secs(30);

/// Interval at which overdue entries are counted.
const MEASURE_INTERVAL: Duration = Duration::from_secs(5);

/// How long a stopping schedule waits for commands in flight. Entries without an outcome become due again after their lease.
const DRAIN_TIMEOUT: Duration = Duration::from_secs(2);

/// Events that change the schedule. Few orders have a payment deadline or backordered units; other orders are not read.
const FILTER: EventFilter = EventFilter { types: &rules::EVENT_TYPES, payloads: rules::PAYLOADS };

/// Outcome of a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// The tables were emptied and will be rebuilt, because the log has lost events or the scheduling rules have changed.
    StartedOver,
    /// The log was followed up to this position, and there are more events to follow.
    Followed(Position),
    /// Due commands were submitted; more commands may be due.
    Submitted {
        /// Number of due entries.
        due: usize,
        /// Number of entries whose command was answered.
        answered: usize,
    },
    /// Nothing to do before this instant, or before the log has new events.
    Idle(Option<DateTime<Utc>>),
}

/// The schedule of one instance.
pub struct Schedule {
    config: Config,
    store: Store,
    log: Log,
    mailbox: Mailbox,
    clocks: Clocks,
    measured: Option<Instant>,
}

/// Runs the schedule until shutdown is requested, which must happen before the writer stops.
pub async fn run(mut schedule: Schedule, health: Component, shutdown: Shutdown) {
    let mut backoff = Backoff::new();
    while !shutdown.is_requested() {
        let stepped = tokio::select! {
            stepped = schedule.step_by(Utc::now()) => stepped,
            () = drain_timeout(&shutdown) => return,
        };
        let wait = match stepped {
            Ok((Outcome::Submitted { answered: 0, .. }, _)) => backoff.next_delay(),
            Ok((outcome, now)) => {
                health.up();
                backoff.reset();
                schedule.wait_after(outcome, now)
            }
            Err(error) => {
                health.down(format!("{:#}", anyhow::Error::new(error)));
                backoff.next_delay()
            }
        };
        shutdown.unless_requested(tokio::time::sleep(wait)).await;
    }
}

async fn drain_timeout(shutdown: &Shutdown) {
    shutdown.requested().await;
    tokio::time::sleep(DRAIN_TIMEOUT).await;
}

/// Empties the schedule; running instances rebuild it. The future is boxed for the same reason as that of [`crate::serve::run`].
pub fn rebuild(database: Database) -> Pin<Box<dyn Future<Output = anyhow::Result<()>>>> {
    Box::pin(clear(database))
}

async fn clear(database: Database) -> anyhow::Result<()> {
    let store = Store::new(database);
    store.clear().await?;
    let checkpoint = store.checkpoint().await.context("reading the checkpoint of the emptied schedule")?;
    let lag = checkpoint.lag();
    print_line(format_args!("The schedule is empty; a running command-service rebuilds it from {lag} events."));
    Ok(())
}

impl Schedule {
    /// A schedule that submits commands to `mailbox`.
    pub fn new(config: Config, database: Database, mailbox: Mailbox) -> Schedule {
        let (store, log) = (Store::new(database.clone()), Log::new(database));
        Schedule { config, store, log, mailbox, clocks: Clocks::default(), measured: None }
    }

    /// A step at the instant of [`Schedule::now`]. The future may be dropped at any time.
    async fn step_by(&mut self, clock: DateTime<Utc>) -> Result<(Outcome, DateTime<Utc>), Error> {
        let now = self.now(clock).await?;
        Ok((self.step(now).await?, now))
    }

    /// The instant by which commands are due: the earlier of this machine's clock `clock` and the database's clock.
    pub async fn now(&mut self, clock: DateTime<Utc>) -> Result<DateTime<Utc>, Error> {
        Ok(self.clocks.earlier(clock, self.store.clock().await?))
    }

    /// Follows a page of the log, then submits a batch of the commands that are due at `now`. The future may be dropped at any time.
    pub async fn step(&mut self, now: DateTime<Utc>) -> Result<Outcome, Error> {
        let checkpoint = self.store.checkpoint().await?;
        measures::lag(&checkpoint);
        if checkpoint.edition > rules::EDITION {
            return Err(Error::NewerEdition { edition: checkpoint.edition });
        }
        if checkpoint.edition < rules::EDITION || !checkpoint.is_in_log {
            return self.start_over(&checkpoint).await;
        }
        let until = Position(checkpoint.head.0.min(checkpoint.applied.position.0 + PAGE));
        if until > checkpoint.applied.position {
            self.follow(checkpoint.applied, until).await?;
        }
        // Far behind the log, most entries that seem due are removed by later events.
        if checkpoint.lag() > PAGE {
            return Ok(Outcome::Followed(until));
        }
        self.submit_due(now).await
    }

    async fn start_over(&self, checkpoint: &Checkpoint) -> Result<Outcome, Error> {
        let (edition, position) = (checkpoint.edition, checkpoint.applied.position.0);
        match checkpoint.is_in_log {
            true => tracing::info!(
                schedule.edition = edition,
                "rebuilding the schedule because the scheduling rules have changed"
            ),
            false => {
                tracing::warn!(schedule.position = position, "rebuilding the schedule because the log has lost events")
            }
        }
        self.store.clear().await?;
        Ok(Outcome::StartedOver)
    }

    async fn follow(&self, from: LogPosition, until: Position) -> Result<(), Error> {
        // The last event is read first: the changes are only written if the log still contains it.
        let last = self.log.read_after(Position(until.0 - 1), 1).await?.pop();
        let Some(last) = last.filter(|last| last.position == until) else {
            return Err(log::Error::LostTail { head: from.position, seen: until }.into());
        };
        let mut changes = ScheduleChanges::default();
        for recorded in self.log.scan(FILTER, from.position, until).await? {
            match changes.add(&recorded, self.config.delays) {
                Ok(()) => {}
                // The writer cannot decode this stream either, so it could not decide on a command.
                Err(error @ DecodeError::Shape { .. }) => {
                    tracing::error!(stream = %recorded.stream, position = recorded.position.0, %error, "skipped an event that cannot be decoded");
                }
                Err(source) => return Err(Error::NewerEvent { position: recorded.position, source }),
            }
        }
        // If nothing was changed, another instance has applied the page.
        self.store.apply(from, &last, &changes).await?;
        Ok(())
    }

    async fn submit_due(&mut self, now: DateTime<Utc>) -> Result<Outcome, Error> {
        self.measure(now).await?;
        let entries = self.store.claim(now, LEASE, self.config.batch).await?;
        if entries.is_empty() {
            return Ok(Outcome::Idle(self.store.next_due_at().await?));
        }
        let (allocations, others): (Vec<_>, Vec<_>) =
            entries.into_iter().partition(|entry| entry.command == ScheduledCommand::AllocateStock);
        let mut outcomes = submit::submit_all(&self.mailbox, others, now).await;
        let mut result = Ok(());
        for entry in allocations {
            match self.allocate(&entry, now).await {
                Ok(outcome) => outcomes.push((entry, outcome)),
                Err(error) => {
                    // The remaining entries become due again when their lease ends.
                    result = Err(error);
                    break;
                }
            }
        }
        self.store.record_outcomes(&outcomes).await?;
        result?;
        let answered = outcomes.iter().filter(|(_, outcome)| *outcome == AttemptOutcome::Answered).count();
        Ok(Outcome::Submitted { due: outcomes.len(), answered })
    }

    async fn allocate(&self, entry: &DueEntry, now: DateTime<Utc>) -> Result<AttemptOutcome, Error> {
        let Schedule { store, log, mailbox, .. } = self;
        match (Allocation { store, log, mailbox, now }).run(entry).await? {
            AllocationOutcome::Done => Ok(AttemptOutcome::Answered),
            AllocationOutcome::Unanswered => Ok(submit::retry_later(entry, now)),
        }
    }

    async fn measure(&mut self, now: DateTime<Utc>) -> Result<(), Error> {
        if self.measured.is_none_or(|measured| measured.elapsed() >= MEASURE_INTERVAL) {
            self.measured = Some(Instant::now());
            measures::overdue(self.store.overdue(now, LEASE.max(submit::MAX_RETRY_DELAY)).await?);
        }
        Ok(())
    }

    /// Time to wait after a step at `now`.
    fn wait_after(&self, outcome: Outcome, now: DateTime<Utc>) -> Duration {
        let poll = backoff::jittered(self.config.poll);
        match outcome {
            Outcome::StartedOver | Outcome::Followed(_) | Outcome::Submitted { .. } => Duration::ZERO,
            Outcome::Idle(None) => poll,
            Outcome::Idle(Some(next)) => (next - now).to_std().unwrap_or_default().min(poll),
        }
    }
}
