//! Follows the log for all streams: reads the events after the tail of the ring, and publishes them. One step reads one range;
//! the loop repeats steps while there are streams.

use std::sync::Arc;
use std::time::{Duration, Instant};

use events::erasure::ERASING;
use events::{LogPosition, Position, Version};

use super::batch::Batch;
use super::shared::Shared;
use crate::reads::database::failure::Failure;
use crate::reads::error::Error;
use crate::reads::events::log_range::{Continuity, LogRange, RANGE_EVENTS_MAX, Selection};
use crate::reads::events::{Events, Reader};

/// Interval at which the end of the log is read: ten small statements per second for all streams of an instance. The delay of an
/// event is half of it on average.
pub(super) const POLL_INTERVAL: Duration = Duration::from_millis(100);
/// Shortest interval, when streams begin: each of them needs the end of the log as it is then, and they share it.
const POLL_INTERVAL_MIN: Duration = Duration::from_millis(5);

/// The result of a step.
#[derive(Debug, PartialEq, Eq)]
enum Outcome {
    /// There are more events.
    More,
    /// The log was read up to this end.
    AtEnd(LogPosition),
}

/// Follows the log while there are streams; never returns.
pub(super) async fn follow(events: Events, shared: Arc<Shared>) {
    loop {
        if !shared.has_streams() {
            shared.move_tail(None);
            shared.stream_added().await;
            continue;
        }
        let began = Instant::now();
        match read_to_end(&events, &shared).await {
            Ok(end) => shared.record_poll(began, Ok(end)),
            Err(error) => {
                // Erasures that cannot be read must not be ignored: nothing from memory is sent until the log is read again.
                shared.invalidate();
                shared.record_poll(began, Err(error));
            }
        }
        tokio::time::sleep_until((began + POLL_INTERVAL_MIN).into()).await;
        let is_due = tokio::time::sleep_until((began + POLL_INTERVAL).into());
        tokio::select! {
            () = is_due => {}
            () = shared.stream_added() => {}
        }
    }
}

async fn read_to_end(events: &Events, shared: &Shared) -> Result<LogPosition, Error> {
    loop {
        if let Outcome::AtEnd(end) = read_next(events, shared).await? {
            return Ok(end);
        }
    }
}

/// Reads and publishes the next range.
async fn read_next(events: &Events, shared: &Shared) -> Result<Outcome, Error> {
    let tail = match shared.tail() {
        Some(tail) => tail,
        None => {
            let tail = begin_of_ring(events.read_head().await?);
            shared.move_tail(Some(tail));
            tail
        }
    };
    let range = events.read_range(Reader::Shared, &Selection::All, tail.position, Version::NONE).await?;
    match range.continuity(Some(tail.incarnation), tail.position) {
        Continuity::Continues => publish(tail, range, shared),
        // Streams notice that their events were lost, because their incarnation is not that of the ring any more.
        Continuity::Lost => {
            shared.move_tail(Some(range.head));
            Ok(Outcome::AtEnd(range.head))
        }
        Continuity::Behind => Err(Failure::Down.into()),
    }
}

/// The ring begins with the last events of the log, so that streams that reconnect after a restart need no statement.
fn begin_of_ring(head: LogPosition) -> LogPosition {
    LogPosition { position: Position((head.position.0 - RANGE_EVENTS_MAX).max(0)), ..head }
}

fn publish(tail: LogPosition, range: LogRange, shared: &Shared) -> Result<Outcome, Error> {
    let (head, covered) = (range.head, range.covered);
    let erases = range.events.iter().any(|event| ERASING.contains(&event.event_type.as_str()));
    let batch = Batch::of(tail.position, range)?;
    if head.incarnation > tail.incarnation {
        shared.move_tail(Some(LogPosition { incarnation: head.incarnation, ..tail }));
    } else if erases {
        shared.invalidate();
    }
    shared.push(batch);
    let is_at_end = covered >= head.position;
    Ok(if is_at_end { Outcome::AtEnd(head) } else { Outcome::More })
}

#[cfg(test)]
mod tests {
    use events::Incarnation;

    use super::*;

    #[test]
    fn the_ring_begins_shortly_before_the_end_of_the_log() {
        let begin = |position| {
            begin_of_ring(LogPosition { incarnation: Incarnation(2), position: Position(position) }).position.0
        };
        assert_eq!([0, 7, 500, 1_700].map(begin), [0, 0, 0, 1_200]);
    }
}
