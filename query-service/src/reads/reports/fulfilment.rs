//! The report of fulfilment: created, shipped, delivered and cancelled fulfilments and their mean durations by period and, if
//! requested, channel and location. Each event counts in the period in which it occurred.

use super::later::Sums;
use super::query::{Dimension, ReportQuery};
use super::stored_sums::{push_channel, push_location, push_period, push_quarter_hours};
use super::table::{Column, ReportType};
use crate::reads::database::statement::Statement;

/// The report of fulfilment.
pub static FULFILMENT: ReportType = ReportType {
    name: "fulfilment",
    sums: Sums::Fulfilments,
    columns: &[
        Column::period("period"),
        Column::text("channel"),
        Column::text("location"),
        Column::number("created"),
        Column::number("shipped"),
        Column::number("delivered"),
        Column::number("cancelled"),
        Column::number("units_created"),
        Column::number("units_shipped"),
        Column::number("units_delivered"),
        Column::number("units_cancelled"),
        Column::number("mean_seconds_order_to_shipment"),
        Column::number("mean_seconds_packing"),
        Column::number("mean_seconds_in_transit"),
    ],
    dimensions: &[Dimension::Channel, Dimension::Location],
    page_key: &[],
    select,
};

fn select(query: &ReportQuery, statement: &mut Statement) {
    let Some(periods) = &query.periods else { return };
    statement.push("select ");
    push_period(periods, statement);
    statement.push(" as period, ").push(query.column(Dimension::Channel)).push(" as channel, ");
    statement.push(query.column(Dimension::Location)).push(
        " as location,
            sum(created)::bigint as created, sum(shipped)::bigint as shipped, sum(delivered)::bigint as delivered,
            sum(cancelled)::bigint as cancelled, sum(units_created)::bigint as units_created,
            sum(units_shipped)::bigint as units_shipped, sum(units_delivered)::bigint as units_delivered,
            sum(units_cancelled)::bigint as units_cancelled,
            (sum(seconds_order_to_shipment) / nullif(sum(shipped), 0))::bigint as mean_seconds_order_to_shipment,
            (sum(seconds_packing) / nullif(sum(shipped), 0))::bigint as mean_seconds_packing,
            (sum(seconds_in_transit) / nullif(sum(delivered), 0))::bigint as mean_seconds_in_transit,
            0::bigint as position
        from ",
    );
    let table = ("fulfilment_quarter_hours", Sums::Fulfilments);
    let push_filters = |query: &ReportQuery, statement: &mut Statement| {
        push_channel(query, statement);
        push_location(query, statement);
    };
    push_quarter_hours(table, query, periods, push_filters, statement);
    statement.push(" group by 1, 2, 3 order by 1, 2, 3");
}
