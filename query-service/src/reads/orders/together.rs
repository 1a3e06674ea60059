//! An order together with its customer and its timeline, from one statement, so from one snapshot of one database.
//!
//! Three projections are involved. Each of them must contain the consistency token, and the result is as new as the oldest of
//! those that are requested.

use std::time::Duration;

use events::{CustomerId, EventId, LogPosition, OrderId, Position, StreamId, Version};
use read_model::{CustomerDocument, OrderDocument, Projection, TimelineEntry};
use serde::Deserialize;
use serde_json::value::RawValue;
use sqlx::Row;
use sqlx::postgres::PgRow;

use super::{OrderKey, Orders, data_subjects};
use crate::reads::consistency::{self, Required};
use crate::reads::data_subject::DataSubject;
use crate::reads::database::freshness::{Freshness, Scope};
use crate::reads::database::limits::Workload;
use crate::reads::database::routing::Database;
use crate::reads::database::source::SourceName;
use crate::reads::database::statement::{FreshRows, Statement};
use crate::reads::error::{Error, ProjectionLag, Reached};

/// Maximum number of entries of the timeline; the further ones are pages of the timeline.
pub const TIMELINE_MAX: i64 = 200;
/// Pause before a read is repeated because the database had less than was observed.
const PAUSE: Duration = Duration::from_millis(20);

/// What is read together with an order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Parts {
    /// The customer of the order.
    pub customer: bool,
    /// The timeline of the order.
    pub timeline: bool,
}

/// An order and the requested parts.
pub struct Together {
    /// Id of the order.
    pub id: OrderId,
    /// The document of the order.
    pub order: Box<RawValue>,
    /// The document of its customer; `None` for a guest order, and if it is not requested.
    pub customer: Option<Box<RawValue>>,
    /// The first entries of its timeline; `None` if it is not requested.
    pub timeline: Option<Vec<TimelineEntry>>,
    /// Version of the last entry, if there are further ones.
    pub timeline_next: Option<Version>,
    /// All parts contain every event up to this log position.
    pub contained: LogPosition,
}

impl Parts {
    /// The projections that write the order and the parts.
    pub fn projections(self) -> impl Iterator<Item = Projection> {
        let customer = self.customer.then_some(Projection::CUSTOMERS);
        let timeline = self.timeline.then_some(Projection::ORDER_TIMELINE);
        [Some(Projection::ORDERS), customer, timeline].into_iter().flatten()
    }
}

/// The rows of one statement: at most one order, and the freshness of every projection.
struct Read {
    freshness: Vec<Freshness>,
    order: Option<PgRow>,
}

impl Orders {
    /// The order with these parts, not older than required and without erased personal data; `None` if there is no such order.
    pub async fn find_together(
        &self,
        key: &OrderKey,
        parts: Parts,
        required: Option<&Required>,
    ) -> Result<Option<Together>, Error> {
        let Some(id) = self.find_id(key, required).await? else { return Ok(None) };
        let read = match required {
            None => self.read_once(id, parts, None).await?,
            Some(required) => self.read_not_older(id, parts, required).await?,
        };
        let Some(row) = &read.order else { return Ok(None) };
        let mut found = Together::decode(id, row, parts, read.contained())?;
        self.erase(&mut found, required).await?;
        Ok(Some(found))
    }

    /// Reads from the database `on`, if it is given and answers.
    async fn read_once(&self, id: OrderId, parts: Parts, on: Option<SourceName>) -> Result<Read, Error> {
        let projections: Vec<Projection> = parts.projections().collect();
        let scope = Scope::Stream(StreamId::order(id));
        let statement =
            Statement::with_freshness_of_all(&projections, &scope, |statement| select(id, parts, statement));
        Ok(Read::decode(self.database.fetch_on(Workload::Document, on, statement).await?)?)
    }

    /// Reads until every projection contains the token, or the wait is over.
    async fn read_not_older(&self, id: OrderId, parts: Parts, required: &Required) -> Result<Read, Error> {
        consistency::refuse_beyond_log(&self.database, required.position)?;
        let permit = if required.wait.is_zero() { None } else { self.database.waiting_permit() };
        let mut on = None;
        loop {
            let read = self.read_once(id, parts, on).await?;
            let Some(behind) = read.find_behind(id, required.position, &self.database) else { return Ok(read) };
            let (projection, contained) = (behind.projection, behind.contained().position);
            let reached = Some(Reached { contained, relayed: behind.relay.position });
            let lag = ProjectionLag { required: required.position, wait: required.wait, reached };
            if permit.is_none() || behind.is_parked_before(required.position) {
                return Err(Error::ProjectionLag(Box::new(lag)));
            }
            let token = required.position;
            let is_reached = |now: &Freshness| now.covers(&read.scope_of(id, now), token);
            let waiting = async {
                let source = self.database.projection_reaches(projection, is_reached).await;
                // If the read has already seen more than the observer, the observer needs a moment.
                if on == Some(source) {
                    tokio::time::sleep(PAUSE).await;
                }
                source
            };
            match tokio::time::timeout_at(required.deadline, waiting).await {
                Ok(source) => on = Some(source),
                Err(_) => return Err(Error::ProjectionLag(Box::new(lag))),
            }
        }
    }

    async fn erase(&self, found: &mut Together, required: Option<&Required>) -> Result<(), Error> {
        let of_order = data_subjects(found.id, found.order.get().as_bytes());
        let customer: Option<CustomerDocument> =
            found.customer.as_ref().map(|json| serde_json::from_str(json.get())).transpose()?;
        let of_customer = customer.as_ref().map(|customer| DataSubject::Customer(customer.id));
        let subjects: Vec<DataSubject> = of_order.iter().copied().chain(of_customer).collect();
        if subjects.is_empty() {
            return Ok(());
        }
        let not_before = required.map_or(Position::ZERO, |required| required.position);
        let erased = self.erasures.find(&subjects, not_before).await?;
        if of_order.iter().any(|subject| erased.contains(subject)) {
            let mut order: OrderDocument = serde_json::from_str(found.order.get())?;
            order.erase_personal_data();
            found.order = serde_json::value::to_raw_value(&order)?;
        }
        if let Some(mut customer) = customer.filter(|it| erased.contains(&DataSubject::Customer(it.id))) {
            customer.erase();
            found.customer = Some(serde_json::value::to_raw_value(&customer)?);
        }
        Ok(())
    }
}

/// Selects the order and its parts in one row. A parked customer is found here, because the customer is not known before.
fn select(id: OrderId, parts: Parts, statement: &mut Statement) {
    statement.push("select o.position, o.document::text as document, o.customer_id");
    if parts.customer {
        statement.push(
            ", (select c.document::text from customers c where c.id = o.customer_id) as customer,
            (select min(p.position) from parked_streams p
                join projection_generations g on g.projection = p.projection and g.generation = p.generation
                where g.state = 'live' and p.projection = 'customers' and p.stream_id = 'customer-' || o.customer_id)
                as customer_parked",
        );
    }
    if parts.timeline {
        statement
            .push(
                ", (select coalesce(json_agg(t order by t.version), '[]')::text from (
                    select version, kind, text, occurred_at, incarnation, position from order_timeline
                    where order_id = o.id order by version limit ",
            )
            .bind(TIMELINE_MAX + 1)
            .push(") t) as timeline");
    }
    statement.push(" from orders o where o.id = ").bind(id.uuid());
}

impl Read {
    fn decode(rows: Vec<PgRow>) -> sqlx::Result<Read> {
        let mut freshness = rows.iter().map(FreshRows::decode_freshness).collect::<sqlx::Result<Vec<_>>>()?;
        let mut order = None;
        for row in rows {
            if row.try_get::<Option<i64>, _>("position")?.is_some() {
                order = Some(row);
            }
        }
        if let Some(row) = &order
            && let Some(customers) = freshness.iter_mut().find(|it| it.is_of(Projection::CUSTOMERS))
        {
            customers.parked = row.try_get::<Option<i64>, _>("customer_parked")?.map(Position);
        }
        Ok(Read { freshness, order })
    }

    /// The log position up to which all projections contain every event.
    fn contained(&self) -> LogPosition {
        self.freshness.iter().map(Freshness::contained).min_by_key(|at| at.position).unwrap_or(LogPosition::ZERO)
    }

    /// The first projection that does not contain the token. Without an order, only the projection of orders matters.
    fn find_behind(&self, id: OrderId, token: Position, database: &Database) -> Option<&Freshness> {
        let matters = |it: &&Freshness| self.order.is_some() || it.is_of(Projection::ORDERS);
        let is_behind = |it: &&Freshness| {
            let at = LogPosition { incarnation: it.incarnation(), position: token };
            !it.covers(&self.scope_of(id, it), token) || !database.latest().incarnations().include(at)
        };
        self.freshness.iter().filter(matters).find(is_behind)
    }

    /// The streams on which the part of a projection depends.
    fn scope_of(&self, id: OrderId, freshness: &Freshness) -> Scope {
        if !freshness.is_of(Projection::CUSTOMERS) {
            return Scope::Stream(StreamId::order(id));
        }
        let customer = self.order.as_ref().and_then(|row| row.try_get::<Option<uuid::Uuid>, _>("customer_id").ok()?);
        let customer = customer.and_then(|id| CustomerId::try_from(id).ok());
        customer.map_or(Scope::List, |id| Scope::Stream(StreamId::customer(id)))
    }
}

impl Together {
    fn decode(id: OrderId, row: &PgRow, parts: Parts, contained: LogPosition) -> Result<Together, Error> {
        let order = RawValue::from_string(row.try_get("document")?)?;
        let customer: Option<String> = if parts.customer { row.try_get("customer")? } else { None };
        let customer = customer.map(RawValue::from_string).transpose()?;
        let mut found = Together { id, order, customer, timeline: None, timeline_next: None, contained };
        if parts.timeline {
            let mut entries: Vec<Entry> = serde_json::from_str(row.try_get("timeline")?)?;
            let has_next = entries.len() as i64 > TIMELINE_MAX;
            entries.truncate(TIMELINE_MAX as usize);
            found.timeline_next = entries.last().filter(|_| has_next).map(|entry| entry.version);
            found.timeline = Some(entries.into_iter().map(|entry| entry.of(id)).collect());
        }
        Ok(found)
    }
}

/// A row of the timeline.
#[derive(Deserialize)]
struct Entry {
    version: Version,
    kind: String,
    text: String,
    occurred_at: chrono::DateTime<chrono::Utc>,
    incarnation: events::Incarnation,
    position: Position,
}

impl Entry {
    fn of(self, order_id: OrderId) -> TimelineEntry {
        let Entry { version, kind, text, occurred_at, incarnation, position } = self;
        let id = EventId::of(occurred_at, incarnation, position);
        TimelineEntry { id, order_id, version, kind, text, occurred_at, incarnation, position }
    }
}
