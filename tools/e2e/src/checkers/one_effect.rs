//! `one-effect`: a key takes effect once. Every event belongs to exactly one command, a repeated key was always answered
//! the same, no order begins twice, and no external reference names two orders of a channel.

use std::collections::HashMap;

use anyhow::Context;
use sqlx::PgPool;

use crate::ack::Ack;
use crate::audit::findings::Findings;
use crate::audit::subject::Subject;
use crate::log;

/// Rows of each kind that are fetched to be told.
const TOLD: i64 = 20;

/// Looks at the log and at what clients were told.
pub async fn check(subject: &Subject) -> anyhow::Result<Findings> {
    let pool = log::connect(&subject.database_url).await?;
    let mut findings = Findings::default();
    check_commands(&pool, &mut findings).await?;
    check_orders(&pool, &mut findings).await?;
    check_references(&pool, &mut findings).await?;
    check_answers(&subject.acks, &mut findings);
    Ok(findings)
}

/// Commands lie one behind the other: each begins where the one before it ended.
async fn check_commands(pool: &PgPool, findings: &mut Findings) -> anyhow::Result<()> {
    const COMMANDS: &str = "
        with command as (
            select position as first, position + command_size as next,
                lead(position) over (order by position) as following
            from events where command_id is not null)
        select first, next, coalesce(following, (select max(position) + 1 from events)) as following
        from command where next is distinct from coalesce(following, (select max(position) + 1 from events))
        order by first limit $1";
    let torn: Vec<(i64, Option<i64>, i64)> =
        sqlx::query_as(COMMANDS).bind(TOLD).fetch_all(pool).await.context("looking at commands")?;
    for (first, next, following) in torn {
        let next = next.map_or("nowhere".to_owned(), |next| format!("before {next}"));
        findings.add(format!("the command at position {first} ends {next}, but the next one begins at {following}"));
    }
    let count: (i64, i64) = sqlx::query_as(
        "select count(*), count(*) filter (where position = 1 and command_id is null) from events
         where command_id is not null or position = 1",
    )
    .fetch_one(pool)
    .await
    .context("counting commands")?;
    findings.checked += (count.0 - count.1) as u64;
    findings.expect(count.1 == 0, || "the event at position 1 belongs to no command".to_owned());
    Ok(())
}

async fn check_orders(pool: &PgPool, findings: &mut Findings) -> anyhow::Result<()> {
    const BEGINNINGS: &str = "
        select stream_id, position, version from events
        where event_type = 'OrderPlaced' and version <> 1
            or event_type <> 'OrderPlaced' and version = 1 and stream_id like 'order-%'
            or event_type = 'OrderPlaced' and stream_id is distinct from 'order-' || (payload->>'order_id')
        order by position limit $1";
    let wrong: Vec<(String, i64, i32)> =
        sqlx::query_as(BEGINNINGS).bind(TOLD).fetch_all(pool).await.context("looking at the beginnings of orders")?;
    for (stream, position, version) in wrong {
        findings.add(format!("position {position}: version {version} of {stream} begins an order twice, late or not"));
    }
    Ok(())
}

async fn check_references(pool: &PgPool, findings: &mut Findings) -> anyhow::Result<()> {
    const REFERENCES: &str = "
        select payload->>'channel', payload->>'external_ref', array_agg(position order by position) from events
        where event_type = 'OrderPlaced' and payload->>'external_ref' is not null
        group by 1, 2 having count(*) > 1 limit $1";
    let twice: Vec<(String, String, Vec<i64>)> =
        sqlx::query_as(REFERENCES).bind(TOLD).fetch_all(pool).await.context("looking at external references")?;
    for (channel, reference, positions) in twice {
        findings.add(format!("reference {reference} of channel {channel} was placed at the positions {positions:?}"));
    }
    Ok(())
}

/// A repeated key is told the same again.
fn check_answers(acks: &[Ack], findings: &mut Findings) {
    let mut by_key = HashMap::with_capacity(acks.len());
    for ack in acks {
        let first = by_key.entry(ack.key).or_insert(ack);
        findings.expect(*first == ack, || format!("one key, two answers: {first:?} and {ack:?}"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_answers_to_one_key_are_a_finding() {
        let key = uuid::Uuid::now_v7();
        let ack = |position| Ack { key, stream: "stock-A@main".into(), code: None, version: 1, position };
        let mut findings = Findings::default();
        check_answers(&[ack(1), ack(1)], &mut findings);
        assert_eq!(findings.count, 0);
        check_answers(&[ack(1), ack(1), ack(2)], &mut findings);
        assert_eq!(findings.count, 1);
    }
}
