//! Builds the requests of an import: path, idempotency key and body. The bodies are the types of the command service's API.

use std::collections::BTreeMap;

use bytes::Bytes;
use chrono::{DateTime, Utc};
use events::order::{Disposition, PartNo};
use events::{Currency, Location, Personal, Quantity};
use reqwest::Method;
use serde::Serialize;
use uuid::Uuid;

use crate::ids;
use crate::orders::Order;
use crate::products::Product;
use crate::returns::Return;
use domain::order::fulfilment::create::CreateFulfilment;
use domain::order::fulfilment::ship::ShipFulfilment;
use domain::order::line::OrderLine;
use domain::order::payment::record::RecordPayment;
use domain::order::payment::refund::RecordRefund;
use domain::order::place::PlaceOrderBody;
use domain::order::returns::receive::ReceiveReturn;
use domain::order::returns::request::RequestReturn;
use domain::product::change_price::ChangePrice;
use domain::product::create::CreateProduct;
use domain::stock::receive::ReceiveStock;
use domain::value::amount::{Amount, Price};
use domain::value::lines::{Lines, Units};
use domain::value::tags::Tags;

/// Currency of all prices in the file.
const CURRENCY: &str = "GBP";

/// A request to the command service.
#[derive(Debug, Clone)]
pub(crate) struct Request {
    pub(crate) method: Method,
    pub(crate) path: String,
    /// Idempotency key: equal for the same step of the same file.
    pub(crate) key: Uuid,
    /// JSON.
    pub(crate) body: Bytes,
}

impl Request {
    fn post(path: String, step: &str, body: &impl Serialize) -> Request {
        let body = serde_json::to_vec(body).expect("a body is plain data").into();
        Request { method: Method::POST, path, key: ids::key(step), body }
    }

    /// Derives the idempotency key from the body too: another file may contain the same step with other content.
    fn with_content_key(self) -> Request {
        let content = String::from_utf8_lossy(&self.body);
        let key = ids::key(&format!("{} {} {content}", self.method, self.path));
        Request { key, ..self }
    }
}

fn pounds() -> Currency {
    CURRENCY.parse().expect("GBP is a currency")
}

/// Create a product with its first price.
pub(crate) fn create_product(product: &Product) -> Request {
    let (at, price) = product.prices[0];
    let body = CreateProduct {
        sku: product.sku.clone(),
        name: product.name.clone(),
        prices: BTreeMap::from([(pounds(), price)]),
        tax_class: None,
        attributes: None,
        tags: None,
        occurred_at: Some(at),
    };
    Request::post("/v1/products".to_owned(), "", &body).with_content_key()
}

/// Receive stock; `number` distinguishes receipts of equal quantity.
pub(crate) fn receive_stock(product: &Product, number: usize, quantity: Quantity, at: DateTime<Utc>) -> Request {
    let reference = format!("online-retail {} {number}", at.format("%Y-%m"));
    let reference = Some(reference.parse().expect("the reference is short"));
    let body = ReceiveStock { quantity, reference, occurred_at: Some(at) };
    let path = format!("/v1/stock/{}/{}/receipts", product.sku, Location::main());
    Request::post(path, "", &body).with_content_key()
}

/// Change the price of a product.
pub(crate) fn change_price(product: &Product, (at, price): (DateTime<Utc>, Price)) -> Request {
    let body = ChangePrice { price, occurred_at: Some(at) };
    let path = format!("/v1/products/{}/prices/{CURRENCY}", product.sku);
    Request { method: Method::PUT, ..Request::post(path, "", &body) }.with_content_key()
}

/// Place an order at the prices in the file.
pub(crate) fn place_order(order: &Order, sku: impl Fn(u32) -> events::Sku) -> Request {
    let line = |item: &crate::contents::InvoiceLine| OrderLine {
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
    Request::post("/v1/orders".to_owned(), &step(order, "order"), &body)
}

/// Record a payment of the order's total.
pub(crate) fn record_payment(order: &Order) -> Request {
    let body = RecordPayment::Captured {
        payment: None,
        amount: Amount::try_from(order.total()).expect("five hundred bounded lines, none of them free"),
        method: Some("invoice".parse().expect("a method is short")),
        reference: Some(order.external_ref.clone()),
        occurred_at: Some(order.placed_at),
    };
    Request::post(format!("/v1/orders/{}/payments", order.id), &step(order, "payment"), &body)
}

/// Create a fulfilment of all units of the order.
pub(crate) fn create_fulfilment(order: &Order) -> Request {
    let body = CreateFulfilment { location: None, lines: None, occurred_at: Some(order.placed_at) };
    Request::post(format!("/v1/orders/{}/fulfilments", order.id), &step(order, "fulfilment"), &body)
}

/// Mark the fulfilment as shipped.
pub(crate) fn ship_fulfilment(order: &Order, fulfilment: PartNo) -> Request {
    let body = ShipFulfilment { carrier: None, tracking: None, occurred_at: Some(order.placed_at) };
    let path = format!("/v1/orders/{}/fulfilments/{fulfilment}/shipment", order.id);
    Request::post(path, &step(order, "shipment"), &body)
}

/// Request a return.
pub(crate) fn request_return(order: &Order, found: &Return) -> Request {
    let lines = found.units.iter().map(|(line, count)| Units {
        line: *line,
        quantity: Quantity::try_from(*count).expect("no more than the line has"),
    });
    let body = RequestReturn {
        lines: Lines::try_from(lines.collect::<Vec<_>>()).expect("no more lines than the order has"),
        reason: Personal::new("credit note".parse().expect("a reason is short")),
        external_ref: Some(found.external_ref.clone()),
        occurred_at: Some(found.at),
    };
    Request::post(format!("/v1/orders/{}/returns", order.id), &return_step(order, found, "return"), &body)
}

/// Receive all units of a return and restock them.
pub(crate) fn receive_return(order: &Order, found: &Return, return_no: PartNo) -> Request {
    let body = ReceiveReturn::whole(Disposition::Restock, Some(found.at));
    let path = format!("/v1/orders/{}/returns/{return_no}/receipt", order.id);
    Request::post(path, &return_step(order, found, "receipt"), &body)
}

/// Record the refund of a return.
pub(crate) fn record_refund(order: &Order, found: &Return, payment: PartNo, return_no: PartNo) -> Request {
    let body = RecordRefund {
        payment,
        amount: Amount::try_from(found.amount).expect("no more than was paid"),
        return_no: Some(return_no),
        kind: None,
        occurred_at: Some(found.at),
    };
    Request::post(format!("/v1/orders/{}/refunds", order.id), &return_step(order, found, "refund"), &body)
}

fn step(order: &Order, name: &str) -> String {
    format!("{}/{name}", order.external_ref.as_str())
}

fn return_step(order: &Order, found: &Return, name: &str) -> String {
    format!("{}/{}/{name}", order.external_ref.as_str(), found.external_ref.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::contents::FileContents;
    use crate::plan::ImportPlan;

    fn plan() -> ImportPlan {
        ImportPlan::from(FileContents::of_lines(
            "1,A,Cup,2,1/5/24 9:00,1.00,7,\n2,A,Cup,1,1/6/24 9:00,2.00,,\nC3,A,Cup,-1,1/7/24 9:00,1.00,7,\n",
        ))
    }

    fn json(request: &Request) -> serde_json::Value {
        serde_json::from_slice(&request.body).unwrap()
    }

    #[test]
    fn an_order_is_sent_with_the_prices_of_the_file_and_its_total() {
        let plan = plan();
        let request = place_order(&plan.orders[0], |number| plan.contents.sku(number));
        let body = json(&request);
        assert_eq!(body["external_ref"], "1");
        assert_eq!(body["expected_total"], 200);
        assert_eq!(body["lines"], serde_json::json!([{"sku": "A", "quantity": 2, "unit_price": 100}]));
        assert_eq!((request.path.as_str(), request.key), ("/v1/orders", ids::key("1/order")));
    }

    #[test]
    fn a_request_that_another_file_may_contain_too_is_keyed_by_its_content() {
        let plan = plan();
        let product = &plan.products[0];
        let (one, other) = (Quantity::try_from(1).unwrap(), Quantity::try_from(2).unwrap());
        let key = |number, quantity| receive_stock(product, number, quantity, plan.stocked_at).key;
        assert_eq!(key(1, one), key(1, one));
        assert!(key(1, one) != key(1, other) && key(1, one) != key(2, one));
        assert_ne!(create_product(product).key, change_price(product, product.prices[1]).key);
    }

    #[test]
    fn every_body_deserializes_as_the_body_of_its_command() {
        let plan = plan();
        let (order, found, product) = (&plan.orders[0], &plan.returns[0], &plan.products[0]);
        let read = |request: Request| request.body;
        serde_json::from_slice::<CreateProduct>(&read(create_product(product))).unwrap();
        serde_json::from_slice::<ChangePrice>(&read(change_price(product, product.prices[1]))).unwrap();
        serde_json::from_slice::<PlaceOrderBody>(&read(place_order(order, |number| plan.contents.sku(number))))
            .unwrap();
        serde_json::from_slice::<RecordPayment>(&read(record_payment(order))).unwrap();
        serde_json::from_slice::<CreateFulfilment>(&read(create_fulfilment(order))).unwrap();
        serde_json::from_slice::<ShipFulfilment>(&read(ship_fulfilment(order, 1))).unwrap();
        serde_json::from_slice::<RequestReturn>(&read(request_return(order, found))).unwrap();
        serde_json::from_slice::<ReceiveReturn>(&read(receive_return(order, found, 1))).unwrap();
        serde_json::from_slice::<RecordRefund>(&read(record_refund(order, found, 1, 1))).unwrap();
    }
}
