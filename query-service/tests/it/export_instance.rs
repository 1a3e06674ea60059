//! An instance that executes exports step by step, at a time that the test sets. It shares its directory with others.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use chrono::{DateTime, Utc};
use platform::health::Health;
use platform::shutdown::Shutdown;
use query_service::exports::attempt::Executor;
use query_service::exports::clock::Clock;
use query_service::exports::job::{Export, Format};
use query_service::exports::jobs::{Created, Jobs, NewExport};
use query_service::exports::measures::Ending;
use query_service::exports::schedules::Schedules;
use query_service::exports::store::Store;
use query_service::exports::worker::{Step, Worker};
use query_service::http::export_query::parse_dataset;
use query_service::reads::Reads;
use testbed::Bed;
use uuid::Uuid;

use crate::service::{Change, config};

/// When tests begin.
pub(crate) const BEGIN: &str = "2026-03-05T10:00:00Z";
pub(crate) const KEEP: Duration = Duration::from_secs(24 * 60 * 60);

/// A clock that the test sets.
#[derive(Clone)]
pub(crate) struct Hand(Arc<AtomicI64>);

pub(crate) struct Instance {
    pub(crate) jobs: Jobs,
    pub(crate) schedules: Schedules,
    pub(crate) reads: Reads,
    worker: Worker,
    stop: Shutdown,
}

impl Hand {
    pub(crate) fn at(text: &str) -> Hand {
        let instant: DateTime<Utc> = text.parse().expect("RFC 3339");
        Hand(Arc::new(AtomicI64::new(instant.timestamp_millis())))
    }

    /// The present, for exports that a service sees too.
    pub(crate) fn now() -> Hand {
        Hand(Arc::new(AtomicI64::new(Utc::now().timestamp_millis())))
    }

    pub(crate) fn advance(&self, seconds: i64) {
        self.0.fetch_add(seconds * 1000, Ordering::Relaxed);
    }

    pub(crate) fn clock(&self) -> Clock {
        let hand = self.clone();
        Clock::of(move || DateTime::from_timestamp_millis(hand.0.load(Ordering::Relaxed)).expect("an instant"))
    }
}

impl Instance {
    pub(crate) fn start(bed: &Bed, directory: &Path, hand: &Hand) -> Instance {
        Instance::start_with(bed, directory, hand, &[])
    }

    pub(crate) fn start_with(bed: &Bed, directory: &Path, hand: &Hand, changes: &[Change<'_>]) -> Instance {
        let stop = Shutdown::new();
        let reads = Reads::start(config(bed, changes).reads, 8, &Health::new(), &stop);
        let store = Store::open_directory(directory).expect("a directory");
        let jobs = Jobs::new(store, hand.clock(), KEEP);
        let executor = Executor {
            database: reads.database.clone(),
            erasures: reads.erasures.clone(),
            parse: parse_dataset,
            timeout: Duration::from_secs(60),
        };
        let worker = Worker::new(jobs.clone(), executor);
        Instance { schedules: Schedules::new(jobs.clone()), jobs, reads, worker, stop }
    }

    pub(crate) async fn create(&self, query: &str, format: Format) -> Uuid {
        let new = NewExport { query: query.to_owned(), format };
        match self.jobs.create(new, None).await.expect("a store") {
            Created::New(export) => export.job.id,
            other => panic!("{other:?}"),
        }
    }

    pub(crate) async fn step(&self) -> Step {
        self.worker.step(&self.stop).await.expect("a step")
    }

    pub(crate) async fn completes(&self) {
        assert_eq!(self.step().await, Step::Ended(Ending::Complete));
    }

    pub(crate) async fn find(&self, id: Uuid) -> Export {
        self.jobs.find(id).await.expect("a store").expect("an export")
    }

    /// Stops the instance, as a shutdown does.
    pub(crate) fn stop(&self) {
        self.stop.request();
    }
}

impl Drop for Instance {
    fn drop(&mut self) {
        self.stop.request();
    }
}
