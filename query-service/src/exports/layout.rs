//! Where the objects of exports are in the store.
//!
//! ```text
//! queue/{export}                          exports that have not ended
//! exports/{export}/job.json               what is exported; never changes
//! exports/{export}/claims/{attempt}.json  who works on it since when; only its worker changes it
//! exports/{export}/files/{attempt}        the file of an attempt; appears when it is complete
//! exports/{export}/outcome.json           the result; never changes
//! keys/{digest of the idempotency key}    the export with this key
//! schedules/{schedule}/schedule.json      a recurring export; never changes
//! schedules/{schedule}/last.json          the last occurrence whose export was created
//! ```

use object_store::path::Path;
use uuid::Uuid;

/// The folder of the queue.
pub(super) const QUEUE: &str = "queue";
/// The folder of exports.
pub(super) const EXPORTS: &str = "exports";
/// The folder of schedules.
pub(super) const SCHEDULES: &str = "schedules";

pub(super) fn folder(name: &str) -> Path {
    Path::from(name)
}

pub(super) fn queued(id: Uuid) -> Path {
    Path::from(format!("{QUEUE}/{id}"))
}

pub(super) fn export(id: Uuid) -> Path {
    Path::from(format!("{EXPORTS}/{id}"))
}

pub(super) fn job(id: Uuid) -> Path {
    Path::from(format!("{EXPORTS}/{id}/job.json"))
}

pub(super) fn claims(id: Uuid) -> Path {
    Path::from(format!("{EXPORTS}/{id}/claims"))
}

pub(super) fn claim(id: Uuid, attempt: u32) -> Path {
    Path::from(format!("{EXPORTS}/{id}/claims/{attempt}.json"))
}

pub(super) fn file(id: Uuid, attempt: u32) -> Path {
    Path::from(format!("{EXPORTS}/{id}/files/{attempt}"))
}

pub(super) fn outcome(id: Uuid) -> Path {
    Path::from(format!("{EXPORTS}/{id}/outcome.json"))
}

pub(super) fn key(digest: &str) -> Path {
    Path::from(format!("keys/{digest}"))
}

pub(super) fn schedule_folder(id: Uuid) -> Path {
    Path::from(format!("{SCHEDULES}/{id}"))
}

pub(super) fn schedule(id: Uuid) -> Path {
    Path::from(format!("{SCHEDULES}/{id}/schedule.json"))
}

pub(super) fn last_occurrence(id: Uuid) -> Path {
    Path::from(format!("{SCHEDULES}/{id}/last.json"))
}
