//! `GET /v1/stock/{sku}` and `GET /v1/stock/{sku}/{location}/ledger`.

use axum::extract::State;
use axum::http::{HeaderMap, Uri};
use axum::response::Response;
use events::{Location, Sku};
use platform::openapi::Routes;
use platform::params::Path;
use platform::problem::Problem;
use read_model::Projection;
use uuid::Uuid;

use crate::http::app::App;
use crate::http::page::{PARAMETERS, PageRequest};
use crate::http::preconditions::Preconditions;
use crate::http::problem_types::{INVALID_LOCATION, INVALID_SKU, STOCK_NOT_FOUND};
use crate::http::respond::respond;
use crate::http::{documentation, problems};
use crate::reads::stock::{LedgerEntry, StockOfSku, read_ledger};

/// The route of the stock of single SKUs.
pub(super) fn routes() -> Routes<App> {
    let show = documentation::document::<StockOfSku>("show_stock", "Get the stock of a SKU at all its locations")
        .path::<Sku>()
        .refuses([INVALID_SKU.documented(), STOCK_NOT_FOUND.documented()]);
    group().get("/v1/stock/{sku}", self::show, show)
}

/// The route of the stock ledger.
pub(super) fn list_routes() -> Routes<App> {
    let summary = "List the stock movements of a SKU at a location, newest first";
    let ledger = documentation::list::<LedgerEntry>("list_ledger", summary, []).path::<(Sku, Location)>().refuses([
        INVALID_SKU.documented(),
        INVALID_LOCATION.documented(),
        STOCK_NOT_FOUND.documented(),
    ]);
    group().get("/v1/stock/{sku}/{location}/ledger", self::ledger, ledger)
}

fn group() -> Routes<App> {
    Routes::about("stock", "Stock levels and stock movements, in units, by SKU and location.")
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
