//! `db_avg_ms`, `db_p99_ms`: how long the statements of all services of the bench took, from their metrics.

use anyhow::Context;
use platform::metric_names::QUERY_DATABASE_SECONDS;

use crate::figures::{Figure, Figures, Target};

/// The statements of services, as their histograms show them.
#[derive(Debug, Default)]
pub(super) struct DatabaseTime {
    seconds: f64,
    count: f64,
    /// Upper bounds in seconds, each with the number of statements that did not take longer.
    buckets: Vec<(f64, f64)>,
}

impl DatabaseTime {
    /// Adds the statements in the metrics of a service.
    pub(super) fn add(&mut self, metrics: &str) -> anyhow::Result<()> {
        let sum_of = |suffix: &str| lines(metrics, suffix).map(|(_, value)| value).sum::<f64>();
        self.seconds += sum_of("_sum");
        self.count += sum_of("_count");
        for (labels, value) in lines(metrics, "_bucket") {
            let bound = labels.split("le=\"").nth(1).and_then(|rest| rest.split('"').next());
            let bound = bound.context("a bucket of statements has no bound")?.parse().unwrap_or(f64::INFINITY);
            match self.buckets.iter_mut().find(|(known, _)| *known == bound) {
                Some((_, sum)) => *sum += value,
                None => self.buckets.push((bound, value)),
            }
        }
        Ok(())
    }

    /// Adds the figures.
    pub(super) fn report(&self, figures: &mut Figures) {
        let average = self.seconds / self.count.max(1.0) * 1e3;
        let note = format!("{} statements", self.count);
        figures.add(Figure::new("db_avg_ms", average, "ms").target(Target::Below(100.0)).note(note));
        let note = "the upper bound of the bucket that contains the 99th percentile";
        let p99 = self.p99_bound() * 1e3;
        figures.add(Figure::new("db_p99_ms", p99, "ms").target(Target::Below(50.01)).note(note));
    }

    /// The smallest bound that 99 % of the statements did not exceed, in seconds; zero without statements.
    fn p99_bound(&self) -> f64 {
        let bounds = self.buckets.iter().filter(|(_, count)| *count > 0.0 && *count >= 0.99 * self.count);
        bounds.map(|(bound, _)| *bound).reduce(f64::min).unwrap_or(0.0)
    }
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
                       query_database_seconds_sum{source=\"replica\"} 2\n\
                       query_database_seconds_count{source=\"replica\"} 100\n";
        let mut time = DatabaseTime::default();
        assert_eq!(time.p99_bound(), 0.0);
        time.add(metrics).unwrap();
        assert_eq!((time.p99_bound(), time.count, time.seconds), (0.05, 100.0, 2.0));
        time.add(metrics).unwrap();
        assert_eq!((time.p99_bound(), time.count), (0.05, 200.0));
    }
}
