//! `fold-equal`: every row of the read models equals the fold of its stream up to the row's own version, contains all that
//! its projection says it has applied, and belongs to a stream. Works while events arrive.

use std::collections::HashSet;

use anyhow::Context;
use events::{Category, Position, Recorded};
use sqlx::PgPool;

use super::liveness;
use crate::audit::findings::Findings;
use crate::audit::subject::Subject;
use crate::log::{self, Streams};
use crate::models::{self, Held};

/// Rows of each kind that are fetched to be told.
const TOLD: i64 = 20;

/// Folds the whole log, stream by stream.
pub async fn check(subject: &Subject) -> anyhow::Result<Findings> {
    let pool = log::connect(&subject.database_url).await?;
    let mut findings = Findings::default();
    // Before any row is read, so that rows can only be newer than what is promised here.
    let applied = liveness::stages(&pool).await?.applied;
    let parked: HashSet<(String, String)> =
        liveness::parked(&pool).await?.into_iter().map(|(projection, stream, _)| (projection, stream)).collect();
    for (projection, applied) in applied {
        let is_parked = |stream: &str| parked.contains(&(projection.name().to_owned(), stream.to_owned()));
        let mut streams = Streams::of(&pool, projection.category());
        loop {
            let page = streams.next().await?;
            if page.is_empty() {
                break;
            }
            check_page(&pool, projection.category(), &page, applied, is_parked, &mut findings).await?;
        }
    }
    check_strays(&pool, &mut findings).await?;
    Ok(findings)
}

async fn check_page(
    pool: &PgPool,
    category: Category,
    page: &[Vec<Recorded>],
    applied: Position,
    is_parked: impl Fn(&str) -> bool,
    findings: &mut Findings,
) -> anyhow::Result<()> {
    let names: Vec<&str> = page.iter().filter_map(|events| events.first()).map(|event| event.stream.as_str()).collect();
    let rows = models::find(pool, category, &names).await?;
    for (name, events) in names.iter().zip(page) {
        findings.look();
        let row = rows.get(*name);
        let must_contain = events.iter().filter(|event| event.position <= applied).count() as i32;
        let version = row.map_or(0, |row| row.version);
        findings.expect(version >= must_contain || is_parked(name), || {
            format!(
                "{name}: version {must_contain} is said to be applied (up to position {applied}), the row has {version}"
            )
        });
        if let Some(row) = row {
            compare(pool, category, events, row, findings).await?;
        }
    }
    Ok(())
}

async fn compare(
    pool: &PgPool,
    category: Category,
    events: &[Recorded],
    row: &Held,
    findings: &mut Findings,
) -> anyhow::Result<()> {
    let mut newer = Vec::new();
    if row.version as usize > events.len() {
        // More was written since this page of the log was read.
        newer = log::stream(pool, &events[0].stream).await?;
    }
    let events = if newer.is_empty() { events } else { &newer };
    let stream = &events[0].stream;
    let Some(known) = events.get(..row.version.max(0) as usize) else {
        findings.add(format!("{stream}: the row has version {}, the log ends at {}", row.version, events.len()));
        return Ok(());
    };
    let expected = match models::fold(category, known) {
        Ok(expected) => expected,
        Err(error) => {
            findings.add(format!("{stream}: {error:#}"));
            return Ok(());
        }
    };
    findings.expect(expected == row.value, || {
        format!("{stream} at version {}: {}", row.version, models::differences(&expected, &row.value))
    });
    Ok(())
}

/// Rows that no stream of the log explains.
async fn check_strays(pool: &PgPool, findings: &mut Findings) -> anyhow::Result<()> {
    const STRAYS: &str = "
        with named as (
            select 'order-' || id as stream from orders
            union all select 'stock-' || sku || '@' || location from stock
            union all select 'product-' || sku from products)
        select stream from named n
        where not exists (select 1 from events e where e.stream_id = n.stream and e.version = 1) limit $1";
    let strays: Vec<String> =
        sqlx::query_scalar(STRAYS).bind(TOLD).fetch_all(pool).await.context("looking for rows without a stream")?;
    strays.into_iter().for_each(|stream| findings.add(format!("there is a row of {stream}, which is not in the log")));
    Ok(())
}
