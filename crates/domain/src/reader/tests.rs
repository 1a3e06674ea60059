//! Tests of loading: streams that are not in memory are requested together, and are never taken for streams without
//! events.

use std::collections::BTreeSet;
use std::slice;

use events::{OrderId, StreamId};
use serde_json::json;

use crate::command::Command;
use crate::decide::decide;
use crate::decision::Context;
use crate::order::OrderCommand;
use crate::order::place::PlaceOrder;
use crate::reader::{MissingStreams, Reader};
use crate::tests::past::{body, main, order_id, packed, placed, sku};
use crate::tests::scenario::{empty_world, new_id, now};
use crate::world::{Slot, World};

fn needs(command: &Command, world: &World) -> Vec<StreamId> {
    match decide(command, &Context { now: now(), new_id: new_id().into() }, &Reader::new(world)) {
        Err(MissingStreams(streams)) => streams,
        decided => panic!("nothing was asked for: {decided:?}"),
    }
}

fn sorted(mut streams: Vec<StreamId>) -> Vec<StreamId> {
    streams.sort();
    streams
}

#[test]
fn an_order_to_place_asks_for_products_and_stock() {
    let lines = ["A", "B"].map(|sku| json!({ "sku": sku, "quantity": 1 }));
    let command = |id: Option<OrderId>| {
        Command::PlaceOrder(PlaceOrder {
            body: body(json!({ "id": id, "currency": "GBP", "lines": lines })),
            stock: Default::default(),
        })
    };
    let of = |text| [StreamId::product(&sku(text)), StreamId::stock(&sku(text), &main())];
    let mut expected = [of("A"), of("B")].concat();
    assert_eq!(sorted(needs(&command(None), &empty_world())), sorted(expected.clone()));
    expected.push(StreamId::order(order_id()));
    assert_eq!(sorted(needs(&command(Some(order_id())), &empty_world())), sorted(expected));
}

#[test]
fn an_orders_stock_is_asked_for_once_the_order_is_there() {
    let body = body(json!({}));
    let command = Command::Order(order_id(), OrderCommand::ShipFulfilment { fulfilment: 1, body });
    let order = StreamId::order(order_id());
    let items = [StreamId::stock(&sku("A"), &main()), StreamId::stock(&sku("B"), &main())];
    let mut world = empty_world();
    assert_eq!(needs(&command, &world), slice::from_ref(&order));

    let past = [placed([("A", 2), ("B", 1)]), packed(1, [(1, 2), (2, 1)])].concat();
    for (stream, event) in past.iter().filter(|(stream, _)| *stream == order) {
        world.evolve(stream, event);
    }
    assert_eq!(needs(&command, &world), items);

    items.iter().for_each(|item| world.put(item.clone(), Slot::default()));
    let reader = Reader::new(&world);
    let decision = decide(&command, &Context { now: now(), new_id: new_id().into() }, &reader);
    assert!(decision.is_ok());
    let found: BTreeSet<StreamId> = reader.into_found().into_iter().collect();
    assert_eq!(found, [vec![order], items.to_vec()].concat().into_iter().collect());
}
