//! `no-double-apply`: the quantities of every stock item equal the sums over its ledger (unless months of the ledger are
//! archived), the ledger has one row per event of the item that no operator has skipped, and every row of the ledger equals its
//! event in the log.

use anyhow::Context;
use read_model::Projection;
use sqlx::PgPool;

use crate::audit::findings::Findings;
use crate::audit::subject::Subject;
use crate::{log, read_models};

/// Violations of each kind that are reported.
const REPORTED_MAX: i64 = 20;

/// Compares the tables with SQL, independently of the code of the projector.
pub async fn check(subject: &Subject) -> anyhow::Result<Findings> {
    let pool = log::connect(&subject.database_url).await?;
    let mut findings = Findings { checked: count(&pool).await?, ..Findings::default() };
    // Without an archived month, the ledger has not all movements of an item; `projector verify` compares the archive.
    if read_models::archived_months(&pool, Projection::STOCK).await?.is_empty() {
        check_items(&pool, &mut findings).await?;
    }
    check_log(&pool, &mut findings).await?;
    Ok(findings)
}

async fn count(pool: &PgPool) -> anyhow::Result<u64> {
    let rows: i64 =
        sqlx::query_scalar("select count(*) from stock_ledger").fetch_one(pool).await.context("counting the ledger")?;
    Ok(rows as u64)
}

/// The projector writes an item and its ledger in one transaction, so one statement reads both in a consistent state.
async fn check_items(pool: &PgPool, findings: &mut Findings) -> anyhow::Result<()> {
    const ITEMS: &str = "
        with ledger as (
            select sku, location, count(*) as rows,
                coalesce(sum(quantity) filter (where kind = 'received'), 0) as received,
                coalesce(sum(quantity) filter (where kind = 'adjusted'), 0) as adjusted,
                coalesce(sum(quantity) filter (where kind = 'reserved'), 0) as reserved,
                coalesce(sum(quantity) filter (where kind = 'released'), 0) as released,
                coalesce(sum(quantity) filter (where kind = 'shipped'), 0) as shipped,
                coalesce(sum(quantity) filter (where kind = 'restocked'), 0) as restocked,
                coalesce(sum(quantity) filter (where kind = 'held'), 0) as held,
                coalesce(sum(quantity) filter (where kind = 'hold_released'), 0) as hold_released,
                coalesce(sum(quantity) filter (where kind = 'transferred_in'), 0)
                    - coalesce(sum(quantity) filter (where kind = 'transferred_out'), 0) as transferred
            from stock_ledger group by sku, location),
        skipped as (
            select stream_id, count(*) as events
            from skipped_events join projection_generations g using (projection, generation)
            where projection = 'stock' and g.state = 'live' and retired_at is null
            group by stream_id)
        select format('%s at %s: item %s, ledger %s', coalesce(s.sku, l.sku), coalesce(s.location, l.location),
            coalesce(row_to_json(s)::text, 'missing'), coalesce(row_to_json(l)::text, 'missing'))
        from stock s full join ledger l on l.sku = s.sku and l.location = s.location
        left join skipped k on k.stream_id = 'stock-' || s.sku || '@' || s.location
        where (s.version - coalesce(k.events, 0), s.received, s.adjusted, s.shipped, s.restocked, s.transferred,
                s.reserved, s.on_hand)
            is distinct from
            (coalesce(l.rows, 0), coalesce(l.received, 0), coalesce(l.adjusted, 0), coalesce(l.shipped, 0),
                coalesce(l.restocked, 0), coalesce(l.transferred, 0),
                coalesce(l.reserved + l.held - l.released - l.hold_released - l.shipped, 0),
                coalesce(l.received + l.restocked + l.adjusted + l.transferred - l.shipped, 0))
        limit $1";
    let wrong: Vec<String> = sqlx::query_scalar(ITEMS)
        .bind(REPORTED_MAX)
        .fetch_all(pool)
        .await
        .context("comparing stock with its ledger")?;
    wrong.into_iter().for_each(|finding| findings.add(finding));
    Ok(())
}

/// Every row of the ledger must have the type, quantity, order and time of its event.
async fn check_log(pool: &PgPool, findings: &mut Findings) -> anyhow::Result<()> {
    // Times in the log may be more precise than the microseconds of a column.
    const LEDGER: &str = "
        select format('ledger row of position %s: %s %s of %s at %s for order %s at %s; the log has %s', l.position, l.kind,
            l.quantity, l.sku, l.location, coalesce(l.order_id::text, 'none'), l.occurred_at,
            coalesce(e.event_type || ' ' || e.payload::text || ' in ' || e.stream_id || ' at '
                || coalesce(e.metadata->>'occurred_at', e.recorded_at::text), 'nothing'))
        from stock_ledger l left join events e on e.position = l.position
        where (e.stream_id, e.event_type,
                coalesce(e.payload->>'quantity', e.payload->>'delta', e.payload->>'safety')::bigint,
                e.payload->>'order_id') is distinct from
            ('stock-' || l.sku || '@' || l.location, 'Stock' || replace(initcap(l.kind), '_', ''), l.quantity,
                l.order_id::text)
            or coalesce((e.metadata->>'occurred_at')::timestamptz, e.recorded_at) - l.occurred_at
                not between interval '-1 microsecond' and interval '1 microsecond'
        limit $1";
    let wrong: Vec<String> = sqlx::query_scalar(LEDGER)
        .bind(REPORTED_MAX)
        .fetch_all(pool)
        .await
        .context("comparing the ledger with the log")?;
    wrong.into_iter().for_each(|finding| findings.add(finding));
    Ok(())
}
