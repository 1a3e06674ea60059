//! A generated log is the same for the same seed, and every stream of it can be folded.

use std::collections::{BTreeMap, HashMap};

use events::{Event, Incarnation, Metadata, Recorded, StreamId, Version};
use read_model::{CustomerDocument, OrderDocument, ProductDocument, StockDocument, StockHoldDocument};

use super::*;

/// Enough for returns and refunds, which happen weeks after an order.
const EVENTS: u64 = 20_000;

fn generated(seed: u64) -> (String, Rows) {
    let (mut shop, mut rows) = (Shop::open(LogSize { seed, events: EVENTS }), Rows::default());
    while rows.position() < Position(EVENTS as i64) {
        shop.next_commands(&mut rows).unwrap();
    }
    (String::from_utf8(rows.take_text()).unwrap(), rows)
}

/// The event of a row in the text format of `COPY`.
fn recorded(line: &str) -> Recorded {
    let fields: Vec<String> = line.split('\t').map(|field| field.replace("\\\\", "\\")).collect();
    Recorded {
        position: Position(fields[0].parse().unwrap()),
        incarnation: Incarnation(fields[1].parse().unwrap()),
        stream: fields[2].parse().unwrap(),
        version: Version(fields[3].parse().unwrap()),
        event_type: fields[4].clone(),
        schema_version: fields[5].parse().unwrap(),
        payload: fields[6].clone(),
        metadata: Metadata::default(),
        command_id: fields[8].parse().ok(),
        recorded_at: fields[7].parse().unwrap(),
    }
}

#[test]
fn the_same_seed_results_in_the_same_log() {
    assert!(generated(1).0 == generated(1).0);
    assert!(generated(1).0 != generated(2).0);
}

#[test]
fn positions_are_gapless_and_time_never_goes_back() {
    let (text, rows) = generated(1);
    let events: Vec<Recorded> = text.lines().map(recorded).collect();
    assert!(events.iter().zip(1..).all(|(event, position)| event.position == Position(position)));
    assert!(events.is_sorted_by_key(|event| event.recorded_at));
    assert_eq!(events.last().map(|event| event.position), Some(rows.position()));
}

#[test]
fn an_order_has_four_events_on_average() {
    let (text, _) = generated(1);
    let orders = text.lines().filter(|line| line.contains("\tOrderPlaced\t")).count();
    let of_products = |line: &&str| line.contains("\tProductCreated\t") || line.contains("\tStockPolicyChanged\t");
    let others = text.lines().count() - text.lines().filter(of_products).count();
    let average = others as f64 / orders as f64;
    assert!((3.7..4.3).contains(&average), "{average} events per order");
}

#[test]
fn every_event_can_be_folded_and_stock_is_never_oversold() {
    let (text, _) = generated(1);
    let (mut orders, mut stock) = (HashMap::<StreamId, _>::new(), HashMap::<StreamId, _>::new());
    let (mut products, mut customers, mut holds) =
        (HashMap::<StreamId, _>::new(), HashMap::<StreamId, _>::new(), HashMap::<StreamId, _>::new());
    let mut types = BTreeMap::<String, usize>::new();
    for event in text.lines().map(recorded) {
        *types.entry(event.event_type.clone()).or_default() += 1;
        let stream = event.stream.clone();
        match event.decode().unwrap() {
            Event::Order(it) => OrderDocument::fold(orders.entry(stream).or_default(), &event, &it).unwrap(),
            Event::Stock(it) => {
                let item = stock.entry(stream).or_default();
                StockDocument::fold(item, &event, &it).unwrap();
                let level = item.as_ref().map(|item: &StockDocument| item.level).unwrap();
                assert!(level.reserved >= 0 && level.reserved <= level.on_hand, "{event:?}: {level:?}");
            }
            Event::Product(it) => ProductDocument::fold(products.entry(stream).or_default(), &event, &it).unwrap(),
            Event::Customer(it) => CustomerDocument::fold(customers.entry(stream).or_default(), &event, &it).unwrap(),
            Event::StockHold(it) => StockHoldDocument::fold(holds.entry(stream).or_default(), &event, &it).unwrap(),
            Event::Email(_) => assert_eq!(event.version, Version(1)),
        }
    }
    assert!(types.len() >= 24, "{types:?}");
    let overpaid = orders.values().flatten().filter(|order: &&OrderDocument| order.captured > order.total).count();
    assert_eq!(overpaid, 0);
}
