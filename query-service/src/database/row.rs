//! Columns that several tables have, as our types.

use std::str::FromStr;

use events::{Incarnation, LogPosition, Position};
use sqlx::Row;
use sqlx::postgres::PgRow;

/// How new a row is.
pub fn stamp(row: &PgRow) -> sqlx::Result<LogPosition> {
    Ok(LogPosition {
        incarnation: Incarnation(row.try_get("incarnation")?),
        position: Position(row.try_get("position")?),
    })
}

/// A text that is one of our names.
pub fn parsed<T>(row: &PgRow, column: &str) -> sqlx::Result<T>
where
    T: FromStr<Err: std::error::Error + Send + Sync + 'static>,
{
    let text: &str = row.try_get(column)?;
    text.parse().map_err(|error: T::Err| sqlx::Error::ColumnDecode { index: column.to_owned(), source: error.into() })
}
