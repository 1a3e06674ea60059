//! Catching up with the log before a batch, and appending the batch while the next one is decided.

use std::pin::pin;
use std::task::Poll;
use std::time::Instant;

use chrono::{DateTime, SubsecRound, Utc};
use platform::metric_names;

use super::Writer;
use super::batch::{Batch, Committed, DecidedBatch, Decision, Failure, Known};
use super::write_access::Preparation;
use crate::database::during;
use crate::log::batch::{Appended, NewRow};
use crate::log::head_lock::LockedHead;

impl Writer {
    /// Reads the events that other writers appended, after acquiring the lock that this batch needs, if any. A batch that was
    /// decided ahead follows the batch before it directly, so there is nothing to read.
    pub(super) async fn catch_up(&mut self, batch: &mut Batch) -> Result<Option<LockedHead>, Failure> {
        self.follower.start_request();
        if batch.decided.is_some() {
            return Ok(None);
        }
        let restarts = self.follower.restarts();
        let head = match self.access.preparation() {
            Preparation::None => {
                self.follower.catch_up_if_behind(&mut self.derived).await?;
                None
            }
            Preparation::AcquireWriteLock => {
                self.access.acquire(self.follower.log()).await;
                let known = self.follower.head().position;
                self.follower.catch_up(&mut self.derived).await?;
                match self.follower.head().position == known {
                    true => self.access.count_quiet_batch(),
                    false => self.access.count_busy_batch(),
                }
                None
            }
            Preparation::LockHead => self.follower.lock_head(&mut self.derived).await?,
        };
        if self.follower.restarts() != restarts {
            // What was known of the keys and claims is void with the log that was replaced.
            batch.known = Known::default();
            batch.lookups.commands = true;
        }
        if self.access.is_locked() {
            self.grow(batch);
        }
        Ok(head)
    }

    /// Appends the events of the batch if the log still ends where the batch was decided. A batch without events is confirmed: its
    /// rejections are true only if the log has not changed.
    pub(super) async fn append(&mut self, batch: &Batch, head: Option<LockedHead>) -> Result<Committed, Failure> {
        let Some(decided) = batch.decided.as_ref().filter(|decided| !decided.rows.is_empty()) else {
            return self.confirm(batch.decided.as_ref(), head).await;
        };
        let clock = Utc::now().trunc_subsecs(6);
        let began = Instant::now();
        let appended = match head {
            Some(head) => head.append(self.follower.end(), clock, &decided.rows).await,
            // After the write lock is released others write, so deciding ahead would be in vain.
            None => {
                let decides_ahead = batch.max_commands > 0 && !self.access.is_over();
                self.append_working_ahead(clock, &decided.rows, decides_ahead).await
            }
        };
        metrics::histogram!(metric_names::WRITER_APPEND_SECONDS).record(began.elapsed());
        let failed = during("appending to the log");
        match appended {
            Appended::After(base, recorded_at) => {
                self.clock_check.compare(clock, recorded_at);
                Ok(Committed { base, recorded_at })
            }
            Appended::Lost => {
                metrics::counter!(metric_names::WRITER_RACES_LOST_TOTAL).increment(1);
                Err(Failure::Overtaken)
            }
            Appended::Taken => Err(Failure::Taken),
            Appended::Conflicting(error) => Err(Failure::Conflicting(failed(error))),
            Appended::Refused(error) => Err(Failure::Refused(failed(error))),
            Appended::Unknown(error) => Err(Failure::OutcomeUnknown(failed(error))),
        }
    }

    /// Appends. Meanwhile the callers of the batch before get their replies, and commands that arrive are decided: they are appended
    /// as soon as this append is complete.
    async fn append_working_ahead(&mut self, clock: DateTime<Utc>, rows: &[NewRow], decides_ahead: bool) -> Appended {
        let (log, end) = (self.follower.log().clone(), self.follower.end().clone());
        let mut appending = pin!(log.append(&end, clock, rows));
        // The first poll sends the statement.
        let appended = futures::poll!(appending.as_mut());
        self.reply();
        if let Poll::Ready(appended) = appended {
            return appended;
        }
        loop {
            let mut groups = Vec::new();
            let has_room = decides_ahead && self.next.commands < self.limits.batch;
            tokio::select! {
                biased;
                appended = &mut appending => return appended,
                open = self.inbox.receive(&mut groups, 1), if has_room => match open {
                    true => self.decide_ahead(groups),
                    false => return appending.await,
                },
            }
        }
    }

    async fn confirm(
        &mut self,
        decided: Option<&DecidedBatch>,
        head: Option<LockedHead>,
    ) -> Result<Committed, Failure> {
        let mut decisions = decided.iter().flat_map(|decided| &decided.decisions);
        let depends_on_log = decisions.any(|decision| matches!(decision, Decision::IfUnchanged(_)));
        let is_unchanged = match head {
            None if depends_on_log => self.follower.log().ends_at(self.follower.end()).await?,
            None => true,
            Some(head) => {
                head.release().await;
                true
            }
        };
        match is_unchanged {
            true => Ok(Committed { base: self.follower.head().position, recorded_at: Utc::now() }),
            false => Err(Failure::Outdated),
        }
    }
}
