//! Commands to stock.

use axum::Router;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;
use axum::routing::post;
use events::{Location, Sku};
use platform::json::Json;
use platform::params::Path;

use super::MailboxSlot;
use super::execute::{Effect, KeyNeed, execute};
use crate::command::stock::{AdjustStockBody, ReceiveStockBody};
use crate::command::{AdjustStock, Command, ReceiveStock};

pub(super) fn routes() -> Router<MailboxSlot> {
    Router::new()
        .route("/v1/stock/{sku}/{location}/receipts", post(receive))
        .route("/v1/stock/{sku}/{location}/adjustments", post(adjust))
}

async fn receive(
    slot: State<MailboxSlot>,
    headers: HeaderMap,
    Path((sku, location)): Path<(Sku, Location)>,
    Json(body): Json<ReceiveStockBody>,
) -> Response {
    let command = Command::ReceiveStock(ReceiveStock { sku, location, body });
    execute(&slot, &headers, KeyNeed::Required, Effect::Created, command).await
}

async fn adjust(
    slot: State<MailboxSlot>,
    headers: HeaderMap,
    Path((sku, location)): Path<(Sku, Location)>,
    Json(body): Json<AdjustStockBody>,
) -> Response {
    let command = Command::AdjustStock(AdjustStock { sku, location, body });
    execute(&slot, &headers, KeyNeed::Required, Effect::Created, command).await
}
