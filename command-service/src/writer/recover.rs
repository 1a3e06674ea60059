//! Failures of a batch: whatever happened, every caller gets a true reply.

use std::time::Duration;

use events::StreamId;

use super::Writer;
use super::batch::{Batch, Failure};
use super::request::Reply;
use super::submission::{Group, reply_all};

/// Attempts to append a batch before its callers get the reply that the outcome is unknown: with the pauses between the attempts,
/// and a connection that cannot be established each time, eleven seconds, so that the reply comes before the requests time out.
const ATTEMPTS: usize = 8;

/// Pause before the next attempt when the log did not answer; doubled each time, up to the longest.
const FIRST_PAUSE: Duration = Duration::from_millis(50);
const LONGEST_PAUSE: Duration = Duration::from_millis(1_600);

/// The attempts to append one batch.
struct Attempts {
    pause: Duration,
    /// Number of known keys and claims when a key or a claim was found to be taken last.
    known_when_taken: Option<usize>,
    was_conflicting: bool,
}

/// What to do with a batch after a failure.
enum Next {
    Retry,
    /// Wait first, because the log did not answer.
    RetryAfterPause,
    /// Find the command whose data PostgreSQL refuses.
    Isolate,
}

impl Writer {
    /// Handles the failure of a batch until every command has its reply.
    pub(super) async fn recover(&mut self, batch: Batch, failure: Failure) {
        if let Some(refused) = self.retry(batch, failure).await {
            self.isolate_refused(refused).await;
        }
    }

    /// Splits groups that PostgreSQL refuses into halves, until the group that it refuses stands alone.
    async fn isolate_refused(&mut self, refused: Vec<Group>) {
        let mut parts = vec![refused];
        while let Some(mut groups) = parts.pop() {
            if groups.len() == 1 {
                reply_all(groups, &Reply::Unreadable);
                continue;
            }
            let rest = groups.split_off(groups.len() / 2);
            for half in [groups, rest] {
                let mut batch = Batch::part(half);
                batch.lookups.commands = self.derived.lookup_batches > 0;
                if let Err(failure) = self.process(&mut batch).await {
                    parts.extend(self.retry(batch, failure).await);
                }
            }
        }
    }

    /// Retries a batch until it is appended; returns its commands if PostgreSQL refuses their data.
    async fn retry(&mut self, mut batch: Batch, mut failure: Failure) -> Option<Vec<Group>> {
        let mut attempts = Attempts { pause: FIRST_PAUSE, known_when_taken: None, was_conflicting: false };
        for attempts_left in (0..ATTEMPTS).rev() {
            match self.handle(&mut batch, failure, &mut attempts) {
                Next::Retry => {}
                Next::RetryAfterPause => {
                    // The lock is dropped with its connection, because the log may not answer.
                    self.access.drop_lock();
                    if attempts_left > 0 {
                        tokio::time::sleep(attempts.pause).await;
                    }
                    attempts.pause = LONGEST_PAUSE.min(attempts.pause * 2);
                }
                Next::Isolate => return Some(batch.waiting),
            }
            self.follower.expect_changes();
            if attempts_left == 0 {
                break;
            }
            match self.process(&mut batch).await {
                Ok(()) => return None,
                Err(next) => failure = next,
            }
        }
        reply_all(batch.waiting, &Reply::Unknown);
        None
    }

    /// Undoes the batch and prepares the next attempt.
    fn handle(&mut self, batch: &mut Batch, failure: Failure, attempts: &mut Attempts) -> Next {
        self.derived.world.roll_back();
        self.next.undo();
        let commands = batch.decided.as_ref().map_or(0, |decided| decided.decisions.len());
        let rows = batch.undo();
        match failure {
            Failure::Overtaken => {
                self.access.overtaken();
                Next::Retry
            }
            Failure::Outdated => Next::Retry,
            // The lookup after the last attempt found no key or claim that explains the failure.
            Failure::Taken if attempts.known_when_taken == Some(batch.known.len()) => Next::Isolate,
            Failure::Taken => {
                attempts.known_when_taken = Some(batch.known.len());
                batch.lookups.commands = true;
                batch.lookups.claims = rows.into_iter().filter_map(|row| row.claim).collect();
                Next::Retry
            }
            Failure::Conflicting(error) => {
                tracing::error!(
                    commands,
                    error = &error as &dyn std::error::Error,
                    "the log does not match the streams in memory; loading the streams again"
                );
                let streams: Vec<StreamId> = rows.into_iter().map(|row| row.stream).collect();
                streams.iter().for_each(|stream| self.derived.world.forget(stream));
                if std::mem::replace(&mut attempts.was_conflicting, true) {
                    return Next::Isolate;
                }
                batch.lookups.commands = true;
                Next::Retry
            }
            Failure::Refused(error) => {
                tracing::error!(
                    commands,
                    error = &error as &dyn std::error::Error,
                    "PostgreSQL refuses the data of a batch; isolating the command"
                );
                Next::Isolate
            }
            Failure::OutcomeUnknown(error) => {
                self.follower.failed(&error);
                tracing::warn!(
                    commands,
                    error = &error as &dyn std::error::Error,
                    "the response to an append was lost; looking up its outcome in the log"
                );
                batch.lookups.commands = true;
                Next::RetryAfterPause
            }
            Failure::Unreachable(error) => {
                self.follower.failed(&error);
                batch.lookups.commands = true;
                Next::RetryAfterPause
            }
        }
    }
}
