//! The received rows of bulk imports, in chunks of whole rows. They are stored before the bulk import is accepted and deleted when it ends.

use std::time::Duration;

use uuid::Uuid;

use super::database::{Error, Store};

/// Consecutive whole rows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Chunk {
    /// Number of the first row, starting at 1.
    pub first_row: u32,
    /// Line on which the chunk starts, starting at 1.
    pub first_line: u32,
    /// The rows with their line breaks.
    pub bytes: Vec<u8>,
}

impl Store {
    /// Stores rows of an upload.
    pub async fn put_chunk(&self, import: Uuid, chunk: &Chunk) -> Result<(), Error> {
        let insert = "insert into import_chunks (import_id, first_row, first_line, bytes) values ($1, $2, $3, $4)";
        let query = sqlx::query(insert)
            .bind(import)
            .bind(i32::try_from(chunk.first_row).unwrap_or(i32::MAX))
            .bind(i32::try_from(chunk.first_line).unwrap_or(i32::MAX))
            .bind(&chunk.bytes);
        query.execute(&self.database).await.map_err(Error::database("storing rows of a bulk import"))?;
        Ok(())
    }

    /// The chunk that contains a row.
    pub async fn chunk_with(&self, import: Uuid, row: u32) -> Result<Option<Chunk>, Error> {
        const FIND: &str = "
            select first_row, first_line, bytes from import_chunks
            where import_id = $1 and first_row <= $2
            order by first_row desc limit 1";
        let found = sqlx::query_as::<_, (i32, i32, Vec<u8>)>(FIND)
            .bind(import)
            .bind(i32::try_from(row).unwrap_or(i32::MAX))
            .fetch_optional(&self.database)
            .await
            .map_err(Error::database("reading rows of a bulk import"))?;
        Ok(found.map(|(first_row, first_line, bytes)| Chunk {
            first_row: first_row.unsigned_abs(),
            first_line: first_line.unsigned_abs(),
            bytes,
        }))
    }

    /// Deletes the rows of an incomplete upload; the rows of an accepted bulk import are kept. Must not be called while the bulk import may be
    /// in the process of being accepted, which this statement cannot see.
    pub async fn drop_chunks(&self, import: Uuid) -> Result<(), Error> {
        const DROP: &str = "
            delete from import_chunks where import_id = $1 and not exists (select from imports where id = $1)";
        let query = sqlx::query(DROP).bind(import);
        query.execute(&self.database).await.map_err(Error::database("deleting an upload"))?;
        Ok(())
    }

    /// Deletes aborted uploads: rows older than this without a bulk import.
    pub async fn drop_broken_uploads(&self, older_than: Duration) -> Result<(), Error> {
        const DROP: &str = "
            delete from import_chunks c
            where import_id < $1 and not exists (select from imports i where i.id = c.import_id)";
        let since = std::time::SystemTime::now().checked_sub(older_than).unwrap_or(std::time::UNIX_EPOCH);
        let age = since.duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
        let bound = uuid::Builder::from_unix_timestamp_millis(age.as_millis() as u64, &[0; 10]).into_uuid();
        let query = sqlx::query(DROP).bind(bound);
        query.execute(&self.database).await.map_err(Error::database("deleting aborted uploads"))?;
        Ok(())
    }
}
