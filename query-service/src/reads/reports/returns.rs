//! The report of returns: requested, received and rejected returns and their refunds by period, currency and, if requested,
//! channel. Each event counts in the period in which it occurred.

use super::later::Sums;
use super::query::{Dimension, ReportQuery};
use super::stored_sums::{push_filters, push_period, push_quarter_hours};
use super::table::{Column, ReportType};
use crate::reads::database::statement::Statement;

/// The report of returns.
pub static RETURNS: ReportType = ReportType {
    name: "returns",
    sums: Sums::Returns,
    columns: &[
        Column::period("period"),
        Column::text("channel"),
        Column::text("currency"),
        Column::number("requested"),
        Column::number("receipts"),
        Column::number("rejected"),
        Column::number("units_requested"),
        Column::number("units_restocked"),
        Column::number("units_damaged"),
        Column::number("units_lost"),
        Column::number("units_rejected"),
        Column::number("refunds"),
        Column::number("refunded"),
    ],
    dimensions: &[Dimension::Channel],
    page_key: &[],
    select,
};

fn select(query: &ReportQuery, statement: &mut Statement) {
    let Some(periods) = &query.periods else { return };
    statement.push("select ");
    push_period(periods, statement);
    statement.push(" as period, ").push(query.column(Dimension::Channel)).push(
        " as channel, currency,
            sum(requested)::bigint as requested, sum(receipts)::bigint as receipts, sum(rejected)::bigint as rejected,
            sum(units_requested)::bigint as units_requested, sum(units_restocked)::bigint as units_restocked,
            sum(units_damaged)::bigint as units_damaged, sum(units_lost)::bigint as units_lost,
            sum(units_rejected)::bigint as units_rejected, sum(refunds)::bigint as refunds,
            sum(refunded)::bigint as refunded, 0::bigint as position
        from ",
    );
    push_quarter_hours(("return_quarter_hours", Sums::Returns), query, periods, push_filters, statement);
    statement.push(" group by 1, 2, 3 order by 1, 2, 3");
}
