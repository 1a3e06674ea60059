//! Records metrics of a generation of a projection, labelled with both.

use read_model::Generation;

/// Adds to a counter.
pub fn count(generation: Generation, metric: &'static str, times: usize) {
    metrics::counter!(metric, &labels(generation)).increment(times as u64);
}

/// Sets a gauge.
pub fn gauge(generation: Generation, metric: &'static str, value: f64) {
    metrics::gauge!(metric, &labels(generation)).set(value);
}

/// Adds a value to a histogram.
pub fn record(generation: Generation, metric: &'static str, value: f64) {
    metrics::histogram!(metric, &labels(generation)).record(value);
}

fn labels(generation: Generation) -> [(&'static str, String); 2] {
    [("projection", generation.projection.name().to_owned()), ("generation", generation.number.to_string())]
}
