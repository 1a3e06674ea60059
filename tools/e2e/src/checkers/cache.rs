//! `cache`: soon after the load has ended, every value in Redis equals the row in the database. The stamp of a value is the log
//! position of its last event.
//!
//! A value that is older than its row is allowed until it expires, so the check is repeated until there is no such value or the
//! patience of the subject ends; but the value must equal the fold of its stream up to its stamp. Every other difference is a
//! finding at the first attempt, because a wrong value could expire before the patience ends.

use std::time::{Duration, Instant};

use events::{Category, LogPosition};
use read_model::Projection;
use serde_json::Value;
use sqlx::PgPool;

use crate::audit::findings::Findings;
use crate::audit::subject::{Redis, Subject};
use crate::caches::{CHUNK, Caches};
use crate::read_models::{LeftOut, StoredRow};
use crate::{log, read_models};

/// Pause between two attempts.
const CHECK_INTERVAL: Duration = Duration::from_millis(500);

/// The documents in Redis: the first word of their keys, their projection, and the category of the streams.
const KINDS: [(&str, Projection, Category); 3] = [
    ("order", Projection::ORDERS, Category::Order),
    ("product", Projection::PRODUCTS, Category::Product),
    ("stock", Projection::STOCK, Category::Stock),
];

/// Compares all values of the platform with the database.
pub async fn check(subject: &Subject, redis: &Redis) -> anyhow::Result<Findings> {
    let pool = log::connect(&subject.database_url).await?;
    let mut caches = Caches::open(redis).await?;
    let deadline = Instant::now() + subject.patience;
    loop {
        let Attempt { mut findings, older } = compare_all(&pool, &mut caches).await?;
        if findings.count == 0 && !older.is_empty() && Instant::now() < deadline {
            tokio::time::sleep(CHECK_INTERVAL).await;
            continue;
        }
        older.into_iter().for_each(|finding| findings.add(finding));
        return Ok(findings);
    }
}

/// Result of comparing all keys once.
#[derive(Debug, Default)]
struct Attempt {
    findings: Findings,
    /// Values that are correct but older than their row: findings if they are still there at the end.
    older: Vec<String>,
}

/// A value in Redis.
struct Cached<'a> {
    key: &'a str,
    stream: &'a str,
    stamp: LogPosition,
    document: Value,
}

async fn compare_all(pool: &PgPool, caches: &mut Caches) -> anyhow::Result<Attempt> {
    let mut attempt = Attempt::default();
    let live = read_models::live_generations(pool).await?;
    for (word, projection, category) in KINDS {
        let Some(generation) = live.get(projection.name()) else { continue };
        let kind = format!("{word}.{generation}:");
        let (begin, before) = (caches.key(&kind).len(), attempt.findings.checked);
        let left_out = LeftOut::of(pool, projection).await?;
        for keys in caches.keys(&kind).await?.chunks(CHUNK) {
            let values = caches.values(keys).await?;
            let streams: Vec<String> = keys.iter().map(|key| format!("{category}-{}", &key[begin..])).collect();
            let names: Vec<&str> = streams.iter().map(String::as_str).collect();
            // The projector writes rows before values, so rows that are read after the values are at least as new as the values.
            let rows = read_models::find(pool, category, &names).await?;
            for ((key, stream), value) in keys.iter().zip(&streams).zip(values) {
                // The value may have expired since the keys were listed.
                let Some(value) = value else { continue };
                attempt.findings.count_checked();
                match read(key, stream, &value) {
                    Ok(cached) => attempt.compare(pool, (category, &left_out), &cached, rows.get(stream)).await?,
                    Err(finding) => attempt.findings.add(finding),
                }
            }
        }
        let values = attempt.findings.checked - before;
        attempt.findings.report(format!("values of {} generation {generation} in Redis", projection.name()), values);
    }
    Ok(attempt)
}

fn read<'a>(key: &'a str, stream: &'a str, value: &[u8]) -> Result<Cached<'a>, String> {
    let (stamp, json) =
        read_model::cache::decode(value).ok_or_else(|| format!("{key}: the value has no valid stamp"))?;
    let document = serde_json::from_str(json).map_err(|_| format!("{key}: the text after the stamp is not JSON"))?;
    Ok(Cached { key, stream, stamp, document })
}

impl Attempt {
    async fn compare(
        &mut self,
        pool: &PgPool,
        (category, left_out): (Category, &LeftOut),
        cached: &Cached<'_>,
        row: Option<&StoredRow>,
    ) -> anyhow::Result<()> {
        let Cached { key, stamp, .. } = cached;
        let Some(row) = row else {
            self.findings.add(format!("{key}: the database has no row for this value"));
            return Ok(());
        };
        let at = (stamp.incarnation.0, stamp.position.0);
        let stamps =
            || format!("{key}: the stamp is position {}, the row has position {}", stamp.position, row.position);
        match at.cmp(&(row.incarnation, row.position)) {
            std::cmp::Ordering::Greater => self.findings.add(stamps()),
            std::cmp::Ordering::Equal => self.expect(document(category, &row.value), cached),
            std::cmp::Ordering::Less => match at_stamp(pool, (category, left_out), cached).await? {
                Some(then) => {
                    self.expect(document(category, &then), cached);
                    self.older.push(stamps());
                }
                None => self.findings.add(format!("{}, and the stream has no event with this stamp", stamps())),
            },
        }
        Ok(())
    }

    fn expect(&mut self, expected: &Value, cached: &Cached<'_>) {
        self.findings.expect(cached.document == *expected, || {
            format!("{}: {}", cached.key, read_models::differences(expected, &cached.document))
        });
    }
}

/// The fold of the stream up to the stamp; `None` if no event of the stream has the stamp.
async fn at_stamp(
    pool: &PgPool,
    (category, left_out): (Category, &LeftOut),
    cached: &Cached<'_>,
) -> anyhow::Result<Option<Value>> {
    let Ok(stream) = cached.stream.parse() else { return Ok(None) };
    let mut events = log::stream(pool, &stream).await?;
    events.retain(|event| event.position <= cached.stamp.position);
    let last = events.last().map(|event| (event.incarnation, event.position));
    if last != Some((cached.stamp.incarnation, cached.stamp.position)) {
        return Ok(None);
    }
    read_models::fold(category, &events, left_out).map(Some)
}

/// The document that Redis should contain for a row.
fn document(category: Category, row: &Value) -> &Value {
    match category {
        Category::Order => &row["document"],
        Category::Product => &row["product"],
        Category::Stock | Category::Customer | Category::StockHold => row,
    }
}
