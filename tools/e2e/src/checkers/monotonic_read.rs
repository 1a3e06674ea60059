//! `monotonic-read`: a read with a consistency token shows every stream that it is about at least as it was at the token, and
//! at the position that its own response claims to contain; and what one session reads never goes back.
//!
//! The log says what each stream was at a position. A response about a SKU is about all its locations, so one that leaves out
//! a location, or has an old one beside a new one, is older than it says.

use std::collections::{BTreeMap, HashMap};

use anyhow::Context;
use sqlx::PgPool;

use crate::audit::findings::Findings;
use crate::audit::subject::Subject;
use crate::log;
use crate::seen::{Read, Scope};

/// Looks at every read, in the order of its session.
pub async fn check(subject: &Subject) -> anyhow::Result<Findings> {
    let pool = log::connect(&subject.database_url).await?;
    let mut findings = Findings::default();
    let mut histories = HashMap::new();
    let mut sessions = Sessions::default();
    for read in &subject.reads {
        if !histories.contains_key(&read.scope) {
            histories.insert(read.scope.clone(), history(&pool, &read.scope).await?);
        }
        findings.look();
        sessions.take(read, &histories[&read.scope], &mut findings);
    }
    Ok(findings)
}

/// The versions of the streams of a scope, each with its position, in order.
type History = BTreeMap<String, Vec<(i64, i32)>>;

async fn history(pool: &PgPool, scope: &Scope) -> anyhow::Result<History> {
    const READ: &str = "
        select stream_id, position, version from events
        where stream_id = $1 or starts_with(stream_id, $2) order by position";
    let (stream, begin) = match scope {
        Scope::Stream(stream) => (stream.clone(), None),
        Scope::StockOf(sku) => (String::new(), Some(format!("stock-{sku}@"))),
    };
    let rows: Vec<(String, i64, i32)> =
        sqlx::query_as(READ).bind(stream).bind(begin).fetch_all(pool).await.context("reading what was to be seen")?;
    let mut history = History::new();
    for (stream, position, version) in rows {
        history.entry(stream).or_default().push((position, version));
    }
    Ok(history)
}

/// Version of the last event up to a position; 0 where there is none.
fn version_at(events: &[(i64, i32)], position: i64) -> i32 {
    let count = events.partition_point(|(known, _)| *known <= position);
    count.checked_sub(1).map_or(0, |last| events[last].1)
}

/// What every session has seen of every stream.
#[derive(Debug, Default)]
struct Sessions(HashMap<(u32, String), i32>);

impl Sessions {
    fn take(&mut self, read: &Read, history: &History, findings: &mut Findings) {
        let Read { session, token, contains, versions, .. } = read;
        for (stream, events) in history {
            let shown = versions.get(stream).copied().unwrap_or(0);
            let at_token = version_at(events, *token);
            findings.expect(shown >= at_token, || {
                format!("a read with token {token} shows version {shown} of {stream}, which had {at_token} by then")
            });
            let claimed = version_at(events, *contains);
            // One finding for one fault: what is older than the token is told once.
            findings.expect(shown >= claimed || shown < at_token, || {
                format!("a response that says it contains position {contains} shows version {shown} of {stream}, which had {claimed} by then")
            });
            let known = self.0.entry((*session, stream.clone())).or_default();
            findings.expect(shown >= *known || shown < at_token, || {
                format!("session {session} has seen version {known} of {stream}, and then version {shown}")
            });
            *known = shown.max(*known);
        }
        for (stream, shown) in versions {
            let last = history.get(stream).and_then(|events| events.last()).map_or(0, |(_, version)| *version);
            findings.expect(*shown <= last, || {
                format!("a read shows version {shown} of {stream}, of which the log has {last}")
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

    fn read(token: i64, contains: i64, versions: &[(&str, i32)]) -> Read {
        let versions = versions.iter().map(|(stream, version)| ((*stream).to_owned(), *version)).collect();
        Read { session: 1, scope: Scope::StockOf("A".into()), token, contains, versions }
    }

    fn findings(reads: &[Read]) -> Findings {
        let (mut sessions, mut findings) = (Sessions::default(), Findings::default());
        reads.iter().for_each(|read| sessions.take(read, &history(), &mut findings));
        findings
    }

    #[test]
    fn reads_that_are_as_new_as_they_must_be_are_well() {
        let reads = [
            read(5, 5, &[("stock-A@main", 2)]),
            read(5, 7, &[("stock-A@main", 2), ("stock-A@annex", 1)]),
            read(9, 9, &[("stock-A@main", 3), ("stock-A@annex", 1)]),
        ];
        assert_eq!(findings(&reads).first, Vec::<String>::new());
    }

    #[test]
    fn a_location_that_is_missing_at_the_token_is_a_finding() {
        // The newest part is as new as the token and more; what makes the answer old is the part that it lacks.
        let found = findings(&[read(7, 5, &[("stock-A@main", 3)])]);
        assert_eq!(found.first, ["a read with token 7 shows version 0 of stock-A@annex, which had 1 by then"]);
    }

    #[test]
    fn a_location_that_is_older_than_the_token_is_a_finding() {
        assert_eq!(findings(&[read(9, 7, &[("stock-A@main", 2), ("stock-A@annex", 1)])]).count, 1);
    }

    #[test]
    fn a_response_that_contains_less_than_it_says_is_a_finding() {
        let found = findings(&[read(5, 9, &[("stock-A@main", 3)])]);
        assert_eq!((found.count, found.first[0].contains("says it contains position 9")), (1, true), "{found:?}");
    }

    #[test]
    fn a_session_that_goes_back_is_a_finding() {
        let newer = read(5, 5, &[("stock-A@main", 3)]);
        let found = findings(&[newer.clone(), read(5, 5, &[("stock-A@main", 2)])]);
        assert_eq!((found.count, found.first[0].contains("has seen version 3")), (1, true), "{found:?}");
        let other = Read { session: 2, ..read(5, 5, &[("stock-A@main", 2)]) };
        assert_eq!(findings(&[newer, other]).count, 0);
    }

    #[test]
    fn a_version_that_the_log_does_not_have_is_a_finding() {
        assert_eq!(findings(&[read(5, 5, &[("stock-A@main", 4)])]).count, 1);
    }
}
