//! The worker of an instance: executes the exports of the queue, oldest first and one at a time. The workers of all instances share
//! the queue; [`super::claim`] says which one executes an export.

use std::time::{Duration, Instant};

use chrono::TimeDelta;
use platform::backoff::{Backoff, jittered};
use platform::health::Component;
use platform::shutdown::Shutdown;
use uuid::Uuid;

use super::attempt::{Attempt, Executor, Progress};
use super::claim::{Claim, End, FAILURES_MAX, RENEWAL_INTERVAL, Turn, turn};
use super::failure::{AttemptFailure, ExportError};
use super::job::{Job, Outcome, WrittenFile};
use super::jobs::Jobs;
use super::measures::{Ending, Measures};
use super::store::StoreError;

/// Interval at which an idle worker looks for exports that other instances created.
const POLL_INTERVAL: Duration = Duration::from_secs(1);
/// Bounds of the pause after the first and after every failure.
const RETRY_PAUSES: [Duration; 2] = [Duration::from_secs(1), Duration::from_secs(8)];

/// Executes exports.
pub struct Worker {
    id: Uuid,
    jobs: Jobs,
    executor: Executor,
    measures: Measures,
}

/// The result of a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// There was nothing to do.
    Idle,
    /// An attempt ended.
    Ended(Ending),
}

/// How the execution of an attempt ended.
enum Executed {
    Written(Result<WrittenFile, AttemptFailure>),
    ClaimLost,
    Stopped,
}

impl Worker {
    /// A worker for the exports of a store.
    pub fn new(jobs: Jobs, executor: Executor) -> Worker {
        Worker { id: Uuid::now_v7(), jobs, executor, measures: Measures::new() }
    }

    /// Executes exports until the service stops. An export that is being executed then is left to another worker.
    pub async fn run(self, health: Component, stop: Shutdown) {
        let mut backoff = Backoff::new();
        while !stop.is_requested() {
            let pause = match self.step(&stop).await {
                Ok(step) => {
                    health.up();
                    backoff.reset();
                    if step != Step::Idle {
                        continue;
                    }
                    jittered(POLL_INTERVAL)
                }
                Err(error) => {
                    let cause = std::error::Error::source(&error).map(|cause| format!(": {cause}"));
                    let error = format!("{error}{}", cause.unwrap_or_default());
                    if backoff.failures() == 0 {
                        tracing::warn!(error, "the store of exports is unavailable; retrying");
                    }
                    health.down(error);
                    backoff.next_delay()
                }
            };
            tokio::select! {
                () = stop.requested() => return,
                () = self.jobs.created() => {}
                () = tokio::time::sleep(pause) => {}
            }
        }
    }

    /// Executes the oldest export that no other worker executes.
    pub async fn step(&self, stop: &Shutdown) -> Result<Step, StoreError> {
        for id in self.jobs.list_queued().await? {
            // The request that creates it may not be complete yet.
            let Some(export) = self.jobs.find(id).await? else { continue };
            if export.outcome.is_some() {
                self.jobs.dequeue(id).await?;
                continue;
            }
            let latest = export.claim.as_ref().map(|(number, claim)| (*number, claim));
            match turn(latest, self.jobs.now()) {
                Turn::Wait => {}
                Turn::GiveUp(error) => {
                    self.fail(&export.job, error).await?;
                    return Ok(Step::Ended(Ending::Failed));
                }
                Turn::Begin { attempt, failures } => {
                    let Some(claim) = self.jobs.claim(id, attempt, self.id, failures).await? else { continue };
                    let attempt = Attempt { number: attempt, failures };
                    return self.attempt(&export.job, attempt, &claim, stop).await.map(Step::Ended);
                }
            }
        }
        Ok(Step::Idle)
    }

    async fn attempt(&self, job: &Job, attempt: Attempt, claim: &Claim, stop: &Shutdown) -> Result<Ending, StoreError> {
        tracing::info!(export.id = %job.id, export.attempt = attempt.number, export.format = job.format.extension(), "export started");
        let (began, progress) = (Instant::now(), Progress::default());
        self.measures.begin();
        let executed = tokio::select! {
            biased;
            written = self.executor.execute(self.jobs.store(), job, attempt, &progress) => Executed::Written(written),
            () = self.keep_claim(job, attempt, claim, &progress) => Executed::ClaimLost,
            () = stop.requested() => Executed::Stopped,
        };
        let (rows, bytes) = progress.get();
        let claim = Claim { rows, bytes, ..claim.clone() };
        let ended = self.record(job, attempt, &claim, executed).await;
        let ending = *ended.as_ref().unwrap_or(&Ending::Retried);
        self.measures.end(ending, rows, began.elapsed());
        let duration_ms = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX);
        tracing::info!(export.id = %job.id, export.attempt = attempt.number, export.rows = rows, export.bytes = bytes, duration_ms,
            outcome = ?ending, "export attempt ended");
        ended
    }

    /// Renews the claim; returns when it is lost.
    async fn keep_claim(&self, job: &Job, attempt: Attempt, claim: &Claim, progress: &Progress) {
        loop {
            tokio::time::sleep(RENEWAL_INTERVAL).await;
            let (rows, bytes) = progress.get();
            let renewed = Claim { renewed_at: self.jobs.now(), rows, bytes, ..claim.clone() };
            match self.jobs.renew(job.id, attempt.number, &renewed).await {
                Ok(true) => {}
                Ok(false) => return,
                Err(error) => {
                    tracing::warn!(export.id = %job.id, %error, "the claim of an export cannot be renewed; retrying")
                }
            }
        }
    }

    /// Records how an attempt ended.
    async fn record(
        &self,
        job: &Job,
        attempt: Attempt,
        claim: &Claim,
        executed: Executed,
    ) -> Result<Ending, StoreError> {
        match executed {
            Executed::Written(Ok(file)) => self.complete(job, file).await,
            Executed::Written(Err(failure)) => self.fail_attempt(job, attempt, claim, &failure).await,
            Executed::ClaimLost => {
                self.jobs.clear_if_deleted(job.id).await?;
                Ok(Ending::Cancelled)
            }
            Executed::Stopped => {
                self.jobs.end(job.id, attempt.number, claim, End::Released).await?;
                Ok(Ending::Released)
            }
        }
    }

    async fn complete(&self, job: &Job, file: WrittenFile) -> Result<Ending, StoreError> {
        let outcome = Outcome { finished_at: self.jobs.now(), result: Ok(file) };
        Ok(if self.jobs.finish(job.id, &outcome).await? { Ending::Complete } else { Ending::Cancelled })
    }

    async fn fail_attempt(
        &self,
        job: &Job,
        attempt: Attempt,
        claim: &Claim,
        failure: &AttemptFailure,
    ) -> Result<Ending, StoreError> {
        let is_last = !failure.may_succeed_later() || attempt.failures + 1 >= FAILURES_MAX;
        tracing::warn!(export.id = %job.id, export.attempt = attempt.number, error = %failure, is_last, "export attempt failed");
        let error = failure.error();
        let mut backoff = Backoff::between(RETRY_PAUSES[0], RETRY_PAUSES[1]).after(attempt.failures);
        let pause = TimeDelta::from_std(backoff.next_delay()).unwrap_or_default();
        let end = End::Failed { error: error.clone(), retry_at: self.jobs.now() + pause };
        self.jobs.end(job.id, attempt.number, claim, end).await?;
        match is_last {
            true => self.fail(job, error).await.map(|()| Ending::Failed),
            false => Ok(Ending::Retried),
        }
    }

    async fn fail(&self, job: &Job, error: ExportError) -> Result<(), StoreError> {
        tracing::error!(export.id = %job.id, error = error.detail, "export failed");
        let outcome = Outcome { finished_at: self.jobs.now(), result: Err(error) };
        self.jobs.finish(job.id, &outcome).await.map(|_| ())
    }
}
