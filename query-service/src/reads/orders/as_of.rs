//! An order as it was: its document, folded from the events in the log up to a position or instant, with the fold of the
//! projector. No projection delays it.
//!
//! Events that an operator has skipped in the live generation are skipped here too, so that the document is the one that readers
//! saw. Personal data that was erased since then is left out.

use std::collections::BTreeSet;

use bytes::Bytes;
use chrono::{DateTime, Utc};
use events::{Event, LogPosition, OrderId, Position, StreamId, Version};
use read_model::{OrderDocument, Projection};
use sqlx::Row;
use sqlx::postgres::PgRow;

use super::{OrderKey, Orders};
use crate::reads::consistency::Required;
use crate::reads::data_subject::DataSubject;
use crate::reads::database::limits::Workload;
use crate::reads::database::statement::Statement;
use crate::reads::error::{BeyondLog, Error, History, ProjectionLag, Reached};
use crate::reads::events::Reader;
use crate::reads::history::{self, HistoricEvent};
use crate::reads::moment::Moment;
use crate::reads::representation::Representation;

/// Events that are read with one statement. Most orders have fewer, and the memory for a long stream stays limited.
const PAGE: i64 = 500;

/// A page of the events of an order, and the end of the log in the same snapshot.
struct Page {
    head: Position,
    /// When the last event in the log was recorded.
    head_at: Option<DateTime<Utc>>,
    events: Vec<HistoricEvent>,
}

impl Orders {
    /// The order as it was at a moment; `None` if it did not exist then.
    pub async fn find_as_of(
        &self,
        key: &OrderKey,
        moment: Moment,
        required: Option<&Required>,
    ) -> Result<Option<Representation>, Error> {
        let Some(id) = self.find_id(key, required).await? else { return Ok(None) };
        let Some(mut order) = self.fold(id, moment, required).await? else { return Ok(None) };
        // Also the customers to whom the order was assigned after the moment.
        let stream = StreamId::order(id);
        let subjects = self.events.list_subjects(Reader::Single, &BTreeSet::from([stream])).await?;
        let subjects: Vec<DataSubject> = subjects.into_values().flatten().collect();
        let not_before = required.map_or(Position::ZERO, |required| required.position);
        if !self.erasures.find(&subjects, not_before).await?.is_empty() {
            order.erase_personal_data();
        }
        let (json, at) = (Bytes::from(serde_json::to_vec(&order)?), order.log_position());
        Ok(Some(Representation::document(json, at)))
    }

    async fn fold(
        &self,
        id: OrderId,
        moment: Moment,
        required: Option<&Required>,
    ) -> Result<Option<OrderDocument>, Error> {
        let mut order: Option<OrderDocument> = None;
        loop {
            let after = order.as_ref().map_or(Version::NONE, |order| order.version);
            let page = self.read_history(id, moment, after, required).await?;
            let is_last = (page.events.len() as i64) < PAGE;
            for event in page.events {
                apply(&mut order, &event)?;
            }
            if is_last || order.is_none() {
                return Ok(order);
            }
        }
    }

    /// Reads the events from the database that serves reads, or from the newest one if that does not reach the moment.
    async fn read_history(
        &self,
        id: OrderId,
        moment: Moment,
        after: Version,
        required: Option<&Required>,
    ) -> Result<Page, Error> {
        let page = Page::decode(&self.database.fetch(Workload::List, select(id, moment, after)).await?)?;
        let is_old = required.is_some_and(|required| page.head < required.position);
        if page.reaches(moment) && !is_old {
            return Ok(page);
        }
        let page = Page::decode(&self.database.fetch_newest(Workload::List, select(id, moment, after)).await?)?;
        let end = page.head;
        if let Some(required) = required.filter(|required| end < required.position) {
            let reached = Some(Reached { contained: end, relayed: end });
            let lag = ProjectionLag { required: required.position, wait: required.wait, reached };
            return Err(Error::ProjectionLag(Box::new(lag)));
        }
        match moment {
            Moment::Position(position) if position > end => Err(BeyondLog { position, end }.into()),
            // The newest database contains every event that was recorded so far.
            Moment::Position(_) | Moment::Instant(_) => Ok(page),
        }
    }
}

/// Applies an event as the projector does.
fn apply(
    order: &mut Option<OrderDocument>,
    HistoricEvent { recorded, is_skipped }: &HistoricEvent,
) -> Result<(), Error> {
    if *is_skipped {
        if let Some(order) = order {
            order.advance_to(recorded);
        }
        return Ok(());
    }
    let failed = |reason: String| {
        let at = LogPosition { incarnation: recorded.incarnation, position: recorded.position };
        Error::from(History { at, reason })
    };
    match recorded.decode().map_err(|error| failed(error.to_string()))? {
        Event::Order(event) => OrderDocument::fold(order, recorded, &event).map_err(|error| failed(error.to_string())),
        _ => Err(failed("it is not an event of an order".to_owned())),
    }
}

/// Selects the next events of an order up to a moment, and the end of the log from the same snapshot.
fn select(id: OrderId, moment: Moment, after: Version) -> Statement {
    let stream = StreamId::order(id);
    Statement::plain(|statement| {
        statement.push(
            "select h.position as head, (select recorded_at from events where position = h.position) as head_at, e.*
                from log_head h left join lateral (select ",
        );
        history::push_columns(Projection::ORDERS, statement);
        statement.push(" from events where stream_id = ").bind(stream.as_str()).push(" and version > ").bind(after.0);
        match moment {
            Moment::Position(position) => statement.push(" and position <= ").bind(position.0),
            Moment::Instant(instant) => statement.push(" and recorded_at <= ").bind(instant),
        };
        statement.push(" order by version limit ").bind(PAGE).push(") e on true order by e.version");
    })
}

impl Page {
    fn decode(rows: &[PgRow]) -> sqlx::Result<Page> {
        let first = rows.first().ok_or(sqlx::Error::RowNotFound)?;
        let (head, head_at) = (Position(first.try_get("head")?), first.try_get("head_at")?);
        // Without events the statement returns one row with only the end of the log.
        let is_empty = first.try_get::<Option<i64>, _>("position")?.is_none();
        let rows = if is_empty { &[] } else { rows };
        let events = rows.iter().map(HistoricEvent::decode).collect::<sqlx::Result<_>>()?;
        Ok(Page { head, head_at, events })
    }

    /// Whether the snapshot has every event up to the moment. Instants of recording never decrease along positions, so a later
    /// event proves that no earlier one is missing.
    fn reaches(&self, moment: Moment) -> bool {
        match moment {
            Moment::Position(position) => self.head >= position,
            Moment::Instant(instant) => self.head_at.is_some_and(|head_at| head_at > instant),
        }
    }
}
