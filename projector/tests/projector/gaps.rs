//! Events that Kafka does not deliver are read from the log.

use events::{Category, Position, Version};
use projector::projections::Stock;
use projector::step::{Outcome, StepError};
use projector::store::Store;
use projector::store::log::{self, PageLimit};
use rdkafka::consumer::{BaseConsumer, CommitMode, Consumer};
use rdkafka::message::{Header, OwnedHeaders};
use rdkafka::{ClientConfig, Offset, TopicPartitionList};
use read_model::{Generation, Projection};
use testbed::PATIENCE;

use crate::platform::{PARTITIONS, Platform, now, step_until};
use crate::samples::*;

fn is_read_from_log(outcome: &Result<Outcome, StepError>) -> bool {
    matches!(outcome, Ok(Outcome::ReadFromLog(_)))
}

#[tokio::test]
async fn a_gap_is_filled_from_the_log() {
    let mut platform = Platform::new().await;
    platform.publish(&stock_stream("MUG"), received(1)).await;
    for _ in 0..3 {
        let lost = platform.append(&stock_stream("MUG"), received(10)).await;
        platform.lose(&lost).await;
    }
    platform.publish(&stock_stream("MUG"), received(100)).await;
    let mut worker = platform.worker::<Stock>();
    let read = step_until(&mut worker, is_read_from_log).await.unwrap();
    assert_eq!(read, Outcome::ReadFromLog(3));
    platform.catch_up(&mut worker).await;
    assert_eq!(platform.number("select on_hand from stock").await, 131);
}

#[tokio::test]
async fn a_gap_is_filled_with_events_of_its_partition_only() {
    let mut platform = Platform::new().await;
    for number in 0..50 {
        let event = platform.append(&stock_stream(&format!("MUG-{number}")), received(1)).await;
        platform.lose(&event).await;
    }
    for number in 0..50 {
        platform.publish(&stock_stream(&format!("MUG-{number}")), received(1)).await;
    }
    let mut worker = platform.worker::<Stock>();
    platform.catch_up(&mut worker).await;
    assert_eq!(platform.number("select count(*) from stock where on_hand = 2 and version = 2").await, 50);
    assert_eq!(platform.number("select count(*) from parked_streams").await, 0);
}

#[tokio::test]
async fn an_invalid_message_is_replaced_from_the_log() {
    let mut platform = Platform::new().await;
    platform.publish(&stock_stream("MUG"), received(1)).await;
    let without_headers = platform.append(&stock_stream("MUG"), received(10)).await;
    platform.send_garbage(&without_headers, OwnedHeaders::new()).await;
    let with_wrong_headers = platform.append(&stock_stream("MUG"), received(100)).await;
    let headers = OwnedHeaders::new().insert(Header { key: "ce_position", value: Some("first") });
    platform.send_garbage(&with_wrong_headers, headers).await;
    platform.publish(&stock_stream("MUG"), received(1000)).await;
    let mut worker = platform.worker::<Stock>();
    platform.catch_up(&mut worker).await;
    assert_eq!(platform.number("select on_hand from stock").await, 1111);
}

#[tokio::test]
async fn an_invalid_last_message_is_replaced_at_the_next_audit() {
    let mut platform = Platform::new().await;
    let event = platform.append(&stock_stream("MUG"), received(10)).await;
    platform.send_garbage(&event, OwnedHeaders::new()).await;
    let mut worker = platform.worker::<Stock>();
    step_until(&mut worker, |outcome| matches!(outcome, Ok(Outcome::Applied(1)))).await.unwrap();
    worker.audit().await.unwrap();
    platform.catch_up(&mut worker).await;
    assert_eq!(platform.number("select on_hand from stock").await, 10);
}

#[tokio::test]
async fn published_events_that_kafka_does_not_deliver_are_read_at_a_later_audit() {
    let mut platform = Platform::new().await;
    platform.publish(&stock_stream("MUG"), received(1)).await;
    let mut worker = platform.worker::<Stock>();
    platform.catch_up(&mut worker).await;
    let lost = platform.append(&stock_stream("MUG"), received(10)).await;
    platform.lose(&lost).await;

    worker.audit().await.unwrap();
    assert_eq!(worker.step().await.unwrap(), Outcome::Idle, "Kafka may still deliver the event");
    let audit_again = async {
        // An audit changes nothing until the Kafka client knows that it has received all messages.
        loop {
            worker.audit().await.unwrap();
            match worker.step().await.unwrap() {
                Outcome::Idle => {}
                outcome => return outcome,
            }
        }
    };
    assert_eq!(tokio::time::timeout(PATIENCE, audit_again).await.unwrap(), Outcome::ReadFromLog(1));
    assert_eq!(platform.number("select on_hand from stock").await, 11);
}

#[tokio::test]
async fn deleted_read_models_are_rebuilt_from_the_log() {
    let mut platform = Platform::new().await;
    for _ in 0..5 {
        platform.publish(&stock_stream("MUG"), received(1)).await;
    }
    let mut worker = platform.worker::<Stock>();
    platform.catch_up(&mut worker).await;
    worker.close().await;
    platform.execute("truncate stock, stock_ledger, projection_checkpoints").await;
    platform.publish(&stock_stream("MUG"), received(1)).await;
    let mut worker = platform.worker::<Stock>();
    let read = step_until(&mut worker, is_read_from_log).await.unwrap();
    assert_eq!(read, Outcome::ReadFromLog(5), "the offsets of the group are after these events");
    platform.catch_up(&mut worker).await;
    assert_eq!(platform.number("select on_hand from stock").await, 6);
}

#[tokio::test]
async fn a_worker_continues_if_kafka_no_longer_has_its_offsets() {
    let mut platform = Platform::new().await;
    platform.publish(&stock_stream("MUG"), received(1)).await;
    commit_offsets_beyond_the_end(&platform);
    let mut worker = platform.worker::<Stock>();
    step_until(&mut worker, |outcome| matches!(outcome, Err(StepError::Feed(_)))).await.unwrap_err();
    platform.catch_up(&mut worker).await;
    assert_eq!(platform.number("select on_hand from stock").await, 1);
}

fn commit_offsets_beyond_the_end(platform: &Platform) {
    let group = platform.feed().group_of(Generation::first(Projection::STOCK));
    let consumer: BaseConsumer = ClientConfig::new()
        .set("bootstrap.servers", platform.bed.kafka_brokers().unwrap())
        .set("group.id", group)
        .create()
        .unwrap();
    let mut offsets = TopicPartitionList::new();
    for partition in 0..PARTITIONS {
        let topic = format!("{}stock.v1", platform.bed.topic_prefix());
        offsets.add_partition_offset(&topic, partition, Offset::Offset(1_000)).unwrap();
    }
    consumer.commit(&offsets, CommitMode::Sync).unwrap();
}

#[tokio::test]
async fn an_event_that_is_missing_in_the_log_stops_the_projection() {
    let mut platform = Platform::new().await;
    let event = platform.append(&stock_stream("MUG"), received(1)).await;
    platform.send_again(&event, Position(0)).await;
    let mut later = platform.append(&stock_stream("MUG"), received(1)).await;
    later.position = Position(900);
    platform.send_again(&later, Position(800)).await;
    let mut worker = platform.worker::<Stock>();
    let stopped = step_until(&mut worker, Result::is_err).await.unwrap_err();
    assert!(matches!(stopped, StepError::AheadOfLog { position: Position(800), .. }), "{stopped}");
    assert!(!platform.health.is_ready());
    assert_eq!(platform.number("select on_hand from stock").await, 2, "the events of the log are applied");
}

#[tokio::test]
async fn a_page_of_the_log_is_limited_in_bytes() {
    let mut platform = Platform::new().await;
    let payload = format!(r#"{{"quantity":1,"reference":"{}"}}"#, "x".repeat(1000));
    for _ in 0..10 {
        platform.append_raw(now(), &stock_stream("MUG"), "StockReceived", &payload).await;
        platform.append(&product_stream("MUG"), price_changed(500)).await;
    }
    let mut store = Store::new(&platform.database(), Generation::first(Projection::STOCK)).unwrap();
    let connection = store.connection().await.unwrap();
    let mut after = Position::ZERO;
    let mut pages = Vec::new();
    loop {
        let limit = PageLimit { events: 100, bytes: 3_000 };
        let read = log::list_events(connection, Category::Stock, after, Position(20), limit).await.unwrap();
        pages.push(read.events.len());
        let Some(last) = read.events.last().filter(|_| read.has_more) else { break };
        after = last.event.position;
    }
    assert_eq!(pages, [3, 3, 3, 1]);
    let few = PageLimit { events: 4, bytes: usize::MAX >> 1 };
    let read = log::list_stream(connection, &stock_stream("MUG"), Version(2), Position(15), few).await.unwrap();
    let versions: Vec<_> = read.events.iter().map(|logged| logged.event.version.0).collect();
    assert_eq!((versions, read.has_more), (vec![3, 4, 5, 6], true));
    let read = log::list_stream(connection, &stock_stream("MUG"), Version(6), Position(15), few).await.unwrap();
    assert_eq!((read.events.len(), read.has_more), (2, false));
}
