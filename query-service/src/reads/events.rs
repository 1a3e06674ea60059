//! Reads of events: pages of the log, and of one stream. Personal data that is erased is removed before an event is shown.
//!
//! A page of the log reads at most [`WINDOW`] positions, whatever the filter, because the log has no index by event type. Such
//! a page may have fewer events than requested, or none, and still have a next page. Streams read ranges of the log in
//! [`log_range`].

pub mod log_range;

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};
use events::cloudevents::CloudEvent;
use events::stream::Subject;
use events::{
    Category, CustomerId, Event, Incarnation, LogId, LogPosition, Position, Recorded, StreamId, Version, codec,
};
use sqlx::Row;
use sqlx::postgres::PgRow;
use uuid::Uuid;

use crate::reads::consistency::{Required, Select};
use crate::reads::data_subject::DataSubject;
use crate::reads::database::limits::Workload;
use crate::reads::database::routing::Database;
use crate::reads::database::row::parsed;
use crate::reads::database::statement::Statement;
use crate::reads::erasures::Erasures;
use crate::reads::error::{Error, ProjectionLag, Reached};
use crate::reads::page::{Page, keep_decoded};

/// Maximum number of positions that a page of the log reads.
const WINDOW: i64 = 10_000;

/// The columns of an event, with the end of the log and its identity in front of each row.
const SELECT: &str = "select i.id as log_id, h.incarnation as head_incarnation, h.position as head, e.*
    from log_head h cross join log_identity i left join lateral (
        select position, incarnation, stream_id, version, event_type, schema_version, payload::text as payload, metadata::text as metadata,
            command_id, recorded_at
        from events where ";

/// Which events of the log a page contains.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct EventFilter {
    /// Events of these types; of all types if empty.
    pub types: BTreeSet<String>,
}

/// Events, as far as they can be read.
#[derive(Clone)]
pub struct Events {
    database: Database,
    erasures: Erasures,
}

/// For whom events are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reader {
    /// One reader, from the database that serves reads.
    Single,
    /// One reader who needs the newest events.
    Newest,
    /// All readers of streams: one small statement for all of them, so that no connection limit applies to it.
    Shared,
}

/// Rows of one snapshot, and the log that they belong to.
struct Rows {
    log: LogId,
    head: LogPosition,
    events: Vec<Recorded>,
    /// Number of events that this release cannot read, because a newer release wrote them.
    left_out: usize,
    /// The last event of the page, if there is a further one.
    last: Option<(Position, Version)>,
}

impl Events {
    /// Reads through `database`.
    pub fn new(database: Database, erasures: Erasures) -> Events {
        Events { database, erasures }
    }

    /// Reads the page of events of the log after a position, in the order of the log.
    pub async fn read_log(
        &self,
        required: Option<&Required>,
        filter: &EventFilter,
        after: Position,
        limit: u16,
    ) -> Result<Page<CloudEvent>, Error> {
        let end = after.0.saturating_add(WINDOW);
        let types: Vec<String> = filter.types.iter().cloned().collect();
        let select = |statement: &mut Statement| {
            statement.push(SELECT).push("position > ").bind(after.0).push(" and position <= ").bind(end);
            if !types.is_empty() {
                statement.push(" and event_type = any(").bind(types.clone()).push(")");
            }
            statement
                .push(" order by position limit ")
                .bind(i64::from(limit) + 1)
                .push(") e on true order by e.position");
        };
        let rows = self.fetch(required, &select, limit).await?;
        let last = match rows.last {
            Some((position, _)) => Some(position),
            None => Some(Position(end)).filter(|end| *end < rows.head.position),
        };
        self.page(rows, required, last.map(|position| position.0.to_be_bytes().to_vec())).await
    }

    /// Reads the page of events of a stream after a version, oldest first.
    pub async fn read_stream(
        &self,
        required: Option<&Required>,
        stream: &StreamId,
        after: Version,
        limit: u16,
    ) -> Result<Page<CloudEvent>, Error> {
        let select = |statement: &mut Statement| {
            statement.push(SELECT).push("stream_id = ").bind(stream.as_str()).push(" and version > ").bind(after.0);
            statement
                .push(" order by version limit ")
                .bind(i64::from(limit) + 1)
                .push(") e on true order by e.version");
        };
        let rows = self.fetch(required, &select, limit).await?;
        let last = rows.last.map(|(_, version)| version.0.to_be_bytes().to_vec());
        self.page(rows, required, last).await
    }

    /// Reads the replica, and the primary if the replica does not contain the required position.
    async fn fetch(&self, required: Option<&Required>, select: Select<'_>, limit: u16) -> Result<Rows, Error> {
        let rows = Rows::decode(&self.database.fetch(Workload::List, Statement::plain(select)).await?, limit)?;
        let Some(required) = required.filter(|required| rows.head.position < required.position) else {
            return Ok(rows);
        };
        let rows = Rows::decode(&self.database.fetch_newest(Workload::List, Statement::plain(select)).await?, limit)?;
        let end = rows.head.position;
        if end >= required.position {
            return Ok(rows);
        }
        let reached = Some(Reached { contained: end, relayed: end });
        Err(Error::ProjectionLag(Box::new(ProjectionLag { required: required.position, wait: required.wait, reached })))
    }

    async fn page(
        &self,
        rows: Rows,
        required: Option<&Required>,
        next_after: Option<Vec<u8>>,
    ) -> Result<Page<CloudEvent>, Error> {
        let Rows { log, head, mut events, left_out, last: _ } = rows;
        self.erase(Reader::Single, &mut events, required).await?;
        let items = events.into_iter().map(|event| CloudEvent::of(log, event)).collect::<Result<_, _>>()?;
        Ok(Page { contained: head, items, left_out, next_after })
    }

    /// Removes the personal data that is erased. An event that this release cannot decode is shown without its payload if its
    /// order or customer is erased.
    async fn erase(&self, reader: Reader, events: &mut [Recorded], required: Option<&Required>) -> Result<(), Error> {
        let personal: BTreeSet<StreamId> =
            events.iter().filter(|event| may_be_personal(event)).map(|event| event.stream.clone()).collect();
        if personal.is_empty() {
            return Ok(());
        }
        let subjects = self.list_subjects(reader, &personal).await?;
        let all: Vec<DataSubject> = subjects.values().flatten().copied().collect();
        let not_before = required.map_or(Position::ZERO, |required| required.position);
        let erased = self.erasures.find(&all, not_before).await?;
        let is_erased =
            |stream: &StreamId| subjects.get(stream).is_some_and(|of| of.iter().any(|it| erased.contains(it)));
        for event in events.iter_mut().filter(|event| is_erased(&event.stream)) {
            erase_personal_data(event);
        }
        Ok(())
    }

    /// The persons whose data the events of streams may contain: the customer of a customer stream; the order itself and every
    /// customer to whom it was ever assigned, of an order stream.
    pub async fn list_subjects(
        &self,
        reader: Reader,
        streams: &BTreeSet<StreamId>,
    ) -> Result<BTreeMap<StreamId, Vec<DataSubject>>, Error> {
        let mut subjects: BTreeMap<StreamId, Vec<DataSubject>> = BTreeMap::new();
        let mut orders = Vec::new();
        for stream in streams {
            let own = match stream.subject() {
                Subject::Order(id) => {
                    orders.push(stream.as_str().to_owned());
                    DataSubject::Order(id)
                }
                Subject::Customer(id) => DataSubject::Customer(id),
                _ => continue,
            };
            subjects.insert(stream.clone(), vec![own]);
        }
        if orders.is_empty() {
            return Ok(subjects);
        }
        let select = Statement::plain(|statement| {
            statement
                .push("select stream_id, payload ->> 'customer_id' as customer_id from events where stream_id = any(")
                .bind(orders)
                .push(") and event_type in ('OrderPlaced', 'OrderCustomerAssigned')");
        });
        let rows = match reader {
            Reader::Shared => self.database.fetch_from_primary(select).await?,
            Reader::Single | Reader::Newest => self.database.fetch_newest(Workload::List, select).await?,
        };
        for row in rows {
            let stream: StreamId = parsed(&row, "stream_id")?;
            let customer: Option<&str> = row.try_get("customer_id")?;
            let Some(customer) = customer.and_then(|id| id.parse::<CustomerId>().ok()) else { continue };
            subjects.entry(stream).or_default().push(DataSubject::Customer(customer));
        }
        Ok(subjects)
    }
}

/// Whether an event may contain personal data.
fn may_be_personal(event: &Recorded) -> bool {
    match event.stream.category() {
        Category::Order | Category::Customer => event.decode().map_or(true, |mut event| event.erase_personal_data()),
        _ => false,
    }
}

fn erase_personal_data(event: &mut Recorded) {
    let Ok(mut decoded) = event.decode() else {
        event.payload = "null".to_owned();
        return;
    };
    if Event::erase_personal_data(&mut decoded) {
        let encoded = codec::encode(&decoded);
        (event.schema_version, event.payload) = (encoded.schema_version, encoded.payload);
    }
}

impl Rows {
    /// Decodes the rows of a page of at most `limit` events.
    fn decode(rows: &[PgRow], limit: u16) -> sqlx::Result<Rows> {
        let first = rows.first().ok_or(sqlx::Error::RowNotFound)?;
        let head = LogPosition {
            incarnation: Incarnation(first.try_get("head_incarnation")?),
            position: Position(first.try_get("head")?),
        };
        let log = LogId(first.try_get::<Uuid, _>("log_id")?);
        // Without events the statement returns one row with only the end of the log.
        let is_event = |row: &&PgRow| !matches!(row.try_get::<Option<i64>, _>("position"), Ok(None));
        let mut rows: Vec<&PgRow> = rows.iter().filter(is_event).collect();
        let has_next = rows.len() > usize::from(limit);
        rows.truncate(usize::from(limit));
        let place = |row: &&PgRow| Ok((Position(row.try_get("position")?), Version(row.try_get("version")?)));
        let last: sqlx::Result<_> = rows.last().filter(|_| has_next).map(place).transpose();
        let (events, left_out) = keep_decoded("log", rows.iter().map(|row| decode_event(row)));
        Ok(Rows { log, head, events, left_out, last: last? })
    }
}

pub(super) fn decode_event(row: &PgRow) -> sqlx::Result<Recorded> {
    let metadata: Option<String> = row.try_get("metadata")?;
    // Metadata that this release cannot read does not hide the event.
    let metadata = metadata.and_then(|json| serde_json::from_str(&json).ok()).unwrap_or_default();
    let recorded_at: DateTime<Utc> = row.try_get("recorded_at")?;
    Ok(Recorded {
        incarnation: Incarnation(row.try_get("incarnation")?),
        position: Position(row.try_get("position")?),
        stream: parsed(row, "stream_id")?,
        version: Version(row.try_get("version")?),
        event_type: row.try_get("event_type")?,
        schema_version: row.try_get("schema_version")?,
        payload: row.try_get("payload")?,
        metadata,
        command_id: row.try_get("command_id")?,
        recorded_at,
    })
}
