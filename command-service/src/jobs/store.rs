//! Bulk imports in PostgreSQL, one row each. An owner module of sqlx. [`database`] is the connection, [`accepting`] queues them, [`payload`] stores their rows,
//! [`rejections`] the rejected rows, [`text`] is text that PostgreSQL accepts, and [`upkeep`] deletes old data.
//!
//! Each bulk import that has not ended has an entry in the library's queue (the view `jobs.jobs`). If the entry has no attempts left, the view
//! `import_jobs` shows the job as failed until an operator retries it. The view omits deleted jobs; their rows in the table are kept, because
//! an idempotency key takes effect at most once, however late it is repeated.

mod accepting;
mod database;
mod payload;
mod rejections;
mod text;
mod upkeep;

pub use accepting::{Accepted, New};
pub use database::{Error, Store};
pub use payload::Chunk;
pub use rejections::Rejection;
pub use text::StoredText;

use chrono::{DateTime, Utc};
use serde::Deserialize;
use serde::de::IntoDeserializer;
use serde::de::value::{Error as ValueError, StrDeserializer};
use uuid::Uuid;

use super::import::{Import, ImportKind, ImportOptions, JobState, Rows};

/// Filter and page of the list of jobs.
#[derive(Debug, Clone, Copy, Default)]
pub struct Filter {
    /// Only jobs that import this kind of rows.
    pub kind: Option<ImportKind>,
    /// Only jobs in this state.
    pub state: Option<JobState>,
    /// Only jobs that were created before this one.
    pub before: Option<Uuid>,
    /// Maximum number of jobs.
    pub limit: i64,
}

/// The result of a batch of rows.
#[derive(Debug)]
pub struct Batch {
    /// Number of rows read before the batch, and including the batch.
    pub read: (i32, i32),
    /// Number of rows of the batch that were applied.
    pub applied: i32,
    /// The rejected rows of the batch.
    pub rejections: Vec<Rejection>,
}

/// Result of saving progress, which requires that the worker still holds the job.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Saved {
    /// Saved; the worker holds the job.
    Mine,
    /// Saved; the cancellation of the job was requested.
    Cancel,
    /// Not saved: another worker has claimed the job, or the job has ended.
    Lost,
}

/// A row of the view `import_jobs`.
#[derive(sqlx::FromRow)]
struct Stored {
    id: Uuid,
    kind: String,
    format: String,
    on_error: String,
    stock: String,
    dry_run: bool,
    header: Option<Vec<u8>>,
    state: String,
    is_dead: bool,
    phase: String,
    cancel_requested: bool,
    rows_total: i32,
    rows_read: i32,
    rows_applied: i32,
    rows_rejected: i32,
    attempt: i32,
    error: Option<String>,
    created_at: DateTime<Utc>,
    started_at: Option<DateTime<Utc>>,
    finished_at: Option<DateTime<Utc>>,
}

impl TryFrom<Stored> for Import {
    type Error = Error;

    fn try_from(row: Stored) -> Result<Import, Error> {
        let options = ImportOptions {
            kind: word(&row.kind)?,
            format: word(&row.format)?,
            on_error: word(&row.on_error)?,
            stock: word(&row.stock)?,
            dry_run: row.dry_run,
        };
        Ok(Import {
            id: row.id,
            options,
            header: row.header,
            state: word(&row.state)?,
            is_dead: row.is_dead,
            phase: word(&row.phase)?,
            cancel_requested: row.cancel_requested,
            rows: Rows {
                total: row.rows_total,
                read: row.rows_read,
                applied: row.rows_applied,
                rejected: row.rows_rejected,
            },
            attempt: row.attempt,
            error: row.error,
            created_at: row.created_at,
            started_at: row.started_at,
            finished_at: row.finished_at,
        })
    }
}

fn word<'de, T: Deserialize<'de>>(text: &'de str) -> Result<T, ValueError> {
    let word: StrDeserializer<'de, ValueError> = text.into_deserializer();
    T::deserialize(word)
}

impl Store {
    /// The bulk import with this id.
    pub async fn find(&self, id: Uuid) -> Result<Option<Import>, Error> {
        let query = sqlx::query_as::<_, Stored>("select * from import_jobs where id = $1").bind(id);
        let found = query.fetch_optional(&self.database).await.map_err(Error::database("reading a bulk import"))?;
        found.map(Import::try_from).transpose()
    }

    /// Bulk imports, newest first.
    pub async fn list(&self, filter: Filter) -> Result<Vec<Import>, Error> {
        const LIST: &str = "
            select * from import_jobs
            where ($1::text is null or kind = $1) and ($2::text is null or state = $2) and ($3::uuid is null or id < $3)
            order by id desc
            limit $4";
        let found = sqlx::query_as::<_, Stored>(LIST)
            .bind(filter.kind.map(ImportKind::as_str))
            .bind(filter.state.map(JobState::as_str))
            .bind(filter.before)
            .bind(filter.limit)
            .fetch_all(&self.database)
            .await
            .map_err(Error::database("listing bulk imports"))?;
        found.into_iter().map(Import::try_from).collect()
    }

    /// Claims a job, also from the worker that held it before; `None` if the job has ended.
    pub async fn claim(&self, id: Uuid, claim: Uuid, attempt: i32) -> Result<Option<Import>, Error> {
        const CLAIM: &str = "
            update imports
            set state = 'running', claim = $2, attempt = $3, started_at = coalesce(started_at, now()), error = null
            where id = $1 and state in ('queued', 'running')";
        let claimed = sqlx::query(CLAIM)
            .bind(id)
            .bind(claim)
            .bind(attempt)
            .execute(&self.database)
            .await
            .map_err(Error::database("claiming a bulk import"))?;
        match claimed.rows_affected() {
            0 => Ok(None),
            _ => self.find(id).await,
        }
    }

    /// Saves the rejections of a batch and the progress of the job in one statement.
    pub async fn save(&self, id: Uuid, claim: Uuid, batch: &Batch) -> Result<Saved, Error> {
        const SAVE: &str = "
            with moved as (
                update imports
                set rows_read = $4, rows_applied = rows_applied + $5, rows_rejected = rows_rejected + cardinality($6::int[])
                where id = $1 and claim = $2 and rows_read = $3 and state = 'running'
                returning cancel_requested
            ), reported as (
                insert into import_rejections (import_id, line, key, problem, detail, bytes)
                select $1, r.*
                from moved, unnest($6::int[], $7::text[], $8::text[], $9::text[], $10::bytea[]) as r
                on conflict do nothing
            )
            select cancel_requested from moved";
        let (before, after) = batch.read;
        let rejections = &batch.rejections;
        let moved = sqlx::query_scalar::<_, bool>(SAVE)
            .bind(id)
            .bind(claim)
            .bind(before)
            .bind(after)
            .bind(batch.applied)
            .bind(rejections.iter().map(|r| r.line).collect::<Vec<_>>())
            .bind(rejections.iter().map(|r| r.key.as_ref()).collect::<Vec<_>>())
            .bind(rejections.iter().map(|r| &r.problem).collect::<Vec<_>>())
            .bind(rejections.iter().map(|r| &r.detail).collect::<Vec<_>>())
            .bind(rejections.iter().map(|r| r.bytes.as_slice()).collect::<Vec<_>>())
            .fetch_optional(&self.database)
            .await
            .map_err(Error::database("saving the progress of a bulk import"))?;
        Ok(match moved {
            Some(false) => Saved::Mine,
            Some(true) => Saved::Cancel,
            None => Saved::Lost,
        })
    }

    /// Starts the phase `apply` with the first row, after all rows were checked.
    pub async fn begin_to_apply(&self, id: Uuid, claim: Uuid) -> Result<Saved, Error> {
        const APPLY: &str = "
            update imports set phase = 'apply', rows_read = 0
            where id = $1 and claim = $2 and state = 'running' and phase = 'check'
            returning cancel_requested";
        let moved = sqlx::query_scalar::<_, bool>(APPLY)
            .bind(id)
            .bind(claim)
            .fetch_optional(&self.database)
            .await
            .map_err(Error::database("starting to apply a bulk import"))?;
        Ok(match moved {
            Some(false) => Saved::Mine,
            Some(true) => Saved::Cancel,
            None => Saved::Lost,
        })
    }

    /// Ends a job and deletes its rows.
    pub async fn finish(&self, id: Uuid, claim: Uuid, state: JobState, error: Option<&str>) -> Result<Saved, Error> {
        const FINISH: &str = "
            with ended as (
                update imports set state = $3, error = $4, finished_at = now()
                where id = $1 and claim = $2 and state = 'running'
                returning id
            ), rows as (
                delete from import_chunks using ended where import_id = ended.id
            )
            select count(*) from ended";
        let ended = sqlx::query_scalar::<_, i64>(FINISH)
            .bind(id)
            .bind(claim)
            .bind(state.as_str())
            .bind(error.map(StoredText::from))
            .fetch_one(&self.database)
            .await
            .map_err(Error::database("ending a bulk import"))?;
        Ok(if ended > 0 { Saved::Mine } else { Saved::Lost })
    }

    /// Saves the error of a failed attempt.
    pub async fn attempt_failed(&self, id: Uuid, claim: Uuid, error: &str) -> Result<(), Error> {
        let query = sqlx::query("update imports set error = $3 where id = $1 and claim = $2 and state = 'running'")
            .bind(id)
            .bind(claim)
            .bind(StoredText::from(error));
        query.execute(&self.database).await.map_err(Error::database("saving the error of a bulk import"))?;
        Ok(())
    }

    /// Cancels a job: immediately if no worker executes it, otherwise after the current batch.
    pub async fn cancel(&self, id: Uuid) -> Result<(), Error> {
        const CANCEL: &str = "
            with cancelled as (
                update imports i
                set cancel_requested = true,
                    state = case when busy then state else 'cancelled' end,
                    finished_at = case when busy then finished_at else now() end
                from (
                    select exists (select from jobs.jobs where key = $1::text and locked_at is not null) as busy
                ) q
                where i.id = $1 and i.state in ('queued', 'running')
                returning i.id, i.state
            ), removed as (
                select jobs.remove_job(cancelled.id::text) from cancelled where state = 'cancelled'
            )
            delete from import_chunks using cancelled, (select count(*) from removed) r
            where import_id = cancelled.id and state = 'cancelled'";
        let query = sqlx::query(CANCEL).bind(id);
        query.execute(&self.database).await.map_err(Error::database("cancelling a bulk import"))?;
        Ok(())
    }

    /// Queues a failed job again, with all its attempts.
    pub async fn retry(&self, id: Uuid) -> Result<(), Error> {
        const RETRY: &str = "
            select jobs.reschedule_jobs(array[id], run_at => now(), attempts => 0)
            from jobs.jobs
            where key = $1::text and locked_at is null and attempts >= max_attempts";
        let query = sqlx::query(RETRY).bind(id);
        query.execute(&self.database).await.map_err(Error::database("retrying a bulk import"))?;
        Ok(())
    }
}
