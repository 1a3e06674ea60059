//! Makes the month partitions that rows need, before they are written.

use std::collections::HashSet;

use chrono::{DateTime, Datelike, Months as MonthCount, Utc};
use sqlx::PgConnection;

/// Known months are forgotten at this number, lest garbage instants fill the memory; asking again is cheap.
const KNOWN_MAX: usize = 10_000;

/// The months that are known to be there.
#[derive(Debug, Default)]
pub struct Months {
    known: HashSet<(&'static str, i32, u32)>,
}

impl Months {
    /// Makes the months, given as table and any instant in it, that are not known to be there.
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
            match make(connection, table, *instant).await {
                // Somebody made it at the same moment, and our session did not know yet; by now it does.
                Err(error) if is_made(&error) => make(connection, table, *instant).await?,
                made => made?,
            }
            if self.known.len() >= KNOWN_MAX {
                self.known.clear();
            }
            self.known.insert(month);
        }
        Ok(())
    }

    /// Makes this month and the next one, so that no batch has to wait for it when it begins.
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

    /// Forgets which months are there: somebody may have detached one.
    pub fn forget(&mut self) {
        self.known.clear();
    }
}

/// Makes a month, on its own and not in the batch's transaction: a month that is made stays made.
async fn make(connection: &mut PgConnection, table: &str, instant: DateTime<Utc>) -> sqlx::Result<()> {
    sqlx::query("select ensure_month($1, $2)").bind(table).bind(instant).execute(connection).await.map(|_| ())
}

/// SQLSTATE 42P07, duplicate table.
fn is_made(error: &sqlx::Error) -> bool {
    error.as_database_error().is_some_and(|error| error.code().as_deref() == Some("42P07"))
}
