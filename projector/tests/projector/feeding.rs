//! Events from Kafka are applied to the tables exactly once, together with the checkpoint.

use chrono::{DateTime, Duration, Utc};
use events::order::OrderEvent;
use events::{Position, Recorded};
use projector::projections::{Orders, Products, Stock};
use projector::step::Outcome;
use read_model::OrderDocument;

use crate::platform::{Platform, now, step_until};
use crate::samples::*;

async fn stored_order(platform: &mut Platform) -> OrderDocument {
    serde_json::from_str(&platform.text("select document::text from orders").await).unwrap()
}

#[tokio::test]
async fn an_order_in_the_table_is_the_fold_of_its_events() {
    let mut platform = Platform::new().await;
    let (id, stream) = order_at(now(), 1);
    let history = [placed(id, 1), captured(1500), fulfilment_created(), shipped()];
    let mut expected = None;
    let mut worker = platform.worker::<Orders>();
    for event in history {
        let recorded = platform.publish(&stream, event.clone()).await;
        OrderDocument::fold(&mut expected, &recorded, &event).unwrap();
        // One event at a time, so that the document is stored and read between events.
        platform.catch_up(&mut worker).await;
    }
    assert_eq!(stored_order(&mut platform).await, expected.unwrap());
    let statuses = "select lifecycle || ' ' || payment || ' ' || fulfilment || ' ' || returns from orders";
    assert_eq!(platform.text(statuses).await, "open paid shipped none");
}

#[tokio::test]
async fn changes_of_an_order_are_written_to_its_columns() {
    let mut platform = Platform::new().await;
    let (id, stream) = order_at(now(), 1);
    let mut worker = platform.worker::<Orders>();
    for event in [placed(id, 1), grown(), tagged(&["b2b", "\"gift\", {x}"], &[]), assigned(), tagged(&[], &["b2b"])] {
        platform.publish(&stream, event).await;
        platform.catch_up(&mut worker).await;
    }
    let columns = "select total || ' ' || customer_id || ' ' || array_to_json(tags) from orders";
    assert_eq!(platform.text(columns).await, format!(r#"2100 {} ["\"gift\", {{x}}"]"#, customer_id()));
    assert_eq!(stored_order(&mut platform).await.lines[0].progress.ordered, 3);
}

#[tokio::test]
async fn many_events_of_a_row_are_applied_together() {
    let mut platform = Platform::new().await;
    let (order, _) = order_at(now(), 1);
    platform.publish(&stock_stream("MUG"), received(100)).await;
    for _ in 0..20 {
        platform.publish(&stock_stream("MUG"), reserved(order, 2)).await;
    }
    let mut worker = platform.worker::<Stock>();
    platform.catch_up(&mut worker).await;
    assert_eq!(platform.number("select on_hand * 1000 + reserved from stock").await, 100_040);
    assert_eq!(platform.number("select version::bigint from stock").await, 21);
    assert_eq!(platform.number("select count(*) from stock_ledger").await, 21);
    assert_eq!(platform.number("select max(position) from projection_checkpoints where category = 'stock'").await, 21);
}

#[tokio::test]
async fn a_product_has_current_prices_and_a_price_history() {
    let mut platform = Platform::new().await;
    platform.publish(&product_stream("MUG"), created("MUG", "Mug", 450)).await;
    platform.publish(&product_stream("MUG"), price_changed(500)).await;
    let mut worker = platform.worker::<Products>();
    platform.catch_up(&mut worker).await;
    assert_eq!(platform.text("select prices::text from products").await, r#"{"EUR":470,"GBP":500}"#);
    let history = "select string_agg(currency || price, ' ' order by position, currency) from product_prices";
    assert_eq!(platform.text(history).await, "EUR470 GBP450 GBP500");
}

#[tokio::test]
async fn a_product_has_the_values_of_its_last_event() {
    let mut platform = Platform::new().await;
    let mut worker = platform.worker::<Products>();
    // One event at a time, so that the document is stored and read between events.
    for event in [created("MUG", "Mug", 450), updated("Cup"), price_changed(500)] {
        platform.publish(&product_stream("MUG"), event).await;
        platform.catch_up(&mut worker).await;
        worker = platform.worker::<Products>();
    }
    let described = "select name || ' ' || tax_class || ' ' || (attributes->>'colour') || ' ' || tags from products";
    assert_eq!(platform.text(described).await, r#"Cup reduced "red" 'ü' ["a","b"]"#);
}

#[tokio::test]
async fn a_stock_item_has_its_policy_and_its_ledger() {
    let mut platform = Platform::new().await;
    let mut worker = platform.worker::<Stock>();
    for event in [received(9), transferred_out(4), backorders(5, 2), received(1)] {
        platform.publish(&stock_stream("MUG"), event).await;
        platform.catch_up(&mut worker).await;
        worker = platform.worker::<Stock>();
    }
    let item = "select on_hand || ' ' || transferred || ' ' || safety || ' ' || policy from stock";
    assert_eq!(platform.text(item).await, r#"6 -4 2 {"kind":"backorder","limit":5}"#);
    let ledger = "select string_agg(kind || quantity, ' ' order by position) from stock_ledger";
    assert_eq!(platform.text(ledger).await, "received9 transferred_out4 policy_changed2 received1");
}

#[tokio::test]
async fn months_of_old_orders_are_created() {
    let mut platform = Platform::new().await;
    let long_ago: DateTime<Utc> = "2010-12-01T08:26:00Z".parse().unwrap();
    for (number, days) in [(1, 0), (2, 30), (3, 400)] {
        let at = long_ago + Duration::days(days);
        let (id, stream) = order_at(at, number);
        let event = platform.append_at(at, &stream, placed(id, number.into())).await;
        platform.send(&event).await;
    }
    let mut worker = platform.worker::<Orders>();
    platform.catch_up(&mut worker).await;
    assert_eq!(platform.number("select count(*) from only orders_2010_12").await, 2);
    assert_eq!(platform.number("select count(*) from only orders_2012_01").await, 1);
}

#[tokio::test]
async fn repeated_messages_change_nothing() {
    let mut platform = Platform::new().await;
    let first = platform.publish(&stock_stream("MUG"), received(5)).await;
    let second = platform.publish(&stock_stream("MUG"), received(7)).await;
    let mut worker = platform.worker::<Stock>();
    platform.catch_up(&mut worker).await;

    for event in [&first, &second, &first] {
        platform.send_again(event, Position::ZERO).await;
    }
    platform.publish(&stock_stream("MUG"), received(1)).await;
    platform.catch_up(&mut worker).await;
    assert_eq!(platform.number("select on_hand from stock").await, 13);
    assert_eq!(platform.number("select count(*) from stock_ledger").await, 3);
}

#[tokio::test]
async fn a_worker_that_stops_before_it_commits_offsets_applies_no_event_twice() {
    let mut platform = Platform::new().await;
    for _ in 0..10 {
        platform.publish(&stock_stream("MUG"), received(1)).await;
    }
    // A new group has no offsets, like a group whose worker stopped before the first commit.
    let mut first = platform.worker::<Stock>();
    platform.catch_up(&mut first).await;
    drop(first);
    let mut group_without_offsets = platform.feed();
    group_without_offsets.group += "-again";
    let mut second = platform.worker_with::<Stock>(group_without_offsets, None);
    let passed = step_until(&mut second, |outcome| matches!(outcome, Ok(Outcome::Applied(_)))).await.unwrap();
    assert_eq!(passed, Outcome::Applied(10));
    platform.publish(&stock_stream("MUG"), received(1)).await;
    platform.catch_up(&mut second).await;
    assert_eq!(platform.number("select on_hand from stock").await, 11);
    assert_eq!(platform.number("select count(*) from stock_ledger").await, 11);
}

#[tokio::test]
async fn a_worker_that_closes_commits_its_offsets() {
    let mut platform = Platform::new().await;
    platform.publish(&stock_stream("MUG"), received(1)).await;
    let mut first = platform.worker::<Stock>();
    platform.catch_up(&mut first).await;
    first.close().await;
    platform.publish(&stock_stream("MUG"), received(2)).await;
    let mut second = platform.worker::<Stock>();
    let passed = step_until(&mut second, |outcome| matches!(outcome, Ok(Outcome::Applied(_)))).await.unwrap();
    assert_eq!(passed, Outcome::Applied(1), "only the new event is read");
    assert_eq!(platform.number("select on_hand from stock").await, 3);
}

#[tokio::test]
async fn a_checkpoint_that_is_reset_changes_no_row() {
    let mut platform = Platform::new().await;
    let (id, stream) = order_at(now(), 1);
    let history: Vec<OrderEvent> = vec![placed(id, 1), captured(1500), fulfilment_created()];
    for event in history {
        platform.publish(&stream, event).await;
    }
    let mut worker = platform.worker::<Orders>();
    platform.catch_up(&mut worker).await;
    let before = stored_order(&mut platform).await;
    drop(worker);
    platform.execute("update projection_checkpoints set position = 0").await;
    let mut feed = platform.feed();
    feed.group += "-again";
    let mut worker = platform.worker_with::<Orders>(feed, None);
    platform.catch_up(&mut worker).await;
    assert_eq!(stored_order(&mut platform).await, before);
}

#[tokio::test]
async fn events_of_the_next_incarnation_continue_where_the_last_one_ended() {
    let mut platform = Platform::new().await;
    platform.publish(&stock_stream("MUG"), received(1)).await;
    let mut worker = platform.worker::<Stock>();
    platform.catch_up(&mut worker).await;
    let event = platform.append(&stock_stream("MUG"), received(2)).await;
    let event = Recorded { incarnation: events::Incarnation(2), ..event };
    platform.send(&event).await;
    platform.catch_up(&mut worker).await;
    assert_eq!(platform.number("select on_hand * 10 + incarnation from stock").await, 32);
}
