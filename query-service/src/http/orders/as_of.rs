//! `GET /v1/orders/{id or order code}?as_of=`: an order as it was. [`crate::reads::orders::as_of`] reads it.

use axum::response::Response;
use platform::problem::Problem;

use crate::http::app::App;
use crate::http::parameters::Parameters;
use crate::http::preconditions::Preconditions;
use crate::http::respond::respond;
use crate::http::{moment, problems};
use crate::reads::moment::Moment;
use crate::reads::orders::OrderKey;

/// The moment of a request; `None` for the order as it is.
pub(super) fn read(parameters: &Parameters) -> Result<Option<Moment>, Problem> {
    match (moment::read(parameters)?, parameters.text("include")) {
        (Some(_), Some(include)) => {
            Err(problems::invalid_parameter("include", include, "left out if `as_of` is given"))
        }
        (moment, _) => Ok(moment),
    }
}

/// Sends the order as it was. Only the lag of the database delays it.
pub(super) async fn show(
    app: &App,
    key: &OrderKey,
    moment: Moment,
    preconditions: &Preconditions,
) -> Result<Response, Problem> {
    let found = app.reads.orders.find_as_of(key, moment, preconditions.consistency.as_ref()).await?;
    let order = found.ok_or_else(|| problems::order_not_found_as_of(key, moment))?;
    Ok(respond(&order, preconditions, app.reads.latest.log_lag_header()))
}
