//! The report of customers: orders and amounts of each customer and currency since the first order, the largest net amount of
//! each currency first. Orders of guests belong to no customer.

use uuid::Uuid;

use super::cell::Cell;
use super::later::{LaterRows, Sums};
use super::query::ReportQuery;
use super::table::{Column, ReportType};
use crate::reads::database::statement::Statement;

/// The report of customers.
pub static CUSTOMERS: ReportType = ReportType {
    name: "customers",
    sums: Sums::CustomerSales,
    columns: &[
        Column::text("customer_id"),
        Column::text("currency"),
        Column::number("orders"),
        Column::number("ordered"),
        Column::number("cancelled"),
        Column::number("returned"),
        Column::number("refunded"),
        Column::number("net"),
    ],
    dimensions: &[],
    page_key: &["currency", "net", "customer_id"],
    select,
};

fn select(query: &ReportQuery, statement: &mut Statement) {
    match &query.later {
        None => push_present(query, statement),
        Some(later) => push_earlier(later, query, statement),
    }
}

/// The rows of customers without later events, which are read as at present, and the rows of all others.
fn push_earlier(later: &LaterRows, query: &ReportQuery, statement: &mut Statement) {
    statement.push("with later as materialized (select * from ");
    later.push(Sums::CustomerSales, statement);
    statement.push("), changed as (
            select c.customer_id::text as customer_id, c.currency, c.orders + l.orders as orders, c.ordered + l.ordered as ordered,
                c.cancelled + l.cancelled as cancelled, c.returned + l.returned as returned, c.refunded + l.refunded as refunded,
                c.net + l.net as net, 0::bigint as position
            from later l join sales_customers c using (customer_id, currency)
        ) select * from ((");
    push_present(query, statement);
    if let Some(limit) = query.limit {
        statement.push(" limit ").bind(i64::from(limit) + 1);
    }
    statement.push(
        ") union all (
            select * from changed where (orders, ordered, cancelled, returned, refunded) <> (0, 0, 0, 0, 0)",
    );
    if let Some(currency) = query.currency {
        statement.push(" and currency = ").bind(currency.as_str().to_owned());
    }
    if let Some((currency, net, id)) = last_row(query) {
        statement.push(" and (currency, -net, customer_id) > (").bind(currency).push(", ").bind(-net).push(", ");
        statement.bind(id.to_string()).push(")");
    }
    statement.push(")) as page order by currency, net desc, customer_id");
}

/// The rest of the currency of the last row, then the currencies after it: each part reads only its own rows of the index
/// `sales_customers_net`.
fn push_present(query: &ReportQuery, statement: &mut Statement) {
    let Some((currency, net, id)) = last_row(query) else {
        push_rows(query, statement, |_| {});
        statement.push(" order by currency, net desc, c.customer_id");
        return;
    };
    statement.push("select * from ((");
    push_rows(query, statement, |statement| {
        statement
            .push(" and currency = ")
            .bind(currency.clone())
            .push(" and net <= ")
            .bind(net)
            .push(" and (net < ")
            .bind(net);
        statement.push(" or c.customer_id > ").bind(id).push(")");
    });
    statement.push(" order by net desc, c.customer_id limit ").bind(query.rows_max() as i64 + 1).push(") union all (");
    push_rows(query, statement, |statement| {
        statement.push(" and currency > ").bind(currency.clone());
    });
    statement.push(" order by currency, net desc, c.customer_id limit ").bind(query.rows_max() as i64 + 1);
    statement.push(")) as page order by currency, net desc, customer_id");
}

fn push_rows(query: &ReportQuery, statement: &mut Statement, push_condition: impl FnOnce(&mut Statement)) {
    statement.push(
        "select customer_id::text as customer_id, currency, orders, ordered, cancelled, returned, refunded, net,
            0::bigint as position
        from sales_customers c where true",
    );
    if let Some(currency) = query.currency {
        statement.push(" and currency = ").bind(currency.as_str().to_owned());
    }
    if query.later.is_some() {
        statement.push(" and (c.customer_id, c.currency) not in (select customer_id, currency from later)");
    }
    push_condition(statement);
}

fn last_row(query: &ReportQuery) -> Option<(String, i64, Uuid)> {
    match query.after.as_deref()? {
        [Cell::Text(currency), Cell::Number(net), Cell::Text(id)] => Some((currency.clone(), *net, id.parse().ok()?)),
        _ => None,
    }
}
