//! Reads of customers: one customer by id, and pages of customers. Erased personal data is removed from both.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use events::{CustomerId, EmailHash, Position, StreamId};
use read_model::cache::Keys;
use read_model::{CustomerDocument, Projection};
use sqlx::Row;
use sqlx::postgres::PgRow;
use uuid::Uuid;

use crate::reads::cache::process::ProcessLimits;
use crate::reads::cache::redis::{CachedDocument, Redis};
use crate::reads::consistency::Required;
use crate::reads::data_subject::DataSubject;
use crate::reads::database::freshness::Scope;
use crate::reads::database::routing::Database;
use crate::reads::database::row::log_position;
use crate::reads::database::statement::Statement;
use crate::reads::documents::{DocumentType, Documents};
use crate::reads::erasures::Erasures;
use crate::reads::error::Error;
use crate::reads::label::Label;
use crate::reads::page::{Page, PageRead};
use crate::reads::representation::Representation;

/// The document type of customers.
pub struct Customer;

/// Customers.
pub struct Customers {
    documents: Documents<Customer>,
    erasures: Erasures,
    database: Database,
}

impl Customers {
    /// Starts with an empty cache.
    pub fn new(database: Database, redis: Redis, limits: &ProcessLimits, erasures: Erasures) -> Customers {
        Customers { documents: Documents::new(database.clone(), redis, limits), erasures, database }
    }

    /// The customer, not older than required and without erased personal data; `None` if there is no such customer.
    pub async fn find(
        &self,
        id: CustomerId,
        required: Option<&Required>,
    ) -> Result<Option<Arc<Representation>>, Error> {
        match self.documents.find(&id, required).await? {
            Some(found) => self.erasures.apply(found, required, erase_personal_data).await.map(Some),
            None => Ok(None),
        }
    }

    /// Reads the page of customers whose ids are below `after`, last registered first; with a tag, only those that have the tag.
    pub async fn read_page(
        &self,
        required: Option<&Required>,
        tag: Option<&Label>,
        after: Option<Uuid>,
        limit: u16,
    ) -> Result<Page<CustomerDocument>, Error> {
        let (database, scope) = (&self.database, &Scope::List);
        let page = PageRead { database, required, limit, projection: Projection::CUSTOMERS, scope };
        let select = |statement: &mut Statement| {
            statement.push("select id, document::text as document, position from customers where true");
            if let Some(after) = after {
                statement.push(" and id < ").bind(after);
            }
            if let Some(tag) = tag {
                push_tag(tag, statement.plan_each_time());
            }
            statement.push(" order by id desc limit ").bind(page.select_limit());
        };
        let key = |row: &PgRow| row.try_get::<Uuid, _>("id").map(|id| id.as_bytes().to_vec());
        let mut found = page.read(&select, document, key).await?;
        self.erase(&mut found.items, required).await?;
        if tag.is_some() {
            // That a customer had a tag is personal data as well.
            found.items.retain(|customer| !customer.erased);
        }
        Ok(found)
    }

    /// Reads the customer who uses an e-mail address, as a page of at most one row. The log says who uses the address, so no table
    /// of a projection contains the hash, and an address that is freed finds nobody from then on. The projection of customers may be
    /// behind the log; then the customer is missing, or has the data of the position that the page contains.
    pub async fn find_by_email(
        &self,
        required: Option<&Required>,
        email: EmailHash,
    ) -> Result<Page<CustomerDocument>, Error> {
        let (database, scope) = (&self.database, &Scope::List);
        let page = PageRead { database, required, limit: 1, projection: Projection::CUSTOMERS, scope };
        let select = |statement: &mut Statement| {
            statement
                .push(
                    "with newest as materialized (
                        select event_type, payload from events where stream_id = ",
                )
                .bind(StreamId::email(email).as_str())
                .push(
                    " order by version desc limit 1
                    )
                    select id, document::text as document, position from customers where id = (
                        select (payload ->> 'customer_id')::uuid from newest where event_type = 'CustomerEmailTaken'
                    )",
                );
        };
        let key = |row: &PgRow| row.try_get::<Uuid, _>("id").map(|id| id.as_bytes().to_vec());
        let mut found = page.read(&select, document, key).await?;
        self.erase(&mut found.items, required).await?;
        // The events that erase a customer and free the address are written together, but the database may be a replica.
        found.items.retain(|customer| !customer.erased);
        Ok(found)
    }

    async fn erase(&self, customers: &mut [CustomerDocument], required: Option<&Required>) -> Result<(), Error> {
        let subjects = |customer: &CustomerDocument| DataSubject::Customer(customer.id);
        let named: Vec<DataSubject> = customers.iter().filter(|customer| !customer.erased).map(subjects).collect();
        if named.is_empty() {
            return Ok(());
        }
        let not_before = required.map_or(Position::ZERO, |required| required.position);
        let erased: HashSet<DataSubject> = self.erasures.find(&named, not_before).await?.into_iter().collect();
        customers.iter_mut().filter(|customer| erased.contains(&subjects(customer))).for_each(CustomerDocument::erase);
        Ok(())
    }
}

/// Adds the condition that a customer has a tag.
pub(super) fn push_tag(tag: &Label, statement: &mut Statement) {
    // The partial index contains only customers with tags; the planner uses it only if the query repeats the condition.
    let mut either = " and tags <> '{}' and (tags @> array[";
    for form in tag.forms() {
        statement.push(either).bind(form).push("]");
        either = " or tags @> array[";
    }
    statement.push(")");
}

pub(super) fn document(row: &PgRow) -> sqlx::Result<CustomerDocument> {
    serde_json::from_str(row.try_get("document")?).map_err(|error| sqlx::Error::Decode(error.into()))
}

fn erase_personal_data(json: &[u8]) -> serde_json::Result<Bytes> {
    let mut customer: CustomerDocument = serde_json::from_slice(json)?;
    customer.erase();
    serde_json::to_vec(&customer).map(Bytes::from)
}

impl DocumentType for Customer {
    type Key = CustomerId;

    const NAME: &'static str = "customer";
    const PROJECTION: Projection = Projection::CUSTOMERS;
    const TTL: Duration = Duration::from_secs(30);

    fn select(id: &CustomerId, statement: &mut Statement) {
        statement
            .push("select document::text as document, incarnation, position from customers where id = ")
            .bind(id.uuid());
    }

    fn decode(_: &Keys, id: &CustomerId, row: &PgRow) -> sqlx::Result<CachedDocument> {
        let json = Bytes::from(row.try_get::<String, _>("document")?);
        Ok(CachedDocument { key: id.to_string(), at: log_position(row)?, json })
    }

    fn part_keys(_: &Keys, id: &CustomerId) -> Option<Vec<String>> {
        Some(vec![id.to_string()])
    }

    /// Every customer is a data subject, also one whose document this release cannot decode.
    fn representation(id: &CustomerId, parts: &[CachedDocument]) -> Representation {
        let CachedDocument { json, at, .. } = &parts[0];
        let is_erased = serde_json::from_slice::<CustomerDocument>(json).is_ok_and(|customer| customer.erased);
        let subjects = if is_erased { Vec::new() } else { vec![DataSubject::Customer(*id)] };
        Representation::document(json.clone(), *at).with_data_subjects(subjects)
    }

    fn scope(id: &CustomerId) -> Scope {
        Scope::Stream(StreamId::customer(*id))
    }
}
