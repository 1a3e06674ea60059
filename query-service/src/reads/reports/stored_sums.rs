//! The part of a select that reads stored sums of a range, by whole days where they suffice and by shorter
//! intervals elsewhere; see [`super::periods`].

use super::later::Sums;
use super::periods::{Periods, StoredSums};
use super::query::ReportQuery;
use crate::reads::database::statement::Statement;

/// Tables with the same columns: sums by day in UTC, and the same sums by shorter intervals.
pub(super) struct Tables {
    /// The columns to be read, separated by commas.
    pub(super) columns: &'static str,
    /// Sums by day.
    pub(super) days: &'static str,
    /// Sums by hour, if there are any.
    pub(super) hours: Option<&'static str>,
    /// Sums by quarter of an hour.
    pub(super) quarter_hours: &'static str,
    /// The kind of these sums.
    pub(super) sums: Sums,
}

/// Adds `(select ... union all select ...) as sums` for the range, filtered by channel and currency.
pub(super) fn push_sums(tables: &Tables, query: &ReportQuery, periods: &Periods, statement: &mut Statement) {
    let sums = periods.stored_sums();
    statement.push("(");
    if sums.has_whole_days() {
        push_days(tables, query, &sums, statement);
    }
    if sums.has_whole_days() && !sums.parts.is_empty() {
        statement.push(" union all ");
    }
    if !sums.parts.is_empty() {
        push_parts(tables, query, &sums, statement);
    }
    if let Some(later) = &query.later {
        statement.push(" union all select starts_at, ").push(tables.columns).push(" from ");
        later.push(tables.sums, statement);
        push_range(periods, statement);
        push_filters(query, statement);
    }
    statement.push(") as sums");
}

/// Adds `(select ...) as sums` with the sums of a table of quarters of an hour in the range; `push_filters` adds conditions.
pub(super) fn push_quarter_hours(
    (table, sums): (&'static str, Sums),
    query: &ReportQuery,
    periods: &Periods,
    push_filters: impl Fn(&ReportQuery, &mut Statement),
    statement: &mut Statement,
) {
    statement.push("(select * from ").push(table);
    push_range(periods, statement);
    push_filters(query, statement);
    if let Some(later) = &query.later {
        statement.push(" union all select * from ");
        later.push(sums, statement);
        push_range(periods, statement);
        push_filters(query, statement);
    }
    statement.push(") as sums");
}

fn push_range(periods: &Periods, statement: &mut Statement) {
    statement.push(" where starts_at >= ").bind(periods.start()).push(" and starts_at < ").bind(periods.end);
}

fn push_days(tables: &Tables, query: &ReportQuery, sums: &StoredSums, statement: &mut Statement) {
    statement.push("select starts_at, ").push(tables.columns).push(" from ").push(tables.days);
    statement.push(" where starts_at >= ").bind(sums.days.0).push(" and starts_at < ").bind(sums.days.1);
    if !sums.divided.is_empty() {
        statement.push(" and starts_at <> all(").bind(sums.divided.clone()).push(")");
    }
    push_filters(query, statement);
}

/// One select for each part of divided days, so that the months of each are known when the statement is planned.
fn push_parts(tables: &Tables, query: &ReportQuery, sums: &StoredSums, statement: &mut Statement) {
    let table = tables.hours.filter(|_| sums.are_hours).unwrap_or(tables.quarter_hours);
    for (number, (start, end)) in sums.parts.iter().enumerate() {
        if number > 0 {
            statement.push(" union all ");
        }
        statement.push("select starts_at, ").push(tables.columns).push(" from ").push(table);
        statement.push(" where starts_at >= ").bind(*start).push(" and starts_at < ").bind(*end);
        push_filters(query, statement);
    }
}

/// Adds the filters by channel and currency.
pub(super) fn push_filters(query: &ReportQuery, statement: &mut Statement) {
    push_channel(query, statement);
    if let Some(currency) = query.currency {
        statement.push(" and currency = ").bind(currency.as_str().to_owned());
    }
}

/// Adds the filter by channel.
pub(super) fn push_channel(query: &ReportQuery, statement: &mut Statement) {
    if let Some(channel) = &query.channel {
        statement.push(" and channel = ").bind(channel.as_str().to_owned());
    }
}

/// Adds the filter by location.
pub(super) fn push_location(query: &ReportQuery, statement: &mut Statement) {
    if let Some(location) = &query.location {
        statement.push(" and location = ").bind(location.as_str().to_owned());
    }
}

/// Adds the number of the period that contains `starts_at`.
pub(super) fn push_period(periods: &Periods, statement: &mut Statement) {
    statement.push("width_bucket(starts_at, ").bind(periods.starts.clone()).push(")");
}
