//! `gapless`: positions are 1 to the head without gaps, versions are 1 to n in every stream and in the order of positions, and
//! incarnations of the log never decrease from one position to the next.

use anyhow::Context;
use sqlx::PgPool;

use crate::audit::findings::Findings;
use crate::audit::subject::Subject;
use crate::log;

/// Violations of each kind that are reported.
const REPORTED_MAX: i64 = 20;

/// Checks positions, incarnations and versions with SQL, without decoding events.
pub async fn check(subject: &Subject) -> anyhow::Result<Findings> {
    let pool = log::connect(&subject.database_url).await?;
    let mut findings = Findings::default();
    let head = check_ends(&pool, &mut findings).await?;
    check_positions(&pool, head, &mut findings).await?;
    check_incarnations(&pool, head, &mut findings).await?;
    check_versions(&pool, head, &mut findings).await?;
    Ok(findings)
}

async fn check_ends(pool: &PgPool, findings: &mut Findings) -> anyhow::Result<i64> {
    const ENDS: &str = "
        select h.position, (select count(*) from events e where e.position <= h.position),
            coalesce((select min(position) from events), 1), coalesce((select max(position) from events), 0)
        from log_head h";
    let (head, events, first, last) =
        sqlx::query_as::<_, (i64, i64, i64, i64)>(ENDS).fetch_one(pool).await.context("reading the ends of the log")?;
    findings.checked = events as u64;
    findings.expect(first == 1, || format!("the first event has position {first}, not 1"));
    findings.expect(last <= head, || format!("the last event has position {last}, beyond the head {head}"));
    findings.expect(last >= head, || format!("the head is {head}, but the last event has position {last}"));
    Ok(head)
}

async fn check_positions(pool: &PgPool, head: i64, findings: &mut Findings) -> anyhow::Result<()> {
    const GAPS: &str = "
        select before, position from (
            select position, lag(position) over (order by position) as before from events where position <= $1) e
        where position <> before + 1 order by position limit $2";
    let gaps: Vec<(i64, i64)> = sqlx::query_as(GAPS)
        .bind(head)
        .bind(REPORTED_MAX)
        .fetch_all(pool)
        .await
        .context("searching for gaps in the log")?;
    for (before, after) in gaps {
        findings.add(format!("there are no events between the positions {before} and {after}"));
    }
    Ok(())
}

async fn check_incarnations(pool: &PgPool, head: i64, findings: &mut Findings) -> anyhow::Result<()> {
    const INCARNATIONS: &str = "
        select position, incarnation, before from (
            select position, incarnation, lag(incarnation) over (order by position) as before from events where position <= $1
            union all
            select h.position + 1, h.incarnation, (select incarnation from events where position = h.position)
            from log_head h) e
        where incarnation < before order by position limit $2";
    let wrong: Vec<(i64, i32, i32)> = sqlx::query_as(INCARNATIONS)
        .bind(head)
        .bind(REPORTED_MAX)
        .fetch_all(pool)
        .await
        .context("checking the incarnations of the log")?;
    for (position, incarnation, before) in wrong {
        findings.add(format!(
            "position {position} has incarnation {incarnation} of the log, but follows incarnation {before}"
        ));
    }
    Ok(())
}

async fn check_versions(pool: &PgPool, head: i64, findings: &mut Findings) -> anyhow::Result<()> {
    const VERSIONS: &str = "
        select stream_id, position, version, expected from (
            select stream_id, position, version, row_number() over (partition by stream_id order by position) as expected
            from events where position <= $1) e
        where version <> expected order by position limit $2";
    let wrong: Vec<(String, i64, i32, i64)> =
        sqlx::query_as(VERSIONS).bind(head).bind(REPORTED_MAX).fetch_all(pool).await.context("checking versions")?;
    for (stream, position, version, expected) in wrong {
        findings.add(format!("position {position}: version {version} of {stream}, expected version {expected}"));
    }
    Ok(())
}
