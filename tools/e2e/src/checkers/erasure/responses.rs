//! Checks the responses of the services for erased orders and customers: reads of an order by id and by code, the list of orders,
//! and the outcomes of all commands that changed the stream.

use std::collections::BTreeSet;

use anyhow::{Context, bail};
use events::codec;
use serde_json::Value;
use sqlx::PgPool;
use uuid::Uuid;

use super::document::check_document;
use crate::api::{Answer, Api};
use crate::audit::findings::Findings;
use crate::log;

/// Streams that are checked, the newest ones; each needs several requests.
const STREAMS_MAX: usize = 1_000;

/// Shorter texts, such as a country code, may occur in a list without being personal data of the erased person.
const TEXT_CHARS_MIN: usize = 6;

/// Checks the responses for these streams.
pub(super) async fn check(
    api: &Api,
    pool: &PgPool,
    erased: &BTreeSet<&str>,
    findings: &mut Findings,
) -> anyhow::Result<()> {
    // Ids start with their time of creation, so the newest streams are the last ones.
    for stream in erased.iter().rev().take(STREAMS_MAX) {
        let history = log::stream(pool, &stream.parse()?).await?;
        let mut texts = BTreeSet::new();
        for recorded in &history {
            texts.extend(personal_texts(&recorded.event_type, recorded.schema_version, &recorded.payload)?);
        }
        if let Some(id) = stream.strip_prefix("order-").filter(|_| api.has_queries()) {
            check_order(api, id, &texts, findings).await?;
        }
        for (key, position) in commands(pool, stream).await? {
            let outcome = success(api.outcome(key).await?, || format!("reading the outcome of command {key}"))?;
            findings.count_checked();
            check_outcome(
                &format!("the outcome of the command at position {position}"),
                erased,
                &outcome.body,
                findings,
            )?;
        }
    }
    Ok(())
}

/// The commands that appended to a stream, with the position of the first event of each command.
async fn commands(pool: &PgPool, stream: &str) -> anyhow::Result<Vec<(Uuid, i64)>> {
    const FIND: &str = "
        select distinct on (first.position) first.command_id, first.position
        from events e cross join lateral (
            select command_id, position from events f
            where f.position <= e.position and f.command_id is not null order by f.position desc limit 1) first
        where e.stream_id = $1 order by first.position";
    sqlx::query_as(FIND).bind(stream).fetch_all(pool).await.context("reading the commands of erased streams")
}

async fn check_order(api: &Api, id: &str, texts: &BTreeSet<String>, findings: &mut Findings) -> anyhow::Result<()> {
    let by_id = api.query(&format!("/v1/orders/{id}")).await?;
    if by_id.status == 404 {
        return Ok(());
    }
    let by_id = success(by_id, || format!("reading order {id}"))?;
    let code = by_id.text("code");
    let by_code = success(api.query(&format!("/v1/orders/{code}")).await?, || format!("reading order {code}"))?;
    for (way, answer) in [("by id", &by_id), ("by code", &by_code)] {
        findings.count_checked();
        check_document(&format!("the response to a read of order {code} {way}"), &answer.body, findings);
    }
    let list = success(api.query(&format!("/v1/orders?code={code}")).await?, || format!("listing order {code}"))?;
    findings.count_checked();
    check_texts(&format!("the list with order {code}"), texts, &list.body, findings);
    Ok(())
}

fn success(answer: Answer, doing: impl Fn() -> String) -> anyhow::Result<Answer> {
    if !answer.is_success() {
        bail!("{}: {} {}", doing(), answer.status, answer.body);
    }
    Ok(answer)
}

/// The events in the outcome of a command contain no personal data if their stream is erased.
fn check_outcome(place: &str, erased: &BTreeSet<&str>, outcome: &Value, findings: &mut Findings) -> anyhow::Result<()> {
    for written in outcome["events"].as_array().into_iter().flatten() {
        let stream = written["stream"].as_str().unwrap_or_default();
        if !erased.contains(stream) {
            continue;
        }
        let event_type = written["type"].as_str().unwrap_or_default();
        let schema_version = written["schema_version"].as_i64().unwrap_or_default() as i16;
        let mut event = codec::decode(event_type, schema_version, &written["data"].to_string())
            .with_context(|| format!("{place}: reading the {event_type} of {stream}"))?;
        findings.expect(!event.erase_personal_data(), || {
            format!("{place} contains personal data in the {event_type} of {stream}")
        });
    }
    Ok(())
}

/// A response contains none of these texts.
fn check_texts(place: &str, texts: &BTreeSet<String>, body: &Value, findings: &mut Findings) {
    let shown = strings(body);
    let is_shown = |text: &String| shown.iter().any(|shown| shown.contains(text.as_str()));
    // The finding does not contain the personal data itself.
    findings.expect(!texts.iter().any(is_shown), || format!("{place} contains personal data"));
}

/// The texts that an erasure removes from an event.
fn personal_texts(event_type: &str, schema_version: i16, payload: &str) -> anyhow::Result<BTreeSet<String>> {
    let mut event = codec::decode(event_type, schema_version, payload)?;
    let before = strings(&serde_json::from_str(&codec::encode(&event).payload)?);
    if !event.erase_personal_data() {
        return Ok(BTreeSet::new());
    }
    let after = strings(&serde_json::from_str(&codec::encode(&event).payload)?);
    Ok(before.difference(&after).filter(|text| text.chars().count() >= TEXT_CHARS_MIN).cloned().collect())
}

/// All texts in a JSON value.
fn strings(value: &Value) -> BTreeSet<String> {
    match value {
        Value::String(text) => BTreeSet::from([text.clone()]),
        Value::Array(items) => items.iter().flat_map(strings).collect(),
        Value::Object(members) => members.values().flat_map(strings).collect(),
        Value::Null | Value::Bool(_) | Value::Number(_) => BTreeSet::new(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const STREAM: &str = "order-018bcfe5-6800-7101-8101-010101010101";

    fn findings(reason: &str) -> u64 {
        let outcome = json!({ "events": [
            { "stream": STREAM, "type": "OrderCancelled", "schema_version": 1, "data": { "reason": reason } },
            { "stream": "stock-A@main", "type": "not checked", "schema_version": 1, "data": {} },
        ] });
        let mut findings = Findings::default();
        check_outcome("the outcome", &BTreeSet::from([STREAM]), &outcome, &mut findings).unwrap();
        findings.count
    }

    #[test]
    fn an_outcome_that_contains_erased_data_is_a_finding() {
        assert_eq!((findings("Ada has moved"), findings("")), (1, 0));
    }

    #[test]
    fn a_list_that_contains_an_erased_text_is_a_finding() {
        let texts = BTreeSet::from(["Ada Lovelace".to_owned()]);
        let mut findings = Findings::default();
        check_texts("the list", &texts, &json!({ "items": [{ "code": "SON000001" }] }), &mut findings);
        assert_eq!(findings.count, 0);
        check_texts("the list", &texts, &json!({ "items": [{ "tags": ["for Ada Lovelace"] }] }), &mut findings);
        assert_eq!(findings.count, 1);
        assert!(!findings.first[0].contains("Ada"), "a finding must not contain personal data");
    }
}
