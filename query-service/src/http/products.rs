//! `GET /v1/products`, `GET /v1/products/{sku}` and `GET /v1/products/{sku}/prices`.

use axum::extract::State;
use axum::http::{HeaderMap, Uri};
use axum::middleware::map_response;
use axum::response::Response;
use events::Sku;
use platform::openapi::{Parameter, Routes};
use platform::params::Path;
use platform::problem::Problem;
use read_model::{ProductDocument, Projection};

use crate::http::app::App;
use crate::http::catalogue_caching::vary_by_token;
use crate::http::documentation::{Searched, Text};
use crate::http::page::{PARAMETERS, PageRequest};
use crate::http::parameters::Parameters;
use crate::http::preconditions::Preconditions;
use crate::http::problem_types::{INVALID_SKU, PRODUCT_NOT_FOUND};
use crate::http::respond::respond;
use crate::http::{documentation, problems};
use crate::reads::consistency::Required;
use crate::reads::database::routing::Database;
use crate::reads::products::{Price, ProductFilter, read_page, read_prices};

/// The names of the filters.
pub(super) const FILTERS: [&str; 3] = ["active", "tag", "q"];

/// The route of single products.
pub(super) fn routes() -> Routes<App> {
    let show = documentation::document::<ProductDocument>("show_product", "Get a product by SKU")
        .path::<Sku>()
        .refuses([INVALID_SKU.documented(), PRODUCT_NOT_FOUND.documented()]);
    with_vary(group().get("/v1/products/{sku}", self::show, show))
}

/// The routes of lists of products and of prices.
pub(super) fn list_routes() -> Routes<App> {
    let filters = [
        Parameter::query::<bool>("active", "Whether the product can be ordered."),
        Parameter::query::<Text>("tag", "A tag of the product."),
        Parameter::query::<Searched>(
            "q",
            "Text to search for in SKU, name, tags and attributes, as in the list of orders.",
        ),
    ];
    let list = documentation::list::<ProductDocument>("list_products", "List products, sorted by SKU", filters);
    let prices = documentation::list::<Price>("list_prices", "List the prices of a product, newest first", [])
        .path::<Sku>()
        .refuses([INVALID_SKU.documented(), PRODUCT_NOT_FOUND.documented()]);
    with_vary(group().get("/v1/products", self::list, list).get("/v1/products/{sku}/prices", self::prices, prices))
}

fn with_vary(routes: Routes<App>) -> Routes<App> {
    routes.map(|router| router.layer(map_response(vary_by_token)))
}

fn group() -> Routes<App> {
    Routes::about("products", "Products and their prices.")
}

async fn show(
    State(app): State<App>,
    Path(sku): Path<String>,
    preconditions: Preconditions,
) -> Result<Response, Problem> {
    let sku = sku.parse().map_err(|_| problems::invalid_sku(&sku))?;
    let found = app.reads.products.find(&sku, preconditions.consistency.as_ref()).await?;
    let product = found.ok_or_else(|| problems::product_not_found(&sku))?;
    let response = respond(&product, &preconditions, app.reads.latest.lag_header(Projection::PRODUCTS));
    Ok(app.catalogue_caching.apply(preconditions.consistency.as_ref(), response))
}

/// Parses the filters.
pub(super) fn read_filter(parameters: &Parameters) -> Result<ProductFilter, Problem> {
    Ok(ProductFilter {
        active: parameters.parsed("active", "true or false", |text| text.parse().ok())?,
        tag: parameters.label("tag")?,
        text: parameters.searched("q")?,
    })
}

async fn list(State(app): State<App>, uri: Uri, headers: HeaderMap) -> Result<Response, Problem> {
    let names: Vec<&str> = FILTERS.into_iter().chain(PARAMETERS).collect();
    let (request, parameters) = PageRequest::read(app, uri, &headers, &names)?;
    let filter = read_filter(&parameters)?;
    let after = request.after(|key| std::str::from_utf8(key).ok()?.parse::<Sku>().ok())?;
    let limit = request.limit;
    let read = move |database: Database, required: Option<Required>| async move {
        read_page(&database, required.as_ref(), &filter, after.as_ref(), limit).await
    };
    request.respond_cached(Projection::PRODUCTS, read).await.map(|response| request.allow_shared_caching(response))
}

async fn prices(
    State(app): State<App>,
    Path(sku): Path<String>,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let sku: Sku = sku.parse().map_err(|_| problems::invalid_sku(&sku))?;
    let (request, _) = PageRequest::read(app, uri, &headers, &PARAMETERS)?;
    let after = request.after(Price::decode_key)?;
    let page = read_prices(request.database(), request.consistency(), &sku, after.as_ref(), request.limit).await?;
    // Every product has a price from its first event on, so an empty list means that the product does not exist.
    if request.is_list_empty(&page) {
        return Err(problems::product_not_found(&sku));
    }
    request.respond(Projection::PRODUCTS, &page).map(|response| request.allow_shared_caching(response))
}
