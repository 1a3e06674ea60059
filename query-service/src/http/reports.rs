//! `GET /v1/reports/...`: reports as JSON or CSV. [`crate::reads::reports`] reads them.
//!
//! [`parameters`] parses a request, [`documented`] documents its parameters, [`rows`] documents the columns of each report, [`body`] and [`csv`] write the result.

pub(super) mod body;
mod csv;
mod documented;
pub(super) mod parameters;
mod rows;

use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, Uri, header};
use axum::response::Response;
use platform::openapi::{Parameter, Routes};
use platform::problem::Problem;

use crate::http::app::App;
use crate::http::page::next_uri;
use crate::http::preconditions::Preconditions;
use crate::http::problem_types::{INVALID_CURSOR, POSITION_BEYOND_LOG, POSITION_TOO_OLD};
use crate::http::respond::{respond, respond_streamed};
use crate::http::{documentation, problems};
use crate::reads::reports;
use crate::reads::reports::customers::CUSTOMERS;
use crate::reads::reports::fulfilment::FULFILMENT;
use crate::reads::reports::products::PRODUCTS;
use crate::reads::reports::query::ROWS_MAX;
use crate::reads::reports::returns::RETURNS;
use crate::reads::reports::sales::SALES;
use crate::reads::reports::stock::STOCK;
use crate::reads::reports::table::{ReportTable, ReportType};
use crate::reads::representation::Representation;
use body::ReportBody;
use parameters::{Format, ReportRequest};

/// How all reports by period count.
const BY_PERIOD: &str = "Each event counts in the period in which it occurred, so the sums of a past period change only when \
    events of the past are imported. A period without any change has no row. `period` is its first instant in the time zone; \
    the first and the last period are cut where the range begins or ends. Amounts of different currencies are never added.";

/// The order and the pages of a list of the largest amounts.
const LARGEST_FIRST: &str = "Rows are sorted by currency and then by net amount, the largest first. `next` leads to the next page. \
    Sums may change between two pages, so a row whose net amount changes meanwhile can be missing or appear twice; \
    with `as_of` they do not change.";

/// What `as_of` does.
const AS_OF: &str = "With `as_of`, the report is computed from the sums as they are, without what the events after that moment \
    have added. Reports as of the same position agree with each other.";

/// The routes of reports.
pub(super) fn routes() -> Routes<App> {
    let group = Routes::about("reports", "Sums by period, product, customer, channel and location.");
    let of = |id, summary, report, documented: fn(&'static str, &'static str, Vec<Parameter>) -> _| {
        documented(id, summary, documented::parameters(report))
    };
    let sales = of("report_sales", "Report sales by period", &SALES, documentation::report::<rows::Sales>);
    let products = of("report_products", "Report sales by product", &PRODUCTS, documentation::report::<rows::Products>);
    let customers =
        of("report_customers", "Report sales by customer", &CUSTOMERS, documentation::report::<rows::Customers>);
    let returns = of("report_returns", "Report returns by period", &RETURNS, documentation::report::<rows::Returns>);
    let fulfilment =
        of("report_fulfilment", "Report fulfilment by period", &FULFILMENT, documentation::report::<rows::Fulfilment>);
    let stock = of("report_stock", "Report stock movements by period", &STOCK, documentation::report::<rows::Stock>);
    let [sales, products, customers, returns, fulfilment, stock] =
        [sales, products, customers, returns, fulfilment, stock]
            .map(|it| it.paragraph(AS_OF).refuses([POSITION_BEYOND_LOG.documented(), POSITION_TOO_OLD.documented()]));
    group
        .get("/v1/reports/sales", handler(&SALES), sales.paragraph(BY_PERIOD))
        .get(
            "/v1/reports/products",
            handler(&PRODUCTS),
            products.paragraph(LARGEST_FIRST).refuses([INVALID_CURSOR.documented()]),
        )
        .get(
            "/v1/reports/customers",
            handler(&CUSTOMERS),
            customers.paragraph(LARGEST_FIRST).refuses([INVALID_CURSOR.documented()]),
        )
        .get("/v1/reports/returns", handler(&RETURNS), returns.paragraph(BY_PERIOD))
        .get("/v1/reports/fulfilment", handler(&FULFILMENT), fulfilment.paragraph(BY_PERIOD))
        .get("/v1/reports/stock", handler(&STOCK), stock.paragraph(BY_PERIOD))
}

/// The handler of a report.
fn handler(
    report: &'static ReportType,
) -> impl Fn(State<App>, Uri, HeaderMap) -> futures::future::BoxFuture<'static, Result<Response, Problem>> + Clone {
    move |State(app), uri, headers| Box::pin(show(report, app, uri, headers))
}

async fn show(report: &'static ReportType, app: App, uri: Uri, headers: HeaderMap) -> Result<Response, Problem> {
    let preconditions = Preconditions::read(&headers, app.wait_max)?;
    let request = ReportRequest::read(report, &app, &uri, &headers)?;
    let required = preconditions.consistency.as_ref();
    let table = reports::read(&app.reads.database, required, report, &request.query).await?;
    if !table.is_complete && request.query.limit.is_none() {
        return Err(problems::report_too_large(ROWS_MAX));
    }
    let next_cursor = next_cursor(&request, &app, &table);
    let next = next_cursor.as_ref().map(|cursor| next_uri(&uri, cursor));
    let lag_ms = app.reads.latest.lag_header(report.sums.projection());
    let mut response = match request.format {
        Format::Json => {
            let periods = request.query.periods.as_ref();
            let body =
                ReportBody::of(report, periods, &request.group_by, &table, next_cursor.as_deref(), next.as_deref());
            let json = serde_json::to_vec(&body).map_err(|error| problems::internal(&error))?;
            respond(&Representation::page(json.into(), table.contained), &preconditions, lag_ms)
        }
        Format::Csv => {
            let position = HeaderValue::from(table.contained.position.0);
            let mut response = respond_streamed(csv::stream(report, table.rows), csv::CONTENT_TYPE, position, lag_ms);
            response.headers_mut().insert(header::CONTENT_DISPOSITION, csv::file_name(report));
            response
        }
    };
    response.headers_mut().insert(header::VARY, HeaderValue::from_static("Accept, Accept-Encoding"));
    if let Some(link) = next.and_then(|next| HeaderValue::try_from(format!("<{next}>; rel=\"next\"")).ok()) {
        response.headers_mut().insert(header::LINK, link);
    }
    Ok(response)
}

/// The cursor of the next page, if the report has pages and this is not the last one.
fn next_cursor(request: &ReportRequest, app: &App, table: &ReportTable) -> Option<String> {
    let key = table.last_key.as_ref().filter(|_| !table.is_complete)?;
    Some(app.cursor_key.seal(&request.scope, &parameters::encode_key(key)))
}
