//! `GET /v1/orders/{id or code}`; lists are in [`list`].

pub mod list;

use std::time::Duration;

use axum::extract::State;
use axum::response::Response;
use bytes::Bytes;
use events::{Category, CustomerId, LogPosition, OrderCode, OrderId, Position, StreamId};
use platform::openapi::Routes;
use platform::params::Path;
use platform::problem::Problem;
use read_model::cache::{Keys, ORDER_TTL};
use read_model::{OrderDocument, Projection};
use schemars::JsonSchema;
use serde::Deserialize;
use sqlx::Row;
use sqlx::postgres::PgRow;
use std::sync::Arc;
use uuid::Uuid;

use crate::answer::Answer;
use crate::asked::{Asked, Wanted};
use crate::cache::ProcessLimits;
use crate::cache::redis::{Part, Redis};
use crate::consistency;
use crate::database::row::stamp;
use crate::database::{Class, Database, Scope, Statement};
use crate::documented;
use crate::documents::{Documents, Kind};
use crate::erasures::{Erasures, Person};
use crate::problems;
use crate::serve::App;

/// Codes whose ids are remembered: some 100 bytes each.
const CODES_MAX: u64 = 50_000;
/// A code keeps its id for ever, unless the log lost its tail and gave the code again.
const CODES_TTL: Duration = Duration::from_secs(60);
/// Digits at the end of a code.
const CODE_DIGITS_MIN: usize = 6;
/// Characters of an id as we print it.
const ID_CHARS: usize = 36;

/// The order as a kind of document.
pub struct Order;

/// Orders, by id and by code.
#[derive(Clone)]
pub struct Orders {
    documents: Documents<Order>,
    /// Beside each the event that it was learnt from: an order that the log has lost has no code.
    ids: moka::sync::Cache<OrderCode, (OrderId, LogPosition)>,
    erasures: Erasures,
    database: Database,
}

/// What an order is asked for by.
#[derive(Debug, Clone, PartialEq, Eq)]
enum OrderKey {
    Id(OrderId),
    Code(OrderCode),
}

/// An order's id or its code.
#[derive(JsonSchema)]
#[schemars(inline)]
#[expect(dead_code, reason = "only its schema is used")]
struct IdOrCode(#[schemars(length(min = 6, max = 64), regex(pattern = r"^[A-Za-z0-9._-]+$"))] String);

/// Queries for one order.
pub fn documents() -> Routes<App> {
    let show = documented::document::<OrderDocument>("show_order", "An order, by its id or its code")
        .path::<IdOrCode>()
        .paragraph(
            "Contact, addresses, notes and reasons are left out once the order, or a customer it belongs or belonged to, is \
             erased; `personal_data_erased` says so, and the `ETag` is another one from then on.",
        )
        .refuses([(400, "invalid-order-key"), (404, "order-not-found")]);
    Routes::about(list::TAG.0, list::TAG.1).get("/v1/orders/{key}", self::show, show)
}

/// `GET /v1/orders/{key}`
pub async fn show(State(app): State<App>, Path(key): Path<String>, asked: Asked) -> Result<Response, Problem> {
    let wanted = asked.wanted.as_ref();
    let found = match order_key(&key)? {
        OrderKey::Id(id) => app.orders.documents.find(&id, wanted).await?,
        OrderKey::Code(code) => app.orders.find_by_code(&code, wanted).await?,
    };
    let answer = app.orders.as_it_may_be_shown(found, wanted).await?;
    Ok(answer.respond(&asked, app.current.lag_header(Projection::Orders)))
}

impl Orders {
    /// Nothing is cached yet.
    pub fn new(database: Database, redis: Redis, limits: &ProcessLimits) -> Orders {
        let ids = moka::sync::Cache::builder().max_capacity(CODES_MAX).time_to_live(CODES_TTL).build();
        let erasures = Erasures::new(database.clone());
        Orders { documents: Documents::new(database.clone(), redis, limits), ids, erasures, database }
    }

    /// The answer, or what is left of it where its personal data is erased. Every answer passes here, from whichever cache or
    /// database it comes, so the erasure holds for those that were cached before it.
    async fn as_it_may_be_shown(&self, found: Arc<Answer>, wanted: Option<&Wanted>) -> Result<Arc<Answer>, Problem> {
        let not_before = wanted.map_or(Position::ZERO, |wanted| wanted.position);
        if found.people.is_empty() || !self.erasures.include(&found.people, not_before).await? {
            return Ok(found);
        }
        let erased = erased(found.body()).map_err(|error| problems::internal(&error))?;
        Ok(Arc::new(found.without_personal_data(erased)))
    }

    /// By code: through the id, where that is known, and else by the code itself.
    async fn find_by_code(&self, code: &OrderCode, wanted: Option<&Wanted>) -> Result<Arc<Answer>, Problem> {
        if let Some(id) = self.known_id(code) {
            return self.documents.find(&id, wanted).await;
        }
        let rows = self.read_by_code(code, wanted).await?;
        let Some(row) = rows.first() else { return Err(missing("code", code.as_str())) };
        let named = || Ok((order_id(row)?, stamp(row)?));
        let (id, stamp) = named().map_err(|error: sqlx::Error| problems::internal(&error))?;
        self.ids.insert(code.clone(), (id, stamp));
        let kept = self.documents.keep(&id, &rows, LogPosition::ZERO).map_err(|error| problems::internal(&error))?;
        match (wanted, kept) {
            (None, Some(answer)) => Ok(answer),
            (_, _) => self.documents.find(&id, wanted).await,
        }
    }

    /// A row is enough: whether it is new enough is asked by its id. That there is none must be true at the token.
    async fn read_by_code(&self, code: &OrderCode, wanted: Option<&Wanted>) -> Result<Vec<PgRow>, Problem> {
        let select = |statement: &mut Statement| select_by_code(code, statement);
        if wanted.is_none() {
            return self.database.fetch(Class::Document, Statement::plain(select)).await;
        }
        let an_order = Scope::OneOf(format!("{}-", Category::Order));
        let (class, projection) = (Class::Document, Projection::Orders);
        Ok(consistency::read(&self.database, class, wanted, projection, &an_order, select).await?.rows)
    }

    /// A code names the same order for ever, unless that order was lost with the tail of the log.
    fn known_id(&self, code: &OrderCode) -> Option<OrderId> {
        let (id, stamp) = self.ids.get(code)?;
        self.database.current().incarnations().include(stamp).then_some(id)
    }
}

fn select_by_code(code: &OrderCode, statement: &mut Statement) {
    statement
        .push("select id, document::text as document, incarnation, position from orders where code = ")
        .bind(code.as_str())
        .push(" order by id desc limit 1");
}

pub(crate) fn order_id(row: &PgRow) -> sqlx::Result<OrderId> {
    let id: Uuid = row.try_get("id")?;
    OrderId::try_from(id).map_err(|error| sqlx::Error::Decode(error.into()))
}

impl Kind for Order {
    type Key = OrderId;

    const NAME: &'static str = "order";
    const PROJECTION: Projection = Projection::Orders;
    const TTL: Duration = ORDER_TTL;

    fn select(id: &OrderId, statement: &mut Statement) {
        statement
            .push("select document::text as document, incarnation, position from orders where id = ")
            .bind(id.uuid());
    }

    fn part(keys: &Keys, id: &OrderId, row: &PgRow) -> sqlx::Result<Part> {
        let json = Bytes::from(row.try_get::<String, _>("document")?);
        Ok(Part { key: keys.order(*id), stamp: stamp(row)?, json })
    }

    fn parts_of(keys: &Keys, id: &OrderId) -> Option<Vec<String>> {
        Some(vec![keys.order(*id)])
    }

    fn answer(id: &OrderId, parts: &[Part]) -> Answer {
        let Part { json, stamp, .. } = &parts[0];
        Answer::document(json.clone(), *stamp).about(people(*id, json))
    }

    fn scope(id: &OrderId) -> Scope {
        Scope::Stream(StreamId::order(*id))
    }

    fn missing(id: &OrderId) -> Problem {
        missing("id", &id.to_string())
    }
}

/// Whose personal data the document of an order has. A document that this build cannot read may be about anybody whom it
/// names; it cannot be shown without what is personal in it, so once they are erased it is not shown at all.
fn people(id: OrderId, json: &[u8]) -> Vec<Person> {
    /// What there is in every document.
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
    customers.into_iter().map(Person::Customer).chain([Person::Order(id)]).collect()
}

/// The document of an order without its personal data.
fn erased(json: &[u8]) -> serde_json::Result<Bytes> {
    let mut order: OrderDocument = serde_json::from_slice(json)?;
    order.erase_personal_data();
    serde_json::to_vec(&order).map(Bytes::from)
}

fn missing(by: &str, key: &str) -> Problem {
    let detail = format!(
        "No order with {by} {key} is known here. If it was just placed, send the Consistency-Token of that answer \
         and Prefer: wait=2."
    );
    problems::not_found("order-not-found", "No such order", detail)
}

/// An id is a UUID as we print it; everything else must be a code: some prefix and at least six digits.
fn order_key(text: &str) -> Result<OrderKey, Problem> {
    if text.len() == ID_CHARS && Uuid::try_parse(text).is_ok() {
        return text.parse().map(OrderKey::Id).map_err(|_| problems::invalid_order_key(text));
    }
    let digits = text.bytes().rev().take_while(u8::is_ascii_digit).count();
    let code = text.parse().ok().filter(|_| digits >= CODE_DIGITS_MIN);
    code.map(OrderKey::Code).ok_or_else(|| problems::invalid_order_key(text))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_an_id_or_a_code_or_refused() {
        let id = "0190b6d2-7e1a-7000-8000-0000000000ab";
        assert_eq!(order_key(id).expect("an id"), OrderKey::Id(id.parse().expect("version 7")));
        assert_eq!(order_key("SON000001").expect("a code"), OrderKey::Code("SON000001".parse().expect("a name")));
        let version_4 = "9f0d4f63-6b7c-4f70-a6f5-0a3c8cf0a0b1";
        for wrong in ["", "SON1", "son", "a b000001", "SON000001\0", version_4, &id[..35], &"1".repeat(65), "ü000001"]
        {
            assert_eq!(order_key(wrong).expect_err(wrong).kind(), "invalid-order-key");
        }
    }
}
