//! `POST /v1/customers/search`: customers by their e-mail address. The address is in the body of the request, because URLs are kept in
//! access logs, in proxies and in the histories of browsers.

use axum::extract::State;
use axum::http::{HeaderMap, Method, Uri};
use axum::response::Response;
use events::Personal;
use events::email::Email;
use platform::json::Json;
use platform::openapi::Routes;
use platform::problem::Problem;
use read_model::{CustomerDocument, Projection};
use schemars::JsonSchema;
use serde::Deserialize;

use crate::http::app::App;
use crate::http::customers::group;
use crate::http::documentation;
use crate::http::page::render_whole;
use crate::http::parameters::Parameters;
use crate::http::preconditions::Preconditions;
use crate::http::problems;
use crate::http::respond::respond_to_search;

/// What to search for.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct CustomerSearch {
    /// E-mail address of the customer, regardless of case.
    email: Personal<Email>,
}

/// The route of the search for customers.
pub(super) fn routes() -> Routes<App> {
    let summary = "Search for a customer by e-mail address";
    let search = documentation::search::<CustomerDocument>("search_customers", summary)
        .paragraph(
            "The list has the customer who uses the address according to the log, or it is empty; addresses are compared as at the \
             registration. An erased customer is not found. The address is neither stored nor logged: the service computes the \
             keyed hash under which the command service registers addresses.",
        )
        .body::<CustomerSearch>()
        .example(serde_json::json!({ "email": "ada@example.com" }));
    group().route(Method::POST, "/v1/customers/search", self::search, search)
}

async fn search(
    State(app): State<App>,
    uri: Uri,
    headers: HeaderMap,
    Json(CustomerSearch { email }): Json<CustomerSearch>,
) -> Result<Response, Problem> {
    Parameters::read(&uri, &[])?;
    let preconditions = Preconditions::read(&headers, app.wait_max)?;
    let emails = app.emails.as_ref().ok_or_else(problems::email_search_off)?;
    let required = preconditions.consistency.as_ref();
    let found = app.reads.customers.find_by_email(required, emails.hash(email.expose())).await?;
    let found = render_whole(&found).map_err(|error| problems::internal(&error))?;
    Ok(respond_to_search(&found, app.reads.latest.lag_header(Projection::CUSTOMERS)))
}
