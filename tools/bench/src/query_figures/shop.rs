//! The projections of a generated log, samples of what they contain, and services that read them.

use std::time::Instant;

use anyhow::Context;
use e2e::fleet::{Fleet, FleetConfig, Service};
use e2e::{log, read_models};
use read_model::Projection;
use sqlx::PgPool;
use testbed::Bed;

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
        Ok(Shop {
            orders,
            months,
            order_ids: order_ids.context("reading samples of the orders")?,
            codes: texts("select code from order_search tablesample system (1) limit 1000").await?,
            skus: texts("select sku from products order by sku").await?,
            names: texts("select document->>'name' from products order by sku limit 1000").await?,
            customers: texts("select id::text from customers order by id limit 1000").await?,
            year,
            bed,
        })
    }

    /// Starts a query service with these settings instead of the usual ones.
    pub(super) async fn serve(&self, settings: &[(&'static str, &str)]) -> anyhow::Result<Fleet> {
        let config = FleetConfig::all_services(&self.bed).only(Service::Query);
        settings.iter().fold(config, |config, (name, value)| config.with(Service::Query, name, *value)).start().await
    }
}
