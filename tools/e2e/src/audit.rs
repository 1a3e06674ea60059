//! The audit: which invariants there are, run one after the other against a platform, and what was found.
//!
//! The checks themselves are in [`crate::checkers`], one idea each. They only read. [`report`] tells what they found.

pub mod report;

use std::time::{Duration, Instant};

use testbed::{Bed, PATIENCE};

use crate::ack::Ack;
use crate::api::Api;
use crate::checkers;
use crate::load::Promised;
use crate::seen::{Read, Resolved};
use crate::topics::Kafka;
pub use report::{Findings, Line, Outcome, Verdict, exit_status, summary};

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
    /// The services, to be asked as a client asks them.
    pub api: Option<Api>,
    /// Acknowledged commands.
    pub acks: Vec<Ack>,
    /// Answers to reads with a consistency token, those of a session in order.
    pub reads: Vec<Read>,
    /// Commands that were sent again because nobody knew what had become of them.
    pub resolved: Vec<Resolved>,
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
    /// A command whose answer got lost has one outcome, and its key says which.
    IndefiniteResolves,
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
    /// A read with a token is not older than the token, nor than what its session has read before.
    MonotonicRead,
    /// Caches equal the database.
    Cache,
    /// What was erased is not shown any more.
    Erasure,
}

impl Subject {
    /// The platform of a test, with everything that it can be connected with.
    pub fn of(bed: &Bed, acks: Vec<Ack>) -> anyhow::Result<Subject> {
        Ok(Subject {
            database_url: bed.reader_url()?,
            replica_url: Some(bed.reader_replica_url()?),
            kafka: Some(Kafka { brokers: bed.kafka_brokers()?, topic_prefix: bed.topic_prefix() }),
            redis: Some(Redis { url: bed.redis_url()?, prefix: bed.cache_prefix() }),
            api: None,
            acks,
            reads: Vec::new(),
            resolved: Vec::new(),
            patience: PATIENCE,
        })
    }

    /// The same platform, with services to ask and all that a load was promised and saw.
    pub fn with(mut self, api: &Api, promised: Promised) -> Subject {
        self.api = Some(api.clone());
        self.acks.extend(promised.acks);
        self.reads.extend(promised.reads);
        self.resolved.extend(promised.resolved);
        self
    }
}

impl Invariant {
    /// Every invariant, in the order in which they are checked.
    pub const ALL: [Invariant; 14] = [
        Invariant::Liveness,
        Invariant::Gapless,
        Invariant::NoLostAck,
        Invariant::OneEffect,
        Invariant::IndefiniteResolves,
        Invariant::Numbers,
        Invariant::Stock,
        Invariant::NoSkip,
        Invariant::KeyOrder,
        Invariant::FoldEqual,
        Invariant::NoDoubleApply,
        Invariant::MonotonicRead,
        Invariant::Cache,
        Invariant::Erasure,
    ];

    /// Its name in the design.
    pub fn as_str(self) -> &'static str {
        match self {
            Invariant::Liveness => "liveness",
            Invariant::Gapless => "gapless",
            Invariant::NoLostAck => "no-lost-ack",
            Invariant::OneEffect => "one-effect",
            Invariant::IndefiniteResolves => "indefinite-resolves",
            Invariant::Numbers => "numbers",
            Invariant::Stock => "stock",
            Invariant::NoSkip => "no-skip",
            Invariant::KeyOrder => "key-order",
            Invariant::FoldEqual => "fold-equal",
            Invariant::NoDoubleApply => "no-double-apply",
            Invariant::MonotonicRead => "monotonic-read",
            Invariant::Cache => "cache",
            Invariant::Erasure => "erasure",
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
            Invariant::IndefiniteResolves if subject.resolved.is_empty() => {
                return Verdict::NotChecked("no commands given whose answer got lost");
            }
            Invariant::IndefiniteResolves => checkers::indefinite_resolves::check(subject).await,
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
            Invariant::MonotonicRead if subject.reads.is_empty() => return Verdict::NotChecked("no reads given"),
            Invariant::MonotonicRead => checkers::monotonic_read::check(subject).await,
            Invariant::Erasure => match checkers::erasure::check(subject).await {
                Ok(None) => return Verdict::NotChecked("nobody was erased"),
                Ok(Some(findings)) => Ok(findings),
                Err(error) => Err(error),
            },
            Invariant::Cache => {
                let Some(redis) = &subject.redis else { return Verdict::NotChecked("no Redis given") };
                checkers::cache::check(subject, redis).await
            }
        };
        looked.map_or_else(Verdict::Failed, Verdict::Looked)
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
}
