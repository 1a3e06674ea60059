//! The selects of a page of orders: a few fixed statements, each for a kind of [`OrderFilter`], so that what a statement reads
//! does not depend on estimates of the planner. [`super::list`] runs them, for one range of months after the other.
//!
//! - No filter: by order id.
//! - Statuses, with or without a channel: every combination of statuses that exists is read from the index (status, id) or
//!   (channel, status, id) up to the size of the page, so that no filter reads rows of other statuses.
//! - A channel, or a customer: from the index (channel, id) or (customer_id, id).
//! - An order code or an external reference: from its index, in all months.
//! - Any other filter or order is a search. First the filter is applied to the orders at the beginning of the list, which fills
//!   the page if the filter is frequent. If not, all orders of some months that match are found and sorted; the values of the filter
//!   decide which index is the best, so this statement is planned with them. A limit would mislead the planner: it expects to find
//!   rows that match everywhere in the list.

use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::conditions::push_conditions;
use super::filter::{OrderFilter, OrderSort};
use crate::reads::database::statement::Statement;
use crate::reads::months::{MonthRange, first_id_at};

/// The sort key of the last row before a page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct After {
    /// Order id.
    pub id: Uuid,
    /// The value that the list is sorted by, if that is not the id: a total, or an instant in microseconds since 1970.
    pub value: i64,
}

/// Limits that occur in statements: a statement is planned once for each. A page needs one row more than it shows.
const LIMITS: [i64; 4] = [21, 51, 101, 201];
/// Numbers of orders at the beginning of a list that a search reads one after the other, before it reads from indexes all that match:
/// those are then at most a few thousand rows of a month with some hundred thousand orders.
const FIRST_ORDERS: [i64; 2] = [1_000, 8_000];
/// Fewest matches among the first orders with which it pays off to read more of them.
const MATCHES_MIN: usize = 3;

const COLUMNS: &str =
    "o.id, o.code, o.channel, o.customer_id, o.external_ref, o.currency, o.total, o.due, o.owed, o.tags, o.lifecycle,
    o.payment, o.fulfilment, o.returns, o.placed_at, o.updated_at, o.version, o.incarnation, o.position";

/// The number of lines and of units of an order, from its document. Cancelled units are not counted.
const LINE_COUNTS: &str = ", json_array_length(o.document -> 'lines')::bigint as lines, (
        select coalesce(sum((line ->> 'ordered')::bigint - coalesce((line ->> 'cancelled')::bigint, 0)), 0)::bigint
        from json_array_elements(o.document -> 'lines') as line
    ) as units";

/// Whether the lines and units of each order are counted, which reads its whole document.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LineCounts {
    /// Counted.
    Included,
    /// Not counted.
    LeftOut,
}

/// How the orders of a page are found.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Access {
    Newest,
    /// The numbers of the combinations of statuses.
    Statuses(Vec<i32>),
    Channel,
    Customer,
    CodeOrReference,
    Search,
}

/// Selects a page of orders.
#[derive(Debug)]
pub struct OrderSelect<'a> {
    filter: &'a OrderFilter,
    sort: OrderSort,
    after: Option<After>,
    limit: i64,
    access: Access,
}

impl<'a> OrderSelect<'a> {
    /// A select of at least `limit` rows after a row, if there are as many.
    pub fn new(filter: &'a OrderFilter, sort: OrderSort, after: Option<After>, limit: i64) -> OrderSelect<'a> {
        let limit = LIMITS.into_iter().find(|it| *it >= limit).unwrap_or(limit);
        OrderSelect { filter, sort, after, limit, access: access(filter, sort) }
    }

    /// How many orders at the beginning of the list are read first, with [`OrderSelect::push_first_orders`], if the orders before
    /// had this number of matches; `None` if all that match are to be found.
    pub fn first_orders(&self, before: Option<(i64, usize)>) -> Option<i64> {
        let next = match before {
            None => FIRST_ORDERS.first(),
            Some((_, matches)) if matches < MATCHES_MIN => None,
            Some((count, _)) => FIRST_ORDERS.iter().find(|it| **it > count),
        };
        next.copied().filter(|_| self.access == Access::Search)
    }

    /// The range of months to read first, and those to read until the page is full, in the order of the list.
    pub fn months(&self, now: DateTime<Utc>) -> (MonthRange, Vec<MonthRange>) {
        let reads_all =
            self.sort != OrderSort::NewestFirst || matches!(self.access, Access::Customer | Access::CodeOrReference);
        if reads_all {
            return (MonthRange::ALL, Vec::new());
        }
        let end = self.end_id();
        let [newest, rest @ ..] = MonthRange::backwards(end.unwrap_or_else(|| first_id_at(now)));
        let first = if end.is_none() { newest.and_later() } else { newest };
        let begin = self.filter.first_id.unwrap_or(Uuid::nil());
        (first, rest.into_iter().filter(|range| range.reaches(begin)).collect())
    }

    /// Adds the select of the orders in `months`.
    pub fn push(&self, months: MonthRange, statement: &mut Statement) {
        match &self.access {
            Access::Newest => self.push_newest(months, statement),
            Access::Statuses(numbers) => self.push_statuses(numbers, months, statement),
            Access::Channel => {
                let channel = self.filter.channel.as_ref().map(|it| it.as_str());
                statement.push("with found as (select s.id from order_search s where s.channel = ").bind(channel);
                self.push_found(months, statement);
            }
            Access::Customer => {
                let customer = self.filter.customer_id.map(|it| it.uuid());
                statement.push("with found as (select s.id from order_search s where s.customer_id = ").bind(customer);
                self.push_found(months, statement);
            }
            Access::CodeOrReference => self.push_search(months, statement),
            Access::Search => self.push_search(months, statement.plan_each_time()),
        }
    }

    /// Adds the select of all orders that match, in the order of the list, with the columns `lines` and `units` on request.
    pub fn push_all(filter: &'a OrderFilter, sort: OrderSort, counts: LineCounts, statement: &mut Statement) {
        let select = OrderSelect::new(filter, sort, None, 0);
        statement.push("select ").push(COLUMNS);
        if counts == LineCounts::Included {
            statement.push(LINE_COUNTS);
        }
        statement.push(" from order_search s join orders o on o.id = s.id where true");
        select.push_range("s.id", statement);
        select.push_range("o.id", statement);
        push_conditions(filter, statement);
        statement.push(order_by(sort));
    }

    fn push_newest(&self, months: MonthRange, statement: &mut Statement) {
        statement.push("select ").push(COLUMNS).push(" from orders o where true");
        self.push_ids("o.id", statement);
        months.push(statement, "o.id");
        statement.push(" order by o.id desc limit ").push_number(self.limit);
    }

    /// Completes a select of ids from one index with the columns of these orders.
    fn push_found(&self, months: MonthRange, statement: &mut Statement) {
        self.push_ids("s.id", statement);
        months.push(statement, "s.id");
        statement.push(" order by s.id desc limit ").push_number(self.limit).push(") select ").push(COLUMNS);
        statement.push(" from found cross join lateral (select * from orders where id = found.id");
        months.push(statement, "id");
        statement.push(") o order by o.id desc limit ").push_number(self.limit);
    }

    /// The combinations of statuses that exist are found by jumping through the index from one to the next. A comparison of rows
    /// keeps every plan on the index of statuses: the planner could expect to find the rows sooner by id, and be wrong.
    fn push_statuses(&self, numbers: &[i32], months: MonthRange, statement: &mut Statement) {
        let channel = self.filter.channel.as_ref().map(|it| it.as_str());
        let push_channel = |statement: &mut Statement| {
            if channel.is_some() {
                statement.push("channel = ").bind(channel).push(" and ");
            }
        };
        statement.push("with recursive existing (status) as (select (select status from orders where ");
        push_channel(statement);
        statement.push("status >= ").bind(numbers.first().copied().unwrap_or(0));
        months.push(statement, "id");
        statement.push(" order by status limit 1) union all select (select status from orders where ");
        push_channel(statement);
        statement.push("status > existing.status");
        months.push(statement, "id");
        statement.push(" order by status limit 1) from existing where existing.status is not null) select ");
        statement.push(COLUMNS).push(" from existing cross join lateral (select * from orders where ");
        push_channel(statement);
        let (first, end) = (self.filter.first_id.unwrap_or(Uuid::nil()), self.end_id().unwrap_or(Uuid::max()));
        statement
            .push("(status, id) >= (existing.status, ")
            .bind(first)
            .push(") and (status, id) < (existing.status, ");
        statement.bind(end).push(")");
        months.push(statement, "id");
        statement.push(" order by status desc, id desc limit ").push_number(self.limit);
        statement.push(") o where existing.status = any(").bind(numbers.to_vec());
        statement.push(") order by o.id desc limit ").push_number(self.limit);
    }

    /// Adds the select of those that match among the first `count` orders of the list.
    pub fn push_first_orders(&self, count: i64, months: MonthRange, statement: &mut Statement) {
        // A subquery with a limit keeps the planner from applying the filter to more rows.
        let (first, id, joined) = match self.sort {
            OrderSort::LastUpdatedFirst | OrderSort::FirstUpdatedFirst => (
                " from (select o.* from orders o where true",
                "o.id",
                ") o join order_search s on s.id = o.id where true",
            ),
            _ => (
                " from (select s.* from order_search s where true",
                "s.id",
                ") s join orders o on o.id = s.id where true",
            ),
        };
        statement.push("select ").push(COLUMNS).push(first);
        self.push_range(id, statement);
        months.push(statement, id);
        statement.push(order_by(self.sort)).push(" limit ").push_number(count).push(joined);
        let other = if id == "s.id" { "o.id" } else { "s.id" };
        self.push_range(other, statement);
        months.push(statement, other);
        push_conditions(self.filter, statement);
        statement.push(order_by(self.sort)).push(" limit ").push_number(self.limit);
    }

    /// Finds all orders that match, before it sorts them.
    fn push_search(&self, months: MonthRange, statement: &mut Statement) {
        statement.push("with found as materialized (select ").push(COLUMNS);
        statement.push(" from order_search s join orders o on o.id = s.id where true");
        for id in ["s.id", "o.id"] {
            months.push(statement, id);
            self.push_range(id, statement);
        }
        push_conditions(self.filter, statement);
        statement.push(") select o.* from found o join lateral (select o.id, o.total) s on true");
        statement.push(order_by(self.sort)).push(" limit ").push_number(self.limit);
    }

    /// The conditions of `placed_at`, and of the rows before the page.
    fn push_range(&self, id: &'static str, statement: &mut Statement) {
        if self.sort == OrderSort::NewestFirst {
            return self.push_ids(id, statement);
        }
        if let Some(first) = self.filter.first_id {
            statement.push(" and ").push(id).push(" >= ").bind(first);
        }
        if let Some(end) = self.filter.end_id {
            statement.push(" and ").push(id).push(" < ").bind(end);
        }
        let Some(After { id: after, value }) = self.after else { return };
        match (self.sort, id) {
            (OrderSort::NewestFirst | OrderSort::OldestFirst, _) => {
                statement.push(" and ").push(id).push(" > ").bind(after)
            }
            (OrderSort::LastUpdatedFirst, "o.id") => {
                push_after(" and (o.updated_at, o.id) < (", instant(value), after, statement)
            }
            (OrderSort::FirstUpdatedFirst, "o.id") => {
                push_after(" and (o.updated_at, o.id) > (", instant(value), after, statement)
            }
            (OrderSort::HighestTotalFirst, "s.id") => push_after(" and (s.total, s.id) < (", value, after, statement),
            (OrderSort::LowestTotalFirst, "s.id") => push_after(" and (s.total, s.id) > (", value, after, statement),
            // The other table has the value.
            (_, _) => statement,
        };
    }

    /// The conditions of `placed_at`, and of the rows before the page in a list that is sorted by id.
    fn push_ids(&self, column: &'static str, statement: &mut Statement) {
        if let Some(first) = self.filter.first_id {
            statement.push(" and ").push(column).push(" >= ").bind(first);
        }
        if let Some(end) = self.end_id() {
            statement.push(" and ").push(column).push(" < ").bind(end);
        }
    }

    /// The id that ends the rest of a list that is sorted by id, newest first. The cursor is below the end of the filter,
    /// because the previous page was.
    fn end_id(&self) -> Option<Uuid> {
        self.after.map(|after| after.id).or(self.filter.end_id)
    }
}

/// The part of a select that sorts by columns of `order_search s` and `orders o`.
fn order_by(sort: OrderSort) -> &'static str {
    match sort {
        OrderSort::NewestFirst => " order by s.id desc",
        OrderSort::OldestFirst => " order by s.id",
        OrderSort::LastUpdatedFirst => " order by o.updated_at desc, o.id desc",
        OrderSort::FirstUpdatedFirst => " order by o.updated_at, o.id",
        OrderSort::HighestTotalFirst => " order by s.total desc, s.id desc",
        OrderSort::LowestTotalFirst => " order by s.total, s.id",
    }
}

fn push_after<'s, T>(comparison: &'static str, value: T, id: Uuid, statement: &'s mut Statement) -> &'s mut Statement
where
    T: for<'v> sqlx::Encode<'v, sqlx::Postgres> + sqlx::Type<sqlx::Postgres>,
{
    statement.push(comparison).bind(value).push(", ").bind(id).push(")")
}

/// An instant in microseconds since 1970.
fn instant(value: i64) -> DateTime<Utc> {
    DateTime::from_timestamp_micros(value).unwrap_or_default()
}

fn access(filter: &OrderFilter, sort: OrderSort) -> Access {
    let numbers = filter.status_numbers();
    let is_default_order = sort == OrderSort::NewestFirst;
    if is_default_order && (filter.code.is_some() || filter.external_ref.is_some()) {
        return Access::CodeOrReference;
    }
    if !is_default_order || filter.has_search() {
        return Access::Search;
    }
    match (filter.customer_id, numbers, &filter.channel) {
        (Some(_), None, None) => Access::Customer,
        (Some(_), _, _) => Access::Search,
        (None, Some(numbers), _) => Access::Statuses(numbers),
        (None, None, Some(_)) => Access::Channel,
        (None, None, None) => Access::Newest,
    }
}

#[cfg(test)]
mod tests;
