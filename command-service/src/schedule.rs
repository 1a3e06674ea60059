//! Time, without a clock in the rules: gives the platform's own commands when their instant has come, such as the expiry of an
//! order that was not paid, or the [allocation] of units that have arrived to the orders that wait for them.
//!
//! Follows the log ([`plan`] says which events make what due), keeps what is planned in tables ([`store`]), and [asks](issue)
//! the writer for what is due, like any caller: the rules decide. The tables are derived: `command-service schedule rebuild`
//! empties them, and they are made anew.
//!
//! What a reader cannot see: every instance runs one, and any of them may be slow, dead or twice there. Following moves a
//! checkpoint by compare-and-set; an entry that is taken comes back by itself; a command has the same key whoever gives it, and
//! the log takes a key once. So nothing is forgotten, and nothing takes effect twice, even where a clock jumps back.

mod allocation;
mod clocks;
mod issue;
mod measures;
pub mod plan;
pub mod store;

use std::time::{Duration, Instant};

use anyhow::Context;
use chrono::{DateTime, Utc};
use events::{DecodeError, LogPosition, Position};
use platform::backoff::{self, Backoff};
use platform::health::Component;
use platform::shutdown::Shutdown;

use crate::database::Database;
use crate::log::scan::EventFilter;
use crate::log::{self, Log};
use crate::writer::Mailbox;
use allocation::{Done, Reassignment};
use clocks::Clocks;
use plan::{Plan, Waits};
use store::{Fate, Standing, Store};

/// Positions that one step follows: some hundred milliseconds of work at most, so that what is due does not wait for it.
const PAGE: i64 = 10_000;

/// How long an entry that was taken is kept from others: far longer than any reply takes, and a dead instance's work is late
/// by no more.
const LEASE: Duration = Duration::from_secs(30);

/// How often what is late is counted.
const MEASURE_EVERY: Duration = Duration::from_secs(5);

/// For what is under way when the process stops; what does not get done comes back when its lease ends.
const DRAIN: Duration = Duration::from_secs(2);

/// Which events the plan is made of. Few orders say when their payment is due or wait for units, and no other order need be
/// read.
const WANTED: EventFilter = EventFilter { types: &plan::EVENT_TYPES, payload_contains: plan::ONLY_WITH };

/// What the schedule has to know.
#[derive(Debug, Clone)]
pub struct Config {
    /// How long to wait where an event does not say it.
    pub waits: Waits,
    /// How often to look whether the log has grown: how late the platform may know of something that is due at once.
    pub poll: Duration,
    /// Commands that are given at a time; bounds what they can take of the writer from everybody else.
    pub batch: usize,
}

impl Default for Config {
    fn default() -> Self {
        Config {
            waits: Waits { complete_after: Duration::ZERO, history_grace: Duration::from_secs(15 * 60) },
            poll: Duration::from_secs(1),
            batch: 100,
        }
    }
}

/// What a step did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// The log or the rules are not those that were followed: the table is empty, and everything begins again.
    StartedOver,
    /// There is more of the log to follow.
    Followed(Position),
    /// So many commands were given, and so many of them answered; more may be due.
    Issued {
        /// Entries that were due.
        due: usize,
        /// Those that the writer had a reply for.
        answered: usize,
    },
    /// Nothing to do before that instant, or before the log grows.
    Idle(Option<DateTime<Utc>>),
}

/// Why a step came to nothing.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The log could not be read.
    #[error("following the log")]
    Log(#[from] log::Error),
    /// The table could not be read or written.
    #[error("keeping the schedule")]
    Store(#[from] store::Error),
    /// A newer build keeps the schedule.
    #[error(
        "a newer build keeps the schedule (its edition is {edition}); after going back to this build for good, \
         `command-service schedule rebuild` makes it anew"
    )]
    Superseded {
        /// Its edition of the rules for what is planned.
        edition: i32,
    },
    /// A newer build wrote an event; instances of that build go on.
    #[error("following the log at position {position}")]
    Newer {
        /// Where.
        position: Position,
        /// What cannot be read.
        #[source]
        source: DecodeError,
    },
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

/// Works until asked to stop, which is to be before the writer is.
pub async fn run(mut schedule: Schedule, health: Component, shutdown: Shutdown) {
    let mut backoff = Backoff::new();
    while !shutdown.is_requested() {
        let stepped = tokio::select! {
            stepped = schedule.step_by(Utc::now()) => stepped,
            () = out_of_time(&shutdown) => return,
        };
        let wait = match stepped {
            Ok((Outcome::Issued { answered: 0, .. }, _)) => backoff.next_delay(),
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

async fn out_of_time(shutdown: &Shutdown) {
    shutdown.requested().await;
    tokio::time::sleep(DRAIN).await;
}

/// Empties the table; running instances make it anew.
pub async fn rebuild(database: Database) -> anyhow::Result<()> {
    let store = Store::new(database);
    store.clear().await?;
    let standing = store.standing().await.context("looking what there is to follow")?;
    println!("The schedule is empty; a running command-service makes it anew from {} events.", standing.lag());
    Ok(())
}

impl Schedule {
    /// A schedule that gives its commands to `mailbox`.
    pub fn new(config: Config, database: Database, mailbox: Mailbox) -> Schedule {
        let (store, log) = (Store::new(database.clone()), Log::new(database));
        Schedule { config, store, log, mailbox, clocks: Clocks::default(), measured: None }
    }

    /// A step at the instant that [counts](clocks) while this machine's clock says `clock`. May be dropped halfway.
    async fn step_by(&mut self, clock: DateTime<Utc>) -> Result<(Outcome, DateTime<Utc>), Error> {
        let now = self.now(clock).await?;
        Ok((self.step(now).await?, now))
    }

    /// The instant by which something is due while this machine's clock says `clock`: that, or what the database's says if that
    /// is earlier.
    pub async fn now(&mut self, clock: DateTime<Utc>) -> Result<DateTime<Utc>, Error> {
        Ok(self.clocks.earlier(clock, self.store.clock().await?))
    }

    /// Follows a page of the log, then asks for a batch of what is due at `now`. May be dropped halfway.
    pub async fn step(&mut self, now: DateTime<Utc>) -> Result<Outcome, Error> {
        let standing = self.store.standing().await?;
        measures::stands(&standing);
        if standing.edition > plan::EDITION {
            return Err(Error::Superseded { edition: standing.edition });
        }
        if standing.edition < plan::EDITION || !standing.holds {
            return self.start_over(&standing).await;
        }
        let until = Position(standing.head.0.min(standing.mark.position.0 + PAGE));
        if until > standing.mark.position {
            self.follow(standing.mark, until).await?;
        }
        // Far behind, most of what seems due has been settled further on in the log.
        if standing.lag() > PAGE {
            return Ok(Outcome::Followed(until));
        }
        self.issue_due(now).await
    }

    async fn start_over(&self, standing: &Standing) -> Result<Outcome, Error> {
        let (edition, position) = (standing.edition, standing.mark.position.0);
        match standing.holds {
            true => tracing::info!(schedule.edition = edition, "the schedule is made anew by new rules"),
            false => {
                tracing::warn!(schedule.position = position, "the log has lost its tail; the schedule is made anew")
            }
        }
        self.store.clear().await?;
        Ok(Outcome::StartedOver)
    }

    async fn follow(&self, from: LogPosition, until: Position) -> Result<(), Error> {
        // First, so that all that follows is of the log that has this event, or the plan is not written.
        let last = self.log.read_after(Position(until.0 - 1), 1).await?.pop();
        let Some(last) = last.filter(|last| last.position == until) else {
            return Err(log::Error::LostTail { head: from.position, seen: until }.into());
        };
        let mut plan = Plan::default();
        for recorded in self.log.scan(WANTED, from.position, until).await? {
            match plan.add(&recorded, self.config.waits) {
                Ok(()) => {}
                // The writer cannot read this stream either, so nothing could be decided about it.
                Err(error @ DecodeError::Shape { .. }) => {
                    tracing::error!(stream = %recorded.stream, position = recorded.position.0, %error, "an event cannot be read");
                }
                Err(source) => return Err(Error::Newer { position: recorded.position, source }),
            }
        }
        // Where another instance was faster, the page is written all the same.
        self.store.follow(from, &last, &plan).await?;
        Ok(())
    }

    async fn issue_due(&mut self, now: DateTime<Utc>) -> Result<Outcome, Error> {
        self.measure(now).await?;
        let entries = self.store.take(now, LEASE, self.config.batch).await?;
        if entries.is_empty() {
            return Ok(Outcome::Idle(self.store.next().await?));
        }
        let (of_stock, of_streams): (Vec<_>, Vec<_>) =
            entries.into_iter().partition(|entry| entry.kind == plan::Kind::AllocateStock);
        let mut fates = issue::issue(&self.mailbox, of_streams, now).await;
        let mut failed = Ok(());
        for entry in of_stock {
            match self.reassign(&entry, now).await {
                Ok(fate) => fates.push((entry, fate)),
                Err(error) => {
                    // What was not asked for comes back when its lease ends.
                    failed = Err(error);
                    break;
                }
            }
        }
        self.store.settle(&fates).await?;
        failed?;
        let answered = fates.iter().filter(|(_, fate)| *fate == Fate::Asleep).count();
        Ok(Outcome::Issued { due: fates.len(), answered })
    }

    async fn reassign(&self, entry: &store::Entry, now: DateTime<Utc>) -> Result<Fate, Error> {
        let Schedule { store, log, mailbox, .. } = self;
        match (Reassignment { store, log, mailbox, now }).settle(entry).await? {
            Done::Settled => Ok(Fate::Asleep),
            Done::Unanswered => Ok(issue::later(entry, now)),
        }
    }

    async fn measure(&mut self, now: DateTime<Utc>) -> Result<(), Error> {
        if self.measured.is_none_or(|measured| measured.elapsed() >= MEASURE_EVERY) {
            self.measured = Some(Instant::now());
            measures::overdue(self.store.overdue(now, LEASE.max(issue::LONGEST_PAUSE)).await?);
        }
        Ok(())
    }

    /// How long to wait after a step at `now`.
    fn wait_after(&self, outcome: Outcome, now: DateTime<Utc>) -> Duration {
        let poll = backoff::jittered(self.config.poll);
        match outcome {
            Outcome::StartedOver | Outcome::Followed(_) | Outcome::Issued { .. } => Duration::ZERO,
            Outcome::Idle(None) => poll,
            Outcome::Idle(Some(next)) => (next - now).to_std().unwrap_or_default().min(poll),
        }
    }
}
