//! `indefinite-resolves`: a command whose answer got lost, or was a timeout or a 5xx, has exactly one outcome, which its key
//! tells and the log confirms. One that was acknowledged after a repetition is in the log just as it was acknowledged; one that
//! was refused wrote nothing. Where there is a service to ask, it says the same of the key.

use anyhow::{Context, bail};
use uuid::Uuid;

use super::no_lost_ack;
use crate::api::{Answer, Api};
use crate::audit::findings::Findings;
use crate::audit::subject::Subject;
use crate::log;
use crate::seen::{End, Resolved};

/// Commands that are looked up at once.
const CHUNK: usize = 1_000;

/// Looks up every command by its key.
pub async fn check(subject: &Subject) -> anyhow::Result<Findings> {
    let pool = log::connect(&subject.database_url).await?;
    let mut findings = Findings::default();
    for resolved in subject.resolved.chunks(CHUNK) {
        let keys: Vec<Uuid> = resolved.iter().map(|it| it.key).collect();
        let written = no_lost_ack::find(&pool, keys).await?;
        for it in resolved {
            findings.look();
            let written = written.get(&it.key);
            match &it.end {
                End::Done(ack) => no_lost_ack::compare(ack, written, &mut findings),
                End::Refused(status) => findings.expect(written.is_none(), || {
                    format!("{} of {} was refused with {status}, but the log has {written:?}", it.key, it.path)
                }),
            }
            if let Some(api) = &subject.api {
                compare(it, &fate(api, it.key).await?, &mut findings);
            }
        }
    }
    Ok(findings)
}

async fn fate(api: &Api, key: Uuid) -> anyhow::Result<Answer> {
    let answer = api.outcome(key).await.with_context(|| format!("asking what became of {key}"))?;
    if answer.status >= 500 {
        bail!("asking what became of {key}: {} {}", answer.status, answer.body);
    }
    Ok(answer)
}

/// What the service says of a key is what the client was told.
fn compare(resolved: &Resolved, fate: &Answer, findings: &mut Findings) {
    let Resolved { key, path, end } = resolved;
    let is_same = match end {
        End::Done(ack) => fate.status == 200 && fate.body["answer"]["position"] == ack.position,
        End::Refused(_) => fate.status == 404,
    };
    findings.expect(is_same, || {
        format!("{key} of {path} ended as {end:?}, but its key says {} {}", fate.status, fate.body)
    });
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::ack::Ack;

    fn findings(end: End, status: u16, body: Value) -> u64 {
        let resolved = Resolved { key: Uuid::nil(), path: "/v1/orders".into(), end };
        let content_type = "application/json".to_owned();
        let fate =
            Answer { status, token: None, contains: None, is_replayed: false, content_type, retry_after: None, body };
        let mut findings = Findings::default();
        compare(&resolved, &fate, &mut findings);
        findings.count
    }

    fn done() -> End {
        End::Done(Ack { key: Uuid::nil(), stream: "order-1".into(), code: None, version: 1, position: 7 })
    }

    #[test]
    fn what_the_key_says_must_be_what_the_client_was_told() {
        assert_eq!(findings(done(), 200, json!({ "answer": { "position": 7 } })), 0);
        assert_eq!(findings(done(), 200, json!({ "answer": { "position": 8 } })), 1);
        assert_eq!(findings(done(), 404, Value::Null), 1);
        assert_eq!(findings(done(), 202, json!({ "in_flight": true })), 1, "it is not resolved");
        assert_eq!(findings(End::Refused(409), 404, Value::Null), 0);
        assert_eq!(findings(End::Refused(409), 200, json!({ "answer": { "position": 7 } })), 1);
    }
}
