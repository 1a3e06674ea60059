//! Returns of orders with their reasons, units and refunds. Partitioned by the month of the order id.

use std::borrow::Cow;
use std::collections::BTreeMap;

use events::{LogPosition, Recorded};
use read_model::{Projection, ReturnOrder, ReturnRow, tables};
use sqlx::PgConnection;

use crate::changes::ChangedState;
use crate::frame::Values::{BigInt, Int, Json, OptionalTimestamp, OwnedText, Text, Timestamp, Uuid};
use crate::frame::{ApplyError, Column, Latency, LoadedState, ReadModel, Table, Visitor, log_states};
use crate::projections::decode;
use crate::projections::json_text::json;
use crate::store::log::StreamAt;

/// The read model of returns.
#[derive(Debug)]
pub struct OrderReturns;

static RETURNS: Table<ReturnRow> = Table {
    name: tables::ORDER_RETURNS,
    columns: &[
        Column::key("order_id", Uuid(|row| row.order_id.uuid())),
        Column::key("return_number", Int(|row| row.return_no as i32)),
        Column::fixed("channel", Text(|row| row.channel.as_str())),
        Column::fixed("currency", Text(|row| row.currency.as_str())),
        Column::updated("state", OwnedText(word)),
        Column::fixed("requested_at", Timestamp(|row| row.requested_at)),
        Column::updated("received_at", OptionalTimestamp(|row| row.received_at)),
        Column::updated("rejected_at", OptionalTimestamp(|row| row.rejected_at)),
        Column::updated("refunded", BigInt(|row| row.refunded.0)),
        Column::updated("incarnation", Int(|row| row.incarnation.0)),
        Column::updated("position", BigInt(|row| row.position.0)),
        Column::updated("document", Json(|row| Cow::Owned(json(row)))),
    ],
    month: Some(|row| row.order_id.instant()),
    stream_id: Some("'order-' || order_id"),
    indexes: &[],
    storage: "",
};

/// The state as it is written in JSON.
fn word(row: &ReturnRow) -> String {
    json(&row.state).trim_matches('"').to_owned()
}

impl ReadModel for OrderReturns {
    const PROJECTION: Projection = Projection::ORDER_RETURNS;
    const VERSION: i32 = 1;
    const LATENCY: Latency = Latency::Moderate;
    type State = ReturnOrder;
    type Rows = Vec<ReturnRow>;

    fn fold(order: &mut Option<ReturnOrder>, event: &Recorded, rows: &mut Vec<ReturnRow>) -> Result<(), ApplyError> {
        let order_event = decode::order_event(event)?;
        rows.extend(ReturnOrder::fold(order, event, &order_event)?);
        Ok(())
    }

    fn skip(order: &mut Option<ReturnOrder>, event: &Recorded) {
        if let Some(order) = order {
            order.advance_to(event);
        }
    }

    fn log_position(order: &ReturnOrder) -> LogPosition {
        order.log_position()
    }

    fn combine(rows: &mut Vec<ReturnRow>) {
        let last: BTreeMap<_, _> = rows.drain(..).map(|row| ((row.order_id, row.return_no), row)).collect();
        rows.extend(last.into_values());
    }

    fn visit(_: &[ChangedState<ReturnOrder>], rows: &Vec<ReturnRow>, visitor: &mut impl Visitor) {
        visitor.table(&RETURNS, rows);
    }

    async fn load(connection: &mut PgConnection, streams: &[StreamAt]) -> sqlx::Result<Vec<LoadedState<Self>>> {
        log_states::load::<Self>(connection, streams).await
    }
}
