//! Reads the sections of the statistics, each from one snapshot.

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};
use chrono_tz::Tz;
use events::order::progress::{FulfilmentStatus, Lifecycle, PaymentStatus, ReturnStatus};
use events::{Currency, LogPosition, Position};
use read_model::Projection;
use read_model::sales::quarter_hour_start;
use read_model::status::{fulfilment_word, lifecycle_word, payment_word, return_word};
use sqlx::Row;
use sqlx::postgres::PgRow;

use super::document::{OrderStatistics, OwedSum, SalesPeriod, SalesStatistics, SalesSum, Statistics, StockStatistics};
use crate::reads::consistency::{self, Required};
use crate::reads::database::freshness::Scope;
use crate::reads::database::limits::Workload;
use crate::reads::database::routing::Database;
use crate::reads::database::row::parsed;
use crate::reads::database::statement::{FreshRows, Statement};
use crate::reads::error::Error;
use crate::reads::reports::periods::Periods;
use crate::reads::reports::sales::push_channel_sums;
use crate::reads::reports::time_zone::{Granularity, day_start};

/// The projections of the sections.
pub(super) const PROJECTIONS: [Projection; 3] = [Projection::SALES, Projection::ORDER_STATISTICS, Projection::STOCK];

const DAYS: u64 = 30;
const HOURS: i64 = 24;

/// Reads all sections, as of `now`, with the log position that all of them contain.
pub(super) async fn read(
    database: &Database,
    required: Option<&Required>,
    zone: Tz,
    now: DateTime<Utc>,
) -> Result<(Statistics, LogPosition), Error> {
    let ((sales, sales_at), (orders, orders_at), (stock, stock_at)) = futures::try_join!(
        read_sales(database, required, zone, now),
        read_orders(database, required),
        read_stock(database, required),
    )?;
    let contained = sales_at.min(orders_at).min(stock_at);
    let position = contained.position;
    Ok((Statistics { at: now, timezone: zone.name(), position, sales, orders, stock }, contained))
}

/// The last days, which end with the current day.
fn last_days(zone: Tz, now: DateTime<Utc>) -> Periods {
    let today = now.with_timezone(&zone).date_naive();
    let first = today.checked_sub_days(chrono::Days::new(DAYS - 1)).unwrap_or(today);
    let end = Granularity::Day.next_start(now, zone);
    Periods::new(day_start(first, zone), end, Some(Granularity::Day), zone)
}

/// The last hours, which end with the current hour.
fn last_hours(zone: Tz, now: DateTime<Utc>) -> Periods {
    let day_ago = quarter_hour_start(now) - TimeDelta::hours(HOURS);
    let first = Granularity::Hour.next_start(day_ago, zone);
    let end = Granularity::Hour.next_start(quarter_hour_start(now), zone);
    Periods::new(first, end, Some(Granularity::Hour), zone)
}

async fn read_sales(
    database: &Database,
    required: Option<&Required>,
    zone: Tz,
    now: DateTime<Utc>,
) -> Result<(SalesStatistics, LogPosition), Error> {
    let (days, hours) = (last_days(zone, now), last_hours(zone, now));
    let select = |statement: &mut Statement| {
        statement.push("select 'day' as series, width_bucket(starts_at, ").bind(days.starts.clone()).push(
            ") as number, currency, sum(orders)::bigint as orders, sum(net)::bigint as net, 0::bigint as position from ",
        );
        push_channel_sums(&days, statement);
        statement
            .push(" group by 2, 3 union all select 'hour', width_bucket(starts_at, ")
            .bind(hours.starts.clone())
            .push(
                "), currency, sum(orders)::bigint, sum(net)::bigint, 0::bigint
            from sales_channel_quarter_hours where starts_at >= ",
            );
        statement.bind(hours.start()).push(" and starts_at < ").bind(hours.end).push(" group by 2, 3 order by 1, 2, 3");
    };
    let FreshRows { freshness, rows } = list(database, required, Projection::SALES, &select).await?;
    let days = series("day", &days, &rows)?;
    let total = |count: usize| total(days.iter().rev().take(count));
    let contained = freshness.contained();
    let sales = SalesStatistics {
        today: total(1),
        yesterday: days.iter().rev().nth(1).map(|day| day.sums.clone()).unwrap_or_default(),
        last_7_days: total(7),
        last_30_days: total(DAYS as usize),
        hours: series("hour", &hours, &rows)?,
        position: contained.position,
        days,
    };
    Ok((sales, contained))
}

/// The periods of a series with their sums.
fn series(name: &str, periods: &Periods, rows: &[PgRow]) -> sqlx::Result<Vec<SalesPeriod>> {
    let start = |start: &DateTime<Utc>| start.with_timezone(&periods.zone).to_rfc3339();
    let mut series: Vec<_> =
        periods.starts.iter().map(|it| SalesPeriod { start: start(it), sums: Vec::new() }).collect();
    for row in rows {
        if row.try_get::<&str, _>("series")? != name {
            continue;
        }
        let index = usize::try_from(row.try_get::<i32, _>("number")?).ok().and_then(|number| number.checked_sub(1));
        let sum =
            SalesSum { currency: parsed(row, "currency")?, orders: row.try_get("orders")?, net: row.try_get("net")? };
        if let Some(period) = index.and_then(|index| series.get_mut(index)) {
            period.sums.push(sum);
        }
    }
    Ok(series)
}

/// The sums of several periods by currency.
fn total<'p>(periods: impl Iterator<Item = &'p SalesPeriod>) -> Vec<SalesSum> {
    let mut sums: BTreeMap<Currency, SalesSum> = BTreeMap::new();
    for sum in periods.flat_map(|period| &period.sums) {
        let total = sums.entry(sum.currency).or_insert(SalesSum { currency: sum.currency, orders: 0, net: 0 });
        total.orders += sum.orders;
        total.net = total.net.saturating_add(sum.net);
    }
    sums.into_values().collect()
}

/// The number of rows depends on the number of channels, currencies and combinations of statuses.
async fn read_orders(
    database: &Database,
    required: Option<&Required>,
) -> Result<(OrderStatistics, LogPosition), Error> {
    let select = |statement: &mut Statement| {
        statement.push(
            "select lifecycle, payment, fulfilment, returns, currency, sum(orders)::bigint as orders, sum(owed)::bigint as owed,
                sum(open_returns)::bigint as open_returns, sum(waiting_fulfilments)::bigint as waiting_fulfilments,
                0::bigint as position
            from order_counts
            group by lifecycle, payment, fulfilment, returns, currency",
        );
    };
    let FreshRows { freshness, rows } = list(database, required, Projection::ORDER_STATISTICS, &select).await?;
    let contained = freshness.contained();
    let (mut found, mut owed) = (no_orders(contained.position), BTreeMap::new());
    for row in &rows {
        let orders: i64 = row.try_get("orders")?;
        for (counts, column) in [
            (&mut found.by_lifecycle, "lifecycle"),
            (&mut found.by_payment, "payment"),
            (&mut found.by_fulfilment, "fulfilment"),
            (&mut found.by_return, "returns"),
        ] {
            *counts.entry(row.try_get(column)?).or_default() += orders;
        }
        found.open_returns += row.try_get::<i64, _>("open_returns")?;
        found.waiting_fulfilments += row.try_get::<i64, _>("waiting_fulfilments")?;
        *owed.entry(parsed::<Currency>(row, "currency")?).or_insert(0i64) += row.try_get::<i64, _>("owed")?;
    }
    found.open = found.by_lifecycle.get("open").copied().unwrap_or_default();
    let owed = owed.into_iter().filter(|(_, owed)| *owed != 0);
    found.owed = owed.map(|(currency, owed)| OwedSum { currency, owed }).collect();
    Ok((found, contained))
}

/// Every status without an order.
fn no_orders(position: Position) -> OrderStatistics {
    use {FulfilmentStatus as F, Lifecycle as L, PaymentStatus as P, ReturnStatus as R};
    let zeros = |words: &[&str]| words.iter().map(|word| ((*word).to_owned(), 0)).collect();
    let payments = [P::Unpaid, P::Authorized, P::PartiallyPaid, P::Paid, P::Overpaid, P::PartiallyRefunded];
    let payments = [&payments[..], &[P::Refunded, P::NotRequired]].concat();
    let fulfilments = [F::Unfulfilled, F::Backordered, F::Processing, F::PartiallyShipped, F::Shipped];
    let fulfilments = [&fulfilments[..], &[F::Delivered, F::OnHold]].concat();
    OrderStatistics {
        by_lifecycle: zeros(&[L::Open, L::Completed, L::Cancelled, L::Expired].map(lifecycle_word)),
        by_payment: zeros(&payments.into_iter().map(payment_word).collect::<Vec<_>>()),
        by_fulfilment: zeros(&fulfilments.into_iter().map(fulfilment_word).collect::<Vec<_>>()),
        by_return: zeros(&[R::None, R::Requested, R::PartiallyReturned, R::Returned].map(return_word)),
        position,
        ..OrderStatistics::default()
    }
}

/// The number of rows is that of stock items, which does not grow with the number of orders.
async fn read_stock(database: &Database, required: Option<&Required>) -> Result<(StockStatistics, LogPosition), Error> {
    let select = |statement: &mut Statement| {
        statement.push(
            "select count(*) as items, count(*) filter (where available <= 0) as out_of_stock,
                count(*) filter (where available < 0) as below_zero,
                count(*) filter (where available between 1 and 10) as low, 0::bigint as position
            from (
                select on_hand - safety - reserved as available from stock
                where policy->>'kind' is distinct from 'untracked'
            ) as tracked",
        );
    };
    let FreshRows { freshness, rows } = list(database, required, Projection::STOCK, &select).await?;
    let (contained, row) = (freshness.contained(), rows.first().ok_or(sqlx::Error::RowNotFound)?);
    let stock = StockStatistics {
        items: row.try_get("items")?,
        out_of_stock: row.try_get("out_of_stock")?,
        below_zero: row.try_get("below_zero")?,
        low: row.try_get("low")?,
        position: contained.position,
    };
    Ok((stock, contained))
}

async fn list(
    database: &Database,
    required: Option<&Required>,
    projection: Projection,
    select: consistency::Select<'_>,
) -> Result<FreshRows, Error> {
    consistency::read(database, Workload::List, required, projection, &Scope::List, select).await
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> DateTime<Utc> {
        text.parse().expect("RFC 3339")
    }

    fn zone(name: &str) -> Tz {
        name.parse().expect("a time zone")
    }

    #[test]
    fn the_last_day_is_the_current_one_in_the_time_zone() {
        let days = last_days(zone("Asia/Kathmandu"), at("2026-03-31T20:00:00Z"));
        assert_eq!(
            (days.starts.len(), days.start(), days.end),
            (30, at("2026-03-02T18:15:00Z"), at("2026-04-01T18:15:00Z"))
        );
        let days = last_days(zone("Europe/Berlin"), at("2026-03-29T22:00:00Z"));
        assert_eq!(
            (days.starts.len(), days.starts[28]),
            (30, at("2026-03-28T23:00:00Z")),
            "the day with 23 hours is complete"
        );
        assert_eq!(days.starts[29], at("2026-03-29T22:00:00Z"));
    }

    #[test]
    fn the_last_hour_is_the_current_one() {
        let hours = last_hours(zone("UTC"), at("2026-03-31T20:14:59Z"));
        assert_eq!(
            (hours.starts.len(), hours.start(), hours.end),
            (24, at("2026-03-30T21:00:00Z"), at("2026-03-31T21:00:00Z"))
        );
        let hours = last_hours(zone("Asia/Kathmandu"), at("2026-03-31T20:15:00Z"));
        assert_eq!((hours.starts.len(), hours.starts[23]), (24, at("2026-03-31T20:15:00Z")));
    }
}
