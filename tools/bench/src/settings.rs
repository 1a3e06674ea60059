//! Which figures to measure, and how.

use std::path::PathBuf;
use std::time::Duration;

/// Connections of a closed loop; the targets of the figures are defined for this number.
pub const CONNECTIONS: usize = 256;

/// Warm-up of a closed loop before the measurement: connections are opened and caches are filled.
pub const WARM_UP: Duration = Duration::from_secs(2);

/// Share of the orders that must be acknowledged in time for a rate to be sustained.
pub const SUSTAINED_SHARE: f64 = 0.99;

/// Which figures to measure, and how.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Keys of the figures to measure; empty for all figures.
    pub only: Vec<String>,
    /// Duration of every measurement, instead of the default of each measurement.
    pub length: Option<Duration>,
    /// Share of the default numbers of orders, keys and events: 1 for valid figures, less for a trial run.
    pub share: f64,
    /// Orders per second that the pipeline has to sustain; without a value, the bench searches for the highest rate.
    pub pipeline_rate: Option<u64>,
    /// File for the figure `import_s`.
    pub data: Option<PathBuf>,
}

impl Settings {
    /// Whether one of the figures with these keys is to be measured.
    pub fn wants(&self, keys: &[&str]) -> bool {
        self.only.is_empty() || self.only.iter().any(|only| keys.contains(&only.as_str()))
    }

    /// Duration of a measurement with this default.
    pub fn length(&self, default_s: u64) -> Duration {
        self.length.unwrap_or(Duration::from_secs(default_s))
    }

    /// Number of orders, keys or events with this default.
    pub fn count(&self, default: u64) -> u64 {
        ((default as f64 * self.share) as u64).max(1)
    }
}
