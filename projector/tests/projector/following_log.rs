//! Without Kafka, a worker follows the log: all events are applied once, whatever process follows, and the feed can be
//! changed at any restart.

use events::{Category, Position, Recorded};
use projector::config::Limits;
use projector::feed::FeedSource;
use projector::feed::log::LogFollower;
use projector::frame::ReadModel;
use projector::projections::{Orders, Products, Sales, Stock};
use projector::step::{Outcome, StepError};
use projector::store::Store;
use projector::worker::Worker;
use read_model::Generation;
use testbed::PATIENCE;

use crate::platform::{Platform, now, step_until};
use crate::samples::*;

async fn platform() -> Platform {
    let mut platform = Platform::new().await;
    platform.record_all_partitions().await;
    platform
}

fn worker_with<M: ReadModel>(platform: &Platform, follower: &LogFollower, limits: Limits) -> Worker<M> {
    let store = Store::new(&platform.database(), Generation::first(M::PROJECTION)).unwrap();
    Worker::new(FeedSource::Log(follower.clone()), limits, store, None, &platform.health)
}

/// A stock item with this number of receipts of one unit, which a worker has applied.
async fn applied_receipts(count: usize) -> (Platform, LogFollower, Worker<Stock>) {
    let mut platform = platform().await;
    for _ in 0..count {
        platform.publish_without_kafka(&stock_stream("MUG"), received(1)).await;
    }
    let follower = platform.follower();
    let mut worker = platform.worker_of_log::<Stock>(&follower);
    platform.catch_up(&mut worker).await;
    (platform, follower, worker)
}

/// Runs steps, some of which may fail, until the worker has applied all published events.
async fn catch_up_after_failures<M: ReadModel>(platform: &mut Platform, worker: &mut Worker<M>) {
    let caught_up = async {
        while platform.is_behind(Generation::first(M::PROJECTION)).await {
            if worker.step().await.is_err() {
                // The follower needs a moment to connect.
                tokio::task::yield_now().await;
            }
        }
    };
    tokio::time::timeout(PATIENCE, caught_up).await.expect("the worker does not catch up");
}

/// Ends all connections of projectors, as a restart of the database does.
async fn disconnect_projectors(platform: &mut Platform) {
    platform
        .execute("select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and application_name = 'projector'")
        .await;
}

fn is_applied(outcome: &Result<Outcome, StepError>) -> bool {
    matches!(outcome, Ok(Outcome::Applied(_)))
}

#[tokio::test]
async fn events_are_applied_in_order_and_once() {
    let mut platform = platform().await;
    let follower = platform.follower();
    let (mut stock, mut orders) =
        (platform.worker_of_log::<Stock>(&follower), platform.worker_of_log::<Orders>(&follower));
    for number in 0..40 {
        let (id, stream) = order_at(now(), number);
        platform.publish_without_kafka(&stock_stream(&format!("MUG-{}", number % 7)), received(1)).await;
        platform.publish_without_kafka(&stream, placed(id, u64::from(number))).await;
        platform.publish_without_kafka(&stream, captured(1500)).await;
        if number % 10 == 0 {
            platform.catch_up(&mut stock).await;
            platform.catch_up(&mut orders).await;
        }
    }
    platform.catch_up(&mut stock).await;
    platform.catch_up(&mut orders).await;
    assert_eq!(platform.text("select count(*) || ' ' || sum(on_hand) from stock").await, "7 40");
    assert_eq!(platform.number("select count(*) from stock_ledger").await, 40);
    assert_eq!(platform.number("select count(*) from orders where payment = 'paid' and version = 2").await, 40);
    assert_eq!(platform.number("select count(*) from parked_streams").await, 0);
}

#[tokio::test]
async fn only_published_events_are_applied() {
    let mut platform = platform().await;
    let follower = platform.follower();
    let mut worker = platform.worker_of_log::<Stock>(&follower);
    platform.publish_without_kafka(&stock_stream("MUG"), received(1)).await;
    let unpublished = platform.append(&stock_stream("MUG"), received(10)).await;
    platform.catch_up(&mut worker).await;
    assert_eq!(worker.step().await.unwrap(), Outcome::Idle);
    assert_eq!(platform.number("select on_hand from stock").await, 1);
    platform.lose(&unpublished).await;
    platform.catch_up(&mut worker).await;
    assert_eq!(platform.number("select on_hand from stock").await, 11);
}

#[tokio::test]
async fn a_log_that_is_longer_than_a_page_is_applied_page_by_page() {
    let mut platform = platform().await;
    for number in 0..50 {
        platform.publish_without_kafka(&stock_stream("MUG"), received(1)).await;
        platform.publish_without_kafka(&product_stream(&format!("MUG-{number}")), created("MUG", "Mug", 450)).await;
    }
    let follower = platform.follower();
    let limits = Limits { batch_events: 7, ..Limits::default() };
    let mut worker = worker_with::<Stock>(&platform, &follower, limits);
    let mut sizes = Vec::new();
    while sizes.iter().sum::<usize>() < 50 {
        if let Outcome::Applied(messages) = step_until(&mut worker, is_applied).await.unwrap() {
            sizes.push(messages);
        }
    }
    assert!(sizes.iter().all(|size| *size <= 7), "{sizes:?}");
    for _ in 0..20 {
        platform.publish_without_kafka(&stock_stream("MUG"), received(1)).await;
    }
    platform.catch_up(&mut worker).await;
    assert_eq!(platform.text("select on_hand || ' ' || version from stock").await, "70 70");
}

#[tokio::test]
async fn a_worker_that_restarts_continues_after_its_checkpoints() {
    let (mut platform, follower, worker) = applied_receipts(10).await;
    worker.close().await;
    platform.publish_without_kafka(&stock_stream("MUG"), received(1)).await;
    let mut worker = platform.worker_of_log::<Stock>(&follower);
    let outcome = step_until(&mut worker, is_applied).await.unwrap();
    assert_eq!(outcome, Outcome::Applied(1), "only the new event is read");
    assert_eq!(platform.number("select on_hand from stock").await, 11);
}

#[tokio::test]
async fn deleted_read_models_are_derived_from_the_log_again() {
    let (mut platform, follower, worker) = applied_receipts(5).await;
    worker.close().await;
    platform.execute("truncate stock, stock_ledger, projection_checkpoints").await;
    let mut worker = platform.worker_of_log::<Stock>(&follower);
    platform.catch_up(&mut worker).await;
    assert_eq!(platform.number("select on_hand from stock").await, 5);
}

#[tokio::test]
async fn one_process_follows_a_generation_and_another_takes_over_when_it_is_gone() {
    let mut platform = platform().await;
    let (first, second) = (platform.follower(), platform.follower());
    let (mut active, mut standby) = (platform.worker_of_log::<Stock>(&first), platform.worker_of_log::<Stock>(&second));
    platform.publish_without_kafka(&stock_stream("MUG"), received(1)).await;
    platform.catch_up(&mut active).await;

    platform.publish_without_kafka(&stock_stream("MUG"), received(10)).await;
    for _ in 0..5 {
        assert_eq!(standby.step().await.unwrap(), Outcome::Idle);
    }
    assert_eq!(platform.number("select on_hand from stock").await, 1, "a worker on standby applies nothing");
    assert!(platform.health.is_ready());

    // A process that is killed loses its connections.
    drop((active, first));
    platform.catch_up(&mut standby).await;
    assert_eq!(platform.text("select on_hand || ' ' || version from stock").await, "11 2");
}

#[tokio::test]
async fn generations_of_a_process_are_locked_independently() {
    let mut platform = platform().await;
    let (first, second) = (platform.follower(), platform.follower());
    platform.publish_without_kafka(&stock_stream("MUG"), received(1)).await;
    platform.publish_without_kafka(&product_stream("MUG"), created("MUG", "Mug", 450)).await;
    let mut stock = platform.worker_of_log::<Stock>(&first);
    platform.catch_up(&mut stock).await;
    let mut products = platform.worker_of_log::<Products>(&second);
    platform.catch_up(&mut products).await;

    // The lock ends with the worker, although its process goes on.
    stock.close().await;
    platform.publish_without_kafka(&stock_stream("MUG"), received(1)).await;
    let mut stock = platform.worker_of_log::<Stock>(&second);
    platform.catch_up(&mut stock).await;
    assert_eq!(platform.number("select on_hand from stock").await, 2);
}

#[tokio::test]
async fn sums_are_exactly_once_while_processes_take_over_from_each_other() {
    let mut platform = platform().await;
    let followers = [platform.follower(), platform.follower()];
    let mut workers = followers.each_ref().map(|follower| platform.worker_of_log::<Sales>(follower));
    for number in 0..5 {
        let (id, stream) = order_at(now(), number);
        platform.publish_without_kafka(&stream, placed(id, u64::from(number))).await;
        if number % 2 == 1 {
            disconnect_projectors(&mut platform).await;
        }
        let [one, other] = &mut workers;
        let applied = async {
            while platform.is_behind(Generation::first(Sales::PROJECTION)).await {
                // A step fails when its connection was ended, or when the other worker has claimed the partitions.
                let _ = tokio::join!(one.step(), other.step());
            }
        };
        tokio::time::timeout(PATIENCE, applied).await.expect("the event is not applied");
    }
    let sums = "select sum(orders) || ' ' || sum(units_ordered) || ' ' || sum(net) from sales_quarter_hours";
    assert_eq!(platform.text(sums).await, "5 10 7500");
}

#[tokio::test]
async fn a_broken_connection_fails_a_step_and_loses_no_event() {
    let mut platform = platform().await;
    platform.publish_without_kafka(&stock_stream("MUG"), received(1)).await;
    let follower = platform.follower();
    let mut worker = platform.worker_of_log::<Stock>(&follower);
    platform.catch_up(&mut worker).await;

    disconnect_projectors(&mut platform).await;
    step_until(&mut worker, |outcome| matches!(outcome, Err(StepError::Feed(_)))).await.unwrap_err();
    platform.publish_without_kafka(&stock_stream("MUG"), received(10)).await;
    catch_up_after_failures(&mut platform, &mut worker).await;
    assert_eq!(platform.number("select on_hand from stock").await, 11);
    worker.audit().await.unwrap();
    assert!(platform.health.is_ready());
}

#[tokio::test]
async fn kafka_is_no_component_of_the_health_report() {
    let mut platform = platform().await;
    let follower = platform.follower();
    let mut worker = platform.worker_of_log::<Stock>(&follower);
    platform.publish_without_kafka(&stock_stream("MUG"), received(1)).await;
    platform.catch_up(&mut worker).await;
    let report = platform.health.report();
    assert!(report.components.iter().all(|component| component.name != "kafka"), "{report:?}");
    assert!(platform.health.is_ready());
}

#[tokio::test]
async fn a_log_without_a_relay_is_not_followed_yet() {
    let mut platform = Platform::new().await;
    let follower = platform.follower();
    let mut worker = platform.worker_of_log::<Stock>(&follower);
    let waiting = step_until(&mut worker, Result::is_err).await.unwrap_err().to_string();
    assert!(waiting.contains("no relay has recorded the partitions of category stock"), "{waiting}");
    platform.record_all_partitions().await;
    platform.publish_without_kafka(&stock_stream("MUG"), received(1)).await;
    catch_up_after_failures(&mut platform, &mut worker).await;
    assert_eq!(platform.number("select on_hand from stock").await, 1);
}

#[tokio::test]
async fn the_first_event_of_a_new_category_is_applied() {
    let mut platform = platform().await;
    platform.execute("delete from relay_partitions where category = 'product'").await;
    let follower = platform.follower();
    let mut stock = platform.worker_of_log::<Stock>(&follower);
    platform.publish_without_kafka(&stock_stream("MUG"), received(1)).await;
    platform.catch_up(&mut stock).await;
    // A newer command-service adds a category.
    platform.record_partitions(Category::Product).await;
    platform.publish_without_kafka(&product_stream("MUG"), created("MUG", "Mug", 450)).await;
    platform.publish_without_kafka(&stock_stream("MUG"), received(1)).await;
    let mut products = platform.worker_of_log::<Products>(&follower);
    catch_up_after_failures(&mut platform, &mut products).await;
    catch_up_after_failures(&mut platform, &mut stock).await;
    let counts = "select (select count(*) from products) || ' ' || (select on_hand from stock)";
    assert_eq!(platform.text(counts).await, "1 2");
}

#[tokio::test]
async fn an_event_that_cannot_be_decoded_parks_only_its_stream() {
    let mut platform = platform().await;
    let (bad, good) = (stock_stream("BAD"), stock_stream("GOOD"));
    platform.publish_without_kafka(&bad, received(1)).await;
    let unreadable = platform.append_raw(now(), &bad, "StockImagined", "{}").await;
    platform.lose(&unreadable).await;
    platform.publish_without_kafka(&bad, received(100)).await;
    platform.publish_without_kafka(&good, received(5)).await;
    let follower = platform.follower();
    let mut worker = platform.worker_of_log::<Stock>(&follower);
    platform.catch_up(&mut worker).await;
    assert_eq!(platform.text("select string_agg(sku || on_hand, ' ' order by sku) from stock").await, "BAD1 GOOD5");
    let parked = "select stream_id || ' ' || position || ' ' || reason from parked_streams";
    let expected = "stock-BAD@main 2 event type `StockImagined` is unknown to this build";
    assert_eq!(platform.text(parked).await, expected);
}

#[tokio::test]
async fn an_event_whose_metadata_cannot_be_read_parks_only_its_stream() {
    let mut platform = platform().await;
    let follower = platform.follower();
    let mut worker = platform.worker_of_log::<Stock>(&follower);
    for name in ["BAD", "GOOD"] {
        platform.append(&stock_stream(name), received(1)).await;
    }
    let unreadable = "update events set metadata = '{\"occurred_at\":7}' where stream_id like 'stock-BAD@%'";
    platform.change_log(unreadable).await;
    for name in ["BAD", "GOOD"] {
        platform.publish_without_kafka(&stock_stream(name), received(10)).await;
    }
    platform.catch_up(&mut worker).await;
    assert_eq!(platform.text("select sku || on_hand from stock").await, "GOOD11");
    let expected = "stock-BAD@main: the metadata of the event cannot be read (line 1, column 16)";
    assert_eq!(platform.text("select stream_id || ': ' || reason from parked_streams").await, expected);
}

#[tokio::test]
async fn an_event_of_a_stream_that_this_build_does_not_know_stops_only_its_category() {
    let mut platform = platform().await;
    let follower = platform.follower();
    let (mut stock, mut products) =
        (platform.worker_of_log::<Stock>(&follower), platform.worker_of_log::<Products>(&follower));
    let renamed = |event: &Recorded, id: &str| {
        format!("update events set stream_id = '{id}' where position = {}", event.position.0)
    };
    // A newer build writes streams of a new category, and streams of a known category with ids of a new form.
    let other_category = platform.append(&stock_stream("MUG"), received(1)).await;
    platform.change_log(&renamed(&other_category, "planet-earth")).await;
    platform.publish_without_kafka(&stock_stream("CUP"), received(5)).await;
    platform.catch_up(&mut stock).await;
    assert_eq!(platform.text("select sku || on_hand from stock").await, "CUP5");

    let other_form = platform.append(&stock_stream("MUG"), received(1)).await;
    platform.change_log(&renamed(&other_form, "stock-no location")).await;
    platform.lose(&other_form).await;
    platform.publish_without_kafka(&product_stream("MUG"), created("MUG", "Mug", 450)).await;
    platform.catch_up(&mut products).await;
    assert_eq!(platform.number("select count(*) from products").await, 1);
    let stopped = async {
        loop {
            stock.audit().await.unwrap();
            if let Err(stopped) = stock.step().await {
                return stopped.to_string();
            }
        }
    };
    let stopped = tokio::time::timeout(PATIENCE, stopped).await.unwrap();
    assert!(stopped.contains("`stock-no location` is not a stream id"), "{stopped}");
}

#[tokio::test]
async fn a_projection_that_is_ahead_of_a_restored_log_stops() {
    let (mut platform, follower, worker) = applied_receipts(3).await;
    worker.close().await;
    platform.change_log("delete from events where position = 3; update log_head set position = 2").await;
    let mut worker = platform.worker_of_log::<Stock>(&follower);
    let stopped = step_until(&mut worker, Result::is_err).await.unwrap_err();
    assert!(matches!(stopped, StepError::AheadOfLog { position: Position(3), .. }), "{stopped}");
    assert!(!platform.health.is_ready());
}

#[tokio::test]
async fn a_log_that_is_restored_while_it_is_followed_stops_the_projection() {
    let (mut platform, _follower, mut worker) = applied_receipts(3).await;
    // The third event was lost, and the next incarnation has written another one at its position.
    platform.change_log("update events set incarnation = 2 where position = 3").await;
    platform.execute("update relay_checkpoint set incarnation = 2").await;
    platform.publish_without_kafka(&stock_stream("MUG"), received(1)).await;
    let is_ahead = |outcome: &Result<Outcome, StepError>| matches!(outcome, Err(StepError::AheadOfLog { .. }));
    let stopped = step_until(&mut worker, is_ahead).await.unwrap_err();
    assert!(matches!(stopped, StepError::AheadOfLog { position: Position(3), .. }), "{stopped}");
    assert_eq!(platform.number("select on_hand from stock").await, 3);
}

#[tokio::test]
async fn the_next_incarnation_of_a_complete_log_is_applied() {
    let mut platform = platform().await;
    platform.publish_without_kafka(&stock_stream("MUG"), received(1)).await;
    let follower = platform.follower();
    let mut worker = platform.worker_of_log::<Stock>(&follower);
    platform.catch_up(&mut worker).await;
    platform.append(&stock_stream("MUG"), received(10)).await;
    let last = platform.append(&stock_stream("MUG"), received(100)).await;
    platform.change_log("update events set incarnation = 2 where position > 1").await;
    platform.execute("update relay_checkpoint set incarnation = 2").await;
    platform.lose(&last).await;
    catch_up_after_failures(&mut platform, &mut worker).await;
    assert_eq!(platform.text("select on_hand || ' ' || incarnation from stock").await, "111 2");
}

#[tokio::test]
async fn the_feed_can_be_changed_in_both_directions_without_loss_and_repetition() {
    let mut platform = platform().await;
    let follower = platform.follower();
    let mut number = 0;
    let mut next_order = || {
        number += 1;
        let (id, stream) = order_at(now(), number);
        (stream, placed(id, u64::from(number)))
    };
    for _ in 0..3 {
        // Without Kafka. The last orders are published, but not applied when the mode changes.
        let mut worker = platform.worker_of_log::<Sales>(&follower);
        for _ in 0..4 {
            let (stream, event) = next_order();
            platform.publish_without_kafka(&stream, event).await;
        }
        platform.catch_up(&mut worker).await;
        worker.close().await;
        for _ in 0..2 {
            let (stream, event) = next_order();
            platform.publish_without_kafka(&stream, event).await;
        }
        // With Kafka, whose topics lack all events that were recorded without it.
        let mut worker = platform.worker::<Sales>();
        for _ in 0..4 {
            let (stream, event) = next_order();
            platform.publish(&stream, event).await;
        }
        let caught_up = async {
            while platform.is_behind(Generation::first(Sales::PROJECTION)).await {
                worker.audit().await.unwrap();
                worker.step().await.unwrap();
            }
        };
        tokio::time::timeout(PATIENCE, caught_up).await.expect("the worker does not catch up");
        worker.close().await;
        for _ in 0..2 {
            let (stream, event) = next_order();
            platform.publish(&stream, event).await;
        }
    }
    let mut worker = platform.worker_of_log::<Sales>(&follower);
    platform.catch_up(&mut worker).await;
    let sums = "select sum(orders) || ' ' || sum(units_ordered) || ' ' || sum(net) from sales_quarter_hours";
    assert_eq!(platform.text(sums).await, "36 72 54000");
    assert_eq!(platform.number("select count(*) from parked_streams").await, 0);
}

#[tokio::test]
async fn republished_events_are_applied_once() {
    let mut platform = platform().await;
    let follower = platform.follower();
    let mut worker = platform.worker_of_log::<Sales>(&follower);
    let mut events = Vec::new();
    for number in 0..5 {
        let (id, stream) = order_at(now(), number);
        let previous = platform.previous_of(&stream);
        events.push((platform.publish_without_kafka(&stream, placed(id, u64::from(number))).await, previous));
    }
    platform.catch_up(&mut worker).await;
    worker.close().await;
    let mut worker = platform.worker::<Sales>();
    for (event, previous) in &events {
        platform.send_again(event, *previous).await;
    }
    let (id, stream) = order_at(now(), 5);
    platform.publish(&stream, placed(id, 5)).await;
    platform.catch_up(&mut worker).await;
    assert_eq!(platform.number("select sum(orders)::bigint from sales_days").await, 6);
}
