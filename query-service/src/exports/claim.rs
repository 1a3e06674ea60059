//! Which worker works on an export. A claim is an object that one worker creates and renews; a claim that is not renewed is
//! superseded by the next one, so a worker that ended loses nothing but time.
//!
//! Two workers may both believe that they hold the claim, when clocks differ or a process was suspended. That is harmless: each attempt
//! writes a file of its own, and the first to store the outcome decides which file is shown.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::failure::ExportError;

/// A claim is renewed at this interval, with which progress and cancellation take effect.
pub const RENEWAL_INTERVAL: Duration = Duration::from_secs(2);
/// A claim that was not renewed for this time is superseded.
pub const EXPIRY: TimeDelta = TimeDelta::seconds(30);
/// Attempts that may fail: with pauses of up to 1, 2, 4 and 8 seconds between them, a restart of a database is survived.
pub const FAILURES_MAX: u32 = 5;

/// An attempt to execute an export.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Claim {
    /// The worker.
    pub worker: Uuid,
    /// When the attempt began.
    pub claimed_at: DateTime<Utc>,
    /// When the worker last said that it works.
    pub renewed_at: DateTime<Utc>,
    /// Rows written so far.
    pub rows: u64,
    /// Bytes written so far.
    pub bytes: u64,
    /// Number of attempts before that failed.
    pub failures: u32,
    /// How the attempt ended without a file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub end: Option<End>,
}

/// The end of an attempt without a file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum End {
    /// The worker was stopped; another one continues.
    Released,
    /// The attempt failed.
    Failed {
        /// Why.
        error: ExportError,
        /// When the next attempt may begin.
        retry_at: DateTime<Utc>,
    },
}

/// What a worker may do with an export that has not ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Turn {
    /// Begin an attempt.
    Begin {
        /// Number of the attempt, starting at 1.
        attempt: u32,
        /// Number of attempts before that failed.
        failures: u32,
    },
    /// Nothing: another worker works on it, or the next attempt is not due.
    Wait,
    /// Record that the export failed.
    GiveUp(ExportError),
}

impl Claim {
    /// Whether its worker works on the export.
    pub fn is_held(&self, now: DateTime<Utc>) -> bool {
        self.end.is_none() && now - self.renewed_at <= EXPIRY
    }
}

/// What may be done after the latest attempt, which has this number.
pub fn turn(latest: Option<(u32, &Claim)>, now: DateTime<Utc>) -> Turn {
    let Some((number, claim)) = latest else { return Turn::Begin { attempt: 1, failures: 0 } };
    let attempt = number + 1;
    let after_failure = |error: ExportError| match claim.failures + 1 {
        failures if failures < FAILURES_MAX => Turn::Begin { attempt, failures },
        _ => Turn::GiveUp(error),
    };
    match &claim.end {
        None if claim.is_held(now) => Turn::Wait,
        None => after_failure(ExportError::interrupted()),
        Some(End::Released) => Turn::Begin { attempt, failures: claim.failures },
        Some(End::Failed { retry_at, .. }) if now < *retry_at => Turn::Wait,
        Some(End::Failed { error, .. }) => after_failure(error.clone()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(1_767_225_600 + seconds, 0).expect("an instant")
    }

    fn claim(failures: u32, end: Option<End>) -> Claim {
        let (claimed_at, renewed_at) = (at(0), at(20));
        Claim { worker: Uuid::nil(), claimed_at, renewed_at, rows: 0, bytes: 0, failures, end }
    }

    fn failed(retry_at: i64) -> Option<End> {
        Some(End::Failed { error: ExportError::interrupted(), retry_at: at(retry_at) })
    }

    #[test]
    fn a_claim_is_superseded_once_it_is_not_renewed_for_30_seconds() {
        let held = claim(0, None);
        assert_eq!(turn(None, at(0)), Turn::Begin { attempt: 1, failures: 0 });
        assert_eq!(turn(Some((1, &held)), at(50)), Turn::Wait);
        assert_eq!(turn(Some((1, &held)), at(51)), Turn::Begin { attempt: 2, failures: 1 });
    }

    #[test]
    fn a_failed_attempt_is_repeated_when_its_pause_is_over() {
        let failed_at = |retry_at| claim(1, failed(retry_at));
        assert_eq!(turn(Some((2, &failed_at(25))), at(24)), Turn::Wait);
        assert_eq!(turn(Some((2, &failed_at(25))), at(25)), Turn::Begin { attempt: 3, failures: 2 });
    }

    #[test]
    fn the_fifth_failure_is_the_last_and_a_stopped_worker_is_not_a_failure() {
        let error = ExportError::interrupted();
        assert_eq!(turn(Some((5, &claim(4, failed(0)))), at(21)), Turn::GiveUp(error.clone()));
        assert_eq!(turn(Some((5, &claim(4, None))), at(60)), Turn::GiveUp(error));
        let released = claim(4, Some(End::Released));
        assert_eq!(turn(Some((9, &released)), at(20)), Turn::Begin { attempt: 10, failures: 4 });
    }
}
