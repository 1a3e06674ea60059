//! `erasure`: what was erased is not shown any more, neither by reads nor in lists, in read models, in Redis or in responses
//! by key.
//!
//! The log says who is erased: customers, with all orders that belong or belonged to them, and orders of guests. The rows and
//! cached values of orders that were erased themselves have nothing personal left. Those of an erased customer's orders are
//! stored as they were and hidden in every response, as are the events in the log and on Kafka, so those are not looked at.
//! [`shown`] asks the services as a client does; of customers there is nothing else to look at.

mod document;
mod shown;

use std::collections::{BTreeSet, HashMap};
use std::time::{Duration, Instant};

use anyhow::Context;
use events::Category;
use events::erasure::ERASING;
use sqlx::PgPool;

use document::check_document;

use crate::audit::findings::Findings;
use crate::audit::subject::{Redis, Subject};
use crate::caches::{CHUNK, Caches};
use crate::{log, models};

/// How often Redis is looked at again while it has values of before an erasure.
const LOOK_INTERVAL: Duration = Duration::from_millis(500);

/// Who is erased.
#[derive(Debug, Default)]
struct Erased {
    /// Streams that say so themselves, each with the position at which they do.
    streams: HashMap<String, i64>,
    /// Orders of erased customers.
    orders: BTreeSet<String>,
}

impl Erased {
    async fn read(pool: &PgPool) -> anyhow::Result<Erased> {
        const STREAMS: &str =
            "select stream_id, min(position) from events where event_type = any($1) group by stream_id";
        let streams: Vec<(String, i64)> =
            sqlx::query_as(STREAMS).bind(ERASING).fetch_all(pool).await.context("reading who is erased")?;
        const ORDERS: &str = "
            select distinct stream_id from events
            where event_type in ('OrderPlaced', 'OrderCustomerAssigned') and 'customer-' || (payload->>'customer_id') = any($1)";
        let names: Vec<&str> = streams.iter().map(|(stream, _)| stream.as_str()).collect();
        let orders: Vec<String> = sqlx::query_scalar(ORDERS)
            .bind(names)
            .fetch_all(pool)
            .await
            .context("reading the orders of those who are erased")?;
        Ok(Erased { streams: streams.into_iter().collect(), orders: orders.into_iter().collect() })
    }

    /// Orders that were erased themselves.
    fn own_orders(&self) -> Vec<&str> {
        let begin = format!("{}-", Category::Order);
        self.streams.keys().map(String::as_str).filter(|stream| stream.starts_with(&begin)).collect()
    }

    /// Every stream of which nothing personal may be shown.
    fn all(&self) -> BTreeSet<&str> {
        self.streams.keys().chain(&self.orders).map(String::as_str).collect()
    }
}

/// Looks at read models, caches and, where there are services to ask, responses; `None` where nobody is erased.
pub async fn check(subject: &Subject) -> anyhow::Result<Option<Findings>> {
    let pool = log::connect(&subject.database_url).await?;
    let erased = Erased::read(&pool).await?;
    if erased.streams.is_empty() {
        return Ok(None);
    }
    let mut findings = Findings::default();
    check_rows(&pool, &erased, &mut findings).await?;
    if let Some(redis) = &subject.redis {
        check_caches(redis, &erased, subject.patience, &mut findings).await?;
    }
    if let Some(api) = &subject.api {
        shown::check(api, &pool, &erased.all(), &mut findings).await?;
    }
    Ok(Some(findings))
}

async fn check_rows(pool: &PgPool, erased: &Erased, findings: &mut Findings) -> anyhow::Result<()> {
    for streams in erased.own_orders().chunks(CHUNK) {
        for (stream, row) in models::find(pool, Category::Order, streams).await? {
            // A projection that has not come so far shows the order as it was; how far it is says `liveness`.
            if row.position >= erased.streams[&stream] {
                findings.look();
                check_document(&format!("the row of {stream}"), &row.value["document"], findings);
            }
        }
    }
    Ok(())
}

/// A value of before the erasure may stay for as long as it lives.
async fn check_caches(
    redis: &Redis,
    erased: &Erased,
    patience: Duration,
    findings: &mut Findings,
) -> anyhow::Result<()> {
    let mut caches = Caches::open(redis).await?;
    let deadline = Instant::now() + patience;
    for streams in erased.own_orders().chunks(CHUNK) {
        let keys: Vec<String> = streams.iter().map(|stream| caches.key(&stream.replacen('-', ":", 1))).collect();
        loop {
            let (mut found, mut older) = (Findings::default(), Findings::default());
            for ((stream, key), value) in streams.iter().zip(&keys).zip(caches.values(&keys).await?) {
                let Some(value) = value else { continue };
                let Some((stamp, json)) = read_model::cache::decode(&value) else { continue };
                let findings = if stamp.position.0 < erased.streams[*stream] { &mut older } else { &mut found };
                findings.look();
                check_document(key, &serde_json::from_str(json).unwrap_or_default(), findings);
            }
            if found.count == 0 && older.count > 0 && Instant::now() < deadline {
                tokio::time::sleep(LOOK_INTERVAL).await;
                continue;
            }
            findings.include(found);
            findings.include(older);
            break;
        }
    }
    Ok(())
}
