//! Delivers the events of the log to the worker of a generation, if the platform runs without Kafka: after the
//! checkpoints of the generation, and up to the checkpoint of the relay, which moves without Kafka too.
//!
//! One process follows a generation at a time; the others are on standby. The [`follower`] of the process holds the
//! lock and has the recent events; a feed whose worker is further behind reads the log itself, page by page. [`links`]
//! links each event to the previous one of its partition, [`recent`] keeps the recent events, [`start`] finds where a
//! generation starts.
//!
//! The lock only saves work. Two workers of a generation are as harmless as two that Kafka has assigned the same
//! partition: the last claim ends the others.

use std::time::Duration;

use events::{Category, Position};
use platform::batch_window::{self, BatchWindow, Stage};
use read_model::Generation;
use sqlx::PgConnection;
use tokio::time::Instant;

use crate::config::Limits;
use crate::frame::Latency;
use crate::store::log::{self, PageLimit};

mod follower;
mod links;
mod recent;
mod start;

use super::delivery::{BATCH_BYTES_MAX, Delivery, IDLE, MODERATE_WINDOW};
use super::error::FeedError;
pub use follower::LogFollower;
use follower::{State, Subscription};
use links::Links;

/// Positions of the log that one page covers, so that the events of a rare category are found in many short statements
/// instead of a long one.
const SCANNED_MAX: usize = 100_000;

/// A reader of the log for one generation.
pub struct LogFeed {
    subscription: Subscription,
    category: Category,
    window: BatchWindow,
    /// `None` on standby.
    reading: Option<Reading>,
    has_logged_standby: bool,
}

/// What a feed has read. It holds only within a session of the follower.
struct Reading {
    session: u64,
    partitions: i32,
    /// All events up to and including this position were delivered.
    delivered: Position,
    links: Links,
    /// Connection for events that are not in memory any more.
    connection: Option<PgConnection>,
}

impl LogFeed {
    /// A feed that delivers nothing until its process may follow the generation.
    pub fn new(follower: &LogFollower, generation: Generation, latency: Latency) -> LogFeed {
        // The checkpoint of the relay moves over whole batches, so that a batch has no parts to collect.
        let window = match latency {
            Latency::Low => Duration::ZERO,
            Latency::Moderate => MODERATE_WINDOW,
        };
        LogFeed {
            subscription: follower.subscribe(generation),
            category: generation.projection.category(),
            window: BatchWindow::new(Stage { window, ..batch_window::PROJECTOR }),
            reading: None,
            has_logged_standby: false,
        }
    }

    /// Number of partitions of the category; 0 on standby.
    pub fn partitions(&self) -> i32 {
        self.reading.as_ref().map_or(0, |reading| reading.partitions)
    }

    /// Whether all events up to the last checkpoint of the relay that the follower knows were delivered.
    pub fn is_at_end(&self) -> bool {
        let state = self.subscription.state();
        self.reading.as_ref().is_some_and(|reading| {
            let recent = state.recent(reading.session);
            recent.is_ok_and(|recent| recent.is_complete() && reading.delivered >= recent.end())
        })
    }

    /// Waits for events, at most [`IDLE`], then returns those that are available or, under load, arrive within the window
    /// of the batch. Empty if there are none, and on standby.
    pub async fn next_batch(&mut self, limits: &Limits) -> Result<Vec<Delivery>, FeedError> {
        if self.reading.is_none() && !self.start().await? {
            return Ok(Vec::new());
        }
        let limit = PageLimit { events: limits.batch_events, bytes: BATCH_BYTES_MAX };
        if let Some(earlier) = self.read_earlier(limit).await? {
            return Ok(earlier);
        }
        if self.wait_for(1, Instant::now() + IDLE).await? {
            let closes_at = self.window.closes_at(std::time::Instant::now());
            self.wait_for(limit.events, Instant::from_std(closes_at)).await?;
            self.window.forwarded(std::time::Instant::now());
        }
        self.drain(limit.events, limit.bytes)
    }

    /// Returns the next events that are in memory, at most `limit` events and until their payloads reach `bytes`.
    pub fn drain(&mut self, limit: usize, bytes: usize) -> Result<Vec<Delivery>, FeedError> {
        let Some(reading) = &mut self.reading else { return Ok(Vec::new()) };
        let state = self.subscription.state();
        let recent = state.recent(reading.session).map_err(FeedError::Interrupted)?;
        if reading.delivered < recent.start() {
            return Ok(Vec::new());
        }
        let taken = recent.take(self.category, reading.delivered, PageLimit { events: limit, bytes });
        reading.delivered = taken.end;
        taken.deliveries.iter().for_each(|delivery| reading.links.delivered(self.category, delivery));
        Ok(taken.deliveries)
    }

    /// Waits until this process may follow the generation, at most [`IDLE`], and then finds where to start.
    async fn start(&mut self) -> Result<bool, FeedError> {
        let generation = self.subscription.generation();
        let is_settled = |state: &State| state.session(generation).is_some() || state.failure().is_some();
        self.subscription.wait_until(Instant::now() + IDLE, is_settled).await?;
        let session = {
            let state = self.subscription.state();
            if let Some(failure) = state.failure() {
                return Err(FeedError::Interrupted(failure.to_owned()));
            }
            if state.is_standby(generation) && !std::mem::replace(&mut self.has_logged_standby, true) {
                tracing::info!(
                    projection = generation.projection.name(),
                    generation = generation.number,
                    "on standby: another projector process follows this generation"
                );
            }
            state.session(generation)
        };
        let Some(session) = session else { return Ok(false) };
        let mut connection = self.subscription.connect().await?;
        let start = start::find(&mut connection, self.subscription.timeout(), generation).await?;
        tracing::info!(
            projection = generation.projection.name(),
            generation = generation.number,
            event.position = start.after.0,
            "following the log after this position"
        );
        self.reading = Some(Reading {
            session,
            partitions: start.partitions,
            delivered: start.after,
            links: start.links,
            connection: Some(connection),
        });
        self.has_logged_standby = false;
        Ok(true)
    }

    /// The next page of events that are not in memory any more; `None` if the next event is in memory. A page may be empty
    /// because the log has only events of other categories there.
    async fn read_earlier(&mut self, limit: PageLimit) -> Result<Option<Vec<Delivery>>, FeedError> {
        let Some(reading) = &mut self.reading else { return Ok(None) };
        let start = {
            let state = self.subscription.state();
            state.recent(reading.session).map_err(FeedError::Interrupted)?.start()
        };
        if reading.delivered >= start {
            reading.connection = None;
            return Ok(None);
        }
        // While a statement runs, the connection is not in `self`: after a failure it is closed.
        let mut connection = match reading.connection.take() {
            Some(connection) => connection,
            None => self.subscription.connect().await?,
        };
        let upto = start.min(reading.delivered.plus(SCANNED_MAX));
        let range = log::list_range(&mut connection, Some(self.category), reading.delivered, upto, limit);
        let range = self.subscription.timeout().run("reading the log", range).await?;
        reading.connection = Some(connection);
        reading.delivered = range.end;
        let events = range.events.into_iter().filter_map(|event| reading.links.deliver(event));
        Ok(Some(events.map(|(_, delivery)| delivery).collect()))
    }

    /// Waits until this number of events is in memory, or the session has ended; `false` if neither is the case at the
    /// deadline.
    async fn wait_for(&mut self, count: usize, deadline: Instant) -> Result<bool, FeedError> {
        let Some(reading) = &self.reading else { return Ok(false) };
        let (session, category, delivered) = (reading.session, self.category, reading.delivered);
        let has_arrived = |state: &State| {
            let recent = state.recent(session);
            recent.map_or(true, |recent| recent.has(count, category, delivered))
        };
        self.subscription.wait_until(deadline, has_arrived).await
    }
}
