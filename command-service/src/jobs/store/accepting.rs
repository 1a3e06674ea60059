//! Queues bulk imports, once per idempotency key. The key is kept after the job is deleted.

use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::super::import::{Import, ImportOptions, JobState, Rows};
use super::super::task;
use super::database::{Error, Store};

/// A completely received bulk import.
#[derive(Debug, Clone)]
pub struct New {
    /// Id; the rows are stored under this id already.
    pub id: Uuid,
    /// Options of the bulk import.
    pub options: ImportOptions,
    /// The idempotency key as an id.
    pub key: Uuid,
    /// SHA-256 of options and body.
    pub digest: Vec<u8>,
    /// Header row of a CSV file.
    pub header: Option<Vec<u8>>,
    /// Number of rows.
    pub rows: u32,
    /// Size of the rows in bytes, decompressed.
    pub bytes: u64,
}

/// Result of accepting a bulk import.
#[derive(Debug)]
pub enum Accepted {
    /// The job is queued.
    Queued(Box<Import>),
    /// An earlier request with this key created the job.
    Known(Box<Import>),
    /// An earlier request with this key created the job with this id, which has been deleted.
    Forgotten(Uuid),
    /// The key was used for another bulk import.
    KeyReused,
}

impl New {
    fn queued(&self, created_at: DateTime<Utc>) -> Import {
        let total = i32::try_from(self.rows).unwrap_or(i32::MAX);
        Import {
            id: self.id,
            options: self.options,
            header: self.header.clone(),
            state: JobState::Queued,
            is_dead: false,
            phase: self.options.first_phase(),
            cancel_requested: false,
            rows: Rows { total, ..Rows::default() },
            attempt: 0,
            error: None,
            created_at,
            started_at: None,
            finished_at: None,
        }
    }
}

impl Store {
    /// Queues a bulk import whose rows are stored, unless its key is known. After an error the job may be queued, so its rows must be kept.
    pub async fn accept(&self, new: &New) -> Result<Accepted, Error> {
        const ACCEPT: &str = "
            with accepted as (
                insert into imports (id, kind, format, on_error, stock, dry_run, key, digest, header, rows_total, bytes, phase)
                values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)
                on conflict (key) do nothing
                returning id, created_at
            )
            select (jobs.add_job($13, json_build_object('import', id), job_key => id::text, max_attempts => $14)).id, created_at
            from accepted";
        let queued = sqlx::query_as::<_, (i64, DateTime<Utc>)>(ACCEPT)
            .bind(new.id)
            .bind(new.options.kind.as_str())
            .bind(new.options.format.as_str())
            .bind(new.options.on_error.as_str())
            .bind(new.options.stock.as_str())
            .bind(new.options.dry_run)
            .bind(new.key)
            .bind(&new.digest)
            .bind(&new.header)
            .bind(i32::try_from(new.rows).unwrap_or(i32::MAX))
            .bind(i64::try_from(new.bytes).unwrap_or(i64::MAX))
            .bind(new.options.first_phase().as_str())
            .bind(task::NAME)
            .bind(task::ATTEMPTS_MAX)
            .fetch_optional(&self.database)
            .await
            .map_err(Error::database("queueing a bulk import"))?;
        match queued {
            Some((_, created_at)) => Ok(Accepted::Queued(Box::new(new.queued(created_at)))),
            None => self.known(new).await,
        }
    }

    async fn known(&self, new: &New) -> Result<Accepted, Error> {
        let known = sqlx::query_as::<_, (Uuid, Vec<u8>)>("select id, digest from imports where key = $1")
            .bind(new.key)
            .fetch_optional(&self.database)
            .await
            .map_err(Error::database("looking up the key of a bulk import"))?;
        match known {
            Some((id, digest)) if digest == new.digest => {
                let found = self.find(id).await?;
                Ok(found.map_or(Accepted::Forgotten(id), |import| Accepted::Known(Box::new(import))))
            }
            Some(_) | None => Ok(Accepted::KeyReused),
        }
    }

    /// Size of the rows of bulk imports that have not ended, in bytes.
    pub async fn waiting_bytes(&self) -> Result<u64, Error> {
        const WAITING: &str =
            "select coalesce(sum(bytes), 0)::bigint from imports where state in ('queued', 'running')";
        let waiting = sqlx::query_scalar::<_, i64>(WAITING)
            .fetch_one(&self.database)
            .await
            .map_err(Error::database("measuring the waiting rows of bulk imports"))?;
        Ok(waiting.unsigned_abs())
    }
}
