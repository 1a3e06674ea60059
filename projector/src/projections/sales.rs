//! Sales: sums of ordered, cancelled, returned and refunded units and amounts, by quarter of an hour and by day (UTC) for
//! each channel, currency and SKU, also by hour for each channel and currency, and for each customer and currency. [`rows`] has the
//! rows.
//!
//! Reports of sales by period read the sums of channels, because the number of these rows does not grow with the number
//! of SKUs and orders.
//!
//! The sums are exactly once because one statement writes them together with the checkpoint.

use events::{LogPosition, Recorded};
use read_model::{Projection, SalesOrder, tables};
use sqlx::PgConnection;

use crate::changes::ChangedState;
use crate::frame::Values::{BigInt, Text, Timestamp, Uuid};
use crate::frame::{ApplyError, Column, Index, Latency, LoadedState, ReadModel, Table, Visitor, log_states};
use crate::projections::decode;
use crate::store::log::StreamAt;

mod rows;

use rows::{ChannelSales, CustomerSales, IntervalSales, SalesRows};

/// The read model of sales.
#[derive(Debug)]
pub struct Sales;

static QUARTER_HOURS: Table<IntervalSales> = by_interval(tables::SALES_QUARTER_HOURS);
static DAYS: Table<IntervalSales> = by_interval(tables::SALES_DAYS);

/// A table of sums by interval.
const fn by_interval(name: &'static str) -> Table<IntervalSales> {
    // The sums of the current interval change many times.
    Table {
        name,
        columns: INTERVAL_COLUMNS,
        month: Some(|row| row.starts_at),
        stream_id: None,
        indexes: &[],
        storage: "fillfactor = 70",
    }
}

/// The SKU of sums of orders as a whole, such as shipping, is empty.
const INTERVAL_COLUMNS: &[Column<IntervalSales>] = &[
    Column::key("starts_at", Timestamp(|row| row.starts_at)),
    Column::key("channel", Text(|row| row.channel.as_str())),
    Column::key("currency", Text(|row| row.currency.as_str())),
    Column::key("sku", Text(|row| row.sku.as_ref().map_or("", |sku| sku.as_str()))),
    Column::added("orders", BigInt(|row| row.measures.orders)),
    Column::added("units_ordered", BigInt(|row| row.measures.units_ordered)),
    Column::added("units_cancelled", BigInt(|row| row.measures.units_cancelled)),
    Column::added("units_returned", BigInt(|row| row.measures.units_returned)),
    Column::added("ordered", BigInt(|row| row.measures.ordered)),
    Column::added("cancelled", BigInt(|row| row.measures.cancelled)),
    Column::added("returned", BigInt(|row| row.measures.returned)),
    Column::added("refunded", BigInt(|row| row.measures.refunded)),
    Column::added("net", BigInt(|row| row.measures.net())),
];

static CHANNEL_QUARTER_HOURS: Table<ChannelSales> = by_channel(tables::SALES_CHANNEL_QUARTER_HOURS);
static CHANNEL_HOURS: Table<ChannelSales> = by_channel(tables::SALES_CHANNEL_HOURS);
static CHANNEL_DAYS: Table<ChannelSales> = by_channel(tables::SALES_CHANNEL_DAYS);

/// A table of sums of all SKUs by interval.
const fn by_channel(name: &'static str) -> Table<ChannelSales> {
    Table {
        name,
        columns: CHANNEL_COLUMNS,
        month: Some(|row| row.starts_at),
        stream_id: None,
        indexes: &[],
        storage: "fillfactor = 70",
    }
}

const CHANNEL_COLUMNS: &[Column<ChannelSales>] = &[
    Column::key("starts_at", Timestamp(|row| row.starts_at)),
    Column::key("channel", Text(|row| row.channel.as_str())),
    Column::key("currency", Text(|row| row.currency.as_str())),
    Column::added("orders", BigInt(|row| row.measures.orders)),
    Column::added("units_ordered", BigInt(|row| row.measures.units_ordered)),
    Column::added("units_cancelled", BigInt(|row| row.measures.units_cancelled)),
    Column::added("units_returned", BigInt(|row| row.measures.units_returned)),
    Column::added("ordered", BigInt(|row| row.measures.ordered)),
    Column::added("cancelled", BigInt(|row| row.measures.cancelled)),
    Column::added("returned", BigInt(|row| row.measures.returned)),
    Column::added("refunded", BigInt(|row| row.measures.refunded)),
    Column::added("net", BigInt(|row| row.measures.net())),
];

static CUSTOMERS: Table<CustomerSales> = Table {
    name: tables::SALES_CUSTOMERS,
    columns: &[
        Column::key("customer_id", Uuid(|row| row.customer_id.uuid())),
        Column::key("currency", Text(|row| row.currency.as_str())),
        Column::added("orders", BigInt(|row| row.measures.orders)),
        Column::added("ordered", BigInt(|row| row.measures.ordered)),
        Column::added("cancelled", BigInt(|row| row.measures.cancelled)),
        Column::added("returned", BigInt(|row| row.measures.returned)),
        Column::added("refunded", BigInt(|row| row.measures.refunded)),
        Column::added("net", BigInt(|row| row.measures.net())),
    ],
    month: None,
    stream_id: None,
    indexes: &[Index {
        name: "sales_customers_net",
        definition: "btree (currency, net desc, customer_id)",
        query: "GET /v1/reports/customers",
    }],
    storage: "fillfactor = 90",
};

impl ReadModel for Sales {
    const PROJECTION: Projection = Projection::SALES;
    const VERSION: i32 = 2;
    const LATENCY: Latency = Latency::Moderate;
    type State = SalesOrder;
    type Rows = SalesRows;

    fn fold(order: &mut Option<SalesOrder>, event: &Recorded, rows: &mut SalesRows) -> Result<(), ApplyError> {
        let order_event = decode::order_event(event)?;
        Ok(SalesOrder::fold(order, event, &order_event, &mut rows.changes)?)
    }

    fn skip(order: &mut Option<SalesOrder>, event: &Recorded) {
        if let Some(order) = order {
            order.advance_to(event);
        }
    }

    fn log_position(order: &SalesOrder) -> LogPosition {
        order.log_position()
    }

    fn combine(rows: &mut SalesRows) {
        rows.combine();
    }

    fn visit(_: &[ChangedState<SalesOrder>], rows: &SalesRows, visitor: &mut impl Visitor) {
        visitor.table(&QUARTER_HOURS, &rows.quarter_hours);
        visitor.table(&DAYS, &rows.days);
        visitor.table(&CHANNEL_QUARTER_HOURS, &rows.channel_quarter_hours);
        visitor.table(&CHANNEL_HOURS, &rows.channel_hours);
        visitor.table(&CHANNEL_DAYS, &rows.channel_days);
        visitor.table(&CUSTOMERS, &rows.customers);
    }

    async fn load(connection: &mut PgConnection, streams: &[StreamAt]) -> sqlx::Result<Vec<LoadedState<Self>>> {
        log_states::load::<Self>(connection, streams).await
    }
}
