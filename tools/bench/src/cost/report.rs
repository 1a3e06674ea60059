//! The report of the costs as a table: one column per rate.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::time::Duration;

use super::counters::{Counters, WAL_BYTES};

/// What the commands of one run cost.
#[derive(Debug)]
pub(super) struct Cost {
    /// Requested commands per second.
    pub(super) rate: u64,
    /// Processor time per command by process, in microseconds.
    pub(super) us_per_command: BTreeMap<String, f64>,
    pub(super) counted: Counters,
    pub(super) commands: f64,
    pub(super) length: Duration,
    /// Failures of the run.
    pub(super) note: String,
}

impl Cost {
    /// Processor time per command in all processes, in microseconds.
    pub(super) fn total_us(&self) -> f64 {
        self.us_per_command.values().sum()
    }

    /// Processor time per command in one process, in microseconds.
    pub(super) fn of(&self, process: &str) -> f64 {
        self.us_per_command.get(process).copied().unwrap_or_default()
    }

    fn per_second(&self, counter: &str) -> f64 {
        self.counted.0.get(counter).copied().unwrap_or_default() / self.length.as_secs_f64()
    }
}

/// The costs at every rate.
#[derive(Debug, Default)]
pub(super) struct Report(Vec<Cost>);

impl Report {
    pub(super) fn add(&mut self, cost: Cost) {
        self.0.push(cost);
    }

    fn row(&self, f: &mut fmt::Formatter<'_>, name: &str, value: impl Fn(&Cost) -> f64) -> fmt::Result {
        write!(f, "{name:<44}")?;
        for cost in &self.0 {
            write!(f, "{:>10.0}", value(cost))?;
        }
        writeln!(f)
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:<44}", "orders per second")?;
        for cost in &self.0 {
            write!(f, "{:>10}", cost.rate)?;
        }
        writeln!(f, "\n\nprocessor microseconds per order")?;
        let processes: BTreeSet<&String> = self.0.iter().flat_map(|cost| cost.us_per_command.keys()).collect();
        for process in processes {
            self.row(f, process, |cost| cost.of(process))?;
        }
        self.row(f, "total", Cost::total_us)?;
        writeln!(f, "\nper second")?;
        let counters: BTreeSet<&str> = self.0.iter().flat_map(|cost| cost.counted.0.keys().copied()).collect();
        for counter in counters.iter().filter(|counter| **counter != WAL_BYTES) {
            self.row(f, counter, |cost| cost.per_second(counter))?;
        }
        writeln!(f, "\nper order")?;
        self.row(f, WAL_BYTES, |cost| cost.counted.0.get(WAL_BYTES).copied().unwrap_or_default() / cost.commands)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_that_has_no_costs_at_one_rate_is_zero_there() {
        let cost = |rate, processes: &[(&str, f64)]| Cost {
            rate,
            us_per_command: processes.iter().map(|(name, us)| ((*name).to_owned(), *us)).collect(),
            counted: Counters(BTreeMap::from([("commits", 200.0), (WAL_BYTES, 5_000.0)])),
            commands: 10.0,
            length: Duration::from_secs(2),
            note: String::new(),
        };
        let mut report = Report::default();
        report.add(cost(100, &[("kafka", 20.0)]));
        report.add(cost(500, &[("kafka", 10.0), ("redis", 5.0)]));
        let lines: Vec<Vec<String>> =
            report.to_string().lines().map(|line| line.split_whitespace().map(str::to_owned).collect()).collect();
        for line in [["redis", "0", "5"], ["total", "20", "15"], ["commits", "100", "100"]] {
            assert!(lines.iter().any(|it| *it == line), "no {line:?} in\n{report}");
        }
        assert!(lines.iter().any(|it| *it == ["WAL", "bytes", "500", "500"]));
    }
}
