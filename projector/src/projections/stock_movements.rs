//! Movements of stock: numbers of movements and units by quarter of an hour (UTC), location and kind. The movements of a single
//! stock item are in the ledger of `stock`. [`rows`] has the rows.
//!
//! The sums are exactly once because one statement writes them together with the checkpoint.

use events::{LogPosition, Recorded};
use read_model::{Projection, StockMovement, tables};
use sqlx::PgConnection;

use crate::changes::ChangedState;
use crate::frame::Values::{BigInt, Text, Timestamp};
use crate::frame::{ApplyError, Column, Latency, LoadedState, ReadModel, Table, Visitor};
use crate::next_event::log_position;
use crate::projections::decode;
use crate::store::log::StreamAt;

mod rows;

use rows::MovementRows;

/// The read model of stock movements.
#[derive(Debug)]
pub struct StockMovements;

static MOVEMENTS: Table<StockMovement> = Table {
    name: tables::STOCK_MOVEMENT_QUARTER_HOURS,
    columns: &[
        Column::key("starts_at", Timestamp(|row| row.instant)),
        Column::key("location", Text(|row| row.location.as_str())),
        Column::key("kind", Text(|row| row.kind.word())),
        Column::added("movements", BigInt(|row| row.movements)),
        Column::added("units", BigInt(|row| row.units)),
    ],
    month: Some(|row| row.instant),
    stream_id: None,
    indexes: &[],
    storage: "fillfactor = 70",
};

impl ReadModel for StockMovements {
    const PROJECTION: Projection = Projection::STOCK_MOVEMENTS;
    const VERSION: i32 = 1;
    const LATENCY: Latency = Latency::Moderate;
    /// Log position of the last event of the stock item: a movement needs no other event.
    type State = LogPosition;
    type Rows = MovementRows;

    fn fold(last: &mut Option<LogPosition>, event: &Recorded, rows: &mut MovementRows) -> Result<(), ApplyError> {
        let stock_event = decode::stock_event(event)?;
        rows.movements.extend(StockMovement::of(event, &stock_event)?);
        *last = Some(log_position(event));
        Ok(())
    }

    fn skip(last: &mut Option<LogPosition>, event: &Recorded) {
        *last = Some(log_position(event));
    }

    fn log_position(last: &LogPosition) -> LogPosition {
        *last
    }

    fn combine(rows: &mut MovementRows) {
        rows.combine();
    }

    fn visit(_: &[ChangedState<LogPosition>], rows: &MovementRows, visitor: &mut impl Visitor) {
        visitor.table(&MOVEMENTS, &rows.sums);
    }

    async fn load(_: &mut PgConnection, _: &[StreamAt]) -> sqlx::Result<Vec<LoadedState<Self>>> {
        Ok(Vec::new())
    }
}
