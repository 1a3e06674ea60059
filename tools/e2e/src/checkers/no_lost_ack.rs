//! `no-lost-ack`: every acknowledged command is in the log with its idempotency key, and with the stream, version, position and
//! order code of the response.

use std::collections::HashMap;

use anyhow::Context;
use sqlx::PgPool;
use uuid::Uuid;

use crate::audit::findings::Findings;
use crate::audit::subject::Subject;
use crate::client_history::Ack;
use crate::log;

/// Acknowledged commands that one statement looks up.
const CHUNK: usize = 1_000;

/// A command in the log.
#[derive(Debug, sqlx::FromRow)]
pub(super) struct Written {
    key: Uuid,
    stream: String,
    version: i32,
    position: i64,
    code: Option<String>,
}

/// Looks up every acknowledged command by its idempotency key.
pub async fn check(subject: &Subject) -> anyhow::Result<Findings> {
    let pool = log::connect(&subject.database_url).await?;
    let mut findings = Findings::default();
    for acks in subject.acks.chunks(CHUNK) {
        let written = find(&pool, acks.iter().map(|ack| ack.key).collect()).await?;
        for ack in acks {
            findings.count_checked();
            compare(ack, written.get(&ack.key), &mut findings);
        }
    }
    Ok(findings)
}

/// Finds the commands with these idempotency keys in the log.
pub(super) async fn find(pool: &PgPool, keys: Vec<Uuid>) -> anyhow::Result<HashMap<Uuid, Written>> {
    // A command is addressed to the stream of its first event. The version of the stream after the command is the last version
    // that the command appended to this stream.
    const FIND: &str = "
        select first.command_id as key, first.stream_id as stream,
            first.position + first.command_size - 1 as position, first.payload->>'code' as code,
            (select max(e.version) from events e
             where e.position >= first.position and e.position < first.position + first.command_size
                and e.stream_id = first.stream_id) as version
        from events first where first.command_id = any($1)";
    let found = sqlx::query_as::<_, Written>(FIND).bind(keys).fetch_all(pool).await;
    Ok(found.context("looking up acknowledged commands")?.into_iter().map(|it| (it.key, it)).collect())
}

/// Compares an acknowledged command with the log.
pub(super) fn compare(ack: &Ack, written: Option<&Written>, findings: &mut Findings) {
    let Some(written) = written else {
        findings.add(format!("{ack:?} was acknowledged, but its key is not in the log"));
        return;
    };
    let is_same = written.stream == ack.stream
        && written.version == ack.version
        && written.position == ack.position
        && (ack.code.is_none() || written.code == ack.code);
    findings.expect(is_same, || format!("{ack:?} was acknowledged, but the log contains {written:?}"));
}
