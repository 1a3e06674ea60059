//! `numbers`: order codes are numbered 1, 2, 3, ... per prefix in the order of the log, without gaps or duplicates. The order of
//! the log is the order of incarnations, then of positions: an order of an earlier incarnation after an order of a later
//! incarnation got its code from a writer that had not read the later incarnation.

use std::collections::HashMap;

use anyhow::Context;
use events::{Incarnation, LogPosition, Position};
use sqlx::PgPool;

use crate::audit::findings::Findings;
use crate::audit::subject::Subject;
use crate::log;

/// Order codes that one statement reads.
const PAGE: i64 = 20_000;

/// Checks all order codes in the order of the log.
pub async fn check(subject: &Subject) -> anyhow::Result<Findings> {
    let pool = log::connect(&subject.database_url).await?;
    let mut findings = Findings::default();
    let mut counters = Counters::default();
    let mut cursor = 0;
    loop {
        let page = read_after(&pool, cursor).await?;
        let Some((_, last, _)) = page.last() else { return Ok(findings) };
        cursor = *last;
        for (incarnation, position, code) in &page {
            findings.count_checked();
            let at = LogPosition { incarnation: Incarnation(*incarnation), position: Position(*position) };
            counters.add(at, code.as_deref().unwrap_or_default(), &mut findings);
        }
    }
}

async fn read_after(pool: &PgPool, position: i64) -> anyhow::Result<Vec<(i32, i64, Option<String>)>> {
    const READ: &str = "
        select incarnation, position, payload->>'code' from events
        where position > $1 and event_type = 'OrderPlaced' order by position limit $2";
    sqlx::query_as(READ).bind(position).bind(PAGE).fetch_all(pool).await.context("reading order codes")
}

/// The last number of each prefix, and the log position of the last order.
#[derive(Debug, Default)]
struct Counters {
    numbers: HashMap<String, u64>,
    last: Option<LogPosition>,
}

impl Counters {
    fn add(&mut self, at: LogPosition, code: &str, findings: &mut Findings) {
        let LogPosition { incarnation, position } = at;
        let follows = self.last.is_none_or(|last| last < at);
        findings.expect(follows, || {
            format!(
                "position {position}: order code {code} has incarnation {incarnation}, but follows a later incarnation of the log"
            )
        });
        self.last = self.last.max(Some(at));
        let prefix = code.trim_end_matches(|c: char| c.is_ascii_digit());
        let Ok(number) = code[prefix.len()..].parse::<u64>() else {
            findings.add(format!("position {position}: the order code `{code}` has no number"));
            return;
        };
        let last = self.numbers.entry(prefix.to_owned()).or_default();
        findings.expect(number == *last + 1, || {
            format!("position {position}: order code {code} follows number {last} of prefix `{prefix}`")
        });
        *last = number.max(*last);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn findings_at(codes: &[(i32, i64, &str)]) -> u64 {
        let mut findings = Findings::default();
        let mut counters = Counters::default();
        for (incarnation, position, code) in codes {
            let at = LogPosition { incarnation: Incarnation(*incarnation), position: Position(*position) };
            counters.add(at, code, &mut findings);
        }
        findings.count
    }

    fn findings(codes: &[&str]) -> u64 {
        findings_at(&(1..).zip(codes).map(|(position, code)| (1, position, *code)).collect::<Vec<_>>())
    }

    #[test]
    fn codes_are_numbered_per_prefix() {
        assert_eq!(findings(&["SON000001", "WEB000001", "SON000002", "SON000003"]), 0);
    }

    #[test]
    fn a_gap_a_duplicate_and_a_code_without_a_number_are_findings() {
        assert_eq!(findings(&["SON000001", "SON000003"]), 1);
        assert_eq!(findings(&["SON000001", "SON000001"]), 1);
        assert_eq!(findings(&["SON"]), 1);
    }

    #[test]
    fn an_order_of_an_earlier_incarnation_after_a_later_incarnation_is_a_finding() {
        assert_eq!(findings_at(&[(1, 4, "SON000001"), (2, 6, "SON000002")]), 0);
        assert_eq!(findings_at(&[(2, 4, "SON000001"), (1, 6, "SON000002")]), 1);
    }
}
