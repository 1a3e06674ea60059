//! One leadership: fills the window, moves the checkpoint over what Kafka has acknowledged, keeps the lease.
//!
//! Three marks run after each other over the log: `sent`, `acked`, `saved`. A step moves each as far as it can without
//! waiting for the next one; at most one save is under way, and the one after it covers all that was acknowledged
//! meanwhile.

use std::sync::Arc;
use std::time::{Duration, Instant};

use events::{LogId, Position};
use platform::health::Component;
use tokio::task::{JoinError, JoinHandle};

use super::chain::Mark;
use super::checkpoint::{self, Checkpoint, Lease, Renewed};
use super::error::Error;
use super::feed::{Events, Feed};
use super::producer::{Producer, SendError};
use super::window::{Failure, Width, Window};
use super::{Config, Outcome, measures};

/// Events handed over in one step: a fraction of a millisecond, then other tasks of this thread have their turn.
const AT_ONCE: usize = 128;

/// How often the log is asked for what other instances have appended, when our own writer is silent.
const POLL: Duration = Duration::from_millis(25);

/// Pause between two saves. A save costs the database as much as a small order; an event waits at most so long until
/// readers know that it was relayed.
const BETWEEN_SAVES: Duration = Duration::from_millis(10);

/// Without an acknowledgement for so long Kafka counts as down.
const SILENCE: Duration = Duration::from_secs(5);

/// Without an acknowledgement for so long another instance may try its luck. Until then the producer is kept, because a new
/// one sends again what this one has under way.
const GIVE_UP: Duration = Duration::from_secs(30);

/// How often a silent Kafka is asked for a sign of life.
const PROBE: Duration = Duration::from_secs(2);

/// For the last checkpoint of a leadership; the lease ends by itself if the database is slower.
const LAST_SAVE: Duration = Duration::from_secs(3);

/// The instance that relays.
pub struct Leader {
    checkpoint: Checkpoint,
    epoch: i64,
    lease_until: Instant,
    sent: Mark,
    acked: Mark,
    saved: Mark,
    backlog: Option<Backlog>,
    window: Arc<Window>,
    producer: Producer,
    kafka: Component,
    saving: Option<Saving>,
    clock: Clock,
}

/// Events that have not been sent yet, from an index on.
struct Backlog {
    events: Events,
    next: usize,
}

/// When something happened last.
struct Clock {
    looked: Instant,
    saved: Instant,
    acked: Instant,
    probed: Instant,
}

/// A save under way; a task, so that dropping who waits for it does not cut it off.
struct Saving {
    task: JoinHandle<Result<Option<Renewed>, checkpoint::Error>>,
    ended: Option<Result<Result<Option<Renewed>, checkpoint::Error>, JoinError>>,
    to: Mark,
}

impl Saving {
    /// Returns when it has ended; may be dropped and called again.
    async fn ended(&mut self) {
        if self.ended.is_none() {
            self.ended = Some((&mut self.task).await);
        }
    }

    fn has_ended(&self) -> bool {
        self.ended.is_some() || self.task.is_finished()
    }
}

impl Leader {
    /// Goes on where the lease says, with a window of this width to begin with.
    pub fn new(
        config: &Config,
        log_id: LogId,
        checkpoint: Checkpoint,
        lease: Lease,
        width: Width,
        kafka: Component,
    ) -> Result<Leader, Error> {
        let window = Arc::new(Window::after(lease.mark.position, width));
        let producer = Producer::new(config, log_id, Arc::clone(&window), kafka.clone())?;
        let now = Instant::now();
        Ok(Leader {
            checkpoint,
            epoch: lease.epoch,
            lease_until: lease.until,
            sent: lease.mark.clone(),
            acked: lease.mark.clone(),
            saved: lease.mark,
            backlog: None,
            window,
            producer,
            kafka,
            saving: None,
            clock: Clock { looked: now, saved: now, acked: now, probed: now },
        })
    }

    /// Does what can be done now.
    pub async fn step(&mut self, feed: &mut Feed) -> Result<Outcome, Error> {
        self.collect()?;
        // First what a save has brought: it may have renewed the lease while we were kept from running.
        if let Some(position) = self.finish_save().await? {
            return Ok(Outcome::Checkpointed(position));
        }
        if Instant::now() >= self.lease_until {
            return Err(Error::Deposed);
        }
        self.start_save();
        self.listen()?;
        self.fill(feed).await?;
        match self.send()? {
            0 => Ok(Outcome::Idle),
            count => Ok(Outcome::Sent(count)),
        }
    }

    /// Returns when there may be something to do.
    pub async fn wait(&mut self, feed: &mut Feed) {
        let room = self.window.has_room();
        // Acknowledgements are collected by the next save, unless the window waits for them.
        let acks_matter = !room || (self.saving.is_none() && self.save_due_in().is_zero());
        let wake = tokio::time::Instant::from_std(self.next_deadline(room));
        let saving = async {
            match &mut self.saving {
                Some(saving) => saving.ended().await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            () = self.window.moved(), if acks_matter => {}
            () = saving => {}
            () = feed.arrived(), if room => {}
            () = tokio::time::sleep_until(wake) => {}
        }
    }

    /// Whether everything that was sent is acknowledged and saved.
    pub fn is_quiet(&self) -> bool {
        self.window.is_empty() && self.acked.position == self.saved.position
    }

    /// How many events may be under way now.
    pub fn width(&self) -> Width {
        self.window.width()
    }

    /// Waits at most `patience` for what is under way, saves what was acknowledged, gives the lease back.
    pub async fn retire(mut self, patience: Duration) {
        let drained = async {
            while self.collect().is_ok() && !self.window.is_empty() {
                self.window.moved().await;
            }
        };
        if tokio::time::timeout(patience, drained).await.is_err() {
            tracing::info!(
                relay.sent = self.sent.position.0,
                relay.acked = self.acked.position.0,
                "not all is acknowledged"
            );
        }
        let Leader { checkpoint, epoch, acked, mut saved, saving, producer, .. } = self;
        // Purges what is left; the next leader sends it again.
        drop(producer);
        let last_words = async {
            if let Some(mut saving) = saving {
                saving.ended().await;
                if let Some(Ok(Ok(Some(_)))) = saving.ended {
                    saved = saving.to;
                }
            }
            checkpoint.save(epoch, &saved, &acked).await?;
            checkpoint.release(epoch).await
        };
        match tokio::time::timeout(LAST_SAVE, last_words).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => {
                tracing::warn!(error = &error as &dyn std::error::Error, "the relay's last checkpoint failed")
            }
            Err(_) => tracing::warn!("the relay's last checkpoint took too long"),
        }
    }

    /// Moves `acked` over what has landed.
    fn collect(&mut self) -> Result<(), Error> {
        let count = self.window.collect(&mut self.acked);
        if count > 0 {
            self.clock.acked = Instant::now();
            measures::relayed(count);
        }
        match self.window.failure() {
            Some(failure) => Err(Error::Undelivered(failure)),
            None => Ok(()),
        }
    }

    /// Takes in a save that has ended; gives the position if it moved the checkpoint.
    async fn finish_save(&mut self) -> Result<Option<Position>, Error> {
        match &mut self.saving {
            Some(saving) if saving.has_ended() => saving.ended().await,
            _ => return Ok(None),
        }
        let Some(Saving { ended: Some(Ok(saved)), to, .. }) = self.saving.take() else { return Err(Error::Deposed) };
        let renewed = saved?.ok_or(Error::Deposed)?;
        self.lease_until = renewed.until;
        let moved = to.position != self.saved.position;
        self.saved = to;
        measures::checkpoint(self.saved.position, renewed.head);
        Ok(moved.then_some(self.saved.position))
    }

    fn start_save(&mut self) {
        let due = self.acked.position != self.saved.position && self.save_due_in().is_zero();
        if self.saving.is_some() || !(due || Instant::now() >= self.renew_at()) {
            return;
        }
        let (checkpoint, epoch) = (self.checkpoint.clone(), self.epoch);
        let (from, to) = (self.saved.clone(), self.acked.clone());
        let task = tokio::spawn(async move { checkpoint.save(epoch, &from, &to).await });
        self.saving = Some(Saving { task, ended: None, to: self.acked.clone() });
        self.clock.saved = Instant::now();
    }

    /// Tells health when Kafka is silent, and gives up when it is for long.
    fn listen(&mut self) -> Result<(), Error> {
        if self.window.is_empty() {
            if !self.kafka.is_up() && self.clock.probed.elapsed() >= PROBE {
                self.clock.probed = Instant::now();
                self.producer.probe();
            }
            return Ok(());
        }
        let silence = self.clock.acked.elapsed();
        if silence >= GIVE_UP {
            return Err(Error::Silent(GIVE_UP));
        }
        if silence >= SILENCE {
            self.kafka.down(format!("no acknowledgement for {} s", silence.as_secs()));
        }
        Ok(())
    }

    /// Gets the next events, if all that we have are sent.
    async fn fill(&mut self, feed: &mut Feed) -> Result<(), Error> {
        if self.backlog.is_some() || !self.window.has_room() {
            return Ok(());
        }
        let events = match feed.take(&self.sent) {
            Some(events) => events,
            None if feed.is_behind() || self.clock.looked.elapsed() >= POLL => feed.read(&self.sent).await?,
            None => return Ok(()),
        };
        self.clock.looked = Instant::now();
        self.backlog = (!events.is_empty()).then_some(Backlog { events, next: 0 });
        Ok(())
    }

    /// Hands over what there is room for; gives how many events that were.
    fn send(&mut self) -> Result<usize, Error> {
        let Some(backlog) = &mut self.backlog else { return Ok(0) };
        if self.window.is_empty() {
            self.clock.acked = Instant::now();
        }
        let start = backlog.next;
        for event in backlog.events.iter().skip(start).take(AT_ONCE) {
            let slot = self.sent.slot_of(&event.stream);
            if !self.window.depart(event.incarnation, slot, event.payload.len()) {
                break;
            }
            if let Err(error) = self.producer.send(event, slot, self.sent.last(slot)) {
                self.window.recall();
                match error {
                    SendError::Full => break,
                    SendError::Refused(reason) => {
                        return Err(Error::Undelivered(Failure { position: Some(event.position), reason }));
                    }
                }
            }
            self.sent.advance(event.incarnation, event.position, slot);
            backlog.next += 1;
        }
        let count = backlog.next - start;
        self.backlog.take_if(|backlog| backlog.next == backlog.events.len());
        Ok(count)
    }

    fn renew_at(&self) -> Instant {
        self.lease_until - self.checkpoint.lease() * 2 / 3
    }

    fn save_due_in(&self) -> Duration {
        BETWEEN_SAVES.saturating_sub(self.clock.saved.elapsed())
    }

    /// The first instant at which time alone gives us something to do.
    fn next_deadline(&self, room: bool) -> Instant {
        let now = Instant::now();
        let mut next = now + PROBE;
        if self.saving.is_none() {
            next = next.min(self.renew_at());
            let save_due_in = self.save_due_in();
            if !save_due_in.is_zero() && !self.is_quiet() {
                next = next.min(now + save_due_in);
            }
        }
        if room && self.backlog.is_none() {
            next = next.min(self.clock.looked + POLL);
        }
        next
    }
}
