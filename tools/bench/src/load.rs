//! The load generator: one thread, many connections.
//!
//! *Closed loop*: each connection sends its next request after the answer to the last one; this measures the highest rate of a
//! service. *Open loop*: requests start at fixed times, and a latency is measured from the time at which the request should
//! have started, so that a stalled service cannot hide its latency (no coordinated omission).

use std::collections::BTreeMap;
use std::future::Future;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::Context;
use hdrhistogram::Histogram;
use tokio::task::JoinSet;

use crate::connection::HttpConnection;
use crate::requests::source::RequestSource;

/// Highest latency in the histogram: 60 s; the lowest is 1 us.
const LATENCY_MAX_US: u64 = 60_000_000;

/// Time limit of a run with a fixed number of requests.
const COUNT_TIMEOUT: Duration = Duration::from_secs(1_800);

/// A service under load.
#[derive(Debug, Clone, Copy)]
pub struct LoadTarget {
    pub addr: SocketAddr,
    /// Number of connections, each with at most one request in flight.
    pub connections: usize,
}

/// The result of a run.
#[derive(Debug)]
pub struct Run {
    /// Latencies of the successful requests, in microseconds.
    pub latency_us: Histogram<u64>,
    /// Number of answers by status.
    pub statuses: BTreeMap<u16, u64>,
    /// Requests without an answer.
    pub unanswered: u64,
    /// Duration of the measurement, without the warm-up.
    pub took: Duration,
}

impl Run {
    fn new() -> anyhow::Result<Run> {
        Ok(Run { latency_us: histogram()?, statuses: BTreeMap::new(), unanswered: 0, took: Duration::ZERO })
    }

    /// Number of 2xx answers.
    pub fn successes(&self) -> u64 {
        self.latency_us.len()
    }

    /// 2xx answers per second.
    pub fn per_second(&self) -> f64 {
        self.successes() as f64 / self.took.as_secs_f64()
    }

    /// A quantile of the latency in milliseconds.
    pub fn quantile_ms(&self, quantile: f64) -> f64 {
        self.latency_us.value_at_quantile(quantile) as f64 / 1_000.0
    }

    /// Description of the requests without a 2xx answer; empty if there are none.
    pub fn failures(&self) -> String {
        let others = self.statuses.iter().filter(|(status, _)| !(200..300).contains(*status));
        let mut failures: Vec<String> = others.map(|(status, count)| format!("{count} answers {status}")).collect();
        failures.extend((self.unanswered > 0).then(|| format!("{} requests without an answer", self.unanswered)));
        failures.join(", ")
    }

    /// Combines this run with a later one.
    pub fn then(mut self, next: Run) -> anyhow::Result<Run> {
        self.took += next.took;
        self.merge(next)?;
        Ok(self)
    }

    fn answered(&mut self, status: u16, latency: Duration) {
        *self.statuses.entry(status).or_default() += 1;
        if (200..300).contains(&status) {
            self.latency_us.saturating_record(latency.as_micros() as u64);
        }
    }

    fn merge(&mut self, other: Run) -> anyhow::Result<()> {
        self.latency_us.add(&other.latency_us).context("adding latencies")?;
        for (status, count) in other.statuses {
            *self.statuses.entry(status).or_default() += count;
        }
        self.unanswered += other.unanswered;
        Ok(())
    }
}

/// A histogram of latencies in microseconds, with three significant digits.
pub fn histogram() -> anyhow::Result<Histogram<u64>> {
    Histogram::new_with_bounds(1, LATENCY_MAX_US, 3).context("creating a histogram")
}

/// Runs the load on its own thread, so that other tasks of this process cannot delay it.
pub async fn on_own_thread<T, F>(work: impl FnOnce() -> F + Send + 'static) -> anyhow::Result<T>
where
    T: Send + 'static,
    F: Future<Output = anyhow::Result<T>>,
{
    let thread = tokio::task::spawn_blocking(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        runtime.context("creating the runtime of the load generator")?.block_on(work())
    });
    thread.await.context("the load generator panicked")?
}

/// Closed loop for the duration `length`, after a warm-up that is not measured.
pub async fn closed(
    target: LoadTarget,
    requests: impl RequestSource,
    warm_up: Duration,
    length: Duration,
) -> anyhow::Result<Run> {
    closed_over(&[target], requests, warm_up, length).await
}

/// As [`closed`], on several services.
pub async fn closed_over(
    targets: &[LoadTarget],
    requests: impl RequestSource,
    warm_up: Duration,
    length: Duration,
) -> anyhow::Result<Run> {
    let begin = Instant::now() + warm_up;
    let span = Span { begin, end: begin + length, requests: u64::MAX };
    let mut run = send_all(targets, requests, span).await?;
    run.took = length;
    Ok(run)
}

/// Closed loop with a fixed number of requests, without a warm-up.
pub async fn closed_count(target: LoadTarget, requests: impl RequestSource, count: u64) -> anyhow::Result<Run> {
    let begin = Instant::now();
    let mut run = send_all(&[target], requests, Span { begin, end: begin + COUNT_TIMEOUT, requests: count }).await?;
    run.took = begin.elapsed();
    Ok(run)
}

/// The measured part of a closed loop, and its end.
#[derive(Debug, Clone, Copy)]
struct Span {
    begin: Instant,
    end: Instant,
    requests: u64,
}

async fn send_all(targets: &[LoadTarget], requests: impl RequestSource, span: Span) -> anyhow::Result<Run> {
    let numbers = Arc::new(AtomicU64::new(0));
    let mut workers = JoinSet::new();
    for target in targets {
        for _ in 0..target.connections {
            let connection = HttpConnection::connect(target.addr).await.context("connecting the load generator")?;
            workers.spawn(send_in_closed_loop(connection, target.addr, requests.clone(), Arc::clone(&numbers), span));
        }
    }
    collect_results(workers).await
}

async fn send_in_closed_loop(
    mut connection: HttpConnection,
    addr: SocketAddr,
    mut requests: impl RequestSource,
    numbers: Arc<AtomicU64>,
    span: Span,
) -> anyhow::Result<Run> {
    let mut run = Run::new()?;
    let mut sent = Instant::now();
    while sent < span.end {
        let number = numbers.fetch_add(1, Ordering::Relaxed);
        if number >= span.requests {
            break;
        }
        let answer = connection.exchange(requests.nth(number)).await;
        let answered = Instant::now();
        match answer {
            Ok(answer) => {
                requests.answered(answer)?;
                // An answer counts if it arrives within the measured part: the requests in flight at both ends even out.
                if answered >= span.begin && answered < span.end {
                    run.answered(answer.status, answered - sent);
                }
            }
            Err(_) => {
                run.unanswered += 1;
                connection = HttpConnection::connect(addr).await.context("reconnecting")?;
            }
        }
        sent = answered;
    }
    Ok(run)
}

/// The times at which the requests of an open loop should start.
#[derive(Debug)]
pub struct Schedule {
    begin: Instant,
    per_second: u64,
    count: u64,
    next_number: AtomicU64,
}

impl Schedule {
    /// `per_second` requests a second for `length`.
    pub fn new(per_second: u64, length: Duration) -> Arc<Schedule> {
        let count = (per_second as f64 * length.as_secs_f64()) as u64;
        Arc::new(Schedule { begin: Instant::now(), per_second, count, next_number: AtomicU64::new(0) })
    }

    /// Waits until the next request should start; returns its number and start. `None` at the end.
    pub async fn next(&self) -> Option<(u64, Instant)> {
        let number = self.next_number.fetch_add(1, Ordering::Relaxed);
        if number >= self.count {
            return None;
        }
        let due = self.begin + Duration::from_nanos(number.saturating_mul(1_000_000_000) / self.per_second);
        tokio::time::sleep_until(due.into()).await;
        Some((number, due))
    }
}

/// Open loop with `per_second` requests per second for the duration `length`.
pub async fn open(
    target: LoadTarget,
    requests: impl RequestSource,
    per_second: u64,
    length: Duration,
) -> anyhow::Result<Run> {
    let mut connections = Vec::with_capacity(target.connections);
    for _ in 0..target.connections {
        connections.push(HttpConnection::connect(target.addr).await.context("connecting the load generator")?);
    }
    let schedule = Schedule::new(per_second, length);
    let mut workers = JoinSet::new();
    for connection in connections {
        workers.spawn(send_in_open_loop(connection, target.addr, requests.clone(), Arc::clone(&schedule)));
    }
    let mut run = collect_results(workers).await?;
    run.took = schedule.begin.elapsed();
    Ok(run)
}

async fn send_in_open_loop(
    mut connection: HttpConnection,
    addr: SocketAddr,
    mut requests: impl RequestSource,
    schedule: Arc<Schedule>,
) -> anyhow::Result<Run> {
    let mut run = Run::new()?;
    while let Some((number, due)) = schedule.next().await {
        match connection.exchange(requests.nth(number)).await.map(|answer| answer.status) {
            Ok(status) => run.answered(status, due.elapsed()),
            Err(_) => {
                run.unanswered += 1;
                connection = HttpConnection::connect(addr).await.context("reconnecting")?;
            }
        }
    }
    Ok(run)
}

async fn collect_results(mut workers: JoinSet<anyhow::Result<Run>>) -> anyhow::Result<Run> {
    let mut all = Run::new()?;
    while let Some(worker) = workers.join_next().await {
        all.merge(worker.context("a connection of the load generator panicked")??)?;
    }
    Ok(all)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(statuses: &[u16], seconds: u64) -> Run {
        let mut run = Run::new().unwrap();
        statuses.iter().for_each(|status| run.answered(*status, Duration::from_millis(1)));
        Run { took: Duration::from_secs(seconds), ..run }
    }

    #[test]
    fn two_runs_are_combined_to_one() {
        let both = run(&[201, 201, 503], 1).then(run(&[201, 409], 2)).unwrap();
        assert_eq!((both.successes(), both.took), (3, Duration::from_secs(3)));
        assert_eq!(both.per_second(), 1.0);
        assert_eq!(both.failures(), "1 answers 409, 1 answers 503");
    }
}
