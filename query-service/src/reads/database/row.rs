//! Decodes columns that several tables have.

use std::str::FromStr;

use events::{Incarnation, LogPosition, OrderId, Position};
use sqlx::Row;
use sqlx::postgres::PgRow;
use uuid::Uuid;

/// The log position of the last event that a row contains, from the columns `incarnation` and `position`.
pub fn log_position(row: &PgRow) -> sqlx::Result<LogPosition> {
    Ok(LogPosition {
        incarnation: Incarnation(row.try_get("incarnation")?),
        position: Position(row.try_get("position")?),
    })
}

/// The order id in the column `id`.
pub fn order_id(row: &PgRow) -> sqlx::Result<OrderId> {
    let id: Uuid = row.try_get("id")?;
    OrderId::try_from(id).map_err(|error| sqlx::Error::Decode(error.into()))
}

/// A text column that holds a name or code of the domain.
pub fn parsed<T>(row: &PgRow, column: &str) -> sqlx::Result<T>
where
    T: FromStr<Err: std::error::Error + Send + Sync + 'static>,
{
    let text: &str = row.try_get(column)?;
    text.parse().map_err(|error: T::Err| sqlx::Error::ColumnDecode { index: column.to_owned(), source: error.into() })
}
