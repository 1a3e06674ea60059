//! The report of sales: orders, units and amounts by period, currency and, if requested, channel.

use super::later::Sums;
use super::periods::Periods;
use super::query::{Dimension, ReportQuery};
use super::stored_sums::{Tables, push_period, push_sums};
use super::table::{Column, ReportType};
use crate::reads::database::statement::Statement;

/// The report of sales.
pub static SALES: ReportType = ReportType {
    name: "sales",
    sums: Sums::ChannelSales,
    columns: &[
        Column::period("period"),
        Column::text("channel"),
        Column::text("currency"),
        Column::number("orders"),
        Column::number("units_ordered"),
        Column::number("units_cancelled"),
        Column::number("units_returned"),
        Column::number("ordered"),
        Column::number("cancelled"),
        Column::number("returned"),
        Column::number("refunded"),
        Column::number("net"),
    ],
    dimensions: &[Dimension::Channel],
    page_key: &[],
    select,
};

const TABLES: Tables = Tables {
    columns: "channel, currency, orders, units_ordered, units_cancelled, units_returned, ordered, cancelled, returned, \
        refunded, net",
    days: "sales_channel_days",
    hours: Some("sales_channel_hours"),
    quarter_hours: "sales_channel_quarter_hours",
    sums: Sums::ChannelSales,
};

/// Adds `(...) as sums` with the sums of all channels and currencies in the range.
pub fn push_channel_sums(periods: &Periods, statement: &mut Statement) {
    push_sums(&TABLES, &ReportQuery::of(periods), periods, statement);
}

fn select(query: &ReportQuery, statement: &mut Statement) {
    let Some(periods) = &query.periods else { return };
    statement.push("select ");
    push_period(periods, statement);
    statement.push(" as period, ").push(query.column(Dimension::Channel)).push(
        " as channel, currency,
            sum(orders)::bigint as orders, sum(units_ordered)::bigint as units_ordered,
            sum(units_cancelled)::bigint as units_cancelled, sum(units_returned)::bigint as units_returned,
            sum(ordered)::bigint as ordered, sum(cancelled)::bigint as cancelled, sum(returned)::bigint as returned,
            sum(refunded)::bigint as refunded, sum(net)::bigint as net, 0::bigint as position
        from ",
    );
    push_sums(&TABLES, query, periods, statement);
    statement.push(" group by 1, 2, 3 order by 1, 2, 3");
}
