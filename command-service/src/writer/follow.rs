//! Coming level with a log that others write to as well, and noticing when it is another log.
//!
//! What is read begins with the last event that is known. Where another event stands there, where the log has another
//! incarnation, the log has lost its tail and others have gone on without it, so everything in memory may be void: the writer
//! [starts anew](super::start). Where the log only ends too early, nobody has decided yet how to go on, so nothing is appended.

use std::sync::Arc;
use std::time::{Duration, Instant};

use events::Recorded;

use super::recover::{Place, reason, source};
use super::{PAGE, Writer};
use crate::log;
use crate::log::head_lock::LockedHead;
use crate::log::page::Page;
use domain::world;

/// Turns in which nobody else wrote before races are tried again. Who loses a race has decided in vain, so with others at
/// work it is faster to wait for one's turn; alone it costs three round trips for nothing.
pub(super) const QUIET_TURNS: u32 = 16;

/// How long a turn lasts while there is something to append: some batches, so that the round trips of taking it do not
/// count, and what the callers of the others wait at most.
const TURN: Duration = Duration::from_millis(40);

impl Writer {
    /// Reads what the log holds beyond the world. Where others write too it waits for its turn first, and where somebody
    /// does not keep to the turns it takes the head of the log, which nobody can pass.
    pub(super) async fn come_level(&mut self) -> Result<Option<LockedHead>, log::Error> {
        match self.place {
            Place::Free if self.turns > 0 => {
                self.take_turn().await;
                let known = self.end.head.position;
                self.read_on().await?;
                self.turns = match self.end.head.position == known {
                    true => self.turns - 1,
                    false => QUIET_TURNS,
                };
            }
            Place::Passed(_) => return self.lock().await,
            Place::Free | Place::Turn(..) if self.stale => self.read_on().await?,
            Place::Free | Place::Turn(..) => {}
        }
        Ok(None)
    }

    /// Whoever has the head and is paused loses it. Until then the batch races, as without a turn.
    async fn lock(&mut self) -> Result<Option<LockedHead>, log::Error> {
        let mut locked = match self.log.lock_head(self.end.before_last(), PAGE + 1).await {
            Err(error) if error.is_lock_timeout() => {
                tracing::warn!(
                    error = source(&error),
                    "the head of the log could not be locked; appending without the lock"
                );
                self.read_on().await?;
                return Ok(None);
            }
            locked => locked?,
        };
        let events = std::mem::take(&mut locked.page.events);
        self.follow(Page { head: locked.page.head, events }).await?;
        Ok(Some(locked))
    }

    /// Turns are a courtesy: where there is no getting one, because whoever has it is paused or the log is silent, the batch
    /// races, and if the log is silent that shows at once.
    async fn take_turn(&mut self) {
        match self.log.acquire_write_lock().await {
            Ok(turn) => self.place = Place::Turn(turn, Instant::now() + TURN),
            Err(error) => tracing::warn!(error = source(&error), "no turn to write; writing without"),
        }
    }

    /// Asks whether the log answers, and catches up with it. While the log is down commands are refused, so nothing else asks.
    pub(super) async fn probe(&mut self) {
        self.tried = Instant::now();
        if let Err(error) = self.read_on().await {
            self.log_health.down(self.tried, reason(&error));
        }
    }

    /// Asks whether the log still is the one that is known. While no command waits nothing else asks, and repeats are answered
    /// from memory. What others have appended is read when a command needs it.
    pub(super) async fn look(&mut self) {
        self.tried = Instant::now();
        if let Err(error) = self.compare().await {
            self.log_health.down(self.tried, reason(&error));
        }
    }

    async fn compare(&mut self) -> Result<(), log::Error> {
        let since = self.log.read_page(self.end.before_last(), 1).await?;
        if self.is_another_log(&since)? {
            self.start_anew().await?;
        }
        self.stale |= since.head != self.end.head;
        self.log_health.up();
        Ok(())
    }

    async fn read_on(&mut self) -> Result<(), log::Error> {
        let since = self.log.read_page(self.end.before_last(), PAGE + 1).await?;
        self.follow(since).await
    }

    /// Applies what other writers appended, page by page, each of which begins with the last event that is known.
    async fn follow(&mut self, mut since: Page) -> Result<(), log::Error> {
        loop {
            if self.is_another_log(&since)? {
                self.start_anew().await?;
                break;
            }
            let known = self.end.head.position;
            self.take_in(since.events);
            if self.end.head.position >= since.head.position {
                break;
            }
            if self.end.head.position == known {
                return Err(log::Error::Row(format!("nothing follows position {known}")));
            }
            since = self.log.read_page(self.end.before_last(), PAGE + 1).await?;
        }
        self.stale = false;
        self.log_health.up();
        Ok(())
    }

    fn is_another_log(&self, since: &Page) -> Result<bool, log::Error> {
        let (known, found) = (self.end.head, since.head);
        if found.incarnation != known.incarnation {
            return Ok(true);
        }
        if found.position < known.position {
            return Err(log::Error::LostTail { head: found.position, seen: known.position });
        }
        Ok(self.end.last.is_some() && since.events.first() != self.end.last.as_deref())
    }

    fn take_in(&mut self, page: Vec<Recorded>) {
        let known = self.end.head.position;
        self.recall.used(page.iter().filter(|recorded| recorded.position > known).filter_map(|it| it.command_id));
        for recorded in page.iter().filter(|recorded| recorded.position > known) {
            self.follow_one(recorded);
        }
        if let Some(last) = page.into_iter().next_back() {
            self.end.head.position = last.position;
            self.end.last = Some(Arc::new(last));
        }
    }

    /// Reads only what the world wants to know: the numbers of orders, and what happened to streams in memory.
    fn follow_one(&mut self, recorded: &Recorded) {
        if let Some(code) = world::code_of(recorded) {
            self.world.count_code(&code);
        }
        if self.world.find(&recorded.stream).is_none() {
            return;
        }
        match recorded.decode() {
            Ok(event) => self.world.follow(&recorded.stream, recorded.version, &event),
            Err(_) => self.world.forget(&recorded.stream),
        }
    }
}
