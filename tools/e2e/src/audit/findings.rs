//! The result of a checker: violations of its invariant, and the number of checked items.

/// Violations that a check found, and the number of checked items.
#[derive(Debug, Clone, Default)]
pub struct Findings {
    /// Number of checked items, such as events, rows or messages.
    pub checked: u64,
    /// Number of violations of the invariant.
    pub count: u64,
    /// Descriptions of the first violations.
    pub first: Vec<String>,
    /// What was counted, such as the messages on Kafka, in the order of the report.
    pub counts: Vec<(String, u64)>,
}

/// Result of a check.
#[derive(Debug)]
pub enum Verdict {
    /// The check ran. The invariant holds if there are no findings.
    Checked(Findings),
    /// The check did not run, because the subject lacks what the check needs; states the reason.
    NotChecked(&'static str),
    /// The check could not be completed.
    Failed(anyhow::Error),
}

/// Findings of one check that are described.
const REPORTED_MAX: usize = 20;

impl Findings {
    /// Counts one more checked item.
    pub fn count_checked(&mut self) {
        self.checked += 1;
    }

    /// Adds a number to the report.
    pub fn report(&mut self, what: impl Into<String>, count: u64) {
        self.counts.push((what.into(), count));
    }

    /// Adds a violation of the invariant.
    pub fn add(&mut self, finding: impl Into<String>) {
        self.count += 1;
        self.describe(finding);
    }

    /// Describes violations that are counted already.
    pub fn describe(&mut self, finding: impl Into<String>) {
        if self.first.len() < REPORTED_MAX {
            self.first.push(finding.into());
        }
    }

    /// Adds the findings of another check.
    pub fn include(&mut self, other: Findings) {
        self.checked += other.checked;
        self.count += other.count;
        self.first.extend(other.first);
        self.first.truncate(REPORTED_MAX);
        self.counts.extend(other.counts);
    }

    /// Adds a finding unless `holds`.
    pub fn expect(&mut self, holds: bool, finding: impl FnOnce() -> String) {
        if !holds {
            self.add(finding());
        }
    }
}
