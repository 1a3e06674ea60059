//! Rows of imports that took no effect, and why: the report that callers download.

use uuid::Uuid;

use super::{Error, KeptText, Store};

/// Rejections of a page, and bytes of rows from which on it is full; rows can be as long as that themselves.
const PAGE: (i64, i64) = (1_000, 1 << 20);

/// A row that took no effect.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct Rejection {
    /// The line of the file that it begins on.
    pub line: i32,
    /// What people know it by.
    pub key: Option<KeptText>,
    /// The kind of the problem.
    pub problem: KeptText,
    /// What is wrong and what would help.
    pub detail: KeptText,
    /// The row as it came.
    pub bytes: Vec<u8>,
}

impl Store {
    /// Rejections in the order of their lines, after this one: as many as have about a megabyte of rows together.
    pub async fn list_rejections(&self, import: Uuid, after: i32) -> Result<Vec<Rejection>, Error> {
        const LIST: &str = "
            select line, key, problem, detail, bytes
            from (
                select *, sum(octet_length(bytes)) over (order by line) - octet_length(bytes) as bytes_before
                from (
                    select * from import_rejections where import_id = $1 and line > $2 order by line limit $3
                ) next
            ) page
            where bytes_before < $4
            order by line";
        sqlx::query_as(LIST)
            .bind(import)
            .bind(after)
            .bind(PAGE.0)
            .bind(PAGE.1)
            .fetch_all(&self.database)
            .await
            .map_err(Error::database("reading an import's rejections"))
    }
}
