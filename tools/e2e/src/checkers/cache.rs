//! `cache`: soon after quiet every value in Redis equals the database, content and stamp.
//!
//! A value that is older than its row is allowed for as long as it lives, so the check asks again until none is left or the
//! subject's patience ends; but its content must be what the stream said at its stamp. Whatever else differs is wrong at the
//! first look, because a value of Redis lives for a shorter time than anybody is patient.

use std::time::{Duration, Instant};

use events::{Category, LogPosition};
use serde_json::Value;
use sqlx::PgPool;

use crate::audit::findings::Findings;
use crate::audit::subject::{Redis, Subject};
use crate::caches::{CHUNK, Caches};
use crate::models::Held;
use crate::{log, models};

/// How often it looks again.
const LOOK_INTERVAL: Duration = Duration::from_millis(500);

/// The documents in Redis: the word after the prefix, and whose streams they show.
const KINDS: [(&str, Category); 3] =
    [("order:", Category::Order), ("product:", Category::Product), ("stock:", Category::Stock)];

/// Compares every key of ours.
pub async fn check(subject: &Subject, redis: &Redis) -> anyhow::Result<Findings> {
    let pool = log::connect(&subject.database_url).await?;
    let mut caches = Caches::open(redis).await?;
    let deadline = Instant::now() + subject.patience;
    loop {
        let Look { mut findings, older } = look(&pool, &mut caches).await?;
        if findings.count == 0 && !older.is_empty() && Instant::now() < deadline {
            tokio::time::sleep(LOOK_INTERVAL).await;
            continue;
        }
        older.into_iter().for_each(|finding| findings.add(finding));
        return Ok(findings);
    }
}

/// What one look at all keys found.
#[derive(Debug, Default)]
struct Look {
    findings: Findings,
    /// Values that are right but old: findings if they stay.
    older: Vec<String>,
}

/// A value of Redis.
struct Cached<'a> {
    key: &'a str,
    stream: &'a str,
    stamp: LogPosition,
    document: Value,
}

async fn look(pool: &PgPool, caches: &mut Caches) -> anyhow::Result<Look> {
    let mut look = Look::default();
    for (kind, category) in KINDS {
        let begin = caches.key(kind).len();
        for keys in caches.keys(kind).await?.chunks(CHUNK) {
            let values = caches.values(keys).await?;
            let streams: Vec<String> = keys.iter().map(|key| format!("{category}-{}", &key[begin..])).collect();
            let names: Vec<&str> = streams.iter().map(String::as_str).collect();
            // Read after the values, which are written after their rows: no row can be older than a value that is right.
            let rows = models::find(pool, category, &names).await?;
            for ((key, stream), value) in keys.iter().zip(&streams).zip(values) {
                // It may have ended between the two questions.
                let Some(value) = value else { continue };
                look.findings.look();
                match read(key, stream, &value) {
                    Ok(cached) => look.compare(pool, category, &cached, rows.get(stream)).await?,
                    Err(finding) => look.findings.add(finding),
                }
            }
        }
    }
    Ok(look)
}

fn read<'a>(key: &'a str, stream: &'a str, value: &[u8]) -> Result<Cached<'a>, String> {
    let (stamp, json) = read_model::cache::decode(value).ok_or_else(|| format!("{key}: not a value of ours"))?;
    let document = serde_json::from_str(json).map_err(|_| format!("{key}: not JSON behind the stamp"))?;
    Ok(Cached { key, stream, stamp, document })
}

impl Look {
    async fn compare(
        &mut self,
        pool: &PgPool,
        category: Category,
        cached: &Cached<'_>,
        row: Option<&Held>,
    ) -> anyhow::Result<()> {
        let Cached { key, stamp, .. } = cached;
        let Some(row) = row else {
            self.findings.add(format!("{key}: the database has no such row"));
            return Ok(());
        };
        let at = (stamp.incarnation.0, stamp.position.0);
        let stamps = || format!("{key}: stamped position {}, the row has {}", stamp.position, row.position);
        match at.cmp(&(row.incarnation, row.position)) {
            std::cmp::Ordering::Greater => self.findings.add(stamps()),
            std::cmp::Ordering::Equal => self.expect(document(category, &row.value), cached),
            std::cmp::Ordering::Less => match at_stamp(pool, category, cached).await? {
                Some(then) => {
                    self.expect(document(category, &then), cached);
                    self.older.push(stamps());
                }
                None => self.findings.add(format!("{}, and no event of the stream has that", stamps())),
            },
        }
        Ok(())
    }

    fn expect(&mut self, expected: &Value, cached: &Cached<'_>) {
        self.findings.expect(cached.document == *expected, || {
            format!("{}: {}", cached.key, models::differences(expected, &cached.document))
        });
    }
}

/// What the stream said at the stamp; `None` where no event of it has that stamp.
async fn at_stamp(pool: &PgPool, category: Category, cached: &Cached<'_>) -> anyhow::Result<Option<Value>> {
    let Ok(stream) = cached.stream.parse() else { return Ok(None) };
    let mut events = log::stream(pool, &stream).await?;
    events.retain(|event| event.position <= cached.stamp.position);
    let last = events.last().map(|event| (event.incarnation, event.position));
    if last != Some((cached.stamp.incarnation, cached.stamp.position)) {
        return Ok(None);
    }
    models::fold(category, &events).map(Some)
}

/// What Redis should have of a row.
fn document(category: Category, row: &Value) -> &Value {
    match category {
        Category::Order => &row["document"],
        Category::Product => &row["product"],
        Category::Stock | Category::Customer | Category::Hold => row,
    }
}
