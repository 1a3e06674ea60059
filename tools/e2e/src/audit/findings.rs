//! What a checker finds: violations of its invariant, and how many things it checked.

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

/// How many findings of one check are told in words.
const TOLD_MAX: usize = 20;

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

    /// Adds what another look found.
    pub fn include(&mut self, other: Findings) {
        self.checked += other.checked;
        self.count += other.count;
        self.first.extend(other.first);
        self.first.truncate(TOLD_MAX);
    }

    /// Adds a finding unless `holds`.
    pub fn expect(&mut self, holds: bool, finding: impl FnOnce() -> String) {
        if !holds {
            self.add(finding());
        }
    }
}
