//! The projections of a generated log, samples of what they contain, and services that read them.

use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use anyhow::Context;
use e2e::fleet::{Fleet, FleetConfig, Service};
use e2e::{log, read_models};
use read_model::Projection;
use sqlx::{AssertSqlSafe, Connection, PgConnection, PgPool};
use testbed::Bed;

use super::database_time::DatabaseTime;
use crate::figures::Figures;
use crate::generated_log::{self, LogSize, Relayed};
use crate::operator;

/// Number of orders that are read by id: more than fit into one in-flight read of each connection.
const ORDER_IDS: i64 = 10_000;

/// A database with all projections.
pub(super) struct Shop {
    pub(super) bed: Bed,
    /// Number of orders.
    pub(super) orders: i64,
    /// Number of months with orders.
    pub(super) months: i64,
    /// Ids of some orders.
    pub(super) order_ids: Vec<String>,
    /// Order codes of some orders.
    pub(super) codes: Vec<String>,
    /// SKUs of all products.
    pub(super) skus: Vec<String>,
    /// Names of some products.
    pub(super) names: Vec<String>,
    /// Ids of some customers.
    pub(super) customers: Vec<String>,
    /// The first day of the last year of sales, and the day after the last one.
    pub(super) year: (String, String),
    /// The statements of the services that were stopped.
    database_time: Mutex<DatabaseTime>,
}

impl Shop {
    /// Generates the log and builds the projections, unless an earlier run has kept them.
    pub(super) async fn open(size: LogSize) -> anyhow::Result<Shop> {
        let LogSize { seed, events } = size;
        let bed = Bed::named(&format!("bench_query_{seed}_{events}")).await?;
        let pool = log::connect(&bed.admin_url()?).await?;
        if log::head(&pool).await?.0 == 0 {
            let began = Instant::now();
            generated_log::fill(&bed, size, Relayed::All).await?;
            println!("  generated {} events in {:.0} s", log::head(&pool).await?, began.elapsed().as_secs_f64());
        }
        for projection in Projection::ALL {
            if read_models::list_generations(&pool, projection).await?.is_empty() {
                let ran = operator::projector(&bed, &["rebuild", projection.name()]).await?;
                operator::projector(&bed, &["promote", projection.name(), "--force"]).await?;
                println!("  built {} in {:.0} s", projection.name(), ran.took.as_secs_f64());
            }
        }
        sqlx::query("analyze").execute(&pool).await.context("updating the statistics")?;
        bed.replica_caught_up().await?;
        Shop::sample(bed, &pool).await
    }

    async fn sample(bed: Bed, pool: &PgPool) -> anyhow::Result<Shop> {
        let texts = async |sql: &'static str| {
            sqlx::query_scalar::<_, String>(sql).fetch_all(pool).await.context("reading samples of the projections")
        };
        let number = async |sql: &'static str| sqlx::query_scalar::<_, i64>(sql).fetch_one(pool).await;
        let orders = number("select count(*) from orders").await.context("counting the orders")?;
        let months = "select count(*) from pg_inherits where inhparent = 'orders_1.orders'::regclass";
        let months = number(months).await.context("counting the months")?;
        let year = "select greatest(min(starts_at), max(starts_at) - interval '364 days')::date::text,
                (max(starts_at) + interval '1 day')::date::text from sales_days";
        let year = sqlx::query_as(year).fetch_one(pool).await.context("reading the range of sales")?;
        let step = (orders / ORDER_IDS).max(1);
        let some = "select id::text from (select id, row_number() over (order by id) as number from orders) o where number % $1 = 0 limit $2";
        let order_ids = sqlx::query_scalar(some).bind(step).bind(ORDER_IDS).fetch_all(pool).await;
        let order_ids: Vec<String> = order_ids.context("reading samples of the orders")?;
        let codes = "select code from order_search where id = any($1::text[]::uuid[]) order by code limit 1000";
        let codes = sqlx::query_scalar(codes).bind(&order_ids).fetch_all(pool).await;
        Ok(Shop {
            orders,
            months,
            order_ids,
            codes: codes.context("reading samples of the order codes")?,
            skus: texts("select sku from products order by sku").await?,
            names: texts("select name from products order by sku limit 1000").await?,
            customers: texts("select id::text from customers order by id limit 1000").await?,
            year,
            bed,
            database_time: Mutex::default(),
        })
    }

    /// Starts a query service with these settings instead of the usual ones.
    pub(super) async fn serve(&self, settings: &[(&'static str, &str)]) -> anyhow::Result<Fleet> {
        let config = FleetConfig::all_services(&self.bed).only(Service::Query);
        settings.iter().fold(config, |config, (name, value)| config.with(Service::Query, name, *value)).start().await
    }

    /// Stops a query service; its statements count in the figures of the database time.
    pub(super) async fn stop(&self, service: Fleet) -> anyhow::Result<()> {
        let metrics = service.metrics(Service::Query).await?;
        self.database_time.lock().unwrap_or_else(PoisonError::into_inner).add(&metrics)?;
        service.finish();
        Ok(())
    }

    /// Adds the figures of the database time.
    pub(super) fn report_database_time(&self, figures: &mut Figures) {
        self.database_time.lock().unwrap_or_else(PoisonError::into_inner).report(figures);
    }

    /// Adds empty months of orders before the first one, until there are `months`.
    pub(super) async fn extend_to_months(&self, months: i64) -> anyhow::Result<()> {
        let mut admin = PgConnection::connect(&self.bed.admin_url()?).await.context("connecting as administrator")?;
        let statements = "select format('create table orders_1.orders_%s partition of orders_1.orders for values from (%L) to (%L)',
                to_char(first, 'YYYY_MM'), uuid_at(first), uuid_at(first + interval '1 month'))
            from (
                select min(to_date(right(inhrelid::regclass::text, 7), 'YYYY_MM')) as oldest, count(*) as months
                from pg_inherits where inhparent = 'orders_1.orders'::regclass
            ) existing, generate_series(1, $1 - months) as number,
                lateral (select (oldest - number::integer * interval '1 month')::timestamp at time zone 'UTC' as first) m";
        let statements = sqlx::query_scalar::<_, String>(statements).bind(months).fetch_all(&mut admin).await;
        for create in statements.context("reading the months of orders")? {
            sqlx::raw_sql(AssertSqlSafe(create)).execute(&mut admin).await.context("creating a month of orders")?;
        }
        self.bed.replica_caught_up().await
    }

    /// The sales of each day, channel and currency of the year up to a position, by SQL over the log: orders, units,
    /// units of expired orders and the refunded amount. It knows only the events of the generator.
    pub(super) async fn daily_sales(&self, position: i64) -> anyhow::Result<Vec<String>> {
        let pool = log::connect(&self.bed.admin_url()?).await?;
        let sales = "
            with e as (
                select stream_id, event_type, payload::jsonb as p,
                    coalesce((metadata->>'occurred_at')::timestamptz, recorded_at) as at
                from events where position <= $1
                    and event_type in ('OrderPlaced', 'OrderExpired', 'RefundRecorded')
            ), o as (
                select stream_id, p->>'channel' as channel, p->>'currency' as currency,
                    (select sum((line->>'quantity')::bigint) from jsonb_array_elements(p->'lines') as line) as units
                from e where event_type = 'OrderPlaced'
            ), sums as (
                select (at at time zone 'UTC')::date as day, channel, currency,
                    count(*) filter (where event_type = 'OrderPlaced') as orders,
                    coalesce(sum(units) filter (where event_type = 'OrderPlaced'), 0) as ordered,
                    coalesce(sum(units) filter (where event_type = 'OrderExpired'), 0) as cancelled,
                    coalesce(sum((p->>'amount')::bigint) filter (where event_type = 'RefundRecorded'), 0) as refunded
                from e join o using (stream_id) group by 1, 2, 3
            )
            select day || ' ' || channel || ' ' || currency || ' ' || orders || ' ' || ordered || ' ' || cancelled || ' ' || refunded
            from sums where day >= $2::date and day < $3::date and (orders, ordered, cancelled, refunded) <> (0, 0, 0, 0)";
        let (from, to) = &self.year;
        let rows = sqlx::query_scalar(sales).bind(position).bind(from).bind(to).fetch_all(&pool).await;
        rows.context("adding up the log")
    }
}
