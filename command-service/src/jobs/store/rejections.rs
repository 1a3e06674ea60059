//! The rejected rows of bulk imports with their problems: the content of the rejection report.

use uuid::Uuid;

use super::database::{Error, Store};
use super::text::StoredText;

/// Limits of a page: number of rejections, and bytes of rows after which no further row is added.
const PAGE: (i64, i64) = (1_000, 1 << 20);

/// A rejected row.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct Rejection {
    /// Line of the file on which the row starts.
    pub line: i32,
    /// Identifier of the row for people.
    pub key: Option<StoredText>,
    /// Slug of the problem type.
    pub problem: StoredText,
    /// Explanation, and how to correct the row.
    pub detail: StoredText,
    /// The original row.
    pub bytes: Vec<u8>,
}

impl Store {
    /// A page of rejections after this line, ordered by line, with about a megabyte of rows.
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
            .map_err(Error::database("reading the rejections of a bulk import"))
    }
}
