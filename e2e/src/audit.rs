//! The audit: which invariants there are, run one after the other against a platform, and what was found.
//!
//! The checks themselves are in [`crate::checkers`], one idea each. They only read.

use std::time::{Duration, Instant};

use testbed::{Bed, PATIENCE};

use crate::ack::Ack;
use crate::checkers;
use crate::topics::Kafka;

/// A platform to look at, and what its clients were promised.
#[derive(Debug, Clone)]
pub struct Subject {
    /// The primary, as a role that may read everything (`reader`).
    pub database_url: String,
    /// The replica that answers queries.
    pub replica_url: Option<String>,
    /// Where the relay publishes.
    pub kafka: Option<Kafka>,
    /// Where the caches are.
    pub redis: Option<Redis>,
    /// Acknowledged commands.
    pub acks: Vec<Ack>,
    /// How long to wait for what becomes true only after quiet.
    pub patience: Duration,
}

/// A Redis and the part of it that is the platform's.
#[derive(Debug, Clone)]
pub struct Redis {
    /// `redis://...`
    pub url: String,
    /// Before every key.
    pub prefix: String,
}

/// A clause of the platform's promise (DESIGN.md, 9).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Invariant {
    /// Lag returns to zero. First, because the others are sharper on a platform that has come to rest.
    Liveness,
    /// Positions and versions have no gaps.
    Gapless,
    /// Every acknowledged command is in the log.
    NoLostAck,
    /// A command takes effect once.
    OneEffect,
    /// Order codes are gapless and unique.
    Numbers,
    /// Stock is never negative and adds up.
    Stock,
    /// Kafka holds every event that the relay says it sent.
    NoSkip,
    /// Kafka holds every stream in order, in one partition.
    KeyOrder,
    /// Read models equal the fold of the log.
    FoldEqual,
    /// Every movement of stock was applied once.
    NoDoubleApply,
    /// Caches equal the database.
    Cache,
}

/// What a check found.
#[derive(Debug, Clone, Default)]
pub struct Findings {
    /// How many things were looked at.
    pub checked: u64,
    /// How many of them break the invariant.
    pub count: u64,
    /// The first of them, for people.
    pub first: Vec<String>,
}

/// How a check ended.
#[derive(Debug)]
pub enum Verdict {
    /// It looked, and this is what it found; nothing, if the invariant holds.
    Looked(Findings),
    /// It had nothing to look at.
    NotChecked(&'static str),
    /// It could not look.
    Failed(anyhow::Error),
}

/// One line of the report.
#[derive(Debug)]
pub struct Line {
    /// What was checked.
    pub invariant: Invariant,
    /// How it ended.
    pub verdict: Verdict,
    /// How long it took.
    pub took: Duration,
}

/// How many findings of one check are told in words.
const TOLD_MAX: usize = 20;

impl Subject {
    /// The platform of a test, with everything that it can be connected with.
    pub fn of(bed: &Bed, acks: Vec<Ack>) -> anyhow::Result<Subject> {
        Ok(Subject {
            database_url: bed.reader_url()?,
            replica_url: Some(bed.reader_replica_url()?),
            kafka: Some(Kafka { brokers: bed.kafka_brokers()?, topic_prefix: bed.topic_prefix() }),
            redis: Some(Redis { url: bed.redis_url()?, prefix: bed.cache_prefix() }),
            acks,
            patience: PATIENCE,
        })
    }
}

impl Findings {
    /// One more thing was looked at.
    pub fn look(&mut self) {
        self.checked += 1;
    }

    /// Something breaks the invariant.
    pub fn add(&mut self, finding: impl Into<String>) {
        self.count += 1;
        if self.first.len() < TOLD_MAX {
            self.first.push(finding.into());
        }
    }

    /// Adds a finding unless `holds`.
    pub fn expect(&mut self, holds: bool, finding: impl FnOnce() -> String) {
        if !holds {
            self.add(finding());
        }
    }
}

impl Invariant {
    /// Every invariant, in the order in which they are checked.
    pub const ALL: [Invariant; 11] = [
        Invariant::Liveness,
        Invariant::Gapless,
        Invariant::NoLostAck,
        Invariant::OneEffect,
        Invariant::Numbers,
        Invariant::Stock,
        Invariant::NoSkip,
        Invariant::KeyOrder,
        Invariant::FoldEqual,
        Invariant::NoDoubleApply,
        Invariant::Cache,
    ];

    /// Its name in the design.
    pub fn as_str(self) -> &'static str {
        match self {
            Invariant::Liveness => "liveness",
            Invariant::Gapless => "gapless",
            Invariant::NoLostAck => "no-lost-ack",
            Invariant::OneEffect => "one-effect",
            Invariant::Numbers => "numbers",
            Invariant::Stock => "stock",
            Invariant::NoSkip => "no-skip",
            Invariant::KeyOrder => "key-order",
            Invariant::FoldEqual => "fold-equal",
            Invariant::NoDoubleApply => "no-double-apply",
            Invariant::Cache => "cache",
        }
    }

    /// The invariant with this name.
    pub fn named(name: &str) -> Option<Invariant> {
        Invariant::ALL.into_iter().find(|invariant| invariant.as_str() == name)
    }

    /// Looks whether it holds.
    pub async fn check(self, subject: &Subject) -> Verdict {
        let looked = match self {
            Invariant::Liveness => checkers::liveness::check(subject).await,
            Invariant::Gapless => checkers::gapless::check(subject).await,
            Invariant::NoLostAck if subject.acks.is_empty() => return Verdict::NotChecked("no acks given"),
            Invariant::NoLostAck => checkers::no_lost_ack::check(subject).await,
            Invariant::OneEffect => checkers::one_effect::check(subject).await,
            Invariant::Numbers => checkers::numbers::check(subject).await,
            Invariant::Stock => checkers::stock::check(subject).await,
            Invariant::FoldEqual => checkers::fold_equal::check(subject).await,
            Invariant::NoDoubleApply => checkers::no_double_apply::check(subject).await,
            Invariant::NoSkip | Invariant::KeyOrder => {
                let Some(kafka) = &subject.kafka else { return Verdict::NotChecked("no Kafka given") };
                match self {
                    Invariant::NoSkip => checkers::no_skip::check(subject, kafka).await,
                    _ => checkers::key_order::check(subject, kafka).await,
                }
            }
            Invariant::Cache => {
                let Some(redis) = &subject.redis else { return Verdict::NotChecked("no Redis given") };
                checkers::cache::check(subject, redis).await
            }
        };
        looked.map_or_else(Verdict::Failed, Verdict::Looked)
    }
}

/// A verdict in a word.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// It looked at something, and the invariant holds.
    Holds,
    /// There was nothing to look at, as on an empty platform: that proves nothing.
    Empty,
    /// What it looks at was not given.
    NotChecked,
    /// The invariant is broken, or the check could not look.
    Fails,
}

impl Line {
    /// Whether nothing speaks against the invariant.
    pub fn is_well(&self) -> bool {
        self.outcome() != Outcome::Fails
    }

    /// How the check ended, in a word.
    pub fn outcome(&self) -> Outcome {
        match &self.verdict {
            Verdict::Looked(Findings { count: 1.., .. }) | Verdict::Failed(_) => Outcome::Fails,
            Verdict::Looked(Findings { checked: 0, .. }) => Outcome::Empty,
            Verdict::Looked(_) => Outcome::Holds,
            Verdict::NotChecked(_) => Outcome::NotChecked,
        }
    }
}

/// All lines in one: 0 when every check that was given something to look at looked and holds, 1 when one fails, 2 when none
/// fails and one found nothing to look at, which is no proof. All of them find nothing on an empty platform.
pub fn exit_status(lines: &[Line]) -> u8 {
    let has = |outcome| lines.iter().any(|line| line.outcome() == outcome);
    match () {
        () if has(Outcome::Fails) => 1,
        () if has(Outcome::Empty) || !has(Outcome::Holds) => 2,
        () => 0,
    }
}

/// The last line of the report.
pub fn summary(lines: &[Line]) -> String {
    let count = |outcome| lines.iter().filter(|line| line.outcome() == outcome).count();
    format!(
        "{} hold, {} fail, {} found nothing to check, {} were not checked",
        count(Outcome::Holds),
        count(Outcome::Fails),
        count(Outcome::Empty),
        count(Outcome::NotChecked)
    )
}

impl std::fmt::Display for Line {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let name = self.invariant.as_str();
        let took = self.took.as_secs_f64();
        match &self.verdict {
            Verdict::NotChecked(reason) => write!(f, "{name:<16} not checked: {reason}"),
            Verdict::Failed(error) => write!(f, "{name:<16} COULD NOT CHECK: {error:#}"),
            Verdict::Looked(Findings { checked: 0, count: 0, .. }) => {
                write!(f, "{name:<16} found nothing to check")
            }
            Verdict::Looked(Findings { checked, count: 0, .. }) => {
                write!(f, "{name:<16} holds     {checked:>10} checked  {took:>6.1} s")
            }
            Verdict::Looked(Findings { checked, count, first }) => {
                write!(f, "{name:<16} BROKEN    {checked:>10} checked  {took:>6.1} s  {count} findings")?;
                first.iter().try_for_each(|finding| write!(f, "\n    {finding}"))?;
                match count.saturating_sub(first.len() as u64) {
                    0 => Ok(()),
                    more => write!(f, "\n    ... and {more} more"),
                }
            }
        }
    }
}

/// Checks these invariants one after the other.
pub async fn run(subject: &Subject, invariants: &[Invariant]) -> Vec<Line> {
    let mut lines = Vec::with_capacity(invariants.len());
    for invariant in invariants {
        let began = Instant::now();
        let verdict = invariant.check(subject).await;
        lines.push(Line { invariant: *invariant, verdict, took: began.elapsed() });
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_invariant_is_found_by_its_name() {
        for invariant in Invariant::ALL {
            assert_eq!(Invariant::named(invariant.as_str()), Some(invariant));
        }
    }

    fn line(verdict: Verdict) -> Line {
        Line { invariant: Invariant::Cache, verdict, took: Duration::ZERO }
    }

    fn looked(checked: u64, findings: u64) -> Line {
        let mut found = Findings { checked, ..Findings::default() };
        (0..findings).for_each(|number| found.add(format!("finding {number}")));
        line(Verdict::Looked(found))
    }

    #[test]
    fn a_check_that_looked_at_nothing_has_not_passed() {
        let empty = looked(0, 0);
        assert_eq!(empty.outcome(), Outcome::Empty);
        assert_eq!(empty.to_string(), "cache            found nothing to check");
        assert_eq!(exit_status(&[looked(5, 0), empty]), 2);
        assert_eq!(
            summary(&[looked(5, 0), looked(0, 0)]),
            "1 hold, 0 fail, 1 found nothing to check, 0 were not checked"
        );
    }

    #[test]
    fn the_exit_status_is_that_of_the_worst_line() {
        let not_checked = || line(Verdict::NotChecked("no acks given"));
        assert_eq!(exit_status(&[looked(5, 0), not_checked()]), 0, "what was not asked for is no failure");
        assert_eq!(exit_status(&[not_checked()]), 2, "nothing was looked at");
        assert_eq!(exit_status(&[looked(0, 0), looked(5, 1)]), 1);
        assert_eq!(exit_status(&[looked(0, 1)]), 1, "something that should be there is missing");
        assert_eq!(exit_status(&[looked(5, 0), line(Verdict::Failed(anyhow::anyhow!("no answer")))]), 1);
    }

    #[test]
    fn many_findings_are_counted_and_the_first_told() {
        let mut findings = Findings::default();
        (0..25).for_each(|number| findings.add(format!("finding {number}")));
        let line = Line { invariant: Invariant::Gapless, verdict: Verdict::Looked(findings), took: Duration::ZERO };
        let text = line.to_string();
        assert!(!line.is_well() && text.contains("25 findings") && text.contains("finding 19"), "{text}");
        assert!(text.ends_with("... and 5 more"), "{text}");
    }
}
