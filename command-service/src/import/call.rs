//! The requests of an import: path, idempotency key and body, made of the API's own types.

use std::collections::BTreeMap;

use bytes::Bytes;
use chrono::{DateTime, Utc};
use events::order::{Disposition, PartNo};
use events::{Currency, Location, Personal, Quantity};
use reqwest::Method;
use serde::Serialize;
use uuid::Uuid;

use super::ids;
use super::orders::Order;
use super::products::Product;
use super::returns::Return;
use domain::command::amount::{Amount, Price};
use domain::command::lines::{Lines, Pieces};
use domain::command::order::{
    CreateFulfilmentBody, OrderLine, PlaceOrderBody, ReceiveReturnBody, RecordPaymentBody, RecordRefundBody,
    RequestReturnBody, ShipFulfilmentBody,
};
use domain::command::product::{ChangePriceBody, CreateProductBody};
use domain::command::stock::ReceiveStockBody;
use domain::command::tags::Tags;

/// What the shop counts in.
const CURRENCY: &str = "GBP";

/// One request.
#[derive(Debug, Clone)]
pub struct Call {
    /// How.
    pub method: Method,
    /// Where, from the service's root.
    pub path: String,
    /// The same for the same step of the same file.
    pub key: Uuid,
    /// JSON.
    pub body: Bytes,
}

impl Call {
    fn post(path: String, step: &str, body: &impl Serialize) -> Call {
        let body = serde_json::to_vec(body).expect("a body is plain data").into();
        Call { method: Method::POST, path, key: ids::key(step), body }
    }

    /// A step that another file may take as well with other content: only the same content is the same step.
    fn with_own_key(self) -> Call {
        let content = String::from_utf8_lossy(&self.body);
        let key = ids::key(&format!("{} {} {content}", self.method, self.path));
        Call { key, ..self }
    }
}

fn pounds() -> Currency {
    CURRENCY.parse().expect("GBP is a currency")
}

/// Creates the product with its first price.
pub(super) fn create(product: &Product) -> Call {
    let (at, price) = product.prices[0];
    let body = CreateProductBody {
        sku: product.sku.clone(),
        name: product.name.clone(),
        prices: BTreeMap::from([(pounds(), price)]),
        tax_class: None,
        attributes: None,
        tags: None,
        occurred_at: Some(at),
    };
    Call::post("/v1/products".to_owned(), "", &body).with_own_key()
}

/// Brings in pieces; `number` tells equal deliveries apart.
pub(super) fn receive(product: &Product, number: usize, quantity: Quantity, at: DateTime<Utc>) -> Call {
    let reference = format!("online-retail {} {number}", at.format("%Y-%m"));
    let reference = Some(reference.parse().expect("the reference is short"));
    let body = ReceiveStockBody { quantity, reference, occurred_at: Some(at) };
    let path = format!("/v1/stock/{}/{}/receipts", product.sku, Location::main());
    Call::post(path, "", &body).with_own_key()
}

/// Changes the price.
pub(super) fn change_price(product: &Product, (at, price): (DateTime<Utc>, Price)) -> Call {
    let body = ChangePriceBody { price, occurred_at: Some(at) };
    let path = format!("/v1/products/{}/prices/{CURRENCY}", product.sku);
    Call { method: Method::PUT, ..Call::post(path, "", &body) }.with_own_key()
}

/// Places the order at the prices that were agreed.
pub(super) fn place(order: &Order, sku: impl Fn(u32) -> events::Sku) -> Call {
    let line = |item: &super::survey::Item| OrderLine {
        sku: sku(item.sku),
        quantity: item.quantity,
        unit_price: Some(item.price),
        discount: None,
        tax_rate: None,
        location: None,
    };
    let lines: Vec<_> = order.items.iter().map(line).collect();
    let body = PlaceOrderBody {
        id: Some(order.id),
        channel: None,
        currency: pounds(),
        customer_id: order.customer_id,
        external_ref: Some(order.external_ref.clone()),
        lines: Lines::try_from(lines).expect("an order has one to five hundred lines"),
        discount: None,
        shipping: None,
        shipping_lines: None,
        expected_total: Some(Price::try_from(order.total()).expect("five hundred bounded lines")),
        note: order.note.clone().map(Personal::new),
        contact: None,
        shipping_address: None,
        billing_address: None,
        tags: Tags::default(),
        payment_due: None,
        hold_id: None,
        on_shortage: None,
    };
    Call::post("/v1/orders".to_owned(), &step(order, "order"), &body)
}

/// Records that the order was paid in full.
pub(super) fn pay(order: &Order) -> Call {
    let body = RecordPaymentBody::Captured {
        payment: None,
        amount: Amount::try_from(order.total()).expect("five hundred bounded lines, none of them free"),
        method: Some("invoice".parse().expect("a method is short")),
        reference: Some(order.external_ref.clone()),
        occurred_at: Some(order.placed_at),
    };
    Call::post(format!("/v1/orders/{}/payments", order.id), &step(order, "payment"), &body)
}

/// Packs everything.
pub(super) fn fulfil(order: &Order) -> Call {
    let body = CreateFulfilmentBody { location: None, lines: None, occurred_at: Some(order.placed_at) };
    Call::post(format!("/v1/orders/{}/fulfilments", order.id), &step(order, "fulfilment"), &body)
}

/// Ships what was packed.
pub(super) fn ship(order: &Order, fulfilment: PartNo) -> Call {
    let body = ShipFulfilmentBody { carrier: None, tracking: None, occurred_at: Some(order.placed_at) };
    let path = format!("/v1/orders/{}/fulfilments/{fulfilment}/shipment", order.id);
    Call::post(path, &step(order, "shipment"), &body)
}

/// Asks pieces back.
pub(super) fn request_return(order: &Order, found: &Return) -> Call {
    let pieces = found.pieces.iter().map(|(line, count)| Pieces {
        line: *line,
        quantity: Quantity::try_from(*count).expect("no more than the line has"),
    });
    let body = RequestReturnBody {
        lines: Lines::try_from(pieces.collect::<Vec<_>>()).expect("no more lines than the order has"),
        reason: Personal::new("credit note".parse().expect("a reason is short")),
        external_ref: Some(found.external_ref.clone()),
        occurred_at: Some(found.at),
    };
    Call::post(format!("/v1/orders/{}/returns", order.id), &return_step(order, found, "return"), &body)
}

/// Takes pieces back to be sold again.
pub(super) fn receive_return(order: &Order, found: &Return, return_no: PartNo) -> Call {
    let body = ReceiveReturnBody::whole(Disposition::Restock, Some(found.at));
    let path = format!("/v1/orders/{}/returns/{return_no}/receipt", order.id);
    Call::post(path, &return_step(order, found, "receipt"), &body)
}

/// Gives the money back.
pub(super) fn refund(order: &Order, found: &Return, payment: PartNo, return_no: PartNo) -> Call {
    let body = RecordRefundBody {
        payment,
        amount: Amount::try_from(found.worth).expect("no more than was paid"),
        return_no: Some(return_no),
        kind: None,
        occurred_at: Some(found.at),
    };
    Call::post(format!("/v1/orders/{}/refunds", order.id), &return_step(order, found, "refund"), &body)
}

fn step(order: &Order, name: &str) -> String {
    format!("{}/{name}", order.external_ref.as_str())
}

fn return_step(order: &Order, found: &Return, name: &str) -> String {
    format!("{}/{}/{name}", order.external_ref.as_str(), found.external_ref.as_str())
}

#[cfg(test)]
mod tests {
    use super::super::fixture::survey;
    use super::super::plan::Plan;
    use super::*;

    fn plan() -> Plan {
        Plan::from(survey(
            "1,A,Cup,2,1/5/24 9:00,1.00,7,\n2,A,Cup,1,1/6/24 9:00,2.00,,\nC3,A,Cup,-1,1/7/24 9:00,1.00,7,\n",
        ))
    }

    fn json(call: &Call) -> serde_json::Value {
        serde_json::from_slice(&call.body).unwrap()
    }

    #[test]
    fn an_order_is_sent_with_its_agreed_prices_and_its_sum() {
        let plan = plan();
        let call = place(&plan.orders[0], |number| plan.survey.sku(number));
        let body = json(&call);
        assert_eq!(body["external_ref"], "1");
        assert_eq!(body["expected_total"], 200);
        assert_eq!(body["lines"], serde_json::json!([{"sku": "A", "quantity": 2, "unit_price": 100}]));
        assert_eq!((call.path.as_str(), call.key), ("/v1/orders", ids::key("1/order")));
    }

    #[test]
    fn what_another_file_may_hold_as_well_is_keyed_by_its_content() {
        let plan = plan();
        let product = &plan.products[0];
        let (one, other) = (Quantity::try_from(1).unwrap(), Quantity::try_from(2).unwrap());
        let key = |number, quantity| receive(product, number, quantity, plan.stocked_at).key;
        assert_eq!(key(1, one), key(1, one));
        assert!(key(1, one) != key(1, other) && key(1, one) != key(2, one));
        assert_ne!(create(product).key, change_price(product, product.prices[1]).key);
    }

    #[test]
    fn every_body_is_one_that_the_service_reads() {
        let plan = plan();
        let (order, found, product) = (&plan.orders[0], &plan.returns[0], &plan.products[0]);
        let read = |call: Call| call.body;
        serde_json::from_slice::<CreateProductBody>(&read(create(product))).unwrap();
        serde_json::from_slice::<ChangePriceBody>(&read(change_price(product, product.prices[1]))).unwrap();
        serde_json::from_slice::<PlaceOrderBody>(&read(place(order, |number| plan.survey.sku(number)))).unwrap();
        serde_json::from_slice::<RecordPaymentBody>(&read(pay(order))).unwrap();
        serde_json::from_slice::<CreateFulfilmentBody>(&read(fulfil(order))).unwrap();
        serde_json::from_slice::<ShipFulfilmentBody>(&read(ship(order, 1))).unwrap();
        serde_json::from_slice::<RequestReturnBody>(&read(request_return(order, found))).unwrap();
        serde_json::from_slice::<ReceiveReturnBody>(&read(receive_return(order, found, 1))).unwrap();
        serde_json::from_slice::<RecordRefundBody>(&read(refund(order, found, 1, 1))).unwrap();
    }
}
