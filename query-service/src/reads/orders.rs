//! Reads of single orders by id or order code, with personal data removed after an erasure. Pages of orders are in [`list`], with
//! their [`filter`] and their [`select`]s; the events of an order in sentences are in [`timeline`]. [`as_of`] reads an order as it was,
//! [`together`] an order with its customer and timeline. [`warm_up`] fills Redis at the start.

pub mod as_of;
mod conditions;
pub mod filter;
pub mod list;
pub mod select;
pub mod timeline;
pub mod together;
pub mod warm_up;

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use events::{Category, CustomerId, LogPosition, OrderCode, OrderId, StreamId};
use read_model::cache::{Keys, ORDER_TTL};
use read_model::{OrderDocument, Projection};
use serde::Deserialize;
use sqlx::Row;
use sqlx::postgres::PgRow;

use crate::reads::cache::process::ProcessLimits;
use crate::reads::cache::redis::{CachedDocument, Redis};
use crate::reads::consistency::{self, Required};
use crate::reads::data_subject::DataSubject;
use crate::reads::database::freshness::Scope;
use crate::reads::database::limits::Workload;
use crate::reads::database::routing::Database;
use crate::reads::database::row::{self, log_position};
use crate::reads::database::statement::Statement;
use crate::reads::documents::{DocumentType, Documents};
use crate::reads::erasures::Erasures;
use crate::reads::error::Error;
use crate::reads::events::Events;
use crate::reads::months::MonthRange;
use crate::reads::representation::Representation;

/// Maximum number of order codes whose ids are cached: about 100 bytes each.
const CODES_MAX: u64 = 50_000;
/// Maximum number of order codes that are remembered as unknown: about 100 bytes each.
const ABSENT_CODES_MAX: u64 = 10_000;
/// Lifetime of a cached id. An order code keeps its id, unless a failover lost the order and the code was assigned again.
const CODES_TTL: Duration = Duration::from_secs(60);

/// The document type of orders.
pub struct Order;

/// Identifies an order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OrderKey {
    /// The order id.
    Id(OrderId),
    /// The order code, such as SON000001.
    Code(OrderCode),
}

/// Orders, by id and by order code.
#[derive(Clone)]
pub struct Orders {
    documents: Documents<Order>,
    /// The id of each order code, and the log position at which it was read: after a failover it may be void.
    ids: moka::sync::Cache<OrderCode, (OrderId, LogPosition)>,
    /// Order codes that recently belonged to no order.
    absent_codes: moka::sync::Cache<OrderCode, ()>,
    erasures: Erasures,
    events: Events,
    database: Database,
}

impl Orders {
    /// Starts with empty caches.
    pub fn new(database: Database, redis: Redis, limits: &ProcessLimits, erasures: Erasures, events: Events) -> Orders {
        let ids = moka::sync::Cache::builder().max_capacity(CODES_MAX).time_to_live(CODES_TTL).build();
        let absent_codes = moka::sync::Cache::builder().max_capacity(ABSENT_CODES_MAX);
        let absent_codes = absent_codes.time_to_live(limits.time_to_live).build();
        Orders {
            documents: Documents::new(database.clone(), redis, limits),
            ids,
            absent_codes,
            erasures,
            events,
            database,
        }
    }

    /// The order, not older than required and without erased personal data; `None` if there is no such order.
    pub async fn find(
        &self,
        key: &OrderKey,
        required: Option<&Required>,
    ) -> Result<Option<Arc<Representation>>, Error> {
        let found = match key {
            OrderKey::Id(id) => self.documents.find(id, required).await?,
            OrderKey::Code(code) => self.find_by_code(code, required).await?,
        };
        match found {
            Some(found) => self.erasures.apply(found, required, erase_personal_data).await.map(Some),
            None => Ok(None),
        }
    }

    /// The id of the order with this key; `None` if no order has the code. An id is returned whether or not there is such an
    /// order.
    pub async fn find_id(&self, key: &OrderKey, required: Option<&Required>) -> Result<Option<OrderId>, Error> {
        let code = match key {
            OrderKey::Id(id) => return Ok(Some(*id)),
            OrderKey::Code(code) => code,
        };
        if let Some(id) = self.cached_id(code) {
            return Ok(Some(id));
        }
        let rows = self.select_by_code(code, required).await?;
        let Some(row) = rows.first() else { return Ok(None) };
        let id = row::order_id(row)?;
        self.ids.insert(code.clone(), (id, log_position(row)?));
        Ok(Some(id))
    }

    /// Finds an order by its id where the id of the code is cached, and else by the code.
    async fn find_by_code(
        &self,
        code: &OrderCode,
        required: Option<&Required>,
    ) -> Result<Option<Arc<Representation>>, Error> {
        if let Some(id) = self.cached_id(code) {
            return self.documents.find(&id, required).await;
        }
        let keys = self.documents.keys().await;
        let rows = self.select_by_code(code, required).await?;
        let Some(row) = rows.first() else { return Ok(None) };
        let (id, at) = (row::order_id(row)?, log_position(row)?);
        self.ids.insert(code.clone(), (id, at));
        let stored = self.documents.store(keys, &id, &rows, LogPosition::ZERO)?;
        match (required, stored) {
            (None, Some(stored)) => Ok(Some(stored)),
            (_, _) => self.documents.find(&id, required).await,
        }
    }

    /// Any row is sufficient, because the document is read by its id afterwards. That no row exists must be true at the
    /// required position.
    async fn select_by_code(&self, code: &OrderCode, required: Option<&Required>) -> Result<Vec<PgRow>, Error> {
        let select = |statement: &mut Statement| select_by_code(code, statement);
        if required.is_none() {
            if self.absent_codes.contains_key(code) {
                return Ok(Vec::new());
            }
            let rows = self.database.fetch(Workload::Document, Statement::plain(select)).await?;
            if rows.is_empty() {
                self.absent_codes.insert(code.clone(), ());
            }
            return Ok(rows);
        }
        let one_order = Scope::OneOf(format!("{}-", Category::Order));
        let (workload, projection) = (Workload::Document, Projection::ORDERS);
        Ok(consistency::read(&self.database, workload, required, projection, &one_order, &select).await?.rows)
    }

    /// The cached id of an order code, unless the order was lost in a failover.
    fn cached_id(&self, code: &OrderCode) -> Option<OrderId> {
        let (id, at) = self.ids.get(code)?;
        self.database.latest().incarnations().include(at).then_some(id)
    }
}

fn select_by_code(code: &OrderCode, statement: &mut Statement) {
    statement
        .push(
            "select o.id, o.document::text as document, o.incarnation, o.position
             from (select id from order_search where code = ",
        )
        .bind(code.as_str())
        .push(" order by id desc limit 1) found join orders o on o.id = found.id");
}

impl DocumentType for Order {
    type Key = OrderId;

    const NAME: &'static str = "order";
    const PROJECTION: Projection = Projection::ORDERS;
    const TTL: Duration = ORDER_TTL;

    fn select(id: &OrderId, statement: &mut Statement) {
        statement
            .push("select document::text as document, incarnation, position from orders where id = ")
            .bind(id.uuid());
        MonthRange::of(id.uuid()).push(statement, "id");
    }

    fn decode(keys: &Keys, id: &OrderId, row: &PgRow) -> sqlx::Result<CachedDocument> {
        let json = Bytes::from(row.try_get::<String, _>("document")?);
        Ok(CachedDocument { key: keys.order(*id), at: log_position(row)?, json })
    }

    fn part_keys(keys: &Keys, id: &OrderId) -> Option<Vec<String>> {
        Some(vec![keys.order(*id)])
    }

    fn representation(id: &OrderId, parts: &[CachedDocument]) -> Representation {
        let CachedDocument { json, at, .. } = &parts[0];
        Representation::document(json.clone(), *at).with_data_subjects(data_subjects(*id, json))
    }

    fn scope(id: &OrderId) -> Scope {
        Scope::Stream(StreamId::order(*id))
    }
}

/// The data subjects of an order document; none if the document contains no personal data. A document that this release cannot
/// decode is assumed to contain personal data of every customer in it; after an erasure it cannot be returned at all, because
/// its personal data cannot be removed.
fn data_subjects(id: OrderId, json: &[u8]) -> Vec<DataSubject> {
    /// The members that every release writes.
    #[derive(Deserialize)]
    struct Customers {
        customer_id: Option<CustomerId>,
        #[serde(default)]
        former_customers: Vec<CustomerId>,
    }
    let customers: Vec<CustomerId> = match serde_json::from_slice::<OrderDocument>(json) {
        Ok(mut order) => match order.erase_personal_data() {
            true => order.customers().collect(),
            false => return Vec::new(),
        },
        Err(_) => match serde_json::from_slice::<Customers>(json) {
            Ok(order) => order.former_customers.into_iter().chain(order.customer_id).collect(),
            Err(_) => Vec::new(),
        },
    };
    customers.into_iter().map(DataSubject::Customer).chain([DataSubject::Order(id)]).collect()
}

fn erase_personal_data(json: &[u8]) -> serde_json::Result<Bytes> {
    let mut order: OrderDocument = serde_json::from_slice(json)?;
    order.erase_personal_data();
    serde_json::to_vec(&order).map(Bytes::from)
}
