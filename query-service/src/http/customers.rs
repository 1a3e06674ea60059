//! `GET /v1/customers`, `GET /v1/customers/{id}` and `GET /v1/customers/{id}/orders`.

use axum::extract::State;
use axum::http::{HeaderMap, Uri};
use axum::response::Response;
use events::CustomerId;
use platform::openapi::{Parameter, Routes};
use platform::params::Path;
use platform::problem::Problem;
use read_model::{CustomerDocument, OrderSummary, Projection};
use uuid::Uuid;

use crate::http::app::App;
use crate::http::documentation::Text;
use crate::http::page::{PARAMETERS, PageRequest};
use crate::http::preconditions::Preconditions;
use crate::http::problem_types::{CUSTOMER_NOT_FOUND, INVALID_CUSTOMER_ID};
use crate::http::respond::respond;
use crate::http::{documentation, problems};
use crate::reads::consistency::Required;
use crate::reads::database::routing::Database;
use crate::reads::orders::filter::{OrderFilter, OrderSort};
use crate::reads::orders::list;

/// The route of single customers.
pub(super) fn routes() -> Routes<App> {
    let show = documentation::document::<CustomerDocument>("show_customer", "Get a customer by id")
        .path::<CustomerId>()
        .paragraph("Profile and tags are left out, and `erased` is true, as soon as the customer is erased.")
        .refuses([INVALID_CUSTOMER_ID.documented(), CUSTOMER_NOT_FOUND.documented()]);
    group().get("/v1/customers/{id}", self::show, show)
}

/// The routes of lists of customers and of their orders.
pub(super) fn list_routes() -> Routes<App> {
    let tag = Parameter::query::<Text>("tag", "A tag of the customer.");
    let list =
        documentation::list::<CustomerDocument>("list_customers", "List customers, last registered first", [tag])
            .paragraph("`POST /v1/customers/search` finds a customer by e-mail address.");
    let orders =
        documentation::list::<OrderSummary>("list_customer_orders", "List the orders of a customer, newest first", [])
            .paragraph("The list is empty for a customer without orders, and also for an unknown id.")
            .path::<CustomerId>()
            .refuses([INVALID_CUSTOMER_ID.documented()]);
    group().get("/v1/customers", self::list, list).get("/v1/customers/{id}/orders", self::orders, orders)
}

/// The group of customers in the OpenAPI document.
pub(super) fn group() -> Routes<App> {
    Routes::about("customers", "Customers and their orders.")
}

async fn show(
    State(app): State<App>,
    Path(id): Path<String>,
    preconditions: Preconditions,
) -> Result<Response, Problem> {
    let id = parse(&id)?;
    let found = app.reads.customers.find(id, preconditions.consistency.as_ref()).await?;
    let customer = found.ok_or_else(|| problems::customer_not_found(id))?;
    Ok(respond(&customer, &preconditions, app.reads.latest.lag_header(Projection::CUSTOMERS)))
}

async fn list(State(app): State<App>, uri: Uri, headers: HeaderMap) -> Result<Response, Problem> {
    let names: Vec<&str> = ["tag"].into_iter().chain(PARAMETERS).collect();
    let (request, parameters) = PageRequest::read(app.clone(), uri, &headers, &names)?;
    let tag = parameters.label("tag")?;
    let after = request.after(|key| Uuid::from_slice(key).ok())?;
    let page = app.reads.customers.read_page(request.consistency(), tag.as_ref(), after, request.limit).await?;
    request.respond(Projection::CUSTOMERS, &page)
}

async fn orders(
    State(app): State<App>,
    Path(id): Path<String>,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let (request, _) = PageRequest::read(app, uri, &headers, &PARAMETERS)?;
    let filter = OrderFilter { customer_id: Some(parse(&id)?), ..OrderFilter::default() };
    let sort = OrderSort::NewestFirst;
    let after = request.after(|key| list::parse_key(sort, key))?;
    let limit = request.limit;
    let read = move |database: Database, required: Option<Required>| async move {
        list::read_page(&database, required.as_ref(), &filter, sort, after, limit).await
    };
    request.respond_cached(Projection::ORDERS, read).await
}

fn parse(id: &str) -> Result<CustomerId, Problem> {
    id.parse().map_err(|_| problems::invalid_customer_id(id))
}
