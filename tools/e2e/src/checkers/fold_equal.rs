//! `fold-equal`: every row of the read models equals the fold of its stream up to the version of the row, without the events
//! that operators have skipped, contains all events that the projection has applied according to its checkpoints, and belongs
//! to a stream. The check can run while events are appended.

use std::collections::HashSet;

use anyhow::Context;
use events::{Category, Position, Recorded, StreamId, stream};
use read_model::Projection;
use sqlx::PgPool;

use super::liveness;
use crate::audit::findings::Findings;
use crate::audit::subject::Subject;
use crate::log::{self, Streams};
use crate::read_models::{self, LeftOut, StoredRow};

/// The projections that are compared stream by stream; `projector verify` compares every projection.
const COMPARED: [Projection; 3] = [Projection::ORDERS, Projection::STOCK, Projection::PRODUCTS];

/// Rows without a stream that are reported.
const REPORTED_MAX: i64 = 20;

/// Compares the read models with the fold of the whole log, stream by stream.
pub async fn check(subject: &Subject) -> anyhow::Result<Findings> {
    let pool = log::connect(&subject.database_url).await?;
    let mut findings = Findings::default();
    // The checkpoints are read before the rows, so the rows contain at least the events up to the checkpoints.
    let applied = liveness::stages(&pool).await?.applied;
    let parked: HashSet<(String, String)> =
        liveness::parked(&pool).await?.into_iter().map(|(projection, stream, _)| (projection, stream)).collect();
    for (projection, applied) in applied.into_iter().filter(|(projection, _)| COMPARED.contains(projection)) {
        let is_parked = |stream: &str| parked.contains(&(projection.name().to_owned(), stream.to_owned()));
        let left_out = LeftOut::of(&pool, projection).await?;
        let mut streams = Streams::of(&pool, projection.category());
        loop {
            let page = streams.next().await?;
            if page.is_empty() {
                break;
            }
            let mut check = PageCheck {
                pool: &pool,
                category: projection.category(),
                left_out: &left_out,
                findings: &mut findings,
            };
            check.run(&page, applied, is_parked).await?;
        }
    }
    check_rows_without_stream(&pool, &mut findings).await?;
    Ok(findings)
}

/// Compares the streams of a page of the log with their rows.
struct PageCheck<'a> {
    pool: &'a PgPool,
    category: Category,
    left_out: &'a LeftOut,
    findings: &'a mut Findings,
}

impl PageCheck<'_> {
    async fn run(
        &mut self,
        page: &[Vec<Recorded>],
        applied: Position,
        is_parked: impl Fn(&str) -> bool,
    ) -> anyhow::Result<()> {
        let names: Vec<&str> =
            page.iter().filter_map(|events| events.first()).map(|event| event.stream.as_str()).collect();
        let rows = read_models::find(self.pool, self.category, &names).await?;
        for (name, events) in names.iter().zip(page) {
            self.findings.count_checked();
            let row = rows.get(*name);
            let must_contain = events.iter().filter(|event| event.position <= applied).count() as i32;
            let version = row.map_or(0, |row| row.version);
            let has_no_row = self.is_archived(&events[0].stream) || events.iter().all(|it| self.left_out.skips(it));
            let is_excused = is_parked(name) || row.is_none() && has_no_row;
            self.findings.expect(version >= must_contain || is_excused, || {
                format!(
                    "{name}: version {must_contain} is applied according to the checkpoints (up to position {applied}), but the row has version {version}"
                )
            });
            if let Some(row) = row {
                self.compare(events, row).await?;
            }
        }
        Ok(())
    }

    /// Whether the row of a stream belongs to an archived month.
    fn is_archived(&self, stream: &StreamId) -> bool {
        match stream.subject() {
            stream::Subject::Order(id) => self.left_out.is_archived(id.instant()),
            _ => false,
        }
    }

    async fn compare(&mut self, events: &[Recorded], row: &StoredRow) -> anyhow::Result<()> {
        let mut newer = Vec::new();
        if row.version as usize > events.len() {
            // More events were appended since this page of the log was read.
            newer = log::stream(self.pool, &events[0].stream).await?;
        }
        let events = if newer.is_empty() { events } else { &newer };
        let stream = &events[0].stream;
        let Some(known) = events.get(..row.version.max(0) as usize) else {
            self.findings.add(format!(
                "{stream}: the row has version {}, but the last version in the log is {}",
                row.version,
                events.len()
            ));
            return Ok(());
        };
        let expected = match read_models::fold(self.category, known, self.left_out) {
            Ok(expected) => expected,
            Err(error) => {
                self.findings.add(format!("{stream}: {error:#}"));
                return Ok(());
            }
        };
        self.findings.expect(expected == row.value, || {
            format!("{stream} at version {}: {}", row.version, read_models::differences(&expected, &row.value))
        });
        Ok(())
    }
}

/// Finds rows whose stream is not in the log.
async fn check_rows_without_stream(pool: &PgPool, findings: &mut Findings) -> anyhow::Result<()> {
    const ROWS: &str = "
        with named as (
            select 'order-' || id as stream from orders
            union all select 'stock-' || sku || '@' || location from stock
            union all select 'product-' || sku from products)
        select stream from named n
        where not exists (select 1 from events e where e.stream_id = n.stream and e.version = 1) limit $1";
    let rows: Vec<String> = sqlx::query_scalar(ROWS)
        .bind(REPORTED_MAX)
        .fetch_all(pool)
        .await
        .context("searching for rows without a stream")?;
    rows.into_iter()
        .for_each(|stream| findings.add(format!("there is a row for stream {stream}, which is not in the log")));
    Ok(())
}
