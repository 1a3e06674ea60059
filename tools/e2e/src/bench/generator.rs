//! The load generator: one thread, many connections.
//!
//! *Closed loop*: each connection sends its next request when it has the answer to the last one; shows the most that a
//! service can do. *Open loop*: requests begin at fixed instants whatever the service does, and a latency counts from the
//! instant at which the request should have begun, so a service that stalls cannot hide it (no coordinated omission).

use std::collections::BTreeMap;
use std::future::Future;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::Context;
use hdrhistogram::Histogram;
use tokio::task::JoinSet;

use super::requests::Requests;
use super::wire::Wire;

/// Latencies are kept from 1 us to 60 s with three digits.
const LATENCY_MAX_US: u64 = 60_000_000;

/// A count that is not reached in this time will not be.
const COUNT_PATIENCE: Duration = Duration::from_secs(1_800);

/// Whom to ask, and over how many connections.
#[derive(Debug, Clone, Copy)]
pub struct Target {
    /// The service.
    pub addr: SocketAddr,
    /// Open connections, each with at most one request under way.
    pub connections: usize,
}

/// What a run saw.
#[derive(Debug)]
pub struct Run {
    /// Time from answer or intended start to answer, microseconds, of successes only.
    pub latency_us: Histogram<u64>,
    /// Answers by status.
    pub statuses: BTreeMap<u16, u64>,
    /// Requests that ended without an answer.
    pub broken: u64,
    /// From the first request that counts to the last answer.
    pub took: Duration,
}

impl Run {
    fn new() -> anyhow::Result<Run> {
        Ok(Run { latency_us: histogram()?, statuses: BTreeMap::new(), broken: 0, took: Duration::ZERO })
    }

    /// Answers of the 2xx kind.
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

    /// What came back besides 2xx, for people; empty if nothing did.
    pub fn complaints(&self) -> String {
        let others = self.statuses.iter().filter(|(status, _)| !(200..300).contains(*status));
        let mut told: Vec<String> = others.map(|(status, count)| format!("{count} answers {status}")).collect();
        told.extend((self.broken > 0).then(|| format!("{} requests without an answer", self.broken)));
        told.join(", ")
    }

    /// Both runs as one, the second after the first.
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
        self.broken += other.broken;
        Ok(())
    }
}

/// A histogram for latencies in microseconds.
pub fn histogram() -> anyhow::Result<Histogram<u64>> {
    Histogram::new_with_bounds(1, LATENCY_MAX_US, 3).context("making a histogram")
}

/// Runs on a thread of its own, so that nothing else of this process delays it.
pub async fn on_own_thread<T, F>(work: impl FnOnce() -> F + Send + 'static) -> anyhow::Result<T>
where
    T: Send + 'static,
    F: Future<Output = anyhow::Result<T>>,
{
    let thread = tokio::task::spawn_blocking(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        runtime.context("making the load generator's runtime")?.block_on(work())
    });
    thread.await.context("the load generator died")?
}

/// Asks as fast as answers come, first for `warm_up`, which does not count, then for `length`.
pub async fn closed(
    target: Target,
    requests: impl Requests,
    warm_up: Duration,
    length: Duration,
) -> anyhow::Result<Run> {
    closed_over(&[target], requests, warm_up, length).await
}

/// As [`closed`], of several services at once.
pub async fn closed_over(
    targets: &[Target],
    requests: impl Requests,
    warm_up: Duration,
    length: Duration,
) -> anyhow::Result<Run> {
    let begin = Instant::now() + warm_up;
    let span = Span { begin, end: begin + length, requests: u64::MAX };
    let mut run = ask_all(targets, requests, span).await?;
    run.took = length;
    Ok(run)
}

/// Asks `count` times as fast as answers come; every answer counts.
pub async fn closed_count(target: Target, requests: impl Requests, count: u64) -> anyhow::Result<Run> {
    let begin = Instant::now();
    let mut run = ask_all(&[target], requests, Span { begin, end: begin + COUNT_PATIENCE, requests: count }).await?;
    run.took = begin.elapsed();
    Ok(run)
}

/// When a closed loop counts, and where it ends.
#[derive(Debug, Clone, Copy)]
struct Span {
    begin: Instant,
    end: Instant,
    requests: u64,
}

async fn ask_all(targets: &[Target], requests: impl Requests, span: Span) -> anyhow::Result<Run> {
    let numbers = Arc::new(AtomicU64::new(0));
    let mut workers = JoinSet::new();
    for target in targets {
        for _ in 0..target.connections {
            let wire = Wire::connect(target.addr).await.context("connecting for the load")?;
            workers.spawn(ask(wire, target.addr, requests.clone(), Arc::clone(&numbers), span));
        }
    }
    gather(workers).await
}

async fn ask(
    mut wire: Wire,
    addr: SocketAddr,
    mut requests: impl Requests,
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
        let answer = wire.exchange(requests.nth(number)).await;
        let answered = Instant::now();
        match answer {
            Ok(answer) => {
                requests.answered(answer)?;
                // An answer counts where it came: what is under way at either end evens out.
                if answered >= span.begin && answered < span.end {
                    run.answered(answer.status, answered - sent);
                }
            }
            Err(_) => {
                run.broken += 1;
                wire = Wire::connect(addr).await.context("connecting again")?;
            }
        }
        sent = answered;
    }
    Ok(run)
}

/// Instants at which the requests of an open loop should begin.
#[derive(Debug)]
pub struct Schedule {
    begin: Instant,
    per_second: u64,
    count: u64,
    next: AtomicU64,
}

impl Schedule {
    /// `per_second` requests a second for `length`.
    pub fn new(per_second: u64, length: Duration) -> Arc<Schedule> {
        let count = (per_second as f64 * length.as_secs_f64()) as u64;
        Arc::new(Schedule { begin: Instant::now(), per_second, count, next: AtomicU64::new(0) })
    }

    /// Waits for the next request's turn: its number and the instant at which it should begin. `None` at the end.
    pub async fn turn(&self) -> Option<(u64, Instant)> {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        if number >= self.count {
            return None;
        }
        let due = self.begin + Duration::from_nanos(number.saturating_mul(1_000_000_000) / self.per_second);
        tokio::time::sleep_until(due.into()).await;
        Some((number, due))
    }
}

/// Asks `per_second` times a second for `length`.
pub async fn open(target: Target, requests: impl Requests, per_second: u64, length: Duration) -> anyhow::Result<Run> {
    let mut wires = Vec::with_capacity(target.connections);
    for _ in 0..target.connections {
        wires.push(Wire::connect(target.addr).await.context("connecting for the load")?);
    }
    let schedule = Schedule::new(per_second, length);
    let mut workers = JoinSet::new();
    for wire in wires {
        workers.spawn(ask_in_turn(wire, target.addr, requests.clone(), Arc::clone(&schedule)));
    }
    let mut run = gather(workers).await?;
    run.took = schedule.begin.elapsed();
    Ok(run)
}

async fn ask_in_turn(
    mut wire: Wire,
    addr: SocketAddr,
    mut requests: impl Requests,
    schedule: Arc<Schedule>,
) -> anyhow::Result<Run> {
    let mut run = Run::new()?;
    while let Some((number, due)) = schedule.turn().await {
        match wire.exchange(requests.nth(number)).await.map(|answer| answer.status) {
            Ok(status) => run.answered(status, due.elapsed()),
            Err(_) => {
                run.broken += 1;
                wire = Wire::connect(addr).await.context("connecting again")?;
            }
        }
    }
    Ok(run)
}

async fn gather(mut workers: JoinSet<anyhow::Result<Run>>) -> anyhow::Result<Run> {
    let mut all = Run::new()?;
    while let Some(worker) = workers.join_next().await {
        all.merge(worker.context("a connection of the load died")??)?;
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
    fn two_runs_are_one_of_both_lengths() {
        let both = run(&[201, 201, 503], 1).then(run(&[201, 409], 2)).unwrap();
        assert_eq!((both.successes(), both.took), (3, Duration::from_secs(3)));
        assert_eq!(both.per_second(), 1.0);
        assert_eq!(both.complaints(), "1 answers 409, 1 answers 503");
    }
}
