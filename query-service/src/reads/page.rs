//! Pages of a list: reads one row more than the page holds, which shows whether there is a next page. Rows are not counted,
//! because counting costs more than reading the page.
//!
//! A row that this release cannot decode, because a newer release wrote it, is left out of its page, and the page says so;
//! otherwise this one row would make every page that contains it fail.

use events::LogPosition;
use platform::metric_names::QUERY_ROWS_UNREADABLE_TOTAL;
use read_model::Projection;
use sqlx::postgres::PgRow;

use crate::reads::consistency::{self, Required, Select};
use crate::reads::database::freshness::Scope;
use crate::reads::database::limits::Workload;
use crate::reads::database::routing::Database;
use crate::reads::database::statement::{FreshRows, Statement};
use crate::reads::error::Error;

/// Rows of a page.
pub struct Page<T> {
    /// The page contains every event up to this log position.
    pub contained: LogPosition,
    /// The decoded rows, in the order of the list.
    pub items: Vec<T>,
    /// Number of rows that this release cannot decode.
    pub left_out: usize,
    /// The key of the last row, if there is a next page.
    pub next_after: Option<Vec<u8>>,
}

/// Where and how a page is read.
#[derive(Clone, Copy)]
pub struct PageRead<'a> {
    /// The databases.
    pub database: &'a Database,
    /// The consistency that the reader requires.
    pub required: Option<&'a Required>,
    /// Maximum number of rows on the page.
    pub limit: u16,
    /// The projection that writes the rows.
    pub projection: Projection,
    /// The streams that the page depends on.
    pub scope: &'a Scope,
}

impl PageRead<'_> {
    /// The `limit` of the select: one row more than the page holds.
    pub fn select_limit(&self) -> i64 {
        i64::from(self.limit) + 1
    }

    /// Reads the page. `select` adds the select, `decode` decodes a row, `key` is the sort key of a row.
    pub async fn read<T>(
        &self,
        select: Select<'_>,
        decode: impl Fn(&PgRow) -> sqlx::Result<T>,
        key: impl Fn(&PgRow) -> sqlx::Result<Vec<u8>>,
    ) -> Result<Page<T>, Error> {
        let FreshRows { freshness, rows } = self.select(select).await?;
        self.page(freshness.contained(), rows, decode, key)
    }

    /// Reads the page from a range and the ones after it, until it is full; `select` adds the select for a range. The ranges are
    /// in the order of the list, and no row moves from one to another, so the page contains every event up to the earliest
    /// position of its parts.
    pub async fn read_ranges<R: Sync, T>(
        &self,
        first: &R,
        rest: &[R],
        select: impl Fn(&R, &mut Statement) + Sync,
        decode: impl Fn(&PgRow) -> sqlx::Result<T>,
        key: impl Fn(&PgRow) -> sqlx::Result<Vec<u8>>,
    ) -> Result<Page<T>, Error> {
        let FreshRows { freshness, mut rows } = self.select(&|statement| select(first, statement)).await?;
        let mut contained = freshness.contained();
        for range in rest {
            if rows.len() > usize::from(self.limit) {
                break;
            }
            let found = self.select(&|statement| select(range, statement)).await?;
            contained = contained.min(found.freshness.contained());
            rows.extend(found.rows);
        }
        self.page(contained, rows, decode, key)
    }

    async fn select(&self, select: Select<'_>) -> Result<FreshRows, Error> {
        let PageRead { database, required, projection, scope, .. } = *self;
        consistency::read(database, Workload::List, required, projection, scope, select).await
    }

    fn page<T>(
        &self,
        contained: LogPosition,
        mut rows: Vec<PgRow>,
        decode: impl Fn(&PgRow) -> sqlx::Result<T>,
        key: impl Fn(&PgRow) -> sqlx::Result<Vec<u8>>,
    ) -> Result<Page<T>, Error> {
        let limit = usize::from(self.limit);
        let has_next = rows.len() > limit;
        rows.truncate(limit);
        let (items, left_out) = keep_decoded(self.projection.name(), rows.iter().map(decode));
        let next_after = rows.last().filter(|_| has_next).map(key).transpose()?;
        Ok(Page { contained, items, left_out, next_after })
    }
}

/// The rows that could be decoded, and the number of the others, which is reported; `source` is the projection, or the log.
pub(super) fn keep_decoded<T>(source: &'static str, rows: impl Iterator<Item = sqlx::Result<T>>) -> (Vec<T>, usize) {
    let (decoded, failed): (Vec<_>, Vec<_>) = rows.partition(Result::is_ok);
    report_left_out(source, &failed);
    (decoded.into_iter().flatten().collect(), failed.len())
}

fn report_left_out<T>(source: &'static str, failed: &[sqlx::Result<T>]) {
    let Some(Err(error)) = failed.first() else { return };
    metrics::counter!(QUERY_ROWS_UNREADABLE_TOTAL, "projection" => source).increment(failed.len() as u64);
    tracing::error!(
        projection = source,
        rows = failed.len(),
        %error,
        "rows that this release cannot decode are left out of a page; deploy the release that wrote these rows"
    );
}
