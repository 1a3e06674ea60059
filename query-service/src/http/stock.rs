//! `GET /v1/stock`, `GET /v1/stock/{sku}`, `GET /v1/stock/{sku}/{location}/ledger` and `GET /v1/availability`.

use std::collections::BTreeSet;

use axum::extract::State;
use axum::http::{HeaderMap, Uri};
use axum::response::Response;
use events::{Location, Sku};
use platform::openapi::{Parameter, Routes};
use platform::params::Path;
use platform::problem::Problem;
use read_model::{Projection, StockDocument};
use schemars::JsonSchema;
use uuid::Uuid;

use crate::http::app::App;
use crate::http::page::{PARAMETERS, PageRequest};
use crate::http::parameters::Parameters;
use crate::http::preconditions::Preconditions;
use crate::http::problem_types::{INVALID_LOCATION, INVALID_SKU, STOCK_NOT_FOUND};
use crate::http::respond::respond;
use crate::http::{documentation, problems};
use crate::reads::consistency::Required;
use crate::reads::database::routing::Database;
use crate::reads::representation::Representation;
use crate::reads::stock::{Availabilities, LedgerEntry, StockOfSku, read_availabilities, read_ledger, read_page};

/// Maximum number of SKUs in a query of availability: a large cart.
const SKUS_MAX: usize = 100;
/// Maximum length of the list of SKUs: each has at most 64 characters and a comma.
const SKUS_BYTES_MAX: usize = SKUS_MAX * 65;

/// SKUs, separated by commas.
#[derive(JsonSchema)]
#[schemars(inline)]
#[expect(dead_code, reason = "only its schema is used")]
struct Skus(
    #[schemars(length(min = 1, max = 6_500), regex(pattern = r"^[A-Za-z0-9._-]{1,64}(,[A-Za-z0-9._-]{1,64}){0,99}$"))]
    String,
);

/// The routes of the stock of single SKUs, and of the availability of several.
pub(super) fn routes() -> Routes<App> {
    let show = documentation::document::<StockOfSku>("show_stock", "Get the stock of a SKU at all its locations")
        .path::<Sku>()
        .refuses([INVALID_SKU.documented(), STOCK_NOT_FOUND.documented()]);
    let available =
        documentation::document::<Availabilities>("show_availability", "Get the available units of many SKUs")
            .takes([Parameter::query::<Skus>("sku", "SKUs, separated by commas, at most 100.").required()])
            .paragraph("A SKU that never had stock is listed without locations.");
    group().get("/v1/stock/{sku}", self::show, show).get("/v1/availability", self::availability, available)
}

/// The routes of lists of stock items and of the stock ledger.
pub(super) fn list_routes() -> Routes<App> {
    let summary = "List the stock movements of a SKU at a location, newest first";
    let ledger = documentation::list::<LedgerEntry>("list_ledger", summary, []).path::<(Sku, Location)>().refuses([
        INVALID_SKU.documented(),
        INVALID_LOCATION.documented(),
        STOCK_NOT_FOUND.documented(),
    ]);
    let list = documentation::list::<StockDocument>("list_stock", "List stock items, sorted by SKU and location", []);
    group().get("/v1/stock", self::list, list).get("/v1/stock/{sku}/{location}/ledger", self::ledger, ledger)
}

/// The group of stock in the OpenAPI document.
pub(super) fn group() -> Routes<App> {
    Routes::about("stock", "Stock levels, stock movements and stock holds, in units, by SKU and location.")
}

async fn show(
    State(app): State<App>,
    Path(sku): Path<String>,
    preconditions: Preconditions,
) -> Result<Response, Problem> {
    let sku = sku.parse().map_err(|_| problems::invalid_sku(&sku))?;
    let found = app.reads.stock.find(&sku, preconditions.consistency.as_ref()).await?;
    let stock = found.ok_or_else(|| problems::stock_not_found(&sku))?;
    Ok(respond(&stock, &preconditions, app.reads.latest.lag_header(Projection::STOCK)))
}

async fn list(State(app): State<App>, uri: Uri, headers: HeaderMap) -> Result<Response, Problem> {
    let (request, _) = PageRequest::read(app, uri, &headers, &PARAMETERS)?;
    let after = request.after(|key| {
        let (sku, location) = std::str::from_utf8(key).ok()?.split_once('@')?;
        Some((sku.parse::<Sku>().ok()?, location.parse::<Location>().ok()?))
    })?;
    let limit = request.limit;
    let read = move |database: Database, required: Option<Required>| async move {
        read_page(&database, required.as_ref(), after.as_ref(), limit).await
    };
    request.respond_cached(Projection::STOCK, read).await
}

async fn availability(State(app): State<App>, uri: Uri, headers: HeaderMap) -> Result<Response, Problem> {
    let preconditions = Preconditions::read(&headers, app.wait_max)?;
    let parameters = Parameters::read_within(SKUS_BYTES_MAX, &uri, &["sku"])?;
    let form =
        format!("1 to {SKUS_MAX} SKUs, separated by commas, each of 1 to 64 of the characters A-Z a-z 0-9 . _ -");
    let skus = parameters.parsed("sku", &form, skus)?.ok_or_else(|| problems::missing_parameter("sku", &form))?;
    let found = read_availabilities(&app.reads.database, preconditions.consistency.as_ref(), &skus).await?;
    let (freshness, availabilities) = found;
    let json = serde_json::to_vec(&availabilities).map_err(|error| problems::internal(&error))?;
    let representation = Representation::page(json.into(), freshness.contained());
    Ok(respond(&representation, &preconditions, app.reads.latest.lag_header(Projection::STOCK)))
}

fn skus(text: &str) -> Option<BTreeSet<Sku>> {
    let skus: BTreeSet<Sku> = text.split(',').map(str::parse).collect::<Result<_, _>>().ok()?;
    (text.split(',').count() <= SKUS_MAX).then_some(skus)
}

async fn ledger(
    State(app): State<App>,
    Path((sku, location)): Path<(String, String)>,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let sku: Sku = sku.parse().map_err(|_| problems::invalid_sku(&sku))?;
    let location: Location = location.parse().map_err(|_| problems::invalid_location(&location))?;
    let (request, _) = PageRequest::read(app, uri, &headers, &PARAMETERS)?;
    let after = request.after(|key| Uuid::from_slice(key).ok())?;
    let (database, consistency) = (request.database(), request.consistency());
    let page = read_ledger(database, consistency, (&sku, &location), after, request.limit).await?;
    // Every stock item has an entry from its first event on, so an empty list means that the stock item does not exist.
    if request.is_list_empty(&page) {
        return Err(problems::stock_not_found_at(&sku, &location));
    }
    request.respond(Projection::STOCK, &page)
}
