//! The months that the tables of a generation do not show: detached and archived ones.

use anyhow::Context;
use read_model::Generation;
use sqlx::PgConnection;

use super::manifest::Manifest;
use crate::frame::month::Month;
use crate::frame::row_bytes::RowShape;
use crate::frame::schema::TableSchema;
use crate::row_checksum::RowChecksum;
use crate::store::{archived_months, run};

/// The months that the tables of a generation do not show.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AbsentMonths {
    months: Vec<AbsentMonth>,
}

/// A month that a table does not show.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AbsentMonth {
    /// Name of the table.
    pub table: &'static str,
    /// The month.
    pub month: Month,
    /// What was archived; `None` if the month is only detached.
    pub archived: Option<RowChecksum>,
}

impl AbsentMonths {
    /// Reads the months that the tables of a generation do not show.
    pub async fn read(
        connection: &mut PgConnection,
        generation: Generation,
        tables: &[TableSchema],
    ) -> anyhow::Result<AbsentMonths> {
        let mut months = Vec::new();
        for row in run("reading archived months", archived_months::list(connection, generation)).await? {
            let manifest: Manifest = serde_json::from_str(&row.manifest)
                .with_context(|| format!("reading the manifest of month {} of {generation}", row.month))?;
            let month = Month::of_day(row.month);
            for table in tables.iter().filter(|table| table.partitioned_by.is_some()) {
                let archived = manifest.find(table.name).map(|it| it.row_checksum()).unwrap_or_default();
                months.push(AbsentMonth { table: table.name, month, archived: Some(archived) });
            }
        }
        let existing = run("reading the tables", archived_months::list_tables(connection, generation)).await?;
        for table in tables.iter().filter(|table| table.partitioned_by.is_some()) {
            let detached = existing.iter().filter(|it| !it.is_attached);
            let detached = detached.filter_map(|it| Month::of_table(table.name, &it.name));
            for month in detached.collect::<Vec<_>>() {
                if !months.iter().any(|it| (it.table, it.month) == (table.name, month)) {
                    months.push(AbsentMonth { table: table.name, month, archived: None });
                }
            }
        }
        Ok(AbsentMonths { months })
    }

    /// The months, archived ones first.
    pub fn iter(&self) -> impl Iterator<Item = &AbsentMonth> {
        self.months.iter()
    }

    /// The absent month that a row of a table belongs to, if any.
    pub fn find(&self, table: &str, shape: &RowShape, row: &[u8]) -> Option<Month> {
        let mut of_table = self.months.iter().filter(|it| it.table == table).peekable();
        of_table.peek()?;
        let month = Month::of(shape.instant(row)?);
        of_table.find(|it| it.month == month).map(|it| it.month)
    }
}
