//! Creates the monthly partitions of tables before rows are written to them.

use std::collections::HashSet;

use chrono::{DateTime, Utc};
use sqlx::{AssertSqlSafe, PgConnection};

use crate::frame::month::Month;
use crate::frame::schema::TableSchema;

/// Maximum number of remembered months, so that wrong instants cannot fill the memory; asking PostgreSQL again is
/// cheap.
const KNOWN_MAX: usize = 10_000;

/// The months of a generation's tables, and which of them are known to exist.
#[derive(Debug)]
pub struct Months {
    /// The tables that are partitioned by month.
    tables: Vec<TableSchema>,
    known: HashSet<(&'static str, Month)>,
}

impl Months {
    /// The months of these tables; no month is known to exist yet.
    pub fn of(tables: Vec<TableSchema>) -> Months {
        let tables = tables.into_iter().filter(|table| table.partitioned_by.is_some()).collect();
        Months { tables, known: HashSet::new() }
    }

    /// Creates the months, given as table and any instant in the month, that are not known to exist.
    pub async fn ensure(
        &mut self,
        connection: &mut PgConnection,
        needed: &[(&'static str, DateTime<Utc>)],
    ) -> sqlx::Result<()> {
        for (name, instant) in needed {
            let month = Month::of(*instant);
            let Some(table) = self.tables.iter().find(|table| table.name == *name) else { continue };
            if self.known.contains(&(*name, month)) {
                continue;
            }
            // In its own statement, outside the transaction of the batch. Safe because the text is composed of literals of
            // this program and the number of a month.
            sqlx::raw_sql(AssertSqlSafe(table.ensure_month(month))).execute(&mut *connection).await?;
            if self.known.len() >= KNOWN_MAX {
                self.known.clear();
            }
            self.known.insert((table.name, month));
        }
        Ok(())
    }

    /// Creates the current and the next month, so that no batch has to wait at the beginning of a month.
    pub async fn ensure_ahead(&mut self, connection: &mut PgConnection, now: DateTime<Utc>) -> sqlx::Result<()> {
        let coming = [now, Month::of(now).next().begin()];
        let needed: Vec<_> = self.tables.iter().flat_map(|table| coming.map(|instant| (table.name, instant))).collect();
        self.ensure(connection, &needed).await
    }

    /// Forgets the known months, because an operator may have detached one.
    pub fn forget(&mut self) {
        self.known.clear();
    }
}
