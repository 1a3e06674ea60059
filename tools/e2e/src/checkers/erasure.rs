//! `erasure`: erased personal data is not returned any more: not in reads, lists, read models, Redis, or outcomes of commands.
//!
//! The log contains the erasures: of customers, with all orders that are or were assigned to them, and of orders of guests. The
//! rows and cached values of orders that were erased themselves contain no personal data. The rows of the orders of an erased
//! customer are stored unchanged and are redacted in every response, like the events in the log and on Kafka, so these are not
//! checked. [`responses`] checks the responses of the services, [`document`] checks one document.

mod document;
mod responses;

use std::collections::{BTreeSet, HashMap};
use std::time::{Duration, Instant};

use anyhow::Context;
use events::Category;
use events::erasure::ERASING;
use read_model::Projection;
use sqlx::PgPool;

use document::check_document;

use crate::audit::findings::Findings;
use crate::audit::subject::{Redis, Subject};
use crate::caches::{CHUNK, Caches};
use crate::{log, read_models};

/// Pause between two reads of Redis while it contains values from before an erasure.
const CHECK_INTERVAL: Duration = Duration::from_millis(500);

/// The streams whose personal data is erased.
#[derive(Debug, Default)]
struct Erased {
    /// Streams that contain an erasure, with the position of the erasure.
    streams: HashMap<String, i64>,
    /// Orders of erased customers.
    orders: BTreeSet<String>,
}

impl Erased {
    async fn read(pool: &PgPool) -> anyhow::Result<Erased> {
        const STREAMS: &str =
            "select stream_id, min(position) from events where event_type = any($1) group by stream_id";
        let streams: Vec<(String, i64)> =
            sqlx::query_as(STREAMS).bind(ERASING).fetch_all(pool).await.context("reading the erasures")?;
        const ORDERS: &str = "
            select distinct stream_id from events
            where event_type in ('OrderPlaced', 'OrderCustomerAssigned') and 'customer-' || (payload->>'customer_id') = any($1)";
        let names: Vec<&str> = streams.iter().map(|(stream, _)| stream.as_str()).collect();
        let orders: Vec<String> = sqlx::query_scalar(ORDERS)
            .bind(names)
            .fetch_all(pool)
            .await
            .context("reading the orders of erased customers")?;
        Ok(Erased { streams: streams.into_iter().collect(), orders: orders.into_iter().collect() })
    }

    /// Orders that were erased themselves.
    fn own_orders(&self) -> Vec<&str> {
        let begin = format!("{}-", Category::Order);
        self.streams.keys().map(String::as_str).filter(|stream| stream.starts_with(&begin)).collect()
    }

    /// All streams whose personal data must not be returned.
    fn all(&self) -> BTreeSet<&str> {
        self.streams.keys().chain(&self.orders).map(String::as_str).collect()
    }
}

/// Checks read models, caches and, if the subject has services, responses. Returns `None` if the log contains no erasure.
pub async fn check(subject: &Subject) -> anyhow::Result<Option<Findings>> {
    let pool = log::connect(&subject.database_url).await?;
    let erased = Erased::read(&pool).await?;
    if erased.streams.is_empty() {
        return Ok(None);
    }
    let mut findings = Findings::default();
    check_rows(&pool, &erased, &mut findings).await?;
    if let Some(redis) = &subject.redis {
        check_caches(&pool, redis, &erased, subject.patience, &mut findings).await?;
    }
    if let Some(api) = &subject.api {
        responses::check(api, &pool, &erased.all(), &mut findings).await?;
    }
    Ok(Some(findings))
}

async fn check_rows(pool: &PgPool, erased: &Erased, findings: &mut Findings) -> anyhow::Result<()> {
    for streams in erased.own_orders().chunks(CHUNK) {
        for (stream, row) in read_models::find(pool, Category::Order, streams).await? {
            // A projection that has not applied the erasure yet is a finding of `liveness`, not of this check.
            if row.position >= erased.streams[&stream] {
                findings.count_checked();
                check_document(&format!("the row of {stream}"), &row.value["document"], findings);
            }
        }
    }
    Ok(())
}

/// Checks the values of all generations. A value from before the erasure is allowed until it expires.
async fn check_caches(
    pool: &PgPool,
    redis: &Redis,
    erased: &Erased,
    patience: Duration,
    findings: &mut Findings,
) -> anyhow::Result<()> {
    let mut caches = Caches::open(redis).await?;
    let deadline = Instant::now() + patience;
    for generation in read_models::list_generations(pool, Projection::ORDERS).await? {
        for streams in erased.own_orders().chunks(CHUNK) {
            check_values(&mut caches, generation, erased, streams, deadline, findings).await?;
        }
    }
    Ok(())
}

/// Checks the values of orders in one generation.
async fn check_values(
    caches: &mut Caches,
    generation: i32,
    erased: &Erased,
    streams: &[&str],
    deadline: Instant,
    findings: &mut Findings,
) -> anyhow::Result<()> {
    let name = |stream: &&str| stream.replacen('-', &format!(".{generation}:"), 1);
    let keys: Vec<String> = streams.iter().map(|stream| caches.key(&name(stream))).collect();
    loop {
        let (mut found, mut older) = (Findings::default(), Findings::default());
        for ((stream, key), value) in streams.iter().zip(&keys).zip(caches.values(&keys).await?) {
            let Some(value) = value else { continue };
            let Some((stamp, json)) = read_model::cache::decode(&value) else { continue };
            let findings = if stamp.position.0 < erased.streams[*stream] { &mut older } else { &mut found };
            findings.count_checked();
            check_document(key, &serde_json::from_str(json).unwrap_or_default(), findings);
        }
        if found.count == 0 && older.count > 0 && Instant::now() < deadline {
            tokio::time::sleep(CHECK_INTERVAL).await;
            continue;
        }
        findings.include(found);
        findings.include(older);
        return Ok(());
    }
}
