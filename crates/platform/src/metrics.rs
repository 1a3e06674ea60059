//! Metrics for Prometheus: installs the recorder of the `metrics` crate and renders its text for [`crate::admin`]. The names are in
//! [`crate::metric_names`]; `process` adds the metrics of the process.
//!
//! Install the recorder before creating handles: values of handles that were created earlier are lost.

pub mod kafka_requests;
pub mod process;

use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};
use std::sync::OnceLock;
use std::time::Duration;

/// Buckets of histograms of durations, 0.5 ms to 10 s. They include the bounds of our service levels (20 ms, 250 ms), so that "p99 below the
/// bound" can be read exactly.
const SECONDS: [f64; 15] = [0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1.0, 2.0, 3.0, 5.0, 10.0];
/// Buckets of histograms of counts, such as batch sizes.
const COUNTS: [f64; 13] = [1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0, 512.0, 1024.0, 4096.0, 16384.0];

/// Interval for aggregating histogram samples. Until then, each sample uses 8 bytes: 1.6 MB at 200,000 samples per second.
const UPKEEP_INTERVAL: Duration = Duration::from_secs(1);

static INSTALLED: OnceLock<Handle> = OnceLock::new();

/// Renders the recorded metrics.
#[derive(Clone)]
pub struct Handle(PrometheusHandle);

/// Installs the recorder for this process. Further calls return the same handle.
pub fn install() -> Handle {
    INSTALLED.get_or_init(install_recorder).clone()
}

impl Handle {
    /// All recorded metrics and the metrics of the process, in the Prometheus text format (version 0.0.4).
    pub fn render(&self) -> String {
        let mut text = self.0.render();
        process::render_into(&mut text);
        text
    }
}

fn install_recorder() -> Handle {
    let recorder = PrometheusBuilder::new()
        .set_buckets(&COUNTS)
        .and_then(|builder| builder.set_buckets_for_metric(Matcher::Suffix("_seconds".to_owned()), &SECONDS))
        .expect("the buckets are constants and not empty")
        .build_recorder();
    let handle = Handle(recorder.handle());
    if metrics::set_global_recorder(recorder).is_err() {
        tracing::error!("another metrics recorder is installed already; no metrics will be exported");
    }
    drain_regularly(handle.0.clone());
    handle
}

/// A thread, not a task: it must also run without a runtime and while the runtime is blocked.
fn drain_regularly(handle: PrometheusHandle) {
    let spawned = std::thread::Builder::new().name("metrics-upkeep".to_owned()).spawn(move || {
        loop {
            std::thread::sleep(UPKEEP_INTERVAL);
            handle.run_upkeep();
        }
    });
    if let Err(error) = spawned {
        tracing::warn!(%error, "cannot start the metrics thread; samples are aggregated at each scrape only");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counters_histograms_and_the_process_are_rendered() {
        let handle = install();
        metrics::counter!("test_things_total", "kind" => "a").increment(3);
        metrics::histogram!("test_wait_seconds").record(0.003);
        metrics::histogram!("test_batch_size").record(100.0);

        let text = handle.render();

        for line in [
            "test_things_total{kind=\"a\"} 3",
            "test_wait_seconds_bucket{le=\"0.002\"} 0",
            "test_wait_seconds_bucket{le=\"0.005\"} 1",
            "test_batch_size_bucket{le=\"64\"} 0",
            "test_batch_size_bucket{le=\"128\"} 1",
            "# TYPE process_cpu_seconds_total counter",
        ] {
            assert!(text.lines().any(|it| it == line), "no line {line:?} in\n{text}");
        }
    }
}
