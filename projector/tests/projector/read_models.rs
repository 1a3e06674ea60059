//! The tables of all projections: what a history of events becomes, and that sums are exactly once.

use events::customer::{CustomerErased, CustomerEvent, CustomerRegistered};
use events::order::{OrderCancelled, OrderEvent};
use events::personal::{Personal, Profile};
use events::stock_hold::{HoldConsumed, HoldLine, HoldPlaced, StockHoldEvent};
use events::{Location, Position, StockHoldId, StreamId};
use projector::log_projector::LogProjector;
use projector::projections::{OrderTimeline, Sales, StockReservations};
use projector::step::StepError;

use crate::platform::{PARTITIONS, Platform, now};
use crate::samples::*;

async fn apply_all(platform: &Platform, upto: i64) {
    let projector = LogProjector::open(&platform.database(), PARTITIONS).await.unwrap();
    projector.apply_all(Position(upto)).await.unwrap();
}

fn cancelled() -> OrderEvent {
    OrderEvent::Cancelled(OrderCancelled { reason: Personal::new("no longer needed".to_owned()) })
}

#[tokio::test]
async fn an_order_is_in_every_projection_of_orders() {
    let mut platform = Platform::new().await;
    let (id, stream) = order_at(now(), 1);
    for event in [placed(id, 1), assigned(), fulfilment_created(), shipped()] {
        platform.append(&stream, event).await;
    }
    apply_all(&platform, 4).await;
    assert_eq!(
        platform.text("select array_to_string(skus, ',') || '' || search_text from order_search").await,
        "MUG son000001 mug \"u\" 'x' "
    );
    let timeline = "select string_agg(text, '; ' order by version) from order_timeline";
    assert_eq!(
        platform.text(timeline).await,
        "Placed order SON000001 with 2 units of MUG, total 15.00 GBP; \
         Assigned the order to customer 00000000-0000-7101-8101-010101010101; \
         Created fulfilment 1 at main with 2 units of MUG; Shipped fulfilment 1 with post, tracking number T1"
    );
    let fulfilment =
        "select location || ' ' || units || ' ' || carrier || ' ' || (shipped_at >= packed_at) from fulfilments";
    assert_eq!(platform.text(fulfilment).await, "main 2 post true");
    let days = "select string_agg(sku || ' ' || orders || ' ' || units_ordered || ' ' || net, '; ' order by sku) from sales_days";
    assert_eq!(platform.text(days).await, " 1 0 300; MUG 0 2 1200");
    assert_eq!(platform.number("select sum(net)::bigint from sales_quarter_hours").await, 1500);
    let quarter =
        "select channel || ' ' || orders || ' ' || units_ordered || ' ' || net from sales_channel_quarter_hours";
    let day = "select channel || ' ' || orders || ' ' || units_ordered || ' ' || net from sales_channel_days";
    let hour = "select channel || ' ' || orders || ' ' || units_ordered || ' ' || net from sales_channel_hours";
    for sums in [quarter, hour, day] {
        assert_eq!(platform.text(sums).await, "web 1 2 1500", "{sums}");
    }
    let counts =
        "select string_agg(fulfilment || ' ' || orders || ' ' || owed, '; ' order by fulfilment) from order_counts
        where orders <> 0";
    assert_eq!(platform.text(counts).await, "shipped 1 1500");
    let fulfilments =
        "select location || ' ' || created || ' ' || shipped || ' ' || units_shipped from fulfilment_quarter_hours";
    assert_eq!(platform.text(fulfilments).await, "main 1 1 2");
    assert_eq!(
        platform.text("select customer_id || ' ' || orders || ' ' || net from sales_customers").await,
        format!("{} 1 1500", customer_id().uuid())
    );
}

#[tokio::test]
async fn customers_stock_holds_and_reservations_have_tables() {
    let mut platform = Platform::new().await;
    let (order_id, _) = order_at(now(), 1);
    let hold_id = StockHoldId::new(now(), [7; 10]);
    let line = HoldLine { sku: sku("MUG"), location: Location::main(), quantity: 3, backordered: 0 };
    let held = HoldPlaced { hold_id, lines: vec![line], expires_at: now(), reference: None };
    platform.append(&StreamId::stock_hold(hold_id), StockHoldEvent::Placed(held)).await;
    platform.append(&StreamId::stock_hold(hold_id), StockHoldEvent::Consumed(HoldConsumed { order_id })).await;
    platform.append(&stock_stream("MUG"), received(5)).await;
    platform.append(&stock_stream("MUG"), reserved(order_id, 3)).await;
    let registered = CustomerRegistered {
        customer_id: customer_id(),
        email_hash: events::stream::EmailHash::new([1; 16]),
        profile: Personal::new(Profile::default()),
        tags: ["vip".to_owned()].into(),
    };
    platform.append(&StreamId::customer(customer_id()), CustomerEvent::Registered(registered)).await;
    platform.append(&StreamId::customer(customer_id()), CustomerEvent::Erased(CustomerErased {})).await;
    apply_all(&platform, 6).await;
    assert_eq!(
        platform.text("select state || ' ' || (document->>'order_id') from stock_holds").await,
        format!("consumed {}", order_id.uuid())
    );
    assert_eq!(platform.text("select holder || ' ' || units from stock_reservations").await, "order 3");
    let movements = "select string_agg(kind || ' ' || movements || ' ' || units, '; ' order by kind) from stock_movement_quarter_hours";
    assert_eq!(platform.text(movements).await, "received 1 5; reserved 1 3");
    assert_eq!(
        platform.text("select erased || ' ' || version || ' ' || cardinality(tags) from customers").await,
        "true 2 0"
    );
}

#[tokio::test]
async fn a_worker_without_memory_folds_the_state_of_an_order_from_the_log() {
    let mut platform = Platform::new().await;
    let (id, stream) = order_at(now(), 1);
    platform.publish(&stream, placed(id, 1)).await;
    let mut worker = platform.worker::<Sales>();
    platform.catch_up(&mut worker).await;
    worker.close().await;
    platform.publish(&stream, cancelled()).await;
    let mut worker = platform.worker::<Sales>();
    platform.catch_up(&mut worker).await;
    let sums = "select sum(ordered) || ' ' || sum(cancelled) || ' ' || sum(net) from sales_days";
    assert_eq!(platform.text(sums).await, "1500 1500 0");
    let mut worker = platform.worker::<OrderTimeline>();
    platform.catch_up(&mut worker).await;
    assert_eq!(platform.number("select count(*) from order_timeline").await, 2);
}

#[tokio::test]
async fn sums_are_exactly_once_while_workers_take_partitions_from_each_other() {
    let mut platform = Platform::new().await;
    let (mut one, mut other) = (platform.worker::<Sales>(), platform.worker::<Sales>());
    for number in 0..40 {
        let (id, stream) = order_at(now(), number);
        let event = platform.publish(&stream, placed(id, u64::from(number))).await;
        // Kafka delivers some messages twice.
        if number % 3 == 0 {
            let previous = platform.previous(&event);
            platform.send_again(&event, previous).await;
        }
    }
    let both = async {
        while platform.number("select coalesce(sum(orders), 0)::bigint from sales_days").await < 40 {
            let (first, second) = tokio::join!(one.step(), other.step());
            for lost in [first, second].into_iter().filter_map(Result::err) {
                assert!(matches!(lost, StepError::ClaimLost), "{lost}");
            }
        }
    };
    tokio::time::timeout(testbed::PATIENCE, both).await.unwrap();
    let sums = "select sum(orders) || ' ' || sum(units_ordered) || ' ' || sum(net) from sales_quarter_hours";
    assert_eq!(platform.text(sums).await, "40 80 60000");
}

#[tokio::test]
async fn a_closed_reservation_is_removed() {
    let mut platform = Platform::new().await;
    let (order_id, _) = order_at(now(), 1);
    platform.publish(&stock_stream("MUG"), received(5)).await;
    platform.publish(&stock_stream("MUG"), reserved(order_id, 3)).await;
    let mut worker = platform.worker::<StockReservations>();
    platform.catch_up(&mut worker).await;
    platform.publish(&stock_stream("MUG"), released(order_id, 3)).await;
    platform.catch_up(&mut worker).await;
    assert_eq!(platform.number("select units from stock_reservations").await, 0);
    worker.close().await;
    // A worker removes closed reservations when it starts, and periodically.
    let mut worker = platform.worker::<StockReservations>();
    worker.step().await.unwrap();
    assert_eq!(platform.number("select count(*) from stock_reservations").await, 0);
}
