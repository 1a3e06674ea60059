//! The audit: checks the invariants of the platform from outside, in tests and in operation. It only reads.
//!
//! [`invariant`] lists the invariants, [`subject`] describes the platform that is checked, [`crate::checkers`] contains one
//! checker per invariant, [`findings`] collects what a checker finds, and [`report`] formats the results.

pub mod findings;
pub mod invariant;
pub mod report;
pub mod subject;

use std::pin::Pin;
use std::time::Instant;

use crate::checkers;
pub use findings::{Findings, Verdict};
pub use invariant::Invariant;
pub use report::{Line, Outcome, exit_status, summary};
pub use subject::{Redis, Subject};

/// Checks one invariant.
pub async fn check(invariant: Invariant, subject: &Subject) -> Verdict {
    let checked = match invariant {
        Invariant::Liveness => checkers::liveness::check(subject).await,
        Invariant::Gapless => checkers::gapless::check(subject).await,
        Invariant::NoLostAck if subject.acks.is_empty() => return Verdict::NotChecked("no acks given"),
        Invariant::NoLostAck => checkers::no_lost_ack::check(subject).await,
        Invariant::OneEffect => checkers::one_effect::check(subject).await,
        Invariant::IndefiniteResolves if subject.retried.is_empty() => {
            return Verdict::NotChecked("no retried commands given");
        }
        Invariant::IndefiniteResolves => checkers::indefinite_resolves::check(subject).await,
        Invariant::Numbers => checkers::numbers::check(subject).await,
        Invariant::Stock => checkers::stock::check(subject).await,
        Invariant::FoldEqual => checkers::fold_equal::check(subject).await,
        Invariant::AllProjections => checkers::all_projections::check(subject).await,
        Invariant::NoDoubleApply => checkers::no_double_apply::check(subject).await,
        Invariant::NoSkip | Invariant::KeyOrder => {
            let Some(kafka) = &subject.kafka else { return Verdict::NotChecked("no Kafka given") };
            match invariant {
                Invariant::NoSkip => checkers::no_skip::check(subject, kafka).await,
                _ => checkers::key_order::check(subject, kafka).await,
            }
        }
        Invariant::MonotonicRead if subject.reads.is_empty() => return Verdict::NotChecked("no reads given"),
        Invariant::MonotonicRead => checkers::monotonic_read::check(subject).await,
        Invariant::Erasure => match checkers::erasure::check(subject).await {
            Ok(None) => return Verdict::NotChecked("no personal data was erased"),
            Ok(Some(findings)) => Ok(findings),
            Err(error) => Err(error),
        },
        Invariant::Cache => {
            let Some(redis) = &subject.redis else { return Verdict::NotChecked("no Redis given") };
            checkers::cache::check(subject, redis).await
        }
    };
    checked.map_or_else(Verdict::Failed, Verdict::Checked)
}

/// Checks these invariants one after the other.
///
/// The future is boxed: the checkers are then compiled once, with this library, and not again with each program and test.
pub fn run<'a>(
    subject: &'a Subject,
    invariants: &'a [Invariant],
) -> Pin<Box<dyn Future<Output = Vec<Line>> + Send + 'a>> {
    Box::pin(check_all(subject, invariants))
}

async fn check_all(subject: &Subject, invariants: &[Invariant]) -> Vec<Line> {
    let mut lines = Vec::with_capacity(invariants.len());
    for invariant in invariants {
        let began = Instant::now();
        let verdict = check(*invariant, subject).await;
        lines.push(Line { invariant: *invariant, verdict, took: began.elapsed() });
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_invariant_can_be_found_by_name() {
        for invariant in Invariant::ALL {
            assert_eq!(Invariant::from_name(invariant.as_str()), Some(invariant));
        }
    }
}
