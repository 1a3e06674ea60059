//! Fills Redis with the newest orders when the service starts, because these are read most. Runs in the background: the service is
//! ready before.

use std::time::Duration;

use platform::shutdown::Shutdown;
use sqlx::postgres::PgRow;

use super::Orders;
use crate::reads::cache::redis::Redis;
use crate::reads::database::limits::Workload;
use crate::reads::database::row;
use crate::reads::database::statement::Statement;
use crate::reads::error::Error;

/// A warm-up that cannot begin in this time is left out: by then, requests have filled Redis.
const BEGIN_TIMEOUT: Duration = Duration::from_secs(30);
/// Pause before another attempt, for as long as no database answers.
const PAUSE: Duration = Duration::from_secs(1);

impl Orders {
    /// Writes the newest orders to Redis, once it can be used. Returns at the end of the service or of the warm-up.
    pub async fn warm_up(self, redis: Redis, orders_max: u32, stop: Shutdown) {
        if !redis.is_configured() || orders_max == 0 {
            return;
        }
        let attempts = async {
            redis.usable().await;
            loop {
                match self.write_newest(orders_max).await {
                    Ok(orders) => return orders,
                    Err(_) => tokio::time::sleep(PAUSE).await,
                }
            }
        };
        match stop.unless_requested(tokio::time::timeout(BEGIN_TIMEOUT, attempts)).await {
            Some(Ok(orders)) => tracing::info!(orders, "filled Redis with the newest orders"),
            Some(Err(_)) => {
                tracing::warn!("Redis was not filled with the newest orders: Redis or the database did not answer")
            }
            None => {}
        }
    }

    async fn write_newest(&self, orders_max: u32) -> Result<usize, Error> {
        let Some(keys) = self.documents.keys().await else { return Ok(0) };
        let select = Statement::plain(|statement| {
            statement
                .push(
                    "select id, document::text as document, incarnation, position from orders order by id desc limit ",
                )
                .bind(i64::from(orders_max));
        });
        let rows = self.database.fetch(Workload::List, select).await?;
        let with_id = |row: PgRow| Ok((row::order_id(&row)?, row));
        let rows = rows.into_iter().map(with_id).collect::<sqlx::Result<Vec<_>>>()?;
        self.documents.warm_up(&keys, &rows)?;
        Ok(rows.len())
    }
}
