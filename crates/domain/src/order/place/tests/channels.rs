//! Tests of orders of several sales channels.

use events::order::OrderEvent;
use events::{Event, StreamId};
use serde_json::{Value, json};

use crate::command::Command;
use crate::decision::NewEvent;
use crate::order::place::PlaceOrder;
use crate::order::shortage::StockHandling;
use crate::rejection::Rejection;
use crate::tests::past::{body, order_id, order_placed, product, received};
use crate::tests::scenario::{Given, Past, given};

const CHANNELS: &str = "web:SON,uk:UK:GBP,b2b:BB";

fn place(order: Value) -> Command {
    Command::PlaceOrder(PlaceOrder { body: body(order), stock: StockHandling::Enforce })
}

fn order(channel: Option<&str>, currency: &str) -> Command {
    let lines = json!([{ "sku": "A", "quantity": 1, "unit_price": 450 }]);
    place(json!({ "channel": channel, "currency": currency, "lines": lines }))
}

fn shop(orders: Vec<Past>) -> Given {
    given([product("A"), received("A", 5), orders]).selling_through(CHANNELS)
}

#[track_caller]
fn code(events: &[NewEvent]) -> (&str, &str) {
    match &events[0].event {
        Event::Order(OrderEvent::Placed(placed)) => (placed.channel.as_str(), placed.code.as_str()),
        other => panic!("not placed: {other:?}"),
    }
}

/// An order with this prefix and number in its code.
fn earlier(prefix: &str, number: u64) -> Vec<Past> {
    let mut placed = order_placed([("A", 1)]);
    placed.code = events::OrderCode::new(prefix, number);
    vec![(StreamId::order(order_id()), OrderEvent::Placed(placed).into())]
}

#[test]
fn every_channel_counts_its_own_orders() {
    for (channel, said) in
        [(None, ("web", "SON000001")), (Some("uk"), ("uk", "UK000042")), (Some("b2b"), ("b2b", "BB000001"))]
    {
        let events = shop(earlier("UK", 41)).when(order(channel, "GBP")).0.unwrap();
        assert_eq!(code(&events), said);
    }
}

#[test]
fn a_channel_that_nobody_set_up_or_another_currency_is_refused() {
    let (uk, shop_code) = ("uk".parse().unwrap(), "shop".parse().unwrap());
    let (gbp, eur) = ("GBP".parse().unwrap(), "EUR".parse().unwrap());
    shop(vec![]).when(order(Some("shop"), "GBP")).then_rejected(Rejection::UnknownChannel(shop_code));
    let wrong = Rejection::WrongCurrency { channel: uk, currency: eur, allowed: vec![gbp] };
    shop(vec![]).when(order(Some("uk"), "EUR")).then_rejected(wrong);
}
