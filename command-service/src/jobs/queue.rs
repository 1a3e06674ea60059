//! The job queue and its workers. Owner module of the library graphile_worker.
//!
//! The library assigns a job to one worker of any instance (`skip locked`), sends heartbeats for each worker, and assigns the jobs of a worker
//! without heartbeats to others. This module adds delays of 1, 2, 4 and 8 seconds with jitter between attempts (the library's are `e^n` without
//! jitter). An attempt that ends by a crash counts, so that a job that crashes its worker fails eventually; an attempt that ends by a shutdown
//! does not count.
//!
//! Hidden constraint: the library deletes the queue entry of a completed job by its number, whichever worker holds it by then, but lets only
//! the holder fail it. Therefore a worker that lost its job must report a failure.

use std::time::Duration;

use chrono::{TimeDelta, Utc};
use graphile_worker::{
    IntoTaskHandlerResult, Job, JobFail, JobPermanentlyFail, JobRecovery, JobRecoveryResult, SweepStaleWorkersOptions,
    TaskHandler, Worker, WorkerContext, WorkerOptions, WorkerUtils,
};
use platform::backoff::Backoff;
use platform::health::Component;
use platform::metric_names;
use serde::{Deserialize, Serialize};
use sqlx::PgPool;
use uuid::Uuid;

use super::limits::Limits;
use super::run::{Error, Runner};
use super::task;
use crate::database::{Database, timed_out};

/// Schema of the library, created by our migrations.
const SCHEMA: &str = "jobs";

/// Poll interval in the absence of notifications; bounds the delay of a retry.
const POLL: Duration = Duration::from_secs(1);

/// Heartbeat interval of a worker, and the time without heartbeats after which its jobs are assigned to others.
const HEARTBEAT: Duration = Duration::from_secs(5);
const SILENCE: Duration = Duration::from_secs(30);

/// Connections in addition to one per worker: notifications, heartbeats, the next job.
const QUEUE_CONNECTIONS: u32 = 3;

/// Time limit of the current batch during a shutdown.
const GRACE: Duration = Duration::from_secs(10);

/// Interval of deleting old jobs and queueing lost jobs again.
const UPKEEP_EVERY: Duration = Duration::from_mins(10);

/// Incomplete uploads of this age are deleted; longer than the time limit of requests.
const UPLOAD_MAX: Duration = Duration::from_hours(1);

/// The payload of a queue entry.
#[derive(Debug, Serialize, Deserialize)]
struct Entry {
    import: Uuid,
}

impl TaskHandler for Entry {
    const IDENTIFIER: &'static str = task::NAME;

    async fn run(self, context: WorkerContext) -> impl IntoTaskHandlerResult {
        let runner = context.get_ext::<Runner>().cloned().ok_or_else(|| "the worker has no runner".to_owned())?;
        let attempt = i32::from(*context.job().attempts());
        runner.work(self.import, attempt).await.map_err(|error| match error {
            Error::Stopping => STOPPING.to_owned(),
            Error::Lost => LOST.to_owned(),
            error => error.to_string(),
        })
    }
}

/// Error of an attempt that ended because of the shutdown.
const STOPPING: &str = "the process is shutting down";

/// Error of an attempt whose job another worker has claimed.
const LOST: &str = "another worker has claimed the job";

/// The workers of this process.
pub struct Queue {
    worker: Worker,
}

/// The queue is unavailable.
#[derive(Debug, thiserror::Error)]
#[error("{doing}")]
pub struct QueueError {
    doing: &'static str,
    #[source]
    source: Box<dyn std::error::Error + Send + Sync>,
}

fn failed<E: std::error::Error + Send + Sync + 'static>(doing: &'static str) -> impl FnOnce(E) -> QueueError {
    move |source| QueueError { doing, source: Box::new(source) }
}

impl Queue {
    /// Creates the workers without starting them.
    pub async fn open(pool: PgPool, runner: Runner, workers: usize) -> Result<Queue, QueueError> {
        let stop = runner.stop.clone();
        let utils = WorkerUtils::new(pool.clone(), SCHEMA);
        let (failing, dying) = (utils.clone(), utils);
        let worker = WorkerOptions::default()
            .database(pool)
            .schema(SCHEMA)
            .concurrency(workers)
            .poll_interval(POLL)
            .heartbeat_interval(HEARTBEAT)
            .sweep_interval(HEARTBEAT)
            .sweep_threshold(SILENCE)
            .recovery_delay(Duration::ZERO)
            .listen_os_shutdown_signals(false)
            .shutdown_signal(async move { stop.requested().await })
            .shutdown_grace_period(GRACE)
            .shutdown_interrupted_job_retry_delay(Duration::ZERO)
            .add_extension(runner)
            .define_job::<Entry>()
            .on(JobFail, move |failed| retry_later(failing.clone(), failed.job, failed.error))
            .on(JobPermanentlyFail, move |failed| retry_later(dying.clone(), failed.job, failed.error))
            .on(JobRecovery, |recovered| async move {
                JobRecoveryResult::Reschedule { run_at: Utc::now(), attempts: Some(*recovered.job.attempts()) }
            })
            .init()
            .await
            .map_err(failed("opening the job queue"))?;
        Ok(Queue { worker })
    }

    /// Executes every job that is due, then returns. Must not be used during a shutdown: its claimed jobs would stay locked.
    pub async fn step(&self) -> Result<(), QueueError> {
        self.worker.run_once().await.map_err(failed("executing jobs"))
    }

    /// Executes jobs until the shutdown is requested.
    pub async fn run(&self) -> Result<(), QueueError> {
        self.worker.run().await.map_err(failed("executing jobs"))
    }

    /// Assigns the jobs of workers without heartbeats for this time to others.
    pub async fn recover(&self, silence: Duration) -> Result<(), QueueError> {
        let options =
            SweepStaleWorkersOptions { sweep_threshold: Some(silence), ..SweepStaleWorkersOptions::default() };
        let swept = self.worker.create_utils().sweep_stale_workers(options).await;
        swept.map(drop).map_err(failed("recovering the jobs of dead workers"))
    }
}

/// Sets the time of the next attempt of a failed job. If this fails, the delay of the library applies.
async fn retry_later(utils: WorkerUtils, job: std::sync::Arc<Job>, error: String) {
    if error.contains(LOST) {
        // The worker that holds the job decides about the entry.
        return;
    }
    let (attempts, is_stopping) = (*job.attempts(), error.contains(STOPPING));
    let (attempts, wait) = match is_stopping {
        true => (attempts - 1, Duration::ZERO),
        false => (attempts, wait_after(attempts)),
    };
    if !is_stopping {
        metrics::counter!(metric_names::IMPORT_FAILURES_TOTAL).increment(1);
    }
    let run_at = Utc::now() + TimeDelta::from_std(wait).unwrap_or_default();
    let options = graphile_worker::worker_utils::types::RescheduleJobOptions {
        run_at: Some(run_at),
        attempts: Some(attempts),
        ..Default::default()
    };
    if let Err(error) = utils.reschedule_jobs(&[*job.id()], options).await {
        tracing::warn!(
            job.id = job.id(),
            error = &error as &dyn std::error::Error,
            "cannot set the time of a job's next attempt"
        );
    }
}

/// 1, 2, 4, 8 … seconds, each ± 25 %, so that jobs that failed together are not retried together.
fn wait_after(attempts: i16) -> Duration {
    let doublings = u32::from(attempts.unsigned_abs()).saturating_sub(1).min(10);
    Duration::from_secs(1 << doublings).mul_f64(0.75 + fastrand::f64() / 2.0)
}

/// Executes jobs until the shutdown is requested, and retries while the database is unavailable.
pub async fn run(database: Database, runner: Runner, limits: Limits, health: Component) {
    let stop = runner.stop.clone();
    let keeping_up = tokio::spawn(keep_up(runner.clone(), limits.retention));
    let mut backoff = Backoff::new();
    while !stop.is_requested() {
        match work(&database, &runner, limits.workers, &health).await {
            Ok(()) => backoff.reset(),
            Err(error) => {
                tracing::warn!(error = &error as &dyn std::error::Error, "job queue unavailable; retrying");
                health.down(error.to_string());
                stop.unless_requested(tokio::time::sleep(backoff.next_delay())).await;
            }
        }
    }
    // The upkeep task ends with the shutdown.
    let _ = keeping_up.await;
}

/// The library waits for the database without a time limit. If the database does not respond, the library's worker and its connections are
/// dropped, and the next attempt uses new ones.
async fn work(database: &Database, runner: &Runner, workers: usize, health: &Component) -> Result<(), QueueError> {
    let connections = QUEUE_CONNECTIONS + u32::try_from(workers).unwrap_or(u32::MAX);
    let opening = Queue::open(database.separate_pool(connections), runner.clone(), workers);
    let opened = tokio::time::timeout(database.timeout(), opening).await;
    let queue = opened.map_err(|_| failed("opening the job queue")(timed_out(database.timeout())))??;
    health.up();
    tokio::select! {
        ended = queue.run() => ended,
        lost = silent(database) => Err(failed("probing the database of the job queue")(lost)),
    }
}

/// Returns when the database does not respond.
async fn silent(database: &Database) -> sqlx::Error {
    loop {
        tokio::time::sleep(HEARTBEAT).await;
        match sqlx::query("select 1").execute(database).await {
            // Without a free connection, other statements are running and will detect a failure.
            Ok(_) | Err(sqlx::Error::PoolTimedOut) => {}
            Err(error) => return error,
        }
    }
}

async fn keep_up(runner: Runner, retention: Duration) {
    loop {
        let forgotten = runner.store.forget(retention).await.map(drop);
        let dropped = runner.store.drop_broken_uploads(UPLOAD_MAX).await;
        let requeued = runner.store.requeue().await.map(warn_of_lost);
        for error in [forgotten, dropped, requeued].into_iter().filter_map(Result::err) {
            tracing::warn!(error = &error as &dyn std::error::Error, "upkeep of bulk imports failed; retrying later");
        }
        if runner.stop.unless_requested(tokio::time::sleep(UPKEEP_EVERY)).await.is_none() {
            return;
        }
    }
}

fn warn_of_lost(imports: usize) {
    if imports > 0 {
        tracing::warn!(imports, "bulk imports without an entry in the job queue; queued them again");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn delays_double_and_have_jitter() {
        for (attempts, seconds) in [(1, 1.0), (2, 2.0), (3, 4.0), (4, 8.0)] {
            let waits: Vec<f64> = (0..50).map(|_| wait_after(attempts).as_secs_f64()).collect();
            assert!(waits.iter().all(|wait| (0.75 * seconds..=1.25 * seconds).contains(wait)), "{waits:?}");
            assert!(waits.iter().any(|wait| wait != &waits[0]));
        }
    }
}
