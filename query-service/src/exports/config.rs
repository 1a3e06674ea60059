//! Settings of exports, read by `crate::config`.

use std::path::PathBuf;
use std::time::Duration;

/// Where exports are, and their limits.
#[derive(Debug, Clone)]
pub struct Config {
    /// The directory of jobs, schedules and files, which all instances share.
    pub directory: PathBuf,
    /// Time from the creation of an export until it is deleted with its file.
    pub keep: Duration,
    /// Longest run time of the statement that reads the rows.
    pub timeout: Duration,
}
