//! The timeline of orders: one row per event, with a sentence about the event. Partitioned by the month of the order id, so
//! that the timeline of an order is in one partition.

use chrono::{DateTime, Utc};
use events::{LogPosition, Recorded};
use read_model::{Projection, TimelineEntry, TimelineOrder, tables};
use sqlx::PgConnection;

use crate::changes::ChangedState;
use crate::frame::Values::{BigInt, Int, Text, Timestamp, Uuid};
use crate::frame::{ApplyError, Column, Latency, LoadedState, ReadModel, Table, Visitor, log_states};
use crate::projections::decode;
use crate::store::log::StreamAt;

/// The read model of timelines.
#[derive(Debug)]
pub struct OrderTimeline;

static TIMELINE: Table<TimelineEntry> = Table {
    name: tables::ORDER_TIMELINE,
    columns: &[
        Column::key("order_id", Uuid(|row| row.order_id.uuid())),
        Column::key("version", Int(|row| row.version.0)),
        Column::fixed("id", Uuid(|row| row.id.uuid())),
        Column::fixed("kind", Text(|row| &row.kind)),
        Column::fixed("text", Text(|row| &row.text)),
        Column::fixed("occurred_at", Timestamp(|row| row.occurred_at)),
        Column::fixed("incarnation", Int(|row| row.incarnation.0)),
        Column::fixed("position", BigInt(|row| row.position.0)),
    ],
    month: Some(placed_at),
    stream_id: Some("'order-' || order_id"),
    indexes: &[],
    storage: "",
};

fn placed_at(row: &TimelineEntry) -> DateTime<Utc> {
    row.order_id.instant()
}

impl ReadModel for OrderTimeline {
    const PROJECTION: Projection = Projection::ORDER_TIMELINE;
    const VERSION: i32 = 1;
    const LATENCY: Latency = Latency::Moderate;
    type State = TimelineOrder;
    type Rows = Vec<TimelineEntry>;

    fn fold(
        order: &mut Option<TimelineOrder>,
        event: &Recorded,
        entries: &mut Vec<TimelineEntry>,
    ) -> Result<(), ApplyError> {
        let order_event = decode::order_event(event)?;
        entries.push(TimelineOrder::fold(order, event, &order_event)?);
        Ok(())
    }

    fn skip(order: &mut Option<TimelineOrder>, event: &Recorded) {
        if let Some(order) = order {
            order.advance_to(event);
        }
    }

    fn log_position(order: &TimelineOrder) -> LogPosition {
        order.log_position()
    }

    fn visit(_: &[ChangedState<TimelineOrder>], entries: &Vec<TimelineEntry>, visitor: &mut impl Visitor) {
        visitor.table(&TIMELINE, entries);
    }

    async fn load(connection: &mut PgConnection, streams: &[StreamAt]) -> sqlx::Result<Vec<LoadedState<Self>>> {
        log_states::load::<Self>(connection, streams).await
    }
}
