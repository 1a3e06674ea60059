//! Rows of imports that took no effect, and why: the report that callers download.

use uuid::Uuid;

use super::{Error, Store};

/// A row that took no effect.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct Rejection {
    /// The line of the file that it begins on.
    pub line: i32,
    /// What people know it by.
    pub key: Option<String>,
    /// The kind of the problem.
    pub problem: String,
    /// What is wrong and what would help.
    pub detail: String,
    /// The row as it came.
    pub bytes: Vec<u8>,
}

impl Store {
    /// Rejections in the order of their lines, after this one.
    pub async fn list_rejections(&self, import: Uuid, after: i32, limit: i64) -> Result<Vec<Rejection>, Error> {
        const LIST: &str = "
            select line, key, problem, detail, bytes from import_rejections
            where import_id = $1 and line > $2
            order by line limit $3";
        sqlx::query_as(LIST)
            .bind(import)
            .bind(after)
            .bind(limit)
            .fetch_all(&self.pool)
            .await
            .map_err(Error::database("reading an import's rejections"))
    }
}
