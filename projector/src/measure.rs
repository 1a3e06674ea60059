//! Records metrics of a projection, labelled with the name of the projection.

use read_model::Projection;

/// Adds to a counter.
pub fn count(projection: Projection, metric: &'static str, times: usize) {
    metrics::counter!(metric, "projection" => projection.name()).increment(times as u64);
}

/// Sets a gauge.
pub fn gauge(projection: Projection, metric: &'static str, value: f64) {
    metrics::gauge!(metric, "projection" => projection.name()).set(value);
}
