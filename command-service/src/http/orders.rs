//! Commands to orders, their payments, fulfilments, returns and refunds.

use axum::Router;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;
use axum::routing::post;
use events::OrderId;
use events::order::PartNo;
use platform::json::Json;
use platform::params::Path;

use super::MailboxSlot;
use super::execute::{Effect, KeyNeed, execute};
use crate::command::order::{
    CancelFulfilmentBody, CancelOrderBody, CreateFulfilmentBody, DeliverFulfilmentBody, PlaceOrderBody,
    ReceiveReturnBody, RecordPaymentBody, RecordRefundBody, RejectReturnBody, RequestReturnBody, ShipFulfilmentBody,
};
use crate::command::{
    CancelFulfilment, CancelOrder, Command, CreateFulfilment, DeliverFulfilment, PlaceOrder, ReceiveReturn,
    RecordPayment, RecordRefund, RejectReturn, RequestReturn, ShipFulfilment,
};

pub(super) fn routes() -> Router<MailboxSlot> {
    Router::new()
        .route("/v1/orders", post(place))
        .route("/v1/orders/{id}/payments", post(record_payment))
        .route("/v1/orders/{id}/fulfilments", post(create_fulfilment))
        .route("/v1/orders/{id}/fulfilments/{n}/shipment", post(ship_fulfilment))
        .route("/v1/orders/{id}/fulfilments/{n}/delivery", post(deliver_fulfilment))
        .route("/v1/orders/{id}/fulfilments/{n}/cancellation", post(cancel_fulfilment))
        .route("/v1/orders/{id}/cancellation", post(cancel))
        .route("/v1/orders/{id}/returns", post(request_return))
        .route("/v1/orders/{id}/returns/{n}/receipt", post(receive_return))
        .route("/v1/orders/{id}/returns/{n}/rejection", post(reject_return))
        .route("/v1/orders/{id}/refunds", post(record_refund))
}

async fn place(slot: State<MailboxSlot>, headers: HeaderMap, Json(body): Json<PlaceOrderBody>) -> Response {
    let command = Command::PlaceOrder(PlaceOrder { body });
    execute(&slot, &headers, KeyNeed::Required, Effect::Created, command).await
}

async fn record_payment(
    slot: State<MailboxSlot>,
    headers: HeaderMap,
    Path(order_id): Path<OrderId>,
    Json(body): Json<RecordPaymentBody>,
) -> Response {
    let command = Command::RecordPayment(RecordPayment { order_id, body });
    execute(&slot, &headers, KeyNeed::Required, Effect::Created, command).await
}

async fn create_fulfilment(
    slot: State<MailboxSlot>,
    headers: HeaderMap,
    Path(order_id): Path<OrderId>,
    Json(body): Json<CreateFulfilmentBody>,
) -> Response {
    let command = Command::CreateFulfilment(CreateFulfilment { order_id, body });
    execute(&slot, &headers, KeyNeed::Required, Effect::Created, command).await
}

async fn ship_fulfilment(
    slot: State<MailboxSlot>,
    headers: HeaderMap,
    Path((order_id, fulfilment)): Path<(OrderId, PartNo)>,
    Json(body): Json<ShipFulfilmentBody>,
) -> Response {
    let command = Command::ShipFulfilment(ShipFulfilment { order_id, fulfilment, body });
    execute(&slot, &headers, KeyNeed::Optional, Effect::Changed, command).await
}

async fn deliver_fulfilment(
    slot: State<MailboxSlot>,
    headers: HeaderMap,
    Path((order_id, fulfilment)): Path<(OrderId, PartNo)>,
    Json(body): Json<DeliverFulfilmentBody>,
) -> Response {
    let command = Command::DeliverFulfilment(DeliverFulfilment { order_id, fulfilment, body });
    execute(&slot, &headers, KeyNeed::Optional, Effect::Changed, command).await
}

async fn cancel_fulfilment(
    slot: State<MailboxSlot>,
    headers: HeaderMap,
    Path((order_id, fulfilment)): Path<(OrderId, PartNo)>,
    Json(body): Json<CancelFulfilmentBody>,
) -> Response {
    let command = Command::CancelFulfilment(CancelFulfilment { order_id, fulfilment, body });
    execute(&slot, &headers, KeyNeed::Optional, Effect::Changed, command).await
}

async fn cancel(
    slot: State<MailboxSlot>,
    headers: HeaderMap,
    Path(order_id): Path<OrderId>,
    Json(body): Json<CancelOrderBody>,
) -> Response {
    // The whole order is cancelled once; some of its pieces could be cancelled again.
    let need = if body.lines.is_some() { KeyNeed::Required } else { KeyNeed::Optional };
    let command = Command::CancelOrder(CancelOrder { order_id, body });
    execute(&slot, &headers, need, Effect::Changed, command).await
}

async fn request_return(
    slot: State<MailboxSlot>,
    headers: HeaderMap,
    Path(order_id): Path<OrderId>,
    Json(body): Json<RequestReturnBody>,
) -> Response {
    let command = Command::RequestReturn(RequestReturn { order_id, body });
    execute(&slot, &headers, KeyNeed::Required, Effect::Created, command).await
}

async fn receive_return(
    slot: State<MailboxSlot>,
    headers: HeaderMap,
    Path((order_id, return_no)): Path<(OrderId, PartNo)>,
    Json(body): Json<ReceiveReturnBody>,
) -> Response {
    let command = Command::ReceiveReturn(ReceiveReturn { order_id, return_no, body });
    execute(&slot, &headers, KeyNeed::Optional, Effect::Changed, command).await
}

async fn reject_return(
    slot: State<MailboxSlot>,
    headers: HeaderMap,
    Path((order_id, return_no)): Path<(OrderId, PartNo)>,
    Json(body): Json<RejectReturnBody>,
) -> Response {
    let command = Command::RejectReturn(RejectReturn { order_id, return_no, body });
    execute(&slot, &headers, KeyNeed::Optional, Effect::Changed, command).await
}

async fn record_refund(
    slot: State<MailboxSlot>,
    headers: HeaderMap,
    Path(order_id): Path<OrderId>,
    Json(body): Json<RecordRefundBody>,
) -> Response {
    let command = Command::RecordRefund(RecordRefund { order_id, body });
    execute(&slot, &headers, KeyNeed::Required, Effect::Created, command).await
}
