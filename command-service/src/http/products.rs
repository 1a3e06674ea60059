//! Commands to products.

use axum::Router;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;
use axum::routing::{post, put};
use events::{Currency, Sku};
use platform::json::Json;
use platform::params::Path;

use super::MailboxSlot;
use super::execute::{Effect, KeyNeed, execute};
use crate::command::product::{ChangePriceBody, CreateProductBody, DiscontinueProductBody, ReactivateProductBody};
use crate::command::{ChangePrice, Command, CreateProduct, DiscontinueProduct, ReactivateProduct};

pub(super) fn routes() -> Router<MailboxSlot> {
    Router::new()
        .route("/v1/products", post(create))
        .route("/v1/products/{sku}/prices/{currency}", put(change_price))
        .route("/v1/products/{sku}/discontinuation", post(discontinue))
        .route("/v1/products/{sku}/reactivation", post(reactivate))
}

async fn create(slot: State<MailboxSlot>, headers: HeaderMap, Json(body): Json<CreateProductBody>) -> Response {
    let command = Command::CreateProduct(CreateProduct { body });
    execute(&slot, &headers, KeyNeed::Optional, Effect::Created, command).await
}

async fn change_price(
    slot: State<MailboxSlot>,
    headers: HeaderMap,
    Path((sku, currency)): Path<(Sku, Currency)>,
    Json(body): Json<ChangePriceBody>,
) -> Response {
    let command = Command::ChangePrice(ChangePrice { sku, currency, body });
    execute(&slot, &headers, KeyNeed::Optional, Effect::Changed, command).await
}

async fn discontinue(
    slot: State<MailboxSlot>,
    headers: HeaderMap,
    Path(sku): Path<Sku>,
    Json(body): Json<DiscontinueProductBody>,
) -> Response {
    let command = Command::DiscontinueProduct(DiscontinueProduct { sku, body });
    execute(&slot, &headers, KeyNeed::Optional, Effect::Changed, command).await
}

async fn reactivate(
    slot: State<MailboxSlot>,
    headers: HeaderMap,
    Path(sku): Path<Sku>,
    Json(body): Json<ReactivateProductBody>,
) -> Response {
    let command = Command::ReactivateProduct(ReactivateProduct { sku, body });
    execute(&slot, &headers, KeyNeed::Optional, Effect::Changed, command).await
}
