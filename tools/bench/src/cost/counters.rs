//! What the services and PostgreSQL count: commits, batches, requests to Kafka, bytes of WAL.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::Context;
use sqlx::{Connection, PgConnection};

use crate::setup::Setup;
use e2e::fleet::Service;
use platform::metric_names as names;

/// Bytes of WAL, the only counter that is reported per command.
pub(super) const WAL_BYTES: &str = "WAL bytes";

/// Longest time until counters contain what has happened: Kafka clients report every two seconds, sessions of PostgreSQL every
/// second.
const REPORT_DELAY: Duration = Duration::from_millis(2_500);

/// Counters by name, in the order of the report.
#[derive(Debug, Clone, Default)]
pub(super) struct Counters(pub(super) BTreeMap<&'static str, f64>);

/// A counter of a service: its name in the report, the service, the metric, and a label that its samples must have.
const METRICS: [(&str, Service, &str, &str); 7] = [
    ("batches of the writer", Service::Command, names::WRITER_BATCH_COMMANDS, ""),
    ("batches of projection orders", Service::Projector, names::PROJECTOR_BATCH_EVENTS, "projection=\"orders\""),
    ("batches of projection stock", Service::Projector, names::PROJECTOR_BATCH_EVENTS, "projection=\"stock\""),
    ("fetch requests", Service::Projector, names::KAFKA_REQUESTS_TOTAL, "request=\"Fetch\""),
    ("produce requests", Service::Command, names::KAFKA_REQUESTS_TOTAL, "request=\"Produce\""),
    ("values written to Redis", Service::Projector, names::PROJECTOR_CACHE_WRITES_TOTAL, ""),
    ("events published", Service::Command, names::RELAY_EVENTS_TOTAL, ""),
];

/// Waits until the counters contain what has happened.
pub(super) async fn wait_for_reports() {
    tokio::time::sleep(REPORT_DELAY).await;
}

impl Counters {
    pub(super) async fn read(setup: &Setup) -> anyhow::Result<Counters> {
        const POSTGRESQL: &str = "
            select xact_commit::float8, pg_wal_lsn_diff(pg_current_wal_insert_lsn(), '0/0')::float8
            from pg_stat_database where datname = current_database()";
        let mut connection =
            PgConnection::connect(&setup.bed.admin_url()?).await.context("connecting to PostgreSQL")?;
        let (commits, wal): (f64, f64) =
            sqlx::query_as(POSTGRESQL).fetch_one(&mut connection).await.context("reading PostgreSQL's counters")?;
        let mut counters = BTreeMap::from([("commits", commits), (WAL_BYTES, wal)]);
        for service in [Service::Command, Service::Projector] {
            let text = setup.fleet.metrics(service).await?;
            for (name, _, metric, label) in METRICS.iter().filter(|(_, of, _, _)| *of == service) {
                counters.insert(name, sum(&text, metric, label));
            }
        }
        Ok(Counters(counters))
    }

    pub(super) fn since(&self, earlier: &Counters) -> Counters {
        Counters(self.0.iter().map(|(name, now)| (*name, now - earlier.0.get(name).unwrap_or(&0.0))).collect())
    }
}

/// The present value of a metric of a service.
pub(super) async fn read_one(setup: &Setup, service: Service, metric: &str) -> anyhow::Result<f64> {
    Ok(sum(&setup.fleet.metrics(service).await?, metric, ""))
}

/// Sum of the samples of a metric that have a label; of a histogram, the number of its observations.
fn sum(text: &str, metric: &str, label: &str) -> f64 {
    let samples = text.lines().filter(|line| {
        let rest = line.strip_prefix(metric).unwrap_or_default();
        let rest = rest.strip_prefix("_count").unwrap_or(rest);
        rest.starts_with(['{', ' ']) && rest.contains(label)
    });
    samples.filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok()).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn samples_are_added_up_by_metric_and_label() {
        let text =
            "# TYPE a_total counter\na_total{b=\"1\",c=\"x\"} 3\na_total{b=\"2\",c=\"x\"} 4\na_total_other 9\nd 2.5\n";
        assert_eq!(sum(text, "a_total", ""), 7.0);
        assert_eq!(sum(text, "a_total", "b=\"2\""), 4.0);
        assert_eq!(sum(text, "d", ""), 2.5);
        let histogram = "e_bucket{le=\"1\"} 3\ne_sum 9.5\ne_count 4\n";
        assert_eq!(sum(histogram, "e", ""), 4.0);
    }
}
