//! Ranges of the log without gaps, as streams read them: limited in positions, events and bytes, and with proof that the range
//! continues what the reader has.

use std::collections::BTreeSet;

use events::cloudevents::CloudEvent;
use events::{Incarnation, LogId, LogPosition, Position, StreamId, Version};
use sqlx::Row;
use sqlx::postgres::PgRow;
use uuid::Uuid;

use super::{Events, Reader, WINDOW, decode_event};
use crate::reads::database::limits::Workload;
use crate::reads::database::statement::Statement;
use crate::reads::error::Error;
use crate::reads::page::keep_decoded;

/// Maximum number of events in a range: a fraction of a second at the highest rate of the writer.
pub const RANGE_EVENTS_MAX: i64 = 500;
/// Payload bytes after which a range ends. An event that begins before this limit belongs to the range.
const RANGE_BYTES_MAX: i64 = 1 << 20;

/// Which events of the log a stream contains.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Selection {
    /// All events.
    All,
    /// Events of these types.
    Types(BTreeSet<String>),
    /// Events of this stream of the log.
    Stream(StreamId),
}

/// A range of the log, in one snapshot.
#[derive(Debug)]
pub struct LogRange {
    /// The end of the log.
    pub head: LogPosition,
    /// Incarnation of the event after which the range begins; `None` if the log has no such event.
    after_incarnation: Option<Incarnation>,
    /// The selected events, oldest first, without personal data that is erased.
    pub events: Vec<LoggedEvent>,
    /// The range contains every selected event up to this position.
    pub covered: Position,
}

/// An event of a range.
#[derive(Debug)]
pub struct LoggedEvent {
    /// Log position of the event.
    pub at: LogPosition,
    /// Its type.
    pub event_type: String,
    /// Its stream.
    pub stream: StreamId,
    /// Its version in the stream.
    pub version: Version,
    /// The event as it is sent.
    pub event: CloudEvent,
}

/// How a range relates to the events that a reader has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Continuity {
    /// It continues them.
    Continues,
    /// The database does not have all of them yet.
    Behind,
    /// The last of them were lost in a failover.
    Lost,
}

impl Selection {
    /// Whether an event is selected.
    pub fn includes(&self, event_type: &str, stream: &StreamId) -> bool {
        match self {
            Selection::All => true,
            Selection::Types(types) => types.contains(event_type),
            Selection::Stream(selected) => selected == stream,
        }
    }
}

impl LogRange {
    /// How the range relates to a reader who has every event up to `after`, as the log was in incarnation `known`; without
    /// `known`, as the log is now.
    pub fn continuity(&self, known: Option<Incarnation>, after: Position) -> Continuity {
        let known = known.unwrap_or(self.head.incarnation);
        match self.after_incarnation {
            _ if self.head.incarnation < known => Continuity::Behind,
            Some(incarnation) if incarnation > known => Continuity::Lost,
            Some(_) => Continuity::Continues,
            None if after == Position::ZERO => Continuity::Continues,
            None if self.head.incarnation > known => Continuity::Lost,
            None => Continuity::Behind,
        }
    }

    fn decode(rows: &[PgRow], after: Position) -> Result<(LogId, LogRange, Vec<events::Recorded>), Error> {
        let first = rows.first().ok_or(sqlx::Error::RowNotFound)?;
        let head = LogPosition {
            incarnation: Incarnation(first.try_get("head_incarnation")?),
            position: Position(first.try_get("head")?),
        };
        let log = LogId(first.try_get::<Uuid, _>("log_id")?);
        let after_incarnation: Option<i32> = first.try_get("after_incarnation")?;
        // Without events the statement returns one row with only the end of the log.
        let found: i64 = first.try_get::<Option<i64>, _>("found")?.unwrap_or(0);
        let rows = if found == 0 { &[] } else { rows };
        let is_cut = found >= RANGE_EVENTS_MAX || (rows.len() as i64) < found;
        let end = Position(first.try_get("range_end")?).min(head.position).max(after);
        let covered = match rows.last().filter(|_| is_cut) {
            Some(last) => Position(last.try_get("position")?),
            None => end,
        };
        let (recorded, _) = keep_decoded("log", rows.iter().map(decode_event));
        let after_incarnation = after_incarnation.map(Incarnation);
        Ok((log, LogRange { head, after_incarnation, events: Vec::new(), covered }, recorded))
    }
}

impl Events {
    /// The end of the log.
    pub async fn read_head(&self) -> Result<LogPosition, Error> {
        let select = Statement::plain(|statement| {
            statement.push("select incarnation, position from log_head");
        });
        let rows = self.database.fetch_from_primary(select).await?;
        let row = rows.first().ok_or(sqlx::Error::RowNotFound)?;
        Ok(crate::reads::database::row::log_position(row)?)
    }

    /// Reads the range of the log after a position. `version` is a version of the selected stream that the reader has.
    pub async fn read_range(
        &self,
        reader: Reader,
        selection: &Selection,
        after: Position,
        version: Version,
    ) -> Result<LogRange, Error> {
        let select = select_range(selection, after, version);
        let rows = match reader {
            Reader::Shared => self.database.fetch_from_primary(select).await?,
            Reader::Newest => self.database.fetch_newest(Workload::List, select).await?,
            Reader::Single => self.database.fetch(Workload::List, select).await?,
        };
        let (log, mut range, mut recorded) = LogRange::decode(&rows, after)?;
        self.erase(reader, &mut recorded, None).await?;
        for event in recorded {
            let at = LogPosition { incarnation: event.incarnation, position: event.position };
            let (event_type, stream, version) = (event.event_type.clone(), event.stream.clone(), event.version);
            range.events.push(LoggedEvent { at, event_type, stream, version, event: CloudEvent::of(log, event)? });
        }
        Ok(range)
    }
}

/// Selects a range, and from the same snapshot the end of the log and the incarnation of the event before the range. The
/// events of one stream are found by their versions, so they need no window of positions.
fn select_range(selection: &Selection, after: Position, version: Version) -> Statement {
    let end = match selection {
        Selection::Stream(_) => Position(i64::MAX),
        Selection::All | Selection::Types(_) => Position(after.0.saturating_add(WINDOW)),
    };
    Statement::plain(|statement| {
        statement
            .push("select i.id as log_id, h.incarnation as head_incarnation, h.position as head, ")
            .bind(end.0)
            .push(" as range_end, (select incarnation from events where position = ")
            .bind(after.0)
            .push(
                ") as after_incarnation, e.*
                from log_head h cross join log_identity i left join lateral (select * from (
                    select *, count(*) over () as found,
                        sum(octet_length(payload)) over (order by position) - octet_length(payload) as bytes_before
                    from (
                        select position, incarnation, stream_id, version, event_type, schema_version, payload::text as payload,
                            metadata::text as metadata, command_id, recorded_at
                        from events where position > ",
            )
            .bind(after.0);
        match selection {
            Selection::All => statement.push(" and position <= ").bind(end.0).push(" order by position"),
            Selection::Types(types) => {
                statement.push(" and position <= ").bind(end.0).push(" and event_type = any(");
                statement.bind(types.iter().cloned().collect::<Vec<_>>()).push(") order by position")
            }
            Selection::Stream(stream) => {
                statement.push(" and stream_id = ").bind(stream.as_str()).push(" and version > ").bind(version.0);
                statement.push(" order by version")
            }
        };
        statement
            .push(" limit ")
            .bind(RANGE_EVENTS_MAX)
            .push(") as selected) as measured where bytes_before < ")
            .bind(RANGE_BYTES_MAX)
            .push(") e on true order by e.position");
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A range that a database with this end of the log returns.
    fn range(head: (i32, i64), after_incarnation: Option<i32>) -> LogRange {
        let head = LogPosition { incarnation: Incarnation(head.0), position: Position(head.1) };
        let after_incarnation = after_incarnation.map(Incarnation);
        LogRange { head, after_incarnation, events: Vec::new(), covered: head.position }
    }

    #[test]
    fn a_range_continues_the_event_that_the_reader_has() {
        let first = Some(Incarnation(1));
        assert_eq!(range((1, 9), Some(1)).continuity(first, Position(7)), Continuity::Continues);
        assert_eq!(range((1, 0), None).continuity(first, Position::ZERO), Continuity::Continues);
        assert_eq!(range((2, 9), Some(1)).continuity(first, Position(7)), Continuity::Continues, "it was kept");
        assert_eq!(range((1, 9), Some(1)).continuity(None, Position(7)), Continuity::Continues);
    }

    #[test]
    fn events_that_were_lost_are_recognised_before_and_after_their_position_is_assigned_again() {
        let first = Some(Incarnation(1));
        assert_eq!(range((2, 5), None).continuity(first, Position(7)), Continuity::Lost);
        assert_eq!(range((2, 9), Some(2)).continuity(first, Position(7)), Continuity::Lost);
    }

    #[test]
    fn a_database_that_lacks_the_event_of_the_reader_is_behind() {
        assert_eq!(range((1, 5), None).continuity(Some(Incarnation(1)), Position(7)), Continuity::Behind);
        assert_eq!(range((1, 9), Some(1)).continuity(Some(Incarnation(2)), Position(7)), Continuity::Behind);
        assert_eq!(range((1, 5), None).continuity(None, Position(7)), Continuity::Behind);
    }
}
