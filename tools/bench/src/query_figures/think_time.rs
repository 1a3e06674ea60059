//! Clients that read, think, and read again, as the requirements describe the users of a shop.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::Context;
use tokio::task::JoinSet;

use super::shop::Shop;
use crate::connection::HttpConnection;
use crate::load;
use crate::requests::http::get;

/// Number of clients.
pub(super) const CLIENTS: usize = 2_000;
/// Time between two requests of a client, in milliseconds.
const THINK_MS: std::ops::Range<u64> = 1_000..3_000;

/// A request of a client.
#[derive(Debug, Clone, Copy)]
struct Sample {
    /// Time of the answer, since the first client began.
    at: Duration,
    took: Duration,
    is_success: bool,
}

/// What the clients have seen.
#[derive(Debug, Default)]
pub(super) struct Samples(Vec<Sample>);

/// Runs the clients for `length`, on a thread of their own.
pub(super) async fn run(addr: SocketAddr, paths: &[String], length: Duration) -> anyhow::Result<Samples> {
    let requests: Arc<[Vec<u8>]> = paths.iter().map(|path| get(addr, path, &[])).collect();
    load::on_own_thread(move || run_all(addr, requests, length)).await
}

async fn run_all(addr: SocketAddr, requests: Arc<[Vec<u8>]>, length: Duration) -> anyhow::Result<Samples> {
    let samples = Arc::new(Mutex::new(Samples::default()));
    let begin = Instant::now();
    let mut clients = JoinSet::new();
    for number in 0..CLIENTS {
        let client = Client { addr, requests: Arc::clone(&requests), samples: Arc::clone(&samples), begin };
        clients.spawn(client.read(number, begin + length));
    }
    while let Some(ended) = clients.join_next().await {
        ended.context("a client panicked")??;
    }
    Ok(std::mem::take(&mut samples.lock().unwrap_or_else(PoisonError::into_inner)))
}

struct Client {
    addr: SocketAddr,
    requests: Arc<[Vec<u8>]>,
    samples: Arc<Mutex<Samples>>,
    begin: Instant,
}

impl Client {
    async fn read(self, number: usize, end: Instant) -> anyhow::Result<()> {
        let mut random = fastrand::Rng::with_seed(number as u64);
        // The clients do not all begin at once.
        tokio::time::sleep(Duration::from_millis(random.u64(0..THINK_MS.end))).await;
        let mut connection = HttpConnection::connect(self.addr).await.context("connecting a client")?;
        while Instant::now() < end {
            let began = Instant::now();
            let answer = connection.exchange(&self.requests[random.usize(0..self.requests.len())]).await;
            let is_success = answer.as_ref().is_ok_and(|answer| answer.is_success());
            let is_broken = answer.is_err();
            let sample = Sample { at: self.begin.elapsed(), took: began.elapsed(), is_success };
            self.samples.lock().unwrap_or_else(PoisonError::into_inner).0.push(sample);
            if is_broken {
                connection = HttpConnection::connect(self.addr).await.context("reconnecting a client")?;
            }
            tokio::time::sleep(Duration::from_millis(random.u64(THINK_MS))).await;
        }
        Ok(())
    }
}

impl Samples {
    /// Number of requests.
    pub(super) fn count(&self) -> usize {
        self.0.len()
    }

    /// Number of requests without a 2xx answer.
    pub(super) fn errors(&self) -> usize {
        self.0.iter().filter(|sample| !sample.is_success).count()
    }

    /// The 99th percentile of all response times, in milliseconds.
    pub(super) fn p99_ms(&self) -> f64 {
        p99_ms(self.0.iter())
    }

    /// The time after `from` from which on no second until `to` has a 99th percentile of `bound_ms` or more; zero if none has.
    pub(super) fn settled_after(&self, from: Duration, to: Duration, bound_ms: f64) -> Duration {
        let slow = (from.as_secs()..to.as_secs()).rev().find(|second| {
            let of_second = self.0.iter().filter(|sample| sample.at.as_secs() == *second && sample.at >= from);
            p99_ms(of_second) >= bound_ms
        });
        slow.map_or(Duration::ZERO, |second| Duration::from_secs(second + 1).saturating_sub(from))
    }
}

/// The 99th percentile of response times in milliseconds; zero without samples.
fn p99_ms<'s>(samples: impl Iterator<Item = &'s Sample>) -> f64 {
    let mut times: Vec<Duration> = samples.map(|sample| sample.took).collect();
    times.sort_unstable();
    times.get((times.len() * 99).div_ceil(100).saturating_sub(1)).map_or(0.0, |time| time.as_secs_f64() * 1e3)
}

/// Paths of requests: of ten, four are for an order, three for lists, two for a product, and one is a search.
pub(super) fn paths(shop: &Shop) -> Vec<String> {
    let lists =
        ["/v1/orders?limit=20", "/v1/orders?lifecycle=open&limit=20", "/v1/orders?payment=paid&channel=web&limit=20"];
    let nth = |of: &[String], index: usize| of.get(index % of.len().max(1)).cloned();
    let mut paths = Vec::new();
    for (index, ids) in shop.order_ids.chunks(4).enumerate() {
        paths.extend(ids.iter().map(|id| format!("/v1/orders/{id}")));
        paths.extend(lists.map(ToOwned::to_owned));
        let skus = [2 * index, 2 * index + 1].into_iter().filter_map(|index| nth(&shop.skus, index));
        paths.extend(skus.map(|sku| format!("/v1/products/{sku}")));
        // The digits of the order code.
        paths.extend(nth(&shop.codes, index).map(|code| format!("/v1/orders?limit=20&q={}", &code[3..])));
    }
    paths
}

#[cfg(test)]
mod tests {
    use super::*;

    fn samples(took_ms: &[(u64, u64)]) -> Samples {
        let sample = |(at, took): &(u64, u64)| Sample {
            at: Duration::from_millis(*at),
            took: Duration::from_millis(*took),
            is_success: true,
        };
        Samples(took_ms.iter().map(sample).collect())
    }

    #[test]
    fn the_99th_percentile_is_a_time_that_99_of_100_requests_did_not_exceed() {
        let times: Vec<_> = (1..=200).map(|took| (0, took)).collect();
        assert_eq!(samples(&times).p99_ms(), 198.0);
        assert_eq!((samples(&[(0, 7)]).p99_ms(), samples(&[]).p99_ms()), (7.0, 0.0));
    }

    #[test]
    fn response_times_have_settled_after_the_last_slow_second() {
        let seen = samples(&[(1_000, 500), (10_200, 500), (12_500, 300), (14_000, 5), (30_500, 900)]);
        let after = |from, to| seen.settled_after(Duration::from_secs(from), Duration::from_secs(to), 100.0);
        assert_eq!(after(10, 30), Duration::from_secs(3));
        assert_eq!(after(13, 30), Duration::ZERO);
        assert_eq!(after(20, 40), Duration::from_secs(11));
    }
}
