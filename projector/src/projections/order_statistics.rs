//! Statistics of orders: numbers of orders by channel, currency and statuses, and sums of fulfilments and returns by
//! quarter of an hour (UTC). Sales amounts are in `sales`. [`rows`] has the rows.
//!
//! The sums are exactly once because one statement writes them together with the checkpoint.

use events::{LogPosition, Recorded};
use read_model::order_statistics::OrderCount;
use read_model::status::{fulfilment_word, lifecycle_word, payment_word, return_word};
use read_model::{Projection, tables};
use sqlx::PgConnection;

use crate::changes::ChangedState;
use crate::frame::Values::{BigInt, Text, Timestamp};
use crate::frame::{ApplyError, Column, Latency, LoadedState, ReadModel, Table, Visitor, log_states};
use crate::projections::decode;
use crate::store::log::StreamAt;

mod rows;

use rows::{FulfilmentSums, ReturnSums, StatisticsRows};

/// The read model of order statistics.
#[derive(Debug)]
pub struct OrderStatistics;

/// The number of rows is limited by the combinations of statuses that occur, whatever the number of orders.
static COUNTS: Table<OrderCount> = Table {
    name: tables::ORDER_COUNTS,
    columns: &[
        Column::key("channel", Text(|row| row.channel.as_str())),
        Column::key("currency", Text(|row| row.currency.as_str())),
        Column::key("lifecycle", Text(|row| lifecycle_word(row.status.lifecycle))),
        Column::key("payment", Text(|row| payment_word(row.status.payment))),
        Column::key("fulfilment", Text(|row| fulfilment_word(row.status.fulfilment))),
        Column::key("returns", Text(|row| return_word(row.status.returns))),
        Column::added("orders", BigInt(|row| row.orders)),
        Column::added("owed", BigInt(|row| row.owed)),
        Column::added("open_returns", BigInt(|row| row.open_returns)),
        Column::added("waiting_fulfilments", BigInt(|row| row.waiting_fulfilments)),
    ],
    month: None,
    stream_id: None,
    indexes: &[],
    // Every batch changes a few of these rows: room for new versions on the same page.
    storage: "fillfactor = 20",
};

static FULFILMENTS: Table<FulfilmentSums> = Table {
    name: tables::FULFILMENT_QUARTER_HOURS,
    columns: &[
        Column::key("starts_at", Timestamp(|row| row.starts_at)),
        Column::key("channel", Text(|row| row.channel.as_str())),
        Column::key("location", Text(|row| row.location.as_str())),
        Column::added("created", BigInt(|row| row.measures.created)),
        Column::added("shipped", BigInt(|row| row.measures.shipped)),
        Column::added("delivered", BigInt(|row| row.measures.delivered)),
        Column::added("cancelled", BigInt(|row| row.measures.cancelled)),
        Column::added("units_created", BigInt(|row| row.measures.units_created)),
        Column::added("units_shipped", BigInt(|row| row.measures.units_shipped)),
        Column::added("units_delivered", BigInt(|row| row.measures.units_delivered)),
        Column::added("units_cancelled", BigInt(|row| row.measures.units_cancelled)),
        Column::added("seconds_order_to_shipment", BigInt(|row| row.measures.seconds_order_to_shipment)),
        Column::added("seconds_packing", BigInt(|row| row.measures.seconds_packing)),
        Column::added("seconds_in_transit", BigInt(|row| row.measures.seconds_in_transit)),
    ],
    month: Some(|row| row.starts_at),
    stream_id: None,
    indexes: &[],
    storage: "fillfactor = 70",
};

static RETURNS: Table<ReturnSums> = Table {
    name: tables::RETURN_QUARTER_HOURS,
    columns: &[
        Column::key("starts_at", Timestamp(|row| row.starts_at)),
        Column::key("channel", Text(|row| row.channel.as_str())),
        Column::key("currency", Text(|row| row.currency.as_str())),
        Column::added("requested", BigInt(|row| row.measures.requested)),
        Column::added("receipts", BigInt(|row| row.measures.receipts)),
        Column::added("rejected", BigInt(|row| row.measures.rejected)),
        Column::added("units_requested", BigInt(|row| row.measures.units_requested)),
        Column::added("units_restocked", BigInt(|row| row.measures.units_restocked)),
        Column::added("units_damaged", BigInt(|row| row.measures.units_damaged)),
        Column::added("units_lost", BigInt(|row| row.measures.units_lost)),
        Column::added("units_rejected", BigInt(|row| row.measures.units_rejected)),
        Column::added("refunds", BigInt(|row| row.measures.refunds)),
        Column::added("refunded", BigInt(|row| row.measures.refunded)),
    ],
    month: Some(|row| row.starts_at),
    stream_id: None,
    indexes: &[],
    storage: "fillfactor = 70",
};

impl ReadModel for OrderStatistics {
    const PROJECTION: Projection = Projection::ORDER_STATISTICS;
    const VERSION: i32 = 1;
    const LATENCY: Latency = Latency::Moderate;
    type State = read_model::OrderStatistics;
    type Rows = StatisticsRows;

    fn fold(order: &mut Option<Self::State>, event: &Recorded, rows: &mut StatisticsRows) -> Result<(), ApplyError> {
        let order_event = decode::order_event(event)?;
        Ok(read_model::OrderStatistics::fold(order, event, &order_event, &mut rows.changes)?)
    }

    fn skip(order: &mut Option<Self::State>, event: &Recorded) {
        if let Some(order) = order {
            order.advance_to(event);
        }
    }

    fn log_position(order: &Self::State) -> LogPosition {
        order.log_position()
    }

    fn combine(rows: &mut StatisticsRows) {
        rows.combine();
    }

    fn visit(_: &[ChangedState<Self::State>], rows: &StatisticsRows, visitor: &mut impl Visitor) {
        visitor.table(&COUNTS, &rows.counts);
        visitor.table(&FULFILMENTS, &rows.fulfilments);
        visitor.table(&RETURNS, &rows.returns);
    }

    async fn load(connection: &mut PgConnection, streams: &[StreamAt]) -> sqlx::Result<Vec<LoadedState<Self>>> {
        log_states::load::<Self>(connection, streams).await
    }
}
