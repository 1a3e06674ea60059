//! `numbers`: order codes count 1, 2, 3 ... per prefix, in the order of the log, without a gap and never twice.

use std::collections::HashMap;

use anyhow::Context;
use sqlx::PgPool;

use crate::audit::{Findings, Subject};
use crate::log;

/// Codes read at a time.
const PAGE: i64 = 20_000;

/// Reads every code in order.
pub async fn check(subject: &Subject) -> anyhow::Result<Findings> {
    let pool = log::connect(&subject.database_url).await?;
    let mut findings = Findings::default();
    let mut counters = Counters::default();
    let mut cursor = 0;
    loop {
        let page = read_after(&pool, cursor).await?;
        let Some((last, _)) = page.last() else { return Ok(findings) };
        cursor = *last;
        for (position, code) in &page {
            findings.look();
            counters.take(*position, code.as_deref().unwrap_or_default(), &mut findings);
        }
    }
}

async fn read_after(pool: &PgPool, position: i64) -> anyhow::Result<Vec<(i64, Option<String>)>> {
    const READ: &str = "
        select position, payload->>'code' from events
        where position > $1 and event_type = 'OrderPlaced' order by position limit $2";
    sqlx::query_as(READ).bind(position).bind(PAGE).fetch_all(pool).await.context("reading order codes")
}

/// The last number of every prefix.
#[derive(Debug, Default)]
struct Counters(HashMap<String, u64>);

impl Counters {
    fn take(&mut self, position: i64, code: &str, findings: &mut Findings) {
        let prefix = code.trim_end_matches(|c: char| c.is_ascii_digit());
        let Ok(number) = code[prefix.len()..].parse::<u64>() else {
            findings.add(format!("position {position}: the order code `{code}` has no number"));
            return;
        };
        let last = self.0.entry(prefix.to_owned()).or_default();
        findings.expect(number == *last + 1, || {
            format!("position {position}: order code {code} follows number {last} of prefix `{prefix}`")
        });
        *last = number.max(*last);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn findings(codes: &[&str]) -> u64 {
        let mut findings = Findings::default();
        let mut counters = Counters::default();
        (1..).zip(codes).for_each(|(position, code)| counters.take(position, code, &mut findings));
        findings.count
    }

    #[test]
    fn codes_count_up_per_prefix() {
        assert_eq!(findings(&["SON000001", "WEB000001", "SON000002", "SON000003"]), 0);
    }

    #[test]
    fn a_gap_a_repeat_and_a_code_without_a_number_are_findings() {
        assert_eq!(findings(&["SON000001", "SON000003"]), 1);
        assert_eq!(findings(&["SON000001", "SON000001"]), 1);
        assert_eq!(findings(&["SON"]), 1);
    }
}
