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

impl Line {
    /// Whether nothing speaks against the invariant.
    pub fn is_well(&self) -> bool {
        match &self.verdict {
            Verdict::Looked(findings) => findings.count == 0,
            Verdict::NotChecked(_) => true,
            Verdict::Failed(_) => false,
        }
    }
}

impl std::fmt::Display for Line {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let name = self.invariant.as_str();
        let took = self.took.as_secs_f64();
        match &self.verdict {
            Verdict::NotChecked(reason) => write!(f, "{name:<16} not checked: {reason}"),
            Verdict::Failed(error) => write!(f, "{name:<16} COULD NOT CHECK: {error:#}"),
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
