//! Open reservations of stock items: the units that are reserved for each order and stock hold. A row whose units are 0 is
//! removed after a while.

use std::collections::BTreeMap;

use events::{LogPosition, Recorded};
use read_model::{Projection, ReservationChange, ReservationHolder, tables};
use sqlx::PgConnection;

use crate::changes::ChangedState;
use crate::frame::Values::{BigInt, Text, Uuid};
use crate::frame::{ApplyError, Column, Index, Latency, LoadedState, ReadModel, Table, Visitor};
use crate::next_event::log_position;
use crate::projections::decode;
use crate::store::log::StreamAt;

/// The read model of reservations.
#[derive(Debug)]
pub struct StockReservations;

static RESERVATIONS: Table<ReservationChange> = Table {
    name: tables::STOCK_RESERVATIONS,
    columns: &[
        Column::key("sku", Text(|row| row.sku.as_str())),
        Column::key("location", Text(|row| row.location.as_str())),
        Column::key("holder", Text(|row| holder(row.holder).0)),
        Column::key("holder_id", Uuid(|row| holder(row.holder).1)),
        Column::added("units", BigInt(|row| row.units)),
    ],
    month: None,
    stream_id: None,
    indexes: &[Index {
        name: "stock_reservations_closed",
        definition: "btree (sku) where units = 0",
        query: "the removal of closed reservations",
    }],
    storage: "fillfactor = 90",
};

/// Kind and id of the holder of a reservation.
fn holder(holder: ReservationHolder) -> (&'static str, uuid::Uuid) {
    match holder {
        ReservationHolder::Order(id) => ("order", id.uuid()),
        ReservationHolder::StockHold(id) => ("hold", id.uuid()),
    }
}

impl ReadModel for StockReservations {
    const PROJECTION: Projection = Projection::STOCK_RESERVATIONS;
    const VERSION: i32 = 1;
    const LATENCY: Latency = Latency::Moderate;
    const CLEAN_UP: Option<&'static str> = Some(
        "delete from stock_reservations where ctid = any (array(
             select ctid from stock_reservations where units = 0 limit 10000)) and units = 0",
    );
    /// Log position of the last event of the stock item: a change needs no other event.
    type State = LogPosition;
    type Rows = Vec<ReservationChange>;

    fn fold(
        last: &mut Option<LogPosition>,
        event: &Recorded,
        changes: &mut Vec<ReservationChange>,
    ) -> Result<(), ApplyError> {
        let stock_event = decode::stock_event(event)?;
        changes.extend(ReservationChange::of(event, &stock_event)?);
        *last = Some(log_position(event));
        Ok(())
    }

    fn skip(last: &mut Option<LogPosition>, event: &Recorded) {
        *last = Some(log_position(event));
    }

    fn log_position(last: &LogPosition) -> LogPosition {
        *last
    }

    fn combine(changes: &mut Vec<ReservationChange>) {
        let mut sums = BTreeMap::new();
        for change in changes.drain(..) {
            let key = (change.sku.clone(), change.location.clone(), change.holder);
            let sum = sums.entry(key).or_insert(ReservationChange { units: 0, ..change.clone() });
            sum.units += change.units;
        }
        changes.extend(sums.into_values());
    }

    fn visit(_: &[ChangedState<LogPosition>], changes: &Vec<ReservationChange>, visitor: &mut impl Visitor) {
        visitor.table(&RESERVATIONS, changes);
    }

    async fn load(_: &mut PgConnection, _: &[StreamAt]) -> sqlx::Result<Vec<LoadedState<Self>>> {
        Ok(Vec::new())
    }
}
