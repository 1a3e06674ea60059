//! All recurring exports of the store: creates, finds, lists and deletes them, and creates the exports that are due.

use std::time::Duration;

use chrono::{DateTime, Utc};
use platform::backoff::jittered;
use platform::shutdown::Shutdown;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::jobs::Jobs;
use super::layout;
use super::schedule::Schedule;
use super::store::StoreError;

/// Recurring exports. All of them can be due at the same time, for example at midnight.
pub const SCHEDULES_MAX: usize = 100;
/// Interval at which due exports are created, and old ones deleted.
const INTERVAL: Duration = Duration::from_secs(10);

/// All recurring exports of the store. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Schedules {
    jobs: Jobs,
}

/// The last occurrence whose export was created.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LastRun {
    /// When it was due.
    pub at: DateTime<Utc>,
    /// Its export, which is deleted after some time.
    pub export_id: Uuid,
}

/// A recurring export, with its last run.
#[derive(Debug, Clone)]
pub struct ScheduleWithLast {
    /// The recurring export.
    pub schedule: Schedule,
    /// Its last run; `None` before the first one.
    pub last: Option<LastRun>,
}

impl Schedules {
    /// The recurring exports of the store that has these exports.
    pub fn new(jobs: Jobs) -> Schedules {
        Schedules { jobs }
    }

    /// Creates a recurring export; returns whether there are fewer than [`SCHEDULES_MAX`].
    pub async fn create(&self, schedule: &Schedule) -> Result<bool, StoreError> {
        let store = self.jobs.store();
        if store.list_names(&layout::folder(layout::SCHEDULES)).await?.len() >= SCHEDULES_MAX {
            return Ok(false);
        }
        store.create(&layout::schedule(schedule.id), schedule).await
    }

    /// Finds a recurring export.
    pub async fn find(&self, id: Uuid) -> Result<Option<ScheduleWithLast>, StoreError> {
        let store = self.jobs.store();
        let Some(schedule) = store.find(&layout::schedule(id)).await? else { return Ok(None) };
        Ok(Some(ScheduleWithLast { schedule, last: store.find(&layout::last_occurrence(id)).await? }))
    }

    /// All recurring exports, newest first.
    pub async fn list(&self) -> Result<Vec<ScheduleWithLast>, StoreError> {
        let names = self.jobs.store().list_names(&layout::folder(layout::SCHEDULES)).await?;
        let mut found = Vec::with_capacity(names.len());
        for id in names.iter().rev().filter_map(|name| name.parse().ok()) {
            found.extend(self.find(id).await?);
        }
        Ok(found)
    }

    /// Deletes a recurring export; its exports stay. Returns whether it existed.
    pub async fn delete(&self, id: Uuid) -> Result<bool, StoreError> {
        let store = self.jobs.store();
        let existed = store.exists(&layout::schedule(id)).await?;
        store.delete(&layout::schedule(id)).await?;
        store.delete_folder(&layout::schedule_folder(id)).await?;
        Ok(existed)
    }

    /// Creates the export of the last occurrence of each schedule, unless it was created before; earlier occurrences that were missed are
    /// left out. Returns the number of exports that this instance created.
    pub async fn create_due(&self) -> Result<usize, StoreError> {
        let (now, mut created) = (self.jobs.now(), 0);
        for ScheduleWithLast { schedule, last } in self.list().await? {
            let Some(occurrence) = schedule.last(now) else { continue };
            if last.is_some_and(|last| last.at >= occurrence.at) {
                continue;
            }
            let job = schedule.job(&occurrence, now);
            if self.jobs.enqueue(&job).await? {
                tracing::info!(schedule.id = %schedule.id, export.id = %job.id, "recurring export created");
                created += 1;
            }
            let run = LastRun { at: occurrence.at, export_id: job.id };
            self.jobs.store().replace(&layout::last_occurrence(schedule.id), &run).await?;
            if !self.jobs.store().exists(&layout::schedule(schedule.id)).await? {
                // It was deleted meanwhile.
                self.delete(schedule.id).await?;
            }
        }
        Ok(created)
    }

    /// Creates due exports and deletes old ones, until the service stops.
    pub async fn run(self, stop: Shutdown) {
        loop {
            if let Err(error) = self.create_due().await {
                tracing::warn!(%error, "recurring exports cannot be created; retrying");
            }
            match self.jobs.sweep().await {
                Ok(0) => {}
                Ok(exports) => tracing::info!(exports, "old exports deleted"),
                Err(error) => tracing::warn!(%error, "old exports cannot be deleted; retrying"),
            }
            if stop.unless_requested(tokio::time::sleep(jittered(INTERVAL))).await.is_none() {
                return;
            }
        }
    }
}
