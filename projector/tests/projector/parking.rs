//! An event that cannot be applied parks only its stream.

use projector::config::Limits;
use projector::feed::FeedSource;
use projector::projections::{Orders, Products, Stock};
use projector::step::StepError;
use projector::store::Store;
use projector::worker::Worker;

use crate::platform::{Platform, now, step_until};
use crate::samples::*;

#[tokio::test]
async fn an_event_that_cannot_be_decoded_parks_only_its_stream() {
    let mut platform = Platform::new().await;
    let (bad, good) = (stock_stream("BAD"), stock_stream("GOOD"));
    platform.publish(&bad, received(1)).await;
    platform.publish_unreadable(&bad).await;
    platform.publish(&bad, received(100)).await;
    platform.publish(&good, received(5)).await;
    let mut worker = platform.worker::<Stock>();
    platform.catch_up(&mut worker).await;

    assert_eq!(platform.number("select on_hand from stock where sku = 'GOOD'").await, 5);
    assert_eq!(platform.number("select on_hand from stock where sku = 'BAD'").await, 1, "up to the bad event");
    let parked = "select projection || ' ' || stream_id || ' ' || position || ' ' || reason from parked_streams";
    let expected = "stock stock-BAD@main 2 event type `StockImagined` is unknown to this build";
    assert_eq!(platform.text(parked).await, expected);
}

#[tokio::test]
async fn an_event_that_the_database_refuses_parks_only_its_stream() {
    let mut platform = Platform::new().await;
    for number in 0..20 {
        let name = format!("MUG-{number}");
        // PostgreSQL accepts no NUL character in a text.
        let title = if number == 13 { "Mug\0" } else { "Mug" };
        platform.publish(&product_stream(&name), created(&name, title, 450)).await;
    }
    let mut worker = platform.worker::<Products>();
    platform.catch_up(&mut worker).await;
    assert_eq!(platform.number("select count(*) from products").await, 19);
    assert_eq!(platform.text("select stream_id from parked_streams").await, "product-MUG-13");
    assert!(platform.text("select reason from parked_streams").await.starts_with("PostgreSQL refused the data"));
}

#[tokio::test]
async fn a_missing_month_parks_nothing() {
    let mut platform = Platform::new().await;
    platform.publish(&stock_stream("MUG"), received(1)).await;
    let mut worker = platform.worker::<Stock>();
    platform.catch_up(&mut worker).await;
    // An operator detaches the month that the worker knows to be there.
    platform
        .execute("do $$ begin execute format('drop table stock_ledger_%s', to_char(now() at time zone 'UTC', 'YYYY_MM')); end $$")
        .await;
    platform.publish(&stock_stream("MUG"), received(1)).await;
    platform.catch_up(&mut worker).await;
    assert_eq!(platform.number("select count(*) from parked_streams").await, 0);
    assert_eq!(platform.number("select count(*) from stock_ledger").await, 1);
}

#[tokio::test]
async fn the_projection_stops_if_too_many_streams_would_be_parked() {
    let mut platform = Platform::new().await;
    platform.publish_unreadable(&stock_stream("BAD")).await;
    let limits = Limits { parked_max: 0, ..Limits::default() };
    let store = Store::new(&platform.database(), read_model::Generation::first(read_model::Projection::STOCK)).unwrap();
    let mut worker = Worker::<Stock>::new(FeedSource::Kafka(platform.feed()), limits, store, None, &platform.health);
    let stopped = step_until(&mut worker, Result::is_err).await.unwrap_err();
    assert!(matches!(stopped, StepError::TooManyParked(1)), "{stopped}");
    assert!(!platform.health.is_ready());
    assert_eq!(platform.number("select count(*) from parked_streams").await, 0);
    assert_eq!(platform.number("select max(position) from projection_checkpoints").await, 0);
}

#[tokio::test]
async fn a_version_that_does_not_follow_parks_its_stream() {
    let mut platform = Platform::new().await;
    platform.publish(&product_stream("MUG"), created("MUG", "Mug", 450)).await;
    platform.publish(&product_stream("MUG"), created("MUG", "Mug", 450)).await;
    let mut worker = platform.worker::<Products>();
    platform.catch_up(&mut worker).await;
    assert_eq!(
        platform.text("select reason from parked_streams").await,
        "`ProductCreated` can only be the first event of a stream, and the stream already exists"
    );
}

#[tokio::test]
async fn a_stock_item_whose_row_cannot_be_read_is_parked() {
    let mut platform = Platform::new().await;
    for name in ["BAD", "GOOD"] {
        platform.publish(&stock_stream(name), received(1)).await;
    }
    let mut worker = platform.worker::<Stock>();
    platform.catch_up(&mut worker).await;
    // A newer build has written a policy that is unknown to this build.
    platform.execute("update stock set policy = '{\"kind\":\"dreamt\"}' where sku = 'BAD'").await;
    for name in ["BAD", "GOOD"] {
        platform.publish(&stock_stream(name), received(10)).await;
    }
    worker = platform.worker::<Stock>();
    platform.catch_up(&mut worker).await;
    assert_eq!(platform.number("select on_hand from stock where sku = 'GOOD'").await, 11);
    assert_eq!(platform.number("select on_hand from stock where sku = 'BAD'").await, 1);
    let expected = "the stored document cannot be read: policy: line 1, column 16";
    assert_eq!(platform.text("select reason from parked_streams where stream_id like 'stock-BAD@%'").await, expected);
}

#[tokio::test]
async fn a_product_whose_row_cannot_be_read_is_parked() {
    let mut platform = Platform::new().await;
    for name in ["BAD", "GOOD"] {
        platform.publish(&product_stream(name), created(name, "Mug", 450)).await;
    }
    let mut worker = platform.worker::<Products>();
    platform.catch_up(&mut worker).await;
    platform.execute("update products set prices = '{\"GBP\":\"dear\"}' where sku = 'BAD'").await;
    for name in ["BAD", "GOOD"] {
        platform.publish(&product_stream(name), price_changed(500)).await;
    }
    worker = platform.worker::<Products>();
    platform.catch_up(&mut worker).await;
    assert_eq!(platform.number("select version::bigint from products where sku = 'GOOD'").await, 2);
    let parked = "select stream_id || ': ' || reason from parked_streams";
    let expected = "product-BAD: the stored document cannot be read: prices: line 1, column 13";
    assert_eq!(platform.text(parked).await, expected);
}

#[tokio::test]
async fn an_event_whose_metadata_cannot_be_read_parks_only_its_stream() {
    let mut platform = Platform::new().await;
    for name in ["BAD", "GOOD"] {
        let event = platform.append(&stock_stream(name), received(1)).await;
        platform.lose(&event).await;
    }
    platform
        .execute(
            "alter table events disable trigger events_append_only;
             update events set metadata = '{\"occurred_at\":7}' where stream_id like 'stock-BAD@%';
             alter table events enable trigger events_append_only;",
        )
        .await;
    for name in ["BAD", "GOOD"] {
        platform.publish(&stock_stream(name), received(10)).await;
    }
    let mut worker = platform.worker::<Stock>();
    platform.catch_up(&mut worker).await;
    assert_eq!(platform.text("select sku || on_hand from stock").await, "GOOD11");
    let parked = "select stream_id || ': ' || reason from parked_streams";
    let expected = "stock-BAD@main: the metadata of the event cannot be read (line 1, column 16)";
    assert_eq!(platform.text(parked).await, expected);
}

#[tokio::test]
async fn an_event_whose_fold_panics_parks_only_its_stream() {
    let mut platform = Platform::new().await;
    for name in ["BAD", "GOOD"] {
        platform.publish(&stock_stream(name), received(1)).await;
    }
    let mut worker = platform.worker::<Stock>();
    platform.catch_up(&mut worker).await;
    // The second event exceeds the largest 64-bit number.
    platform.execute("update stock set on_hand = 9223372036854775800 where sku = 'BAD'").await;
    platform.publish(&stock_stream("GOOD"), received(10)).await;
    platform.publish(&stock_stream("BAD"), received(5)).await;
    platform.publish(&stock_stream("BAD"), received(5)).await;
    platform.publish(&stock_stream("GOOD"), received(100)).await;
    worker = platform.worker::<Stock>();
    platform.catch_up(&mut worker).await;
    assert_eq!(platform.number("select on_hand from stock where sku = 'GOOD'").await, 111);
    assert_eq!(platform.number("select on_hand from stock where sku = 'BAD'").await, 9_223_372_036_854_775_805);
    let parked = "select stream_id || ' ' || position || ': ' || reason from parked_streams";
    let expected = "stock-BAD@main 5: the projection panicked while it applied `StockReceived` at this position";
    assert_eq!(platform.text(parked).await, expected);
}

#[tokio::test]
async fn a_detached_month_is_attached_again_for_an_event_that_needs_it() {
    let mut platform = Platform::new().await;
    platform.publish(&stock_stream("MUG"), received(1)).await;
    let mut worker = platform.worker::<Stock>();
    platform.catch_up(&mut worker).await;
    platform.detach_month("stock_ledger").await;
    platform.publish(&stock_stream("MUG"), received(10)).await;
    platform.catch_up(&mut worker).await;
    assert_eq!(platform.number("select count(*) from parked_streams").await, 0);
    assert_eq!(platform.number("select count(*) from stock_ledger").await, 2);
    assert_eq!(platform.number("select on_hand from stock").await, 11);
}

#[tokio::test]
async fn an_order_of_a_detached_month_is_found_again() {
    let mut platform = Platform::new().await;
    let (id, stream) = order_at(now(), 1);
    platform.publish(&stream, placed(id, 1)).await;
    let mut worker = platform.worker::<Orders>();
    platform.catch_up(&mut worker).await;
    platform.detach_month("orders").await;
    platform.publish(&stream, captured(1500)).await;
    worker = platform.worker::<Orders>();
    platform.catch_up(&mut worker).await;
    assert_eq!(platform.number("select count(*) from parked_streams").await, 0);
    assert_eq!(platform.text("select payment || ' ' || version from orders").await, "paid 2");
}

#[tokio::test]
async fn a_month_that_cannot_be_attached_parks_only_streams_that_need_it() {
    let mut platform = Platform::new().await;
    let long_ago = "2010-12-01T08:26:00Z".parse().unwrap();
    platform
        .execute("create table stock_1.stock_ledger_2010_12 (id uuid); alter table stock_1.stock_ledger_2010_12 owner to model_writer")
        .await;
    let event = platform.append_at(long_ago, &stock_stream("OLD"), received(1)).await;
    platform.send(&event).await;
    platform.publish(&stock_stream("NEW"), received(1)).await;
    let mut worker = platform.worker::<Stock>();
    platform.catch_up(&mut worker).await;
    assert_eq!(platform.text("select sku from stock").await, "NEW");
    let reason = platform.text("select reason from parked_streams where stream_id = 'stock-OLD@main'").await;
    assert!(reason.contains("stock_ledger_2010_12 is detached and cannot be attached again"), "{reason}");
}

#[tokio::test]
async fn the_reason_names_a_month_that_cannot_be_attached() {
    let mut platform = Platform::new().await;
    let (id, stream) = order_at(now(), 1);
    platform.publish(&stream, placed(id, 1)).await;
    let mut worker = platform.worker::<Orders>();
    platform.catch_up(&mut worker).await;
    platform.detach_month("orders").await;
    // A column that is missing keeps a table from being attached.
    platform.alter_month("orders", "drop column total").await;
    platform.publish(&stream, captured(1500)).await;
    worker = platform.worker::<Orders>();
    platform.catch_up(&mut worker).await;
    let reason = platform.text("select reason from parked_streams").await;
    assert!(
        reason.starts_with("the stored document cannot be read: PostgreSQL refused the data: month orders_"),
        "{reason}"
    );
}
