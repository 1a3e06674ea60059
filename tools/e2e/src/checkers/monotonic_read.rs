//! `monotonic-read`: a response to a read with a consistency token contains, for every stream in its scope, at least the version at
//! the token and at the `Projection-Position` of the response; and the versions that one session reads never decrease.
//!
//! The log contains the version of each stream at a position. The scope of a read of stock is all locations of the SKU, so a
//! response that omits a location, or contains an old version of a location, is older than it states.

use std::collections::{BTreeMap, HashMap};

use anyhow::Context;
use sqlx::PgPool;

use crate::audit::findings::Findings;
use crate::audit::subject::Subject;
use crate::client_history::{Read, Scope};
use crate::log;

/// Checks all reads, in the order of their sessions.
pub async fn check(subject: &Subject) -> anyhow::Result<Findings> {
    let pool = log::connect(&subject.database_url).await?;
    let mut findings = Findings::default();
    let mut histories = HashMap::new();
    let mut sessions = Sessions::default();
    for read in &subject.reads {
        if !histories.contains_key(&read.scope) {
            histories.insert(read.scope.clone(), history(&pool, &read.scope).await?);
        }
        findings.count_checked();
        sessions.check(read, &histories[&read.scope], &mut findings);
    }
    Ok(findings)
}

/// The (position, version) pairs of every stream of a scope, in order of positions.
type History = BTreeMap<String, Vec<(i64, i32)>>;

async fn history(pool: &PgPool, scope: &Scope) -> anyhow::Result<History> {
    const READ: &str = "
        select stream_id, position, version from events
        where stream_id = $1 or starts_with(stream_id, $2) order by position";
    let (stream, begin) = match scope {
        Scope::Stream(stream) => (stream.clone(), None),
        Scope::StockOf(sku) => (String::new(), Some(format!("stock-{sku}@"))),
    };
    let rows: Vec<(String, i64, i32)> = sqlx::query_as(READ)
        .bind(stream)
        .bind(begin)
        .fetch_all(pool)
        .await
        .context("reading the versions of streams")?;
    let mut history = History::new();
    for (stream, position, version) in rows {
        history.entry(stream).or_default().push((position, version));
    }
    Ok(history)
}

/// Version of the last event up to a position; 0 if there is none.
fn version_at(events: &[(i64, i32)], position: i64) -> i32 {
    let count = events.partition_point(|(known, _)| *known <= position);
    count.checked_sub(1).map_or(0, |last| events[last].1)
}

/// The newest version that each session has read, by session and stream.
#[derive(Debug, Default)]
struct Sessions(HashMap<(u32, String), i32>);

impl Sessions {
    fn check(&mut self, read: &Read, history: &History, findings: &mut Findings) {
        let Read { session, token, projection_position, versions, .. } = read;
        for (stream, events) in history {
            let shown = versions.get(stream).copied().unwrap_or(0);
            let at_token = version_at(events, *token);
            findings.expect(shown >= at_token, || {
                format!("a read with token {token} returned version {shown} of {stream}, which had version {at_token} at the token")
            });
            let claimed = version_at(events, *projection_position);
            // A version that is older than the token is reported once only.
            findings.expect(shown >= claimed || shown < at_token, || {
                format!("a response with projection position {projection_position} contains version {shown} of {stream}, which had version {claimed} at this position")
            });
            let known = self.0.entry((*session, stream.clone())).or_default();
            findings.expect(shown >= *known || shown < at_token, || {
                format!("session {session} read version {known} of {stream}, and then version {shown}")
            });
            *known = shown.max(*known);
        }
        for (stream, shown) in versions {
            let last = history.get(stream).and_then(|events| events.last()).map_or(0, |(_, version)| *version);
            findings.expect(*shown <= last, || {
                format!("a read returned version {shown} of {stream}, but the last version in the log is {last}")
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn history() -> History {
        [("stock-A@main".into(), vec![(1, 1), (5, 2), (9, 3)]), ("stock-A@annex".into(), vec![(7, 1)])].into()
    }

    fn read(token: i64, projection_position: i64, versions: &[(&str, i32)]) -> Read {
        let versions = versions.iter().map(|(stream, version)| ((*stream).to_owned(), *version)).collect();
        Read { session: 1, scope: Scope::StockOf("A".into()), token, projection_position, versions }
    }

    fn findings(reads: &[Read]) -> Findings {
        let (mut sessions, mut findings) = (Sessions::default(), Findings::default());
        reads.iter().for_each(|read| sessions.check(read, &history(), &mut findings));
        findings
    }

    #[test]
    fn sufficiently_new_reads_are_no_findings() {
        let reads = [
            read(5, 5, &[("stock-A@main", 2)]),
            read(5, 7, &[("stock-A@main", 2), ("stock-A@annex", 1)]),
            read(9, 9, &[("stock-A@main", 3), ("stock-A@annex", 1)]),
        ];
        assert_eq!(findings(&reads).first, Vec::<String>::new());
    }

    #[test]
    fn a_location_that_is_missing_at_the_token_is_a_finding() {
        // The returned location is newer than the token; the response is too old because it omits the other location.
        let found = findings(&[read(7, 5, &[("stock-A@main", 3)])]);
        assert_eq!(
            found.first,
            ["a read with token 7 returned version 0 of stock-A@annex, which had version 1 at the token"]
        );
    }

    #[test]
    fn a_location_that_is_older_than_the_token_is_a_finding() {
        assert_eq!(findings(&[read(9, 7, &[("stock-A@main", 2), ("stock-A@annex", 1)])]).count, 1);
    }

    #[test]
    fn a_response_that_is_older_than_its_projection_position_is_a_finding() {
        let found = findings(&[read(5, 9, &[("stock-A@main", 3)])]);
        assert_eq!((found.count, found.first[0].contains("with projection position 9")), (1, true), "{found:?}");
    }

    #[test]
    fn a_session_that_reads_an_older_version_is_a_finding() {
        let newer = read(5, 5, &[("stock-A@main", 3)]);
        let found = findings(&[newer.clone(), read(5, 5, &[("stock-A@main", 2)])]);
        assert_eq!((found.count, found.first[0].contains("read version 3")), (1, true), "{found:?}");
        let other = Read { session: 2, ..read(5, 5, &[("stock-A@main", 2)]) };
        assert_eq!(findings(&[newer, other]).count, 0);
    }

    #[test]
    fn a_version_that_is_not_in_the_log_is_a_finding() {
        assert_eq!(findings(&[read(5, 5, &[("stock-A@main", 4)])]).count, 1);
    }
}
