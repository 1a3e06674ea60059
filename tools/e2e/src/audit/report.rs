//! The report of an audit: one line per invariant, a summary and one exit status.

use std::time::Duration;

use super::findings::{Findings, Verdict};
use super::invariant::Invariant;

/// One line of the report.
#[derive(Debug)]
pub struct Line {
    /// The checked invariant.
    pub invariant: Invariant,
    /// Result of the check.
    pub verdict: Verdict,
    /// Duration of the check.
    pub took: Duration,
}

/// Outcome of a check.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// The check found something to check, and the invariant holds.
    Holds,
    /// The check found nothing to check, for example on an empty platform, so it proves nothing.
    NothingToCheck,
    /// The subject lacks what the check needs.
    NotChecked,
    /// The invariant is violated, or the check could not be completed.
    Fails,
}

impl Line {
    /// Whether the invariant holds or was not checked. A check that found nothing to check has not passed, because it proves
    /// nothing.
    pub fn has_passed(&self) -> bool {
        matches!(self.outcome(), Outcome::Holds | Outcome::NotChecked)
    }

    /// Outcome of the check.
    pub fn outcome(&self) -> Outcome {
        match &self.verdict {
            Verdict::Checked(Findings { count: 1.., .. }) | Verdict::Failed(_) => Outcome::Fails,
            Verdict::Checked(Findings { checked: 0, .. }) => Outcome::NothingToCheck,
            Verdict::Checked(_) => Outcome::Holds,
            Verdict::NotChecked(_) => Outcome::NotChecked,
        }
    }
}

/// Exit status of the audit: 1 if a check fails; 2 if no check fails but a check found nothing to check or no check ran, which
/// proves nothing; otherwise 0.
pub fn exit_status(lines: &[Line]) -> u8 {
    let has = |outcome| lines.iter().any(|line| line.outcome() == outcome);
    match () {
        () if has(Outcome::Fails) => 1,
        () if has(Outcome::NothingToCheck) || !has(Outcome::Holds) => 2,
        () => 0,
    }
}

/// Last line of the report: the number of checks per outcome.
pub fn summary(lines: &[Line]) -> String {
    let count = |outcome| lines.iter().filter(|line| line.outcome() == outcome).count();
    format!(
        "{} hold, {} fail, {} found nothing to check, {} were not checked",
        count(Outcome::Holds),
        count(Outcome::Fails),
        count(Outcome::NothingToCheck),
        count(Outcome::NotChecked)
    )
}

impl std::fmt::Display for Line {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let name = self.invariant.as_str();
        let took = self.took.as_secs_f64();
        match &self.verdict {
            Verdict::NotChecked(reason) => write!(f, "{name:<20} not checked: {reason}"),
            Verdict::Failed(error) => write!(f, "{name:<20} COULD NOT CHECK: {error:#}"),
            Verdict::Checked(Findings { checked: 0, count: 0, .. }) => {
                write!(f, "{name:<20} found nothing to check")
            }
            Verdict::Checked(Findings { checked, count: 0, counts, .. }) => {
                write!(f, "{name:<20} holds     {checked:>10} checked  {took:>6.1} s")?;
                write_counts(f, counts)
            }
            Verdict::Checked(Findings { checked, count, first, counts }) => {
                write!(f, "{name:<20} VIOLATED  {checked:>10} checked  {took:>6.1} s  {count} findings")?;
                write_counts(f, counts)?;
                first.iter().try_for_each(|finding| write!(f, "\n    {finding}"))?;
                match count.saturating_sub(first.len() as u64) {
                    0 => Ok(()),
                    more => write!(f, "\n    ... and {more} more"),
                }
            }
        }
    }
}

fn write_counts(f: &mut std::fmt::Formatter<'_>, counts: &[(String, u64)]) -> std::fmt::Result {
    counts.iter().try_for_each(|(what, count)| write!(f, "\n    {count:>12} {what}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(verdict: Verdict) -> Line {
        Line { invariant: Invariant::Cache, verdict, took: Duration::ZERO }
    }

    fn checked(items: u64, findings: u64) -> Line {
        let mut found = Findings { checked: items, ..Findings::default() };
        (0..findings).for_each(|number| found.add(format!("finding {number}")));
        line(Verdict::Checked(found))
    }

    #[test]
    fn a_check_without_anything_to_check_has_not_passed() {
        let empty = checked(0, 0);
        assert_eq!(empty.outcome(), Outcome::NothingToCheck);
        assert_eq!(empty.to_string(), "cache                found nothing to check");
        assert_eq!(exit_status(&[checked(5, 0), empty]), 2);
        assert_eq!(
            summary(&[checked(5, 0), checked(0, 0)]),
            "1 hold, 0 fail, 1 found nothing to check, 0 were not checked"
        );
    }

    #[test]
    fn the_worst_line_determines_the_exit_status() {
        let not_checked = || line(Verdict::NotChecked("no acks given"));
        assert_eq!(exit_status(&[checked(5, 0), not_checked()]), 0, "a check that was not requested is no failure");
        assert_eq!(exit_status(&[not_checked()]), 2, "nothing was checked");
        assert_eq!(exit_status(&[checked(0, 0), checked(5, 1)]), 1);
        assert_eq!(exit_status(&[checked(0, 1)]), 1, "a missing item is a violation");
        assert_eq!(exit_status(&[checked(5, 0), line(Verdict::Failed(anyhow::anyhow!("no answer")))]), 1);
    }

    #[test]
    fn all_findings_are_counted_and_the_first_are_shown() {
        let mut findings = Findings::default();
        (0..25).for_each(|number| findings.add(format!("finding {number}")));
        let line = Line { invariant: Invariant::Gapless, verdict: Verdict::Checked(findings), took: Duration::ZERO };
        let text = line.to_string();
        assert!(!line.has_passed() && text.contains("25 findings") && text.contains("finding 19"), "{text}");
        assert!(text.ends_with("... and 5 more"), "{text}");
    }
}
