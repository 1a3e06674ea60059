//! `cache`: soon after quiet every value in Redis equals the database, content and stamp. A value that is older is allowed
//! for as long as it lives, so this asks again until none is left or the subject's patience ends.

use std::time::{Duration, Instant};

use anyhow::Context;
use events::Category;
use read_model::Stamp;
use redis::AsyncCommands;
use redis::aio::MultiplexedConnection;
use serde_json::Value;
use sqlx::PgPool;

use crate::audit::{Findings, Redis, Subject};
use crate::{log, models};

/// How often it looks again.
const LOOK_INTERVAL: Duration = Duration::from_millis(500);

/// Keys asked for at once.
const CHUNK: usize = 500;

/// The documents in Redis: the word after the prefix, and whose streams they show.
const KINDS: [(&str, Category); 3] =
    [("order:", Category::Order), ("product:", Category::Product), ("stock:", Category::Stock)];

/// Compares every key of ours.
pub async fn check(subject: &Subject, redis: &Redis) -> anyhow::Result<Findings> {
    let pool = log::connect(&subject.database_url).await?;
    let client = redis::Client::open(redis.url.as_str()).context("reading the address of Redis")?;
    let mut connection = client.get_multiplexed_async_connection().await.context("connecting to Redis")?;
    let deadline = Instant::now() + subject.patience;
    loop {
        let findings = look(&pool, &mut connection, &redis.prefix).await?;
        if findings.count == 0 || Instant::now() > deadline {
            return Ok(findings);
        }
        tokio::time::sleep(LOOK_INTERVAL).await;
    }
}

async fn look(pool: &PgPool, redis: &mut MultiplexedConnection, prefix: &str) -> anyhow::Result<Findings> {
    let mut findings = Findings::default();
    for (kind, category) in KINDS {
        let begin = format!("{prefix}{kind}");
        let keys = keys(redis, &begin).await?;
        for keys in keys.chunks(CHUNK) {
            let values: Vec<Option<Vec<u8>>> = redis.mget(keys).await.context("reading values of Redis")?;
            let streams: Vec<String> = keys.iter().map(|key| format!("{category}-{}", &key[begin.len()..])).collect();
            let names: Vec<&str> = streams.iter().map(String::as_str).collect();
            let rows = models::find(pool, category, &names).await?;
            for ((key, stream), value) in keys.iter().zip(&streams).zip(values) {
                // It may have ended between the two questions.
                let Some(value) = value else { continue };
                findings.look();
                compare(key, category, &value, rows.get(stream), &mut findings);
            }
        }
    }
    check_codes(pool, redis, &format!("{prefix}order-code:"), &mut findings).await?;
    Ok(findings)
}

fn compare(key: &str, category: Category, value: &[u8], row: Option<&models::Held>, findings: &mut Findings) {
    let Some((stamp, json)) = Stamp::decode(value) else {
        return findings.add(format!("{key}: not a value of ours"));
    };
    let Ok(cached) = serde_json::from_str::<Value>(json) else {
        return findings.add(format!("{key}: not JSON behind the stamp"));
    };
    let Some(row) = row else { return findings.add(format!("{key}: the database has no such row")) };
    let at = (stamp.incarnation.0, stamp.position.0);
    let expected = match category {
        Category::Order => &row.value["document"],
        Category::Product => &row.value["product"],
        Category::Stock | Category::Customer | Category::Hold => &row.value,
    };
    findings.expect(at == (row.incarnation, row.position), || {
        format!("{key}: stamped position {}, the row has {}", stamp.position, row.position)
    });
    findings.expect(cached == *expected, || format!("{key}: {}", models::differences(expected, &cached)));
}

/// Values under codes name the order that has the code.
async fn check_codes(
    pool: &PgPool,
    redis: &mut MultiplexedConnection,
    begin: &str,
    findings: &mut Findings,
) -> anyhow::Result<()> {
    for keys in keys(redis, begin).await?.chunks(CHUNK) {
        let values: Vec<Option<Vec<u8>>> = redis.mget(keys).await.context("reading codes in Redis")?;
        let codes: Vec<&str> = keys.iter().map(|key| &key[begin.len()..]).collect();
        let ids: Vec<(String, String)> = sqlx::query_as("select code, id::text from orders where code = any($1)")
            .bind(&codes)
            .fetch_all(pool)
            .await
            .context("reading orders by code")?;
        for (code, value) in codes.iter().zip(values) {
            let Some(value) = value else { continue };
            findings.look();
            let cached = Stamp::decode(&value).and_then(|(_, json)| serde_json::from_str::<String>(json).ok());
            let found = ids.iter().find(|(known, _)| known == code).map(|(_, id)| id);
            findings.expect(cached.is_some() && cached.as_ref() == found, || {
                format!("{begin}{code} names {cached:?}, the database {found:?}")
            });
        }
    }
    Ok(())
}

/// Every key that begins so.
pub(crate) async fn keys(redis: &mut MultiplexedConnection, begin: &str) -> anyhow::Result<Vec<String>> {
    let mut keys = Vec::new();
    let mut found = redis.scan_match::<_, String>(format!("{}*", escaped(begin))).await.context("listing keys")?;
    while let Some(key) = found.next_item().await {
        keys.push(key.context("listing keys")?);
    }
    // A scan may name a key twice.
    keys.sort_unstable();
    keys.dedup();
    Ok(keys)
}

/// Redis reads `*?[]^\` in a pattern as more than themselves.
fn escaped(text: &str) -> String {
    text.chars().flat_map(|c| "*?[]^\\".contains(c).then_some('\\').into_iter().chain([c])).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_mean_their_prefix_alone() {
        assert_eq!(escaped("a*[b]:"), "a\\*\\[b\\]:");
    }
}
