//! Following the log: reads the events that other writers appended, and notices if the log was replaced.
//!
//! Each page that is read begins with the last event that is known. If another event is at its position, or the log has another
//! incarnation, the log has lost its tail and others have continued it: everything in memory may be void, and the writer starts
//! anew from the current end of the log. If the log only ends too early, no operator has decided yet how to go on, and nothing is
//! appended.

use std::sync::Arc;
use std::time::Instant;

use chrono::{DateTime, Utc};
use events::{LogPosition, Position, Recorded};

use super::derived::Derived;
use super::log_health::LogHealth;
use crate::log::batch::{self, NewRow};
use crate::log::head_lock::LockedHead;
use crate::log::page::Page;
use crate::log::snapshot::OrderNumbers;
use crate::log::{self, End, Log};

/// Events that are read at a time while the writer catches up.
const PAGE: i64 = 10_000;

/// What the writer knows of the end of the log.
#[derive(Debug)]
pub(super) struct LogFollower {
    log: Log,
    end: End,
    /// Whether other writers may have appended after `end`.
    may_be_behind: bool,
    /// How often the log was found to be replaced.
    restarts: u64,
    health: LogHealth,
    /// Start of the current request to the log, for the health report.
    request_started: Instant,
}

/// The end of the log and its order numbers. Fails if the relay or a projection has seen more of the log than it holds.
pub(super) async fn read_end(log: &Log) -> Result<(End, OrderNumbers), log::Error> {
    let end = log.end().await?;
    let (head, seen) = (end.head.position, log.seen().await?);
    if seen > head {
        return Err(log::Error::LostTail { head, seen });
    }
    let numbers = log.load_numbers(end.head).await?;
    Ok((end, numbers))
}

impl LogFollower {
    pub(super) fn new(log: Log, end: End, health: LogHealth) -> LogFollower {
        LogFollower { log, end, may_be_behind: false, restarts: 0, health, request_started: Instant::now() }
    }

    pub(super) fn log(&self) -> &Log {
        &self.log
    }

    pub(super) fn end(&self) -> &End {
        &self.end
    }

    pub(super) fn head(&self) -> LogPosition {
        self.end.head
    }

    pub(super) fn restarts(&self) -> u64 {
        self.restarts
    }

    /// Whether the last request to the log got no response.
    pub(super) fn is_silent(&self) -> bool {
        self.health.is_silent()
    }

    /// A request to the log starts.
    pub(super) fn start_request(&mut self) {
        self.request_started = Instant::now();
    }

    /// The log answered.
    pub(super) fn answered(&self) {
        self.health.up();
    }

    /// The request that started last failed.
    pub(super) fn failed(&self, error: &dyn std::error::Error) {
        self.health.down(self.request_started, with_cause(error));
    }

    /// Other writers may have appended.
    pub(super) fn expect_changes(&mut self) {
        self.may_be_behind = true;
    }

    /// Reads the events that other writers appended, if there may be any.
    pub(super) async fn catch_up_if_behind(&mut self, derived: &mut Derived) -> Result<(), log::Error> {
        match self.may_be_behind {
            true => self.catch_up(derived).await,
            false => Ok(()),
        }
    }

    /// Reads the events that other writers appended.
    pub(super) async fn catch_up(&mut self, derived: &mut Derived) -> Result<(), log::Error> {
        let page = self.log.read_page(self.end.before_last(), PAGE + 1).await?;
        self.follow(page, derived).await
    }

    /// Locks the head of the log and catches up. A holder of the head that is paused loses it; until then the head cannot be
    /// locked, and the batch is appended without the lock.
    pub(super) async fn lock_head(&mut self, derived: &mut Derived) -> Result<Option<LockedHead>, log::Error> {
        let mut locked = match self.log.lock_head(self.end.before_last(), PAGE + 1).await {
            Err(error) if error.is_lock_timeout() => {
                tracing::warn!(
                    error = &error as &dyn std::error::Error,
                    "could not lock the head of the log; appending without the lock"
                );
                self.catch_up(derived).await?;
                return Ok(None);
            }
            locked => locked?,
        };
        let events = std::mem::take(&mut locked.page.events);
        self.follow(Page { head: locked.page.head, events }, derived).await?;
        Ok(Some(locked))
    }

    /// Checks whether a log that did not answer answers again, and catches up. While the log is down, commands are refused, so
    /// nothing else sends requests to it.
    pub(super) async fn probe(&mut self, derived: &mut Derived) {
        self.start_request();
        if let Err(error) = self.catch_up(derived).await {
            self.failed(&error);
        }
    }

    /// Checks whether the log was replaced. While no command waits, nothing else checks, and repeats are answered from memory.
    /// Events that other writers appended are read when a command needs them.
    pub(super) async fn check(&mut self, derived: &mut Derived) {
        self.start_request();
        if let Err(error) = self.compare(derived).await {
            self.failed(&error);
        }
    }

    async fn compare(&mut self, derived: &mut Derived) -> Result<(), log::Error> {
        let page = self.log.read_page(self.end.before_last(), 1).await?;
        if self.is_replaced(&page)? {
            self.restart(derived).await?;
        }
        self.may_be_behind |= page.head != self.end.head;
        self.answered();
        Ok(())
    }

    /// The log ends with these rows now. Returns the end before them.
    pub(super) fn advance(&mut self, rows: &[NewRow], base: Position, recorded_at: DateTime<Utc>) -> End {
        let head = LogPosition { position: base.plus(rows.len()), ..self.end.head };
        let last: Vec<NewRow> = rows.last().cloned().into_iter().collect();
        let last = match batch::recorded(last, head.incarnation, Position(head.position.0 - 1), recorded_at) {
            Ok(mut last) => last.pop().map(Arc::new),
            Err(error) => {
                tracing::error!(
                    %error,
                    "cannot decode the metadata of an event that this process wrote; the next append checks only its position"
                );
                None
            }
        };
        std::mem::replace(&mut self.end, End { head, last })
    }

    /// Applies the events after the known end, page by page; each page begins with the last event that is known.
    async fn follow(&mut self, mut page: Page, derived: &mut Derived) -> Result<(), log::Error> {
        loop {
            if self.is_replaced(&page)? {
                self.restart(derived).await?;
                break;
            }
            let known = self.end.head.position;
            self.apply(page.events, derived);
            if self.end.head.position >= page.head.position {
                break;
            }
            if self.end.head.position == known {
                return Err(log::Error::Row(format!("no event follows position {known}")));
            }
            page = self.log.read_page(self.end.before_last(), PAGE + 1).await?;
        }
        self.may_be_behind = false;
        self.answered();
        Ok(())
    }

    fn apply(&mut self, page: Vec<Recorded>, derived: &mut Derived) {
        let known = self.end.head.position;
        derived.apply(page.iter().filter(|recorded| recorded.position > known));
        if let Some(last) = page.into_iter().next_back() {
            self.end.head.position = last.position;
            self.end.last = Some(Arc::new(last));
        }
    }

    fn is_replaced(&self, page: &Page) -> Result<bool, log::Error> {
        let (known, found) = (self.end.head, page.head);
        if found.incarnation != known.incarnation {
            return Ok(true);
        }
        if found.position < known.position {
            return Err(log::Error::LostTail { head: found.position, seen: known.position });
        }
        Ok(self.end.last.is_some() && page.events.first() != self.end.last.as_deref())
    }

    /// Forgets everything that was read, decided and remembered, and begins at the current end of the log. Commands that are
    /// repeated get the outcome that they have in this log, by their keys.
    async fn restart(&mut self, derived: &mut Derived) -> Result<(), log::Error> {
        let known = self.end.head;
        let (end, numbers) = read_end(&self.log).await?;
        tracing::warn!(
            log.incarnation = end.head.incarnation.0,
            log.position = end.head.position.0,
            known.incarnation = known.incarnation.0,
            known.position = known.position.0,
            "the log was replaced (a restore or a failover); the writer discards its memory and starts from the end of the log"
        );
        derived.reset(numbers);
        self.end = end;
        self.restarts += 1;
        Ok(())
    }
}

/// An error with its cause.
fn with_cause(error: &dyn std::error::Error) -> String {
    match error.source() {
        Some(cause) => format!("{error}: {cause}"),
        None => error.to_string(),
    }
}
