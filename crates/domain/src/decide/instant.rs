//! The range of instants that a command may carry.

use chrono::{DateTime, TimeDelta, Utc};

use crate::rejection::Rejection;

/// 2000-01-01: older than any order system whose history is imported here; an earlier instant is a slip.
const EARLIEST_S: i64 = 946_684_800;

/// How far clocks of callers may be ahead of ours.
const AHEAD: TimeDelta = TimeDelta::minutes(5);

/// What has no instant of its own happens now.
pub(crate) fn check(occurred_at: Option<DateTime<Utc>>, now: DateTime<Utc>) -> Result<(), Rejection> {
    let Some(instant) = occurred_at else { return Ok(()) };
    let earliest = DateTime::from_timestamp(EARLIEST_S, 0).unwrap_or(DateTime::UNIX_EPOCH);
    let latest = now.checked_add_signed(AHEAD).unwrap_or(now);
    match (earliest..=latest).contains(&instant) {
        true => Ok(()),
        false => Err(Rejection::InstantOutOfRange { instant, earliest, latest }),
    }
}
