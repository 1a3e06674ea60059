//! `indefinite-resolves`: a command whose outcome was unknown (a lost response, a timeout or a status 5xx) has exactly one final
//! outcome. A command that was acknowledged after a retry is in the log as acknowledged; a command that was rejected appended
//! nothing. If the subject has a command service, the service returns the same outcome for the idempotency key.

use anyhow::{Context, bail};
use uuid::Uuid;

use super::no_lost_ack;
use crate::api::{Answer, Api};
use crate::audit::findings::Findings;
use crate::audit::subject::Subject;
use crate::client_history::{FinalOutcome, RetriedCommand};
use crate::log;

/// Commands that one statement looks up.
const CHUNK: usize = 1_000;

/// Looks up every retried command by its idempotency key.
pub async fn check(subject: &Subject) -> anyhow::Result<Findings> {
    let pool = log::connect(&subject.database_url).await?;
    let mut findings = Findings::default();
    for commands in subject.retried.chunks(CHUNK) {
        let keys: Vec<Uuid> = commands.iter().map(|it| it.key).collect();
        let written = no_lost_ack::find(&pool, keys).await?;
        for it in commands {
            findings.count_checked();
            let written = written.get(&it.key);
            match &it.outcome {
                FinalOutcome::Acknowledged(ack) => no_lost_ack::compare(ack, written, &mut findings),
                FinalOutcome::Rejected(status) => findings.expect(written.is_none(), || {
                    format!(
                        "{} of {} was rejected with status {status}, but the log contains {written:?}",
                        it.key, it.path
                    )
                }),
            }
            if let Some(api) = &subject.api {
                compare(it, &outcome(api, it.key).await?, &mut findings);
            }
        }
    }
    Ok(findings)
}

async fn outcome(api: &Api, key: Uuid) -> anyhow::Result<Answer> {
    let answer = api.outcome(key).await.with_context(|| format!("reading the outcome of command {key}"))?;
    if answer.status >= 500 {
        bail!("reading the outcome of command {key}: {} {}", answer.status, answer.body);
    }
    Ok(answer)
}

/// Compares the outcome that the service returns for a key with the final outcome that the client received.
fn compare(command: &RetriedCommand, found: &Answer, findings: &mut Findings) {
    let RetriedCommand { key, path, outcome } = command;
    let is_same = match outcome {
        FinalOutcome::Acknowledged(ack) => found.status == 200 && found.body["answer"]["position"] == ack.position,
        FinalOutcome::Rejected(_) => found.status == 404,
    };
    findings.expect(is_same, || {
        format!(
            "the client received {outcome:?} for command {key} ({path}), but the service returns {} {}",
            found.status, found.body
        )
    });
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::client_history::Ack;

    fn findings(outcome: FinalOutcome, status: u16, body: Value) -> u64 {
        let command = RetriedCommand { key: Uuid::nil(), path: "/v1/orders".into(), outcome };
        let found = Answer { status, body, ..Answer::default() };
        let mut findings = Findings::default();
        compare(&command, &found, &mut findings);
        findings.count
    }

    fn acknowledged() -> FinalOutcome {
        FinalOutcome::Acknowledged(Ack {
            key: Uuid::nil(),
            stream: "order-1".into(),
            code: None,
            version: 1,
            position: 7,
        })
    }

    #[test]
    fn the_outcome_by_key_must_be_the_outcome_that_the_client_received() {
        assert_eq!(findings(acknowledged(), 200, json!({ "answer": { "position": 7 } })), 0);
        assert_eq!(findings(acknowledged(), 200, json!({ "answer": { "position": 8 } })), 1);
        assert_eq!(findings(acknowledged(), 404, Value::Null), 1);
        assert_eq!(findings(acknowledged(), 202, json!({ "in_flight": true })), 1, "the command is still in flight");
        assert_eq!(findings(FinalOutcome::Rejected(409), 404, Value::Null), 0);
        assert_eq!(findings(FinalOutcome::Rejected(409), 200, json!({ "answer": { "position": 7 } })), 1);
    }
}
