//! The queue of jobs and its workers: the library graphile_worker, whose only door this is.
//!
//! The library gives a job to one worker of any instance (`skip locked`), beats a heart for each worker and gives the jobs of one
//! whose heart stopped to others. Added here: waits of 1, 2, 4 and 8 seconds with jitter between attempts, where the
//! library's own are `e^n` without; an attempt that a crash ends counts, so that a job that kills its worker dies in the end;
//! one that ends because the process stops does not.
//!
//! What a reader cannot see: the library deletes the entry of a job that is done by its number, whoever holds it by then, while it
//! lets only the holder fail it. So a worker that lost its job fails.

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

use super::Limits;
use super::run::{Error, Runner};
use crate::database::{Database, timed_out};

/// The library's schema, made by our migrations.
const SCHEMA: &str = "jobs";

/// What a worker does with an entry.
pub(super) const TASK: &str = "import";

/// Attempts until a job is a dead letter: waits of 1, 2, 4 and 8 seconds lie between them.
pub(super) const ATTEMPTS_MAX: i32 = 5;

/// How often the queue is looked at where no notification came: bounds how late an attempt after a wait begins.
const POLL: Duration = Duration::from_secs(1);

/// How often a worker says that it lives, and the silence after which its jobs go to others.
const HEARTBEAT: Duration = Duration::from_secs(5);
const SILENCE: Duration = Duration::from_secs(30);

/// Beside one per worker: notifications, heartbeats, the next job.
const QUEUE_CONNECTIONS: u32 = 3;

/// How long the batch under way may take when the process stops.
const GRACE: Duration = Duration::from_secs(10);

/// How often old jobs are forgotten and lost ones are queued again.
const UPKEEP_EVERY: Duration = Duration::from_mins(10);

/// Uploads that are not complete after this time have broken off: longer than a request may take.
const UPLOAD_MAX: Duration = Duration::from_hours(1);

/// An entry of the queue.
#[derive(Debug, Serialize, Deserialize)]
struct Entry {
    import: Uuid,
}

impl TaskHandler for Entry {
    const IDENTIFIER: &'static str = TASK;

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

/// How an attempt ends that ends only because the process does.
const STOPPING: &str = "the process stops";

/// How an attempt ends whose job another worker has.
const LOST: &str = "another worker has the job";

/// Workers of this process on the queue.
pub struct Queue {
    worker: Worker,
}

/// Why the queue cannot be worked.
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
    /// As many workers as configured, not yet at work.
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
            .map_err(failed("opening the queue of jobs"))?;
        Ok(Queue { worker })
    }

    /// Works every job that is due, then returns. Not for a process that stops: it leaves what it has taken locked.
    pub async fn step(&self) -> Result<(), QueueError> {
        self.worker.run_once().await.map_err(failed("working the queue of jobs"))
    }

    /// Works jobs as they come, until asked to stop.
    pub async fn run(&self) -> Result<(), QueueError> {
        self.worker.run().await.map_err(failed("working the queue of jobs"))
    }

    /// Gives the jobs of workers that were silent for so long to others.
    pub async fn recover(&self, silence: Duration) -> Result<(), QueueError> {
        let options =
            SweepStaleWorkersOptions { sweep_threshold: Some(silence), ..SweepStaleWorkersOptions::default() };
        let swept = self.worker.create_utils().sweep_stale_workers(options).await;
        swept.map(drop).map_err(failed("recovering jobs of silent workers"))
    }
}

/// Sets when a failed job is tried again. Should this fail too, the library's own wait stands.
async fn retry_later(utils: WorkerUtils, job: std::sync::Arc<Job>, error: String) {
    if error.contains(LOST) {
        // When the entry comes up next, its owner says.
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
            "setting a job's next attempt failed"
        );
    }
}

/// 1, 2, 4, 8 … seconds, each up to a quarter more or less, so that jobs that failed together do not come back together.
fn wait_after(attempts: i16) -> Duration {
    let doublings = u32::from(attempts.unsigned_abs()).saturating_sub(1).min(10);
    Duration::from_secs(1 << doublings).mul_f64(0.75 + fastrand::f64() / 2.0)
}

/// Works the queue until asked to stop, whatever happens to the database meanwhile.
pub async fn run(database: Database, runner: Runner, limits: Limits, health: Component) {
    let stop = runner.stop.clone();
    let keeping_up = tokio::spawn(keep_up(runner.clone(), limits.retention));
    let mut backoff = Backoff::new();
    while !stop.is_requested() {
        match work(&database, &runner, limits.workers, &health).await {
            Ok(()) => backoff.reset(),
            Err(error) => {
                tracing::warn!(
                    error = &error as &dyn std::error::Error,
                    "the queue of jobs is not worked; trying again"
                );
                health.down(error.to_string());
                stop.unless_requested(tokio::time::sleep(backoff.next_delay())).await;
            }
        }
    }
    // Asked to stop, it stops.
    let _ = keeping_up.await;
}

/// The library waits for the database without a time limit. So when the database does not answer, the library's worker and its
/// connections are dropped, and the next attempt begins with new ones.
async fn work(database: &Database, runner: &Runner, workers: usize, health: &Component) -> Result<(), QueueError> {
    let connections = QUEUE_CONNECTIONS + u32::try_from(workers).unwrap_or(u32::MAX);
    let opening = Queue::open(database.separate_pool(connections), runner.clone(), workers);
    let opened = tokio::time::timeout(database.timeout(), opening).await;
    let queue = opened.map_err(|_| failed("opening the queue of jobs")(timed_out(database.timeout())))??;
    health.up();
    tokio::select! {
        ended = queue.run() => ended,
        lost = silent(database) => Err(failed("probing the database of the job queue")(lost)),
    }
}

/// Returns when the database does not answer.
async fn silent(database: &Database) -> sqlx::Error {
    loop {
        tokio::time::sleep(HEARTBEAT).await;
        match sqlx::query("select 1").execute(database).await {
            // Without a free connection others are at work, and will find out.
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
            tracing::warn!(error = &error as &dyn std::error::Error, "upkeep of imports failed; retrying later");
        }
        if runner.stop.unless_requested(tokio::time::sleep(UPKEEP_EVERY)).await.is_none() {
            return;
        }
    }
}

fn warn_of_lost(imports: usize) {
    if imports > 0 {
        tracing::warn!(imports, "imports had no entry in the job queue; queued them again");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_and_differ() {
        for (attempts, seconds) in [(1, 1.0), (2, 2.0), (3, 4.0), (4, 8.0)] {
            let waits: Vec<f64> = (0..50).map(|_| wait_after(attempts).as_secs_f64()).collect();
            assert!(waits.iter().all(|wait| (0.75 * seconds..=1.25 * seconds).contains(wait)), "{waits:?}");
            assert!(waits.iter().any(|wait| wait != &waits[0]));
        }
    }
}
