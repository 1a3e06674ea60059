//! Imports that have come in: queued once under their key, which stays known after the import is forgotten.

use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::super::import::{Asked, Import, Rows, State};
use super::super::queue;
use super::{Error, Store};

/// An import that came in completely.
#[derive(Debug, Clone)]
pub struct New {
    /// Its name, under which its rows are there already.
    pub id: Uuid,
    /// What is asked.
    pub asked: Asked,
    /// The idempotency key as an id.
    pub key: Uuid,
    /// SHA-256 of all that is asked.
    pub digest: Vec<u8>,
    /// The first row of a CSV file.
    pub header: Option<Vec<u8>>,
    /// How many rows there are.
    pub rows: u32,
    /// How many bytes there are, unpacked.
    pub bytes: u64,
}

/// What became of an import that came in.
#[derive(Debug)]
pub enum Accepted {
    /// It is queued.
    Queued(Box<Import>),
    /// It is there from an earlier time.
    Known(Box<Import>),
    /// It was worked at an earlier time, as the import of this name, and is forgotten.
    Forgotten(Uuid),
    /// Its key was used for another one.
    KeyReused,
}

impl New {
    fn queued(&self, created_at: DateTime<Utc>) -> Import {
        let total = i32::try_from(self.rows).unwrap_or(i32::MAX);
        Import {
            id: self.id,
            asked: self.asked,
            header: self.header.clone(),
            state: State::Queued,
            is_dead: false,
            phase: self.asked.first_phase(),
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
    /// Queues an import whose rows are there, unless its key is known. After an error the import may be queued: its rows must
    /// stay.
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
            .bind(new.asked.kind.as_str())
            .bind(new.asked.format.as_str())
            .bind(new.asked.on_error.as_str())
            .bind(new.asked.stock.as_str())
            .bind(new.asked.dry_run)
            .bind(new.key)
            .bind(&new.digest)
            .bind(&new.header)
            .bind(i32::try_from(new.rows).unwrap_or(i32::MAX))
            .bind(i64::try_from(new.bytes).unwrap_or(i64::MAX))
            .bind(new.asked.first_phase().as_str())
            .bind(queue::TASK)
            .bind(queue::ATTEMPTS_MAX)
            .fetch_optional(&self.database)
            .await
            .map_err(Error::database("queueing an import"))?;
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
            .map_err(Error::database("looking up an import's key"))?;
        match known {
            Some((id, digest)) if digest == new.digest => {
                let found = self.find(id).await?;
                Ok(found.map_or(Accepted::Forgotten(id), |import| Accepted::Known(Box::new(import))))
            }
            Some(_) | None => Ok(Accepted::KeyReused),
        }
    }

    /// Bytes of rows whose imports have not ended.
    pub async fn waiting_bytes(&self) -> Result<u64, Error> {
        const WAITING: &str =
            "select coalesce(sum(bytes), 0)::bigint from imports where state in ('queued', 'running')";
        let waiting = sqlx::query_scalar::<_, i64>(WAITING)
            .fetch_one(&self.database)
            .await
            .map_err(Error::database("counting what waits to be imported"))?;
        Ok(waiting.unsigned_abs())
    }
}
