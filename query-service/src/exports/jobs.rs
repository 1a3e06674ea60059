//! All exports of the store: creates, finds, lists and deletes them, and records what workers do with them.

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use futures::stream::BoxStream;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use tokio::sync::Notify;
use uuid::Uuid;

use super::claim::{Claim, End};
use super::clock::Clock;
use super::job::{Export, Format, Job, Outcome, WrittenFile};
use super::layout;
use super::store::{Store, StoreError};

/// Exports that wait for a worker. Together they take at most as long as this number of them takes one instance.
pub const QUEUED_MAX: usize = 100;
/// An entry of the queue without a job is the rest of a request that did not complete within this time.
const CREATION_TIMEOUT: TimeDelta = TimeDelta::minutes(5);

/// All exports of the store. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Jobs {
    store: Store,
    clock: Clock,
    keep: TimeDelta,
    /// Wakes the worker of this process.
    created: Arc<Notify>,
}

/// What to export.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewExport {
    /// Path and query of the list or report.
    pub query: String,
    /// Format of the file.
    pub format: Format,
}

/// The result of a request to create an export.
#[derive(Debug)]
pub enum Created {
    /// The export is new.
    New(Export),
    /// An earlier request with the same idempotency key created it.
    Known(Export),
    /// The idempotency key was used for another export.
    KeyReused,
    /// Too many exports are waiting.
    QueueFull,
}

/// The first use of an idempotency key.
#[derive(Debug, Serialize, Deserialize)]
struct KeyUse {
    id: Uuid,
    /// Digest of the request.
    request: String,
}

impl Jobs {
    /// The exports of a store, which are deleted `keep` after their creation.
    pub fn new(store: Store, clock: Clock, keep: Duration) -> Jobs {
        let keep = TimeDelta::from_std(keep).unwrap_or(TimeDelta::MAX);
        Jobs { store, clock, keep, created: Arc::new(Notify::new()) }
    }

    /// The time.
    pub fn now(&self) -> DateTime<Utc> {
        self.clock.now()
    }

    /// When an export is deleted.
    pub fn expires_at(&self, job: &Job) -> DateTime<Utc> {
        job.created_at.checked_add_signed(self.keep).unwrap_or(DateTime::<Utc>::MAX_UTC)
    }

    /// Creates an export; a repeat with the same idempotency key returns the same one.
    pub async fn create(&self, new: NewExport, key: Option<&str>) -> Result<Created, StoreError> {
        let now = self.now();
        let mut job = Job {
            id: id_at(now, fastrand::u128(..)),
            query: new.query,
            format: new.format,
            created_at: now,
            key: key.map(digest),
            schedule_id: None,
        };
        if let Some(key) = job.key.clone() {
            let request = digest(&format!("{:?}\n{}", job.format, job.query));
            let used = KeyUse { id: job.id, request };
            // A loop, because the first use may be deleted between the two requests to the store.
            while !self.store.create(&layout::key(&key), &used).await? {
                let Some(first) = self.store.find::<KeyUse>(&layout::key(&key)).await? else { continue };
                if first.request != used.request {
                    return Ok(Created::KeyReused);
                }
                if let Some(known) = self.find(first.id).await? {
                    return Ok(Created::Known(known));
                }
                // The first request did not complete; this one completes it.
                job.id = first.id;
                break;
            }
        }
        if self.store.list_names(&layout::folder(layout::QUEUE)).await?.len() >= QUEUED_MAX {
            if let Some(key) = &job.key {
                self.store.delete(&layout::key(key)).await?;
            }
            return Ok(Created::QueueFull);
        }
        self.enqueue(&job).await?;
        Ok(Created::New(Export { job, started_at: None, claim: None, outcome: None }))
    }

    /// Creates an export and puts it in the queue; returns whether it did not exist before.
    pub(super) async fn enqueue(&self, job: &Job) -> Result<bool, StoreError> {
        // First the entry of the queue: a job without an entry would never be executed.
        self.store.create(&layout::queued(job.id), &()).await?;
        let is_new = self.store.create(&layout::job(job.id), job).await?;
        self.created.notify_one();
        Ok(is_new)
    }

    /// Returns when an export is created by this process.
    pub(super) async fn created(&self) {
        self.created.notified().await;
    }

    /// Finds an export.
    pub async fn find(&self, id: Uuid) -> Result<Option<Export>, StoreError> {
        let Some(job) = self.store.find::<Job>(&layout::job(id)).await? else { return Ok(None) };
        let numbers = self.attempts(id).await?;
        let find_claim = async |number: Option<&u32>| match number {
            Some(number) => self.store.find::<Claim>(&layout::claim(id, *number)).await,
            None => Ok(None),
        };
        let claim = find_claim(numbers.last()).await?;
        let started_at = match (&claim, numbers.as_slice()) {
            (claim, [_]) => claim.as_ref().map(|claim| claim.claimed_at),
            (_, numbers) => find_claim(numbers.first()).await?.map(|claim| claim.claimed_at),
        };
        let outcome = self.store.find::<Outcome>(&layout::outcome(id)).await?;
        Ok(Some(Export { job, started_at, claim: numbers.last().copied().zip(claim), outcome }))
    }

    /// The numbers of the attempts to execute an export, ascending.
    async fn attempts(&self, id: Uuid) -> Result<Vec<u32>, StoreError> {
        let names = self.store.list_names(&layout::claims(id)).await?;
        let mut numbers: Vec<u32> = names.iter().filter_map(|name| name.strip_suffix(".json")?.parse().ok()).collect();
        numbers.sort_unstable();
        Ok(numbers)
    }

    /// The exports before an id, newest first: at most `limit`, and the id of the last one if there are more.
    pub async fn list(&self, before: Option<Uuid>, limit: usize) -> Result<(Vec<Export>, Option<Uuid>), StoreError> {
        let mut ids = self.ids(layout::EXPORTS).await?;
        ids.retain(|id| before.is_none_or(|before| *id < before));
        let (mut exports, mut ids) = (Vec::new(), ids.into_iter().rev().peekable());
        while let Some(id) = ids.next() {
            exports.extend(self.find(id).await?);
            if exports.len() == limit && ids.peek().is_some() {
                return Ok((exports, Some(id)));
            }
        }
        Ok((exports, None))
    }

    /// The exports that have not ended, oldest first.
    pub async fn list_queued(&self) -> Result<Vec<Uuid>, StoreError> {
        self.ids(layout::QUEUE).await
    }

    async fn ids(&self, folder: &str) -> Result<Vec<Uuid>, StoreError> {
        let names = self.store.list_names(&layout::folder(folder)).await?;
        Ok(names.iter().filter_map(|name| name.parse().ok()).collect())
    }

    /// Deletes an export with its file; a worker that executes it stops. Returns whether it existed.
    pub async fn delete(&self, id: Uuid) -> Result<bool, StoreError> {
        let Some(job) = self.store.find::<Job>(&layout::job(id)).await? else { return Ok(false) };
        self.remove(id, job.key.as_deref()).await?;
        Ok(true)
    }

    /// First what clients see, last the folder: what is left over has no job and is removed by the sweep.
    async fn remove(&self, id: Uuid, key: Option<&str>) -> Result<(), StoreError> {
        if let Some(key) = key {
            self.store.delete(&layout::key(key)).await?;
        }
        self.store.delete(&layout::job(id)).await?;
        self.store.delete(&layout::queued(id)).await?;
        self.store.delete_folder(&layout::export(id)).await
    }

    /// Deletes the exports whose time is over, and what deleted exports left behind; returns the number of folders.
    pub async fn sweep(&self) -> Result<usize, StoreError> {
        let (now, mut removed) = (self.now(), 0);
        let is_older = |id: &Uuid, age: TimeDelta| created_at(*id).is_none_or(|created| now - created >= age);
        // An export is never created before the instant of its id.
        for id in self.ids(layout::EXPORTS).await?.into_iter().filter(|id| is_older(id, self.keep)) {
            let job = self.store.find::<Job>(&layout::job(id)).await?;
            if job.as_ref().is_none_or(|job| self.expires_at(job) <= now) {
                self.remove(id, job.and_then(|job| job.key).as_deref()).await?;
                removed += 1;
            }
        }
        for id in self.list_queued().await?.into_iter().filter(|id| is_older(id, CREATION_TIMEOUT)) {
            if !self.store.exists(&layout::job(id)).await? {
                self.store.delete(&layout::queued(id)).await?;
            }
        }
        Ok(removed)
    }

    /// Begins an attempt; `None` if another worker began it.
    pub async fn claim(
        &self,
        id: Uuid,
        attempt: u32,
        worker: Uuid,
        failures: u32,
    ) -> Result<Option<Claim>, StoreError> {
        let now = self.now();
        let claim = Claim { worker, claimed_at: now, renewed_at: now, rows: 0, bytes: 0, failures, end: None };
        Ok(self.store.create(&layout::claim(id, attempt), &claim).await?.then_some(claim))
    }

    /// Renews the claim of an attempt; returns whether the export still exists and no other worker has superseded the claim.
    pub async fn renew(&self, id: Uuid, attempt: u32, claim: &Claim) -> Result<bool, StoreError> {
        let is_superseded = self.store.exists(&layout::claim(id, attempt + 1)).await?;
        if is_superseded || !self.store.exists(&layout::job(id)).await? {
            return Ok(false);
        }
        self.store.replace(&layout::claim(id, attempt), claim).await?;
        Ok(true)
    }

    /// Records that an attempt ended without a file.
    pub(super) async fn end(&self, id: Uuid, attempt: u32, claim: &Claim, end: End) -> Result<(), StoreError> {
        let ended = Claim { end: Some(end), renewed_at: self.now(), ..claim.clone() };
        self.store.replace(&layout::claim(id, attempt), &ended).await?;
        self.clear_if_deleted(id).await.map(|_| ())
    }

    /// Records what became of an export, unless an outcome is recorded already; returns whether it was recorded. The file of
    /// an attempt that came second is deleted.
    pub async fn finish(&self, id: Uuid, outcome: &Outcome) -> Result<bool, StoreError> {
        let is_first = self.store.create(&layout::outcome(id), outcome).await?;
        if let (false, Ok(file)) = (is_first, &outcome.result) {
            self.store.delete(&layout::file(id, file.attempt)).await?;
        }
        self.store.delete(&layout::queued(id)).await?;
        Ok(is_first && !self.clear_if_deleted(id).await?)
    }

    /// Removes an export from the queue that has ended.
    pub(super) async fn dequeue(&self, id: Uuid) -> Result<(), StoreError> {
        self.store.delete(&layout::queued(id)).await
    }

    /// Deletes what was written after the export was deleted; returns whether it was.
    pub(super) async fn clear_if_deleted(&self, id: Uuid) -> Result<bool, StoreError> {
        let is_deleted = !self.store.exists(&layout::job(id)).await?;
        if is_deleted {
            self.store.delete_folder(&layout::export(id)).await?;
        }
        Ok(is_deleted)
    }

    /// The size of a file in bytes, and its content; `None` if it was deleted.
    pub async fn read_file(
        &self,
        id: Uuid,
        file: &WrittenFile,
    ) -> Result<Option<(u64, BoxStream<'static, std::io::Result<bytes::Bytes>>)>, StoreError> {
        self.store.read(&layout::file(id, file.attempt)).await
    }

    pub(super) fn store(&self) -> &Store {
        &self.store
    }
}

/// An id of an instant (UUID version 7, RFC 9562); `rest` makes it unique.
pub(super) fn id_at(instant: DateTime<Utc>, rest: u128) -> Uuid {
    let ms = u64::try_from(instant.timestamp_millis()).unwrap_or_default();
    let mut bytes = [0; 10];
    bytes.copy_from_slice(&rest.to_be_bytes()[6..]);
    uuid::Builder::from_unix_timestamp_millis(ms, &bytes).into_uuid()
}

/// The instant of an id; `None` if it has none.
fn created_at(id: Uuid) -> Option<DateTime<Utc>> {
    DateTime::from_timestamp_millis(i64::try_from(id.as_u128() >> 80).ok()?)
}

fn digest(text: &str) -> String {
    Sha256::digest(text).iter().map(|byte| format!("{byte:02x}")).collect()
}
