//! Metrics of the process, read from `/proc/self` (proc(5)) at each scrape of [`crate::metrics`]. Values that cannot be read are left out.

use crate::metric_names::{
    PROCESS_CPU_SECONDS_TOTAL, PROCESS_OPEN_FDS, PROCESS_RESIDENT_MEMORY_BYTES, PROCESS_THREADS,
};
use std::fmt::Write;
use std::fs;

/// The kernel counts time for user space in hundredths of a second (`USER_HZ`), whatever its own tick is.
const TICKS_PER_SECOND: f64 = 100.0;

/// Appends the metrics to a text in the Prometheus format.
pub(super) fn render_into(text: &mut String) {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    append(text, PROCESS_RESIDENT_MEMORY_BYTES, "gauge", resident_bytes(&status));
    append(text, PROCESS_THREADS, "gauge", status_number(&status, "Threads:"));
    append(text, PROCESS_OPEN_FDS, "gauge", open_fds());
    append(text, PROCESS_CPU_SECONDS_TOTAL, "counter", cpu_seconds());
}

/// Resident memory of this process in bytes; `None` if it cannot be read.
pub fn resident_memory() -> Option<f64> {
    resident_bytes(&fs::read_to_string("/proc/self/status").ok()?)
}

fn resident_bytes(status: &str) -> Option<f64> {
    status_number(status, "VmRSS:").map(|kib| kib * 1024.0)
}

fn append(text: &mut String, name: &str, kind: &str, value: Option<f64>) {
    let Some(value) = value else { return };
    // Writing to a string cannot fail.
    let _ = write!(text, "# TYPE {name} {kind}\n{name} {value}\n");
}

fn status_number(status: &str, label: &str) -> Option<f64> {
    let line = status.lines().find_map(|line| line.strip_prefix(label))?;
    line.split_whitespace().next()?.parse().ok()
}

fn open_fds() -> Option<f64> {
    // One of the file descriptors is the directory that is being read.
    let count = fs::read_dir("/proc/self/fd").ok()?.count().saturating_sub(1);
    Some(count as f64)
}

fn cpu_seconds() -> Option<f64> {
    let stat = fs::read_to_string("/proc/self/stat").ok()?;
    cpu_ticks(&stat).map(|ticks| ticks as f64 / TICKS_PER_SECOND)
}

/// Fields 14 and 15, utime and stime. The name in field 2 can contain spaces and brackets, so the fields are counted from the last bracket.
fn cpu_ticks(stat: &str) -> Option<u64> {
    let mut fields = stat.rsplit_once(')')?.1.split_whitespace().skip(11);
    let user: u64 = fields.next()?.parse().ok()?;
    let system: u64 = fields.next()?.parse().ok()?;
    Some(user + system)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_with_brackets_does_not_shift_the_fields() {
        let stat = "7 (a) b) c) S 1 1 1 0 -1 4194304 100 0 0 0 250 50 0 0 20 0 4 0 100 1 1";
        assert_eq!(cpu_ticks(stat), Some(300));
    }

    #[test]
    fn all_metrics_of_this_process_are_rendered() {
        let mut text = String::new();
        render_into(&mut text);
        for name in [PROCESS_RESIDENT_MEMORY_BYTES, PROCESS_THREADS, PROCESS_OPEN_FDS, PROCESS_CPU_SECONDS_TOTAL] {
            assert!(text.lines().any(|line| line.starts_with(name)), "no {name} in\n{text}");
        }
    }
}
