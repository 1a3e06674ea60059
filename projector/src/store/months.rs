//! Creates the monthly partitions of tables before rows are written to them.

use std::collections::HashSet;

use chrono::{DateTime, Datelike, Months as MonthCount, Utc};
use sqlx::PgConnection;

/// Maximum number of remembered months, so that wrong instants cannot fill the memory; asking PostgreSQL again is
/// cheap.
const KNOWN_MAX: usize = 10_000;

/// The months that are known to exist.
#[derive(Debug, Default)]
pub struct Months {
    known: HashSet<(&'static str, i32, u32)>,
}

impl Months {
    /// Creates the months, given as table and any instant in the month, that are not known to exist.
    pub async fn ensure(
        &mut self,
        connection: &mut PgConnection,
        needed: &[(&'static str, DateTime<Utc>)],
    ) -> sqlx::Result<()> {
        for (table, instant) in needed {
            let month = (*table, instant.year(), instant.month());
            if self.known.contains(&month) {
                continue;
            }
            match create(connection, table, *instant).await {
                // Another session created the month at the same moment; the second attempt sees the month.
                Err(error) if is_duplicate(&error) => create(connection, table, *instant).await?,
                created => created?,
            }
            if self.known.len() >= KNOWN_MAX {
                self.known.clear();
            }
            self.known.insert(month);
        }
        Ok(())
    }

    /// Creates the current and the next month, so that no batch has to wait at the beginning of a month.
    pub async fn ensure_ahead(
        &mut self,
        connection: &mut PgConnection,
        tables: &[&'static str],
        now: DateTime<Utc>,
    ) -> sqlx::Result<()> {
        let next = now.checked_add_months(MonthCount::new(1)).unwrap_or(now);
        let needed: Vec<_> = tables.iter().flat_map(|table| [(*table, now), (*table, next)]).collect();
        self.ensure(connection, &needed).await
    }

    /// Forgets the known months, because an operator may have detached one.
    pub fn forget(&mut self) {
        self.known.clear();
    }
}

/// Creates a month in its own statement, outside the transaction of the batch.
async fn create(connection: &mut PgConnection, table: &str, instant: DateTime<Utc>) -> sqlx::Result<()> {
    sqlx::query("select ensure_month($1, $2)").bind(table).bind(instant).execute(connection).await.map(|_| ())
}

/// SQLSTATE 42P07, duplicate table.
fn is_duplicate(error: &sqlx::Error) -> bool {
    error.as_database_error().is_some_and(|error| error.code().as_deref() == Some("42P07"))
}
