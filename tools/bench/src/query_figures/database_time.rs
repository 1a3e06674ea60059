//! `db_avg_ms`, `db_p99_ms`: how long the statements of a query service took, from its metrics.

use anyhow::Context;
use e2e::fleet::{Fleet, Service};
use platform::metric_names::QUERY_DATABASE_SECONDS;

use crate::figures::{Figure, Figures, Target};

/// Adds the figures of all statements that the service has run.
pub(super) async fn report(service: &Fleet, figures: &mut Figures) -> anyhow::Result<()> {
    let metrics = service.metrics(Service::Query).await?;
    let sum_of = |suffix: &str| lines(&metrics, suffix).map(|(_, value)| value).sum::<f64>();
    let (seconds, count) = (sum_of("_sum"), sum_of("_count"));
    let average = seconds / count.max(1.0) * 1e3;
    let note = format!("{count} statements");
    figures.add(Figure::new("db_avg_ms", average, "ms").target(Target::Below(100.0)).note(note));
    let bound = p99_bound(&metrics, count).context("the metrics of the query service have no buckets of statements")?;
    let note = "the upper bound of the bucket that contains the 99th percentile";
    figures.add(Figure::new("db_p99_ms", bound * 1e3, "ms").target(Target::Below(50.01)).note(note));
    Ok(())
}

/// The smallest bound below which 99 % of the statements are, in seconds.
fn p99_bound(metrics: &str, count: f64) -> Option<f64> {
    let mut buckets: Vec<(f64, f64)> = Vec::new();
    for (labels, value) in lines(metrics, "_bucket") {
        let bound = labels.split("le=\"").nth(1)?.split('"').next()?.parse().unwrap_or(f64::INFINITY);
        match buckets.iter_mut().find(|(known, _)| *known == bound) {
            Some((_, sum)) => *sum += value,
            None => buckets.push((bound, value)),
        }
    }
    buckets.into_iter().filter(|(_, sum)| *sum >= 0.99 * count).map(|(bound, _)| bound).reduce(f64::min)
}

/// The labels and values of a series of the histogram.
fn lines<'m>(metrics: &'m str, suffix: &str) -> impl Iterator<Item = (&'m str, f64)> {
    let name = format!("{QUERY_DATABASE_SECONDS}{suffix}");
    metrics.lines().filter_map(move |line| {
        let (labels, value) = line.strip_prefix(&name)?.rsplit_once(' ')?;
        Some((labels, value.parse().ok()?))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_99th_percentile_is_below_the_bound_of_its_bucket() {
        let metrics = "query_database_seconds_bucket{source=\"replica\",le=\"0.01\"} 90\n\
                       query_database_seconds_bucket{source=\"replica\",le=\"0.05\"} 99\n\
                       query_database_seconds_bucket{source=\"replica\",le=\"+Inf\"} 100\n\
                       query_database_seconds_count{source=\"replica\"} 100\n";
        assert_eq!(p99_bound(metrics, 100.0), Some(0.05));
        assert_eq!(lines(metrics, "_count").map(|(_, value)| value).sum::<f64>(), 100.0);
        assert_eq!(p99_bound("", 1.0), None);
    }
}
