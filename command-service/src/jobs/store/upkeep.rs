//! Periodic upkeep of bulk imports: deletes old jobs, and queues jobs again that are missing in the queue.

use std::time::Duration;

use super::super::task;
use super::database::{Error, Store};

/// Limit of jobs that are queued again at a time; far more than a failure leaves without an entry.
const REQUEUED_MAX: i64 = 1_000;

impl Store {
    /// Deletes jobs that ended or failed long ago and returns their number. Their keys are kept.
    pub async fn forget(&self, retention: Duration) -> Result<u64, Error> {
        const FORGET: &str = "
            with dead as (
                select i.id, jobs.remove_job(q.key)
                from imports i join jobs.jobs q on q.key = i.id::text
                where q.locked_at is null and q.attempts >= q.max_attempts
                    and q.updated_at < now() - make_interval(secs => $1)
            ), old as (
                update imports
                set forgotten_at = now(), finished_at = null, header = null, error = null,
                    state = case when finished_at is null then 'failed' else state end
                where forgotten_at is null
                    and (finished_at < now() - make_interval(secs => $1) or id in (select id from dead))
                returning id
            ), rows as (
                delete from import_chunks using old where import_id = old.id
            ), report as (
                delete from import_rejections using old where import_id = old.id
            )
            select count(*) from old";
        let forgotten = sqlx::query_scalar::<_, i64>(FORGET)
            .bind(retention.as_secs_f64())
            .fetch_one(&self.database)
            .await
            .map_err(Error::database("deleting old bulk imports"))?;
        Ok(forgotten.unsigned_abs())
    }

    /// Queues jobs again that have not ended and have no entry in the queue, and returns their number. No step of this service leaves such a
    /// job, but the library deletes entries regardless of the worker that holds them.
    pub async fn requeue(&self) -> Result<usize, Error> {
        const REQUEUE: &str = "
            select (jobs.add_job($1, json_build_object('import', lost.id), job_key => lost.id::text, max_attempts => $2)).id
            from (
                select i.id from imports i
                where i.state in ('queued', 'running') and not exists (select from jobs.jobs q where q.key = i.id::text)
                order by i.id limit $3
            ) lost";
        let queued = sqlx::query_scalar::<_, i64>(REQUEUE)
            .bind(task::NAME)
            .bind(task::ATTEMPTS_MAX)
            .bind(REQUEUED_MAX)
            .fetch_all(&self.database)
            .await
            .map_err(Error::database("queueing bulk imports again"))?;
        Ok(queued.len())
    }
}
