//! Fulfilments of orders, with the instants at which each was packed, shipped and delivered. Partitioned by the month of
//! the order id.

use std::collections::BTreeMap;

use events::{LogPosition, Recorded};
use read_model::{FulfilmentOrder, FulfilmentRow, Projection, tables};
use sqlx::PgConnection;

use crate::changes::ChangedState;
use crate::frame::Values::{BigInt, Int, OptionalText, OptionalTimestamp, Text, Timestamp, Uuid};
use crate::frame::{ApplyError, Column, Latency, LoadedState, ReadModel, Table, Visitor, log_states};
use crate::projections::decode;
use crate::store::log::StreamAt;

/// The read model of fulfilments.
#[derive(Debug)]
pub struct Fulfilments;

static FULFILMENTS: Table<FulfilmentRow> = Table {
    name: tables::FULFILMENTS,
    columns: &[
        Column::key("order_id", Uuid(|row| row.order_id.uuid())),
        Column::key("fulfilment", Int(|row| row.fulfilment as i32)),
        Column::fixed("channel", Text(|row| row.channel.as_str())),
        Column::fixed("location", Text(|row| row.location.as_str())),
        Column::fixed("units", BigInt(|row| row.units)),
        Column::updated("carrier", OptionalText(|row| row.carrier.as_deref())),
        Column::fixed("placed_at", Timestamp(|row| row.placed_at)),
        Column::fixed("packed_at", Timestamp(|row| row.packed_at)),
        Column::updated("shipped_at", OptionalTimestamp(|row| row.shipped_at)),
        Column::updated("delivered_at", OptionalTimestamp(|row| row.delivered_at)),
        Column::updated("cancelled_at", OptionalTimestamp(|row| row.cancelled_at)),
        Column::updated("incarnation", Int(|row| row.incarnation.0)),
        Column::updated("position", BigInt(|row| row.position.0)),
    ],
    month: Some(|row| row.order_id.instant()),
    stream_id: Some("'order-' || order_id"),
    indexes: &[],
    storage: "",
};

impl ReadModel for Fulfilments {
    const PROJECTION: Projection = Projection::FULFILMENTS;
    const VERSION: i32 = 1;
    const LATENCY: Latency = Latency::Moderate;
    type State = FulfilmentOrder;
    type Rows = Vec<FulfilmentRow>;

    fn fold(
        order: &mut Option<FulfilmentOrder>,
        event: &Recorded,
        rows: &mut Vec<FulfilmentRow>,
    ) -> Result<(), ApplyError> {
        let order_event = decode::order_event(event)?;
        rows.extend(FulfilmentOrder::fold(order, event, &order_event)?);
        Ok(())
    }

    fn skip(order: &mut Option<FulfilmentOrder>, event: &Recorded) {
        if let Some(order) = order {
            order.advance_to(event);
        }
    }

    fn log_position(order: &FulfilmentOrder) -> LogPosition {
        order.log_position()
    }

    fn combine(rows: &mut Vec<FulfilmentRow>) {
        let last: BTreeMap<_, _> = rows.drain(..).map(|row| ((row.order_id, row.fulfilment), row)).collect();
        rows.extend(last.into_values());
    }

    fn visit(_: &[ChangedState<FulfilmentOrder>], rows: &Vec<FulfilmentRow>, visitor: &mut impl Visitor) {
        visitor.table(&FULFILMENTS, rows);
    }

    async fn load(connection: &mut PgConnection, streams: &[StreamAt]) -> sqlx::Result<Vec<LoadedState<Self>>> {
        log_states::load::<Self>(connection, streams).await
    }
}
