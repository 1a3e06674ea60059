//! The relay leader: sends events, moves the checkpoint over the events that were published, and renews the leader lease.
//!
//! The [`sender`](super::sender) publishes. Three watermarks move over the log: sent, acknowledged and saved. A step moves each watermark
//! as far as possible without waiting. At most one save of the checkpoint is in progress; the next save covers everything that was
//! acknowledged meanwhile.

use std::sync::Arc;
use std::time::{Duration, Instant};

use events::Position;
use platform::batch_window::{self, BatchWindow};
use tokio::task::{JoinError, JoinHandle};

use super::checkpoint::{self, Checkpoint, Lease, Saved};
use super::error::Error;
use super::in_flight::{InFlight, Limit};
use super::log_reader::LogReader;
use super::measures;
use super::outcome::Outcome;
use super::sender::Sender;
use super::sink::Publisher;
use super::watermark::Watermark;

/// How often the log is read for events of other instances, while the writer of this instance sends no batches.
const POLL_INTERVAL: Duration = Duration::from_millis(25);

/// How often the batches of the writer are collected until they are sent: often enough that the queue between writer and relay does not
/// become full.
const COLLECT_INTERVAL: Duration = Duration::from_millis(10);

/// Shortest time between two saves of the checkpoint, if all sent events are acknowledged. A save costs the database as much as a small
/// order.
const SAVE_INTERVAL: Duration = Duration::from_millis(10);

/// Time after which the checkpoint is saved although sent events are not acknowledged. The checkpoint that readers see is at most this
/// much late.
const SAVE_INTERVAL_MAX: Duration = batch_window::RELAY.window;

/// Longest time without a step.
const STEP_INTERVAL: Duration = Duration::from_secs(2);

/// Timeout of the last save of a leader. If the database is slower, the lease ends by itself.
const LAST_SAVE_TIMEOUT: Duration = Duration::from_secs(3);

/// The relay leader.
pub struct Leader {
    checkpoint: Checkpoint,
    epoch: i64,
    lease_until: Instant,
    saved: Watermark,
    sender: Sender,
    /// Decides how long batches of the writer are collected before they are sent to Kafka together.
    window: BatchWindow,
    /// When the window was closed, as long as batches are left that were collected until then.
    closed_at: Option<Instant>,
    save: Option<SaveTask>,
    last: LastActivity,
}

/// Instants of the last activities.
struct LastActivity {
    read: Instant,
    save_started: Instant,
}

/// A save of the checkpoint in progress. It is a task, so that it continues if the future that waits for it is dropped.
struct SaveTask {
    task: JoinHandle<Result<Option<Saved>, checkpoint::Error>>,
    ended: Option<Result<Result<Option<Saved>, checkpoint::Error>, JoinError>>,
    to: Watermark,
}

impl SaveTask {
    /// Waits until the save has ended. May be dropped and called again.
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
    /// A leader that continues after the saved watermark. The publisher reports to `in_flight`.
    pub fn new(checkpoint: Checkpoint, lease: Lease, in_flight: Arc<InFlight>, publisher: Publisher) -> Leader {
        let now = Instant::now();
        Leader {
            checkpoint,
            epoch: lease.epoch,
            lease_until: lease.until,
            sender: Sender::new(lease.watermark.clone(), in_flight, publisher),
            saved: lease.watermark,
            window: BatchWindow::new(batch_window::RELAY),
            closed_at: None,
            save: None,
            last: LastActivity { read: now, save_started: now },
        }
    }

    /// Does the work that can be done without waiting.
    pub async fn step(&mut self, reader: &mut LogReader) -> Result<Outcome, Error> {
        self.sender.collect_acknowledgements()?;
        // A finished save comes first, because it may have renewed the lease.
        if let Some(position) = self.finish_save().await? {
            return Ok(Outcome::Checkpointed(position));
        }
        if Instant::now() >= self.lease_until {
            return Err(Error::LostLeadership);
        }
        self.start_save();
        self.sender.check_acknowledgements()?;
        self.read_events(reader).await?;
        match self.sender.send()? {
            0 => Ok(Outcome::Idle),
            count => Ok(Outcome::Sent(count)),
        }
    }

    /// Waits until there may be work to do.
    pub async fn wait(&mut self, reader: &mut LogReader) {
        let has_room = self.sender.has_room();
        // The next save collects the acknowledgements, unless events wait for room.
        let may_save = self.save.is_none() && self.last.save_started.elapsed() >= SAVE_INTERVAL;
        let wake_on_acknowledgement = !has_room || may_save;
        let wake = tokio::time::Instant::from_std(self.next_deadline(reader));
        let save = async {
            match &mut self.save {
                Some(save) => save.ended().await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            () = self.sender.changed(), if wake_on_acknowledgement => {}
            () = save => {}
            () = reader.batch_arrived(), if has_room => {}
            () = tokio::time::sleep_until(wake) => {}
        }
    }

    /// Whether all sent events are acknowledged and saved.
    pub fn is_up_to_date(&self) -> bool {
        self.sender.is_drained() && self.sender.acknowledged().position == self.saved.position
    }

    /// Current limit on events in flight.
    pub fn limit(&self) -> Limit {
        self.sender.limit()
    }

    /// Waits at most `timeout` for the events in flight, saves the checkpoint and releases the leader lease.
    pub async fn stop(mut self, timeout: Duration) {
        let drained = async {
            while self.sender.collect_acknowledgements().is_ok() && !self.sender.is_drained() {
                self.sender.changed().await;
            }
        };
        if tokio::time::timeout(timeout, drained).await.is_err() {
            tracing::info!(
                relay.sent = self.sender.sent().position.0,
                relay.acked = self.sender.acknowledged().position.0,
                "stopped the relay before all sent events were acknowledged"
            );
        }
        let Leader { checkpoint, epoch, sender, mut saved, save, .. } = self;
        let acknowledged = sender.acknowledged().clone();
        // Discards unsent events; the next leader sends them again.
        drop(sender);
        let last_save = async {
            if let Some(mut save) = save {
                save.ended().await;
                if let Some(Ok(Ok(Some(_)))) = save.ended {
                    saved = save.to;
                }
            }
            checkpoint.save(epoch, &saved, &acknowledged).await?;
            checkpoint.release(epoch).await
        };
        match tokio::time::timeout(LAST_SAVE_TIMEOUT, last_save).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => {
                tracing::warn!(error = &error as &dyn std::error::Error, "saving the last relay checkpoint failed")
            }
            Err(_) => tracing::warn!("saving the last relay checkpoint timed out"),
        }
    }

    /// Handles the result of a save that has ended. Returns the position if the save moved the checkpoint.
    async fn finish_save(&mut self) -> Result<Option<Position>, Error> {
        match &mut self.save {
            Some(save) if save.has_ended() => save.ended().await,
            _ => return Ok(None),
        }
        let Some(SaveTask { ended: Some(Ok(saved)), to, .. }) = self.save.take() else {
            return Err(Error::LostLeadership);
        };
        let result = saved?.ok_or(Error::LostLeadership)?;
        self.lease_until = result.until;
        let moved = to.position != self.saved.position;
        self.saved = to;
        measures::checkpoint(self.saved.position, result.head);
        Ok(moved.then_some(self.saved.position))
    }

    fn start_save(&mut self) {
        let now = Instant::now();
        let acknowledged = self.sender.acknowledged();
        let due = acknowledged.position != self.saved.position && now >= self.save_due_at();
        if self.save.is_some() || !(due || now >= self.renew_at()) {
            return;
        }
        let (checkpoint, epoch) = (self.checkpoint.clone(), self.epoch);
        let (from, to) = (self.saved.clone(), acknowledged.clone());
        let saved = to.clone();
        let task = tokio::spawn(async move { checkpoint.save(epoch, &from, &saved).await });
        self.save = Some(SaveTask { task, ended: None, to });
        self.last.save_started = Instant::now();
    }

    /// Reads the next events after all events that were read are sent.
    async fn read_events(&mut self, reader: &mut LogReader) -> Result<(), Error> {
        if !self.sender.needs_events() || self.is_collecting(reader) {
            return Ok(());
        }
        let events = match reader.take_batch(self.sender.sent()) {
            Some(events) => events,
            None if reader.is_behind() || self.last.read.elapsed() >= POLL_INTERVAL => {
                reader.read_page(self.sender.sent()).await?
            }
            None => return Ok(()),
        };
        self.last.read = Instant::now();
        self.sender.set_events(events);
        Ok(())
    }

    /// Whether the batches of the writer are not sent yet, because more may arrive that can be sent with them.
    fn is_collecting(&mut self, reader: &mut LogReader) -> bool {
        reader.collect();
        let since = reader.waiting_since();
        if let Some(closed_at) = self.closed_at.take_if(|closed_at| since.is_none_or(|since| since > *closed_at)) {
            self.window.forwarded(closed_at);
        }
        let Some(since) = since else { return false };
        let now = Instant::now();
        let is_due = reader.is_behind() || reader.is_full() || now >= self.window.closes_at(since);
        if self.closed_at.is_none() && is_due {
            self.closed_at = Some(now);
        }
        self.closed_at.is_none()
    }

    fn renew_at(&self) -> Instant {
        self.lease_until - self.checkpoint.lease() * 2 / 3
    }

    /// When acknowledged events are saved. One save is enough for all events that were sent together.
    fn save_due_at(&self) -> Instant {
        self.last.save_started + if self.sender.is_drained() { SAVE_INTERVAL } else { SAVE_INTERVAL_MAX }
    }

    /// The next instant at which there is work to do without any other trigger.
    fn next_deadline(&self, reader: &LogReader) -> Instant {
        let now = Instant::now();
        let mut next = now + STEP_INTERVAL;
        if self.save.is_none() {
            next = next.min(self.renew_at());
            let save_due_at = self.save_due_at();
            if save_due_at > now && !self.is_up_to_date() {
                next = next.min(save_due_at);
            }
        }
        if self.sender.needs_events() {
            next = next.min(match reader.waiting_since() {
                Some(since) => self.window.closes_at(since).min(now + COLLECT_INTERVAL),
                None => self.last.read + POLL_INTERVAL,
            });
        }
        next
    }
}
