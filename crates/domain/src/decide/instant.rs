//! The range of instants that a command may carry.

use chrono::{DateTime, TimeDelta, Utc};

use crate::rejection::Rejection;

/// The earliest instant, 2000-01-01 in UTC, in seconds since the epoch: older than any imported history, so an earlier
/// instant is an error of the caller.
const EARLIEST_S: i64 = 946_684_800;

/// How far the clock of a caller may be ahead of the clock of the platform.
const AHEAD: TimeDelta = TimeDelta::minutes(5);

/// Checks the instant of a command; a command without an instant passes.
pub(crate) fn check(occurred_at: Option<DateTime<Utc>>, now: DateTime<Utc>) -> Result<(), Rejection> {
    let Some(instant) = occurred_at else { return Ok(()) };
    let earliest = DateTime::from_timestamp(EARLIEST_S, 0).unwrap_or(DateTime::UNIX_EPOCH);
    let latest = now.checked_add_signed(AHEAD).unwrap_or(now);
    match (earliest..=latest).contains(&instant) {
        true => Ok(()),
        false => Err(Rejection::InstantOutOfRange { instant, earliest, latest }),
    }
}
