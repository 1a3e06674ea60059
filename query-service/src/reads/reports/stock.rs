//! The report of stock: moved units by period and, if requested, location. Each event counts in the period in which it
//! occurred.

use super::later::Sums;
use super::query::{Dimension, ReportQuery};
use super::stored_sums::{push_location, push_period, push_quarter_hours};
use super::table::{Column, ReportType};
use crate::reads::database::statement::Statement;

/// The report of stock.
pub static STOCK: ReportType = ReportType {
    name: "stock",
    sums: Sums::StockMovements,
    columns: &[
        Column::period("period"),
        Column::text("location"),
        Column::number("movements"),
        Column::number("received"),
        Column::number("restocked"),
        Column::number("adjusted"),
        Column::number("shipped"),
        Column::number("transferred_in"),
        Column::number("transferred_out"),
        Column::number("on_hand_change"),
        Column::number("reserved"),
        Column::number("released"),
        Column::number("held"),
        Column::number("holds_released"),
    ],
    dimensions: &[Dimension::Location],
    page_key: &[],
    select,
};

fn select(query: &ReportQuery, statement: &mut Statement) {
    let Some(periods) = &query.periods else { return };
    statement.push(
        "select period, location, movements, received, restocked, adjusted, shipped, transferred_in, transferred_out,
            received + restocked + adjusted + transferred_in - shipped - transferred_out as on_hand_change,
            reserved, released, held, holds_released, 0::bigint as position
        from (select ",
    );
    push_period(periods, statement);
    statement.push(" as period, ").push(query.column(Dimension::Location)).push(
        " as location,
                sum(movements)::bigint as movements,
                coalesce(sum(units) filter (where kind = 'received'), 0)::bigint as received,
                coalesce(sum(units) filter (where kind = 'restocked'), 0)::bigint as restocked,
                coalesce(sum(units) filter (where kind = 'adjusted'), 0)::bigint as adjusted,
                coalesce(sum(units) filter (where kind = 'shipped'), 0)::bigint as shipped,
                coalesce(sum(units) filter (where kind = 'transferred_in'), 0)::bigint as transferred_in,
                coalesce(sum(units) filter (where kind = 'transferred_out'), 0)::bigint as transferred_out,
                coalesce(sum(units) filter (where kind = 'reserved'), 0)::bigint as reserved,
                coalesce(sum(units) filter (where kind = 'released'), 0)::bigint as released,
                coalesce(sum(units) filter (where kind = 'held'), 0)::bigint as held,
                coalesce(sum(units) filter (where kind = 'hold_released'), 0)::bigint as holds_released
            from ",
    );
    let table = ("stock_movement_quarter_hours", Sums::StockMovements);
    push_quarter_hours(table, query, periods, push_location, statement);
    statement.push(" group by 1, 2) as by_period order by period, location");
}
