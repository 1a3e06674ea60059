//! The number of requests to Kafka, from the totals that librdkafka reports.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use crate::metric_names::KAFKA_REQUESTS_TOTAL;

/// Counts the requests of one Kafka client. Another client counts from 0 again; the counter never decreases.
#[derive(Debug)]
pub struct KafkaRequests {
    client: &'static str,
    /// The last total of each broker and request.
    totals: Mutex<HashMap<(String, String), i64>>,
}

impl KafkaRequests {
    /// The requests of a new client; `client` is the label of the counter.
    pub fn of(client: &'static str) -> KafkaRequests {
        KafkaRequests { client, totals: Mutex::default() }
    }

    /// Increments the counters by the difference to the last totals. A total has a broker, a request and a number.
    pub fn record<'a>(&self, totals: impl IntoIterator<Item = (&'a str, &'a str, i64)>) {
        let mut last = self.totals.lock().unwrap_or_else(PoisonError::into_inner);
        for (broker, request, total) in totals {
            let last = last.entry((broker.to_owned(), request.to_owned())).or_default();
            if total > *last {
                let counter =
                    metrics::counter!(KAFKA_REQUESTS_TOTAL, "client" => self.client, "request" => request.to_owned());
                counter.increment(u64::try_from(total - *last).unwrap_or(0));
                *last = total;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_counter_gets_the_differences_of_all_brokers_and_clients() {
        let handle = crate::metrics::install();
        let client = KafkaRequests::of("test");
        client.record([("a", "Fetch", 5), ("b", "Fetch", 1), ("b", "Produce", 0)]);
        client.record([("a", "Fetch", 7), ("b", "Fetch", 1)]);
        KafkaRequests::of("test").record([("a", "Fetch", 2)]);
        let text = handle.render();
        let line = "kafka_requests_total{client=\"test\",request=\"Fetch\"} 10";
        assert!(text.lines().any(|it| it == line) && !text.contains("Produce"), "no line {line:?} in\n{text}");
    }
}
