//! `GET /v1/stock-holds/{id}`.

use axum::extract::State;
use axum::response::Response;
use events::StockHoldId;
use platform::openapi::Routes;
use platform::params::Path;
use platform::problem::Problem;
use read_model::{Projection, StockHoldDocument};

use crate::http::app::App;
use crate::http::preconditions::Preconditions;
use crate::http::problem_types::{INVALID_STOCK_HOLD_ID, STOCK_HOLD_NOT_FOUND};
use crate::http::respond::respond;
use crate::http::{documentation, problems, stock};

/// The route of single stock holds.
pub(super) fn routes() -> Routes<App> {
    let show = documentation::document::<StockHoldDocument>("show_stock_hold", "Get a stock hold by id")
        .path::<StockHoldId>()
        .refuses([INVALID_STOCK_HOLD_ID.documented(), STOCK_HOLD_NOT_FOUND.documented()]);
    stock::group().get("/v1/stock-holds/{id}", self::show, show)
}

async fn show(
    State(app): State<App>,
    Path(id): Path<String>,
    preconditions: Preconditions,
) -> Result<Response, Problem> {
    let id = id.parse().map_err(|_| problems::invalid_stock_hold_id(&id))?;
    let found = app.reads.stock_holds.find(&id, preconditions.consistency.as_ref()).await?;
    let hold = found.ok_or_else(|| problems::stock_hold_not_found(id))?;
    Ok(respond(&hold, &preconditions, app.reads.latest.lag_header(Projection::STOCK_HOLDS)))
}
