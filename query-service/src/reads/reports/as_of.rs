//! Reports as of an earlier moment: the sums as they are, without what later events have added.
//!
//! One snapshot has the sums, how far each partition of the projection is applied, and the later events that are applied. The
//! later events are folded as the projector folds them, with the earlier events of their orders.

use std::collections::BTreeSet;
use std::time::Duration;

use chrono::{DateTime, Utc};
use events::{LogPosition, Position, StreamId};
use sqlx::Row;
use tokio::time::Instant;

use super::later::{LaterSums, Sums};
use super::query::ReportQuery;
use super::table::{ReportTable, ReportType};
use crate::reads::consistency::{self, Required};
use crate::reads::database::freshness::{Freshness, Scope};
use crate::reads::database::limits::Workload;
use crate::reads::database::routing::{Database, Prefer};
use crate::reads::database::row::parsed;
use crate::reads::database::snapshot::Snapshot;
use crate::reads::database::statement::Statement;
use crate::reads::error::{BeyondLog, Error, ProjectionLag, Reached, TooFarBack};
use crate::reads::history::{self, HistoricEvent};
use crate::reads::moment::Moment;

/// Positions after the moment that may be read: about a second of work. Earlier moments are refused.
pub const LATER_POSITIONS_MAX: i64 = 100_000;
/// Longest duration of each statement.
const STATEMENT_TIMEOUT: Duration = Duration::from_secs(5);
/// Streams whose events are read at once: a few megabytes.
const STREAMS_AT_ONCE: usize = 500;

/// Reads a report as of a moment.
pub async fn read(
    database: &Database,
    required: Option<&Required>,
    report: &'static ReportType,
    query: &ReportQuery,
    moment: Moment,
) -> Result<ReportTable, Error> {
    let position = position_of(database, moment).await?;
    let required = Wanted { position, token: required.copied() };
    required.wait(database, report).await?;
    let mut snapshot = required.open(database, report).await?;
    let query = query_at(&mut snapshot, report, query, position).await?;
    let select = Statement::plain(|statement| {
        (report.select)(&query, statement);
        statement.push(" limit ").bind(query.rows_max() as i64 + 1);
    });
    let mut rows = snapshot.fetch_all(&select).await?;
    let is_complete = rows.len() <= query.rows_max();
    rows.truncate(query.rows_max());
    let contained = LogPosition { position, incarnation: snapshot.freshness.incarnation() };
    Ok(ReportTable::decode(report, &query, &rows, contained, is_complete)?)
}

/// The position of a moment: of an instant, that of the last event that was recorded up to it.
pub async fn position_of(database: &Database, moment: Moment) -> Result<Position, Error> {
    match moment {
        Moment::Position(position) => Ok(position),
        Moment::Instant(instant) => last_position_at(database, instant).await,
    }
}

/// The query of a report as of a position that the snapshot contains.
pub async fn query_at(
    snapshot: &mut Snapshot,
    report: &'static ReportType,
    query: &ReportQuery,
    position: Position,
) -> Result<ReportQuery, Error> {
    let later = read_later(snapshot, report.sums, position).await?;
    Ok(ReportQuery { later: Some(later.into_rows()), ..query.clone() })
}

/// The error of a snapshot that does not contain a position.
pub fn behind(snapshot: &Snapshot, required: Position, wait: Duration) -> Error {
    let Freshness { relay, .. } = &snapshot.freshness;
    let reached = Some(Reached { contained: snapshot.freshness.applied(), relayed: relay.position });
    Error::ProjectionLag(Box::new(ProjectionLag { required, wait, reached }))
}

/// What a snapshot must contain: the position of the report, and the consistency token.
struct Wanted {
    position: Position,
    token: Option<Required>,
}

impl Wanted {
    fn both(&self) -> Position {
        self.token.map_or(self.position, |token| self.position.max(token.position))
    }

    /// Waits, as long as the reader is willing to, until the projection contains it.
    async fn wait(&self, database: &Database, report: &'static ReportType) -> Result<(), Error> {
        let none = Required { position: Position::ZERO, wait: Duration::ZERO, deadline: Instant::now() };
        let required = Required { position: self.both(), ..self.token.unwrap_or(none) };
        let (workload, projection) = (Workload::Report, report.sums.projection());
        match consistency::read(database, workload, Some(&required), projection, &Scope::List, &push_nothing).await {
            Err(Error::TokenBeyondLog { token, end }) if token == self.position => {
                Err(BeyondLog { position: token, end }.into())
            }
            read => read.map(drop),
        }
    }

    /// Opens a snapshot that contains it.
    async fn open(&self, database: &Database, report: &'static ReportType) -> Result<Snapshot, Error> {
        let open =
            |prefer| database.open_snapshot(Workload::Report, report.sums.projection(), prefer, STATEMENT_TIMEOUT);
        let snapshot = open(Prefer::Replica).await?;
        if snapshot.freshness.applied() >= self.both() {
            return Ok(snapshot);
        }
        drop(snapshot);
        let snapshot = open(Prefer::Primary).await?;
        let wait = self.token.map_or(Duration::ZERO, |token| token.wait);
        match snapshot.freshness.applied() >= self.both() {
            true => Ok(snapshot),
            false => Err(behind(&snapshot, self.both(), wait)),
        }
    }
}

/// No rows, for a statement that reads only the freshness.
fn push_nothing(statement: &mut Statement) {
    statement.push("select 0::bigint as position where false");
}

/// The position of the last event that was recorded up to an instant; zero if there is none. Instants of recording never decrease
/// along positions, so halving the log finds it.
async fn last_position_at(database: &Database, instant: DateTime<Utc>) -> Result<Position, Error> {
    let select = Statement::plain(|statement| {
        statement
            .push(
                "with recursive halves (low, high) as (
                    select 0::bigint, position from log_head
                    union all
                    select case when is_before then middle else low end, case when is_before then high else middle - 1 end
                    from halves, lateral (select (low + high + 1) / 2 as middle) m,
                        lateral (select coalesce((select recorded_at <= ",
            )
            .bind(instant)
            .push(
                " from events where position = middle), false) as is_before) b
                    where low < high
                ) select low as position from halves where low = high",
            );
    });
    let rows = database.fetch_newest(Workload::Report, select).await?;
    let row = rows.first().ok_or(sqlx::Error::RowNotFound)?;
    Ok(Position(row.try_get("position")?))
}

/// Reads and adds up the events after a position that the snapshot has applied.
async fn read_later(snapshot: &mut Snapshot, sums: Sums, after: Position) -> Result<LaterSums, Error> {
    let freshness = snapshot.freshness.clone();
    let mut later = LaterSums::new(sums, after);
    let end = freshness.checkpoints.values().map(|checkpoint| checkpoint.position).max().unwrap_or(after);
    if end.0 - after.0 > LATER_POSITIONS_MAX {
        return Err(TooFarBack { position: after, end }.into());
    }
    let later_events = Events { sums, freshness: &freshness, end, after };
    let streams = snapshot.fetch_all(&later_events.select_streams()).await?;
    let streams: BTreeSet<StreamId> =
        streams.iter().map(|row| parsed(row, "stream_id")).collect::<sqlx::Result<_>>()?;
    let streams: Vec<StreamId> = streams.into_iter().collect();
    for streams in streams.chunks(STREAMS_AT_ONCE) {
        let rows = snapshot.fetch_all(&later_events.select(streams)).await?;
        let events = rows.iter().map(HistoricEvent::decode).collect::<sqlx::Result<Vec<_>>>()?;
        let is_applied =
            |event: &HistoricEvent| event.recorded.position <= freshness.applied_of(&event.recorded.stream);
        for stream in events.chunk_by(|one, next| one.recorded.stream == next.recorded.stream) {
            let applied = stream.iter().take_while(|event| is_applied(event)).count();
            later.add_stream(&stream[..applied])?;
        }
    }
    Ok(later)
}

/// The events that a report must not contain, with what is needed to fold them.
struct Events<'s> {
    sums: Sums,
    freshness: &'s Freshness,
    /// The last position that any partition has applied.
    end: Position,
    after: Position,
}

impl Events<'_> {
    /// Selects the streams with later events.
    fn select_streams(&self) -> Statement {
        Statement::plain(|statement| {
            statement.push("select distinct stream_id from events where position > ").bind(self.after.0);
            self.push_conditions(statement);
        })
    }

    /// Selects the events of streams, in the order of each stream.
    fn select(&self, streams: &[StreamId]) -> Statement {
        let streams: Vec<String> = streams.iter().map(|stream| stream.as_str().to_owned()).collect();
        Statement::plain(|statement| {
            statement.push("select ");
            history::push_columns(self.sums.projection(), statement);
            statement.push(" from events where stream_id = any(").bind(streams).push(")");
            if !self.sums.need_earlier_events() {
                statement.push(" and position > ").bind(self.after.0);
            }
            self.push_conditions(statement);
            statement.push(" order by stream_id, version");
        })
    }

    /// Events of the projection that may be applied: not beyond its partitions, and not of a stream that is parked before.
    fn push_conditions(&self, statement: &mut Statement) {
        let projection = self.sums.projection();
        statement.push(" and position <= ").bind(self.end.0);
        statement
            .push(" and starts_with(stream_id, ")
            .bind(projection.category().prefixes().first().copied())
            .push(")");
        statement
            .push(
                " and not exists (select from parked_streams p where p.stream_id = events.stream_id
                    and p.position <= events.position and p.projection = ",
            )
            .bind(projection.name())
            .push(" and p.generation = ")
            .bind(self.freshness.generation)
            .push(")");
    }
}
