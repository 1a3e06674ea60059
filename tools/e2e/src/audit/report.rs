//! What checks found, and how that is told: a line for each invariant, and one exit status for all of them.

use std::time::Duration;

use super::findings::{Findings, Verdict};
use super::invariant::Invariant;

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
    /// Whether the check looked at something and found nothing wrong, or was given nothing to look at. A check that should
    /// have found something to look at and did not is not well: it proves nothing.
    pub fn is_well(&self) -> bool {
        matches!(self.outcome(), Outcome::Holds | Outcome::NotChecked)
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
            Verdict::NotChecked(reason) => write!(f, "{name:<20} not checked: {reason}"),
            Verdict::Failed(error) => write!(f, "{name:<20} COULD NOT CHECK: {error:#}"),
            Verdict::Looked(Findings { checked: 0, count: 0, .. }) => {
                write!(f, "{name:<20} found nothing to check")
            }
            Verdict::Looked(Findings { checked, count: 0, .. }) => {
                write!(f, "{name:<20} holds     {checked:>10} checked  {took:>6.1} s")
            }
            Verdict::Looked(Findings { checked, count, first }) => {
                write!(f, "{name:<20} BROKEN    {checked:>10} checked  {took:>6.1} s  {count} findings")?;
                first.iter().try_for_each(|finding| write!(f, "\n    {finding}"))?;
                match count.saturating_sub(first.len() as u64) {
                    0 => Ok(()),
                    more => write!(f, "\n    ... and {more} more"),
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
        assert_eq!(empty.to_string(), "cache                found nothing to check");
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
