//! The report of products: units and amounts of a range by SKU and currency, the largest net amount of each currency first.
//!
//! Amounts of orders as a whole, such as shipping and refunds that are not for a return, belong to no SKU and are left out.

use super::cell::Cell;
use super::later::Sums;
use super::query::ReportQuery;
use super::stored_sums::{Tables, push_sums};
use super::table::{Column, ReportType};
use crate::reads::database::statement::Statement;

/// The report of products.
pub static PRODUCTS: ReportType = ReportType {
    name: "products",
    sums: Sums::ProductSales,
    columns: &[
        Column::text("sku"),
        Column::text("currency"),
        Column::number("units_ordered"),
        Column::number("units_cancelled"),
        Column::number("units_returned"),
        Column::number("ordered"),
        Column::number("cancelled"),
        Column::number("returned"),
        Column::number("refunded"),
        Column::number("net"),
    ],
    dimensions: &[],
    page_key: &["currency", "net", "sku"],
    select,
};

const TABLES: Tables = Tables {
    columns: "channel, currency, sku, units_ordered, units_cancelled, units_returned, ordered, cancelled, returned, refunded, \
        net",
    days: "sales_days",
    hours: None,
    quarter_hours: "sales_quarter_hours",
    sums: Sums::ProductSales,
};

fn select(query: &ReportQuery, statement: &mut Statement) {
    let Some(periods) = &query.periods else { return };
    statement.push("select sku, currency, units_ordered, units_cancelled, units_returned, ordered, cancelled, returned, refunded,
            net, 0::bigint as position
        from (
            select sku, currency,
                sum(units_ordered)::bigint as units_ordered, sum(units_cancelled)::bigint as units_cancelled,
                sum(units_returned)::bigint as units_returned, sum(ordered)::bigint as ordered,
                sum(cancelled)::bigint as cancelled, sum(returned)::bigint as returned, sum(refunded)::bigint as refunded,
                sum(net)::bigint as net
            from ");
    push_sums(&TABLES, query, periods, statement);
    statement.push(" where sku <> '' group by sku, currency");
    if query.later.is_some() {
        // Products that were sold only later.
        statement.push(
            " having (sum(units_ordered), sum(units_cancelled), sum(units_returned), sum(ordered), sum(cancelled), sum(returned),
                sum(refunded)) <> (0, 0, 0, 0, 0, 0, 0)",
        );
    }
    statement.push(") as by_sku");
    if let Some([Cell::Text(currency), Cell::Number(net), Cell::Text(sku)]) = query.after.as_deref() {
        statement.push(" where (currency, -net, sku) > (").bind(currency.clone()).push(", ").bind(-net).push(", ");
        statement.bind(sku.clone()).push(")");
    }
    statement.push(" order by currency, net desc, sku");
}
