//! `one-effect`: a command takes effect once. Every event belongs to exactly one command, all responses for one idempotency key are
//! equal, no order is placed twice, and an external reference belongs to at most one order of a channel.

use std::collections::HashMap;

use anyhow::Context;
use sqlx::PgPool;

use crate::audit::findings::Findings;
use crate::audit::subject::Subject;
use crate::client_history::Ack;
use crate::log;

/// Violations of each kind that are reported.
const REPORTED_MAX: i64 = 20;

/// Checks the log and the acknowledged commands.
pub async fn check(subject: &Subject) -> anyhow::Result<Findings> {
    let pool = log::connect(&subject.database_url).await?;
    let mut findings = Findings::default();
    check_commands(&pool, &mut findings).await?;
    check_orders(&pool, &mut findings).await?;
    check_references(&pool, &mut findings).await?;
    check_responses(&subject.acks, &mut findings);
    Ok(findings)
}

/// The events of a command are consecutive: each command starts after the last event of the previous command.
async fn check_commands(pool: &PgPool, findings: &mut Findings) -> anyhow::Result<()> {
    const COMMANDS: &str = "
        with command as (
            select position as first, position + command_size as next,
                lead(position) over (order by position) as following
            from events where command_id is not null)
        select first, next, coalesce(following, (select max(position) + 1 from events)) as following
        from command where next is distinct from coalesce(following, (select max(position) + 1 from events))
        order by first limit $1";
    let wrong: Vec<(i64, Option<i64>, i64)> =
        sqlx::query_as(COMMANDS).bind(REPORTED_MAX).fetch_all(pool).await.context("checking commands")?;
    for (first, next, following) in wrong {
        let end = next.map_or("has no size".to_owned(), |next| format!("ends before position {next}"));
        findings
            .add(format!("the command at position {first} {end}, but the next command starts at position {following}"));
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
    const FIRST_EVENTS: &str = "
        select stream_id, position, version from events
        where event_type = 'OrderPlaced' and version <> 1
            or event_type <> 'OrderPlaced' and version = 1 and stream_id like 'order-%'
            or event_type = 'OrderPlaced' and stream_id is distinct from 'order-' || (payload->>'order_id')
        order by position limit $1";
    let wrong: Vec<(String, i64, i32)> = sqlx::query_as(FIRST_EVENTS)
        .bind(REPORTED_MAX)
        .fetch_all(pool)
        .await
        .context("checking the first events of orders")?;
    for (stream, position, version) in wrong {
        findings.add(format!("position {position}: version {version} of {stream} must be OrderPlaced of this order if and only if the version is 1"));
    }
    Ok(())
}

async fn check_references(pool: &PgPool, findings: &mut Findings) -> anyhow::Result<()> {
    const REFERENCES: &str = "
        select payload->>'channel', payload->>'external_ref', array_agg(position order by position) from events
        where event_type = 'OrderPlaced' and payload->>'external_ref' is not null
        group by 1, 2 having count(*) > 1 limit $1";
    let twice: Vec<(String, String, Vec<i64>)> =
        sqlx::query_as(REFERENCES).bind(REPORTED_MAX).fetch_all(pool).await.context("checking external references")?;
    for (channel, reference, positions) in twice {
        findings.add(format!("external reference {reference} of channel {channel} belongs to the orders placed at the positions {positions:?}"));
    }
    Ok(())
}

/// All responses for one idempotency key are equal.
fn check_responses(acks: &[Ack], findings: &mut Findings) {
    let mut by_key = HashMap::with_capacity(acks.len());
    for ack in acks {
        let first = by_key.entry(ack.key).or_insert(ack);
        findings.expect(*first == ack, || {
            format!("one idempotency key has two different responses: {first:?} and {ack:?}")
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_different_responses_for_one_key_are_a_finding() {
        let key = uuid::Uuid::now_v7();
        let ack = |position| Ack { key, stream: "stock-A@main".into(), code: None, version: 1, position };
        let mut findings = Findings::default();
        check_responses(&[ack(1), ack(1)], &mut findings);
        assert_eq!(findings.count, 0);
        check_responses(&[ack(1), ack(1), ack(2)], &mut findings);
        assert_eq!(findings.count, 1);
    }
}
