//! Peak resident memory of the services over all measurements.

use std::collections::BTreeMap;

use e2e::fleet::Service;

/// Peak resident memory by service, in MB.
#[derive(Debug, Default)]
pub struct PeakMemory(BTreeMap<Service, f64>);

impl PeakMemory {
    /// Records the peak of a process of this service.
    pub fn record(&mut self, service: Service, mb: f64) {
        let peak = self.0.entry(service).or_default();
        *peak = mb.max(*peak);
    }

    /// The highest peak, and the peaks of all services as text; `None` if nothing was recorded.
    pub fn max(&self) -> Option<(f64, String)> {
        let peaks: Vec<String> = self.0.iter().map(|(service, mb)| format!("{service} {mb:.0}")).collect();
        let max = self.0.values().copied().reduce(f64::max)?;
        Some((max, peaks.join(", ")))
    }
}
