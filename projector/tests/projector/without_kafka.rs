//! The log is projected without Kafka.

use events::Position;
use projector::log_projector::LogProjector;
use projector::projections::Stock;

use crate::platform::{PARTITIONS, Platform, now};
use crate::samples::*;

async fn log_projector(platform: &Platform) -> LogProjector {
    LogProjector::open(&platform.database(), PARTITIONS).await.unwrap()
}

#[tokio::test]
async fn all_projections_are_applied_up_to_a_position() {
    let mut platform = Platform::new().await;
    let (id, order) = order_at(now(), 1);
    platform.append(&product_stream("MUG"), created("MUG", "Mug", 450)).await;
    platform.append(&stock_stream("MUG"), received(5)).await;
    platform.append(&order, placed(id, 1)).await;
    platform.append(&stock_stream("MUG"), received(10)).await;
    let projector = log_projector(&platform).await;
    // The order is applied to six projections, the receipt to three.
    assert_eq!(projector.apply_all(Position(3)).await.unwrap(), 10);
    let counts =
        "select (select count(*) from products) || ' ' || (select on_hand from stock) || ' ' || payment from orders";
    assert_eq!(platform.text(counts).await, "1 5 unpaid");
    assert_eq!(projector.apply_all(Position(4)).await.unwrap(), 3);
    assert_eq!(platform.number("select on_hand from stock").await, 15);
    assert_eq!(projector.apply_all(Position(4)).await.unwrap(), 0);
}

#[tokio::test]
async fn only_the_partition_of_a_stream_is_applied() {
    let mut platform = Platform::new().await;
    let mug = stock_stream("MUG");
    let mut names = (0..).map(|number| stock_stream(&format!("CUP-{number}")));
    let cup = names.find(|stream| platform.partition_of(stream) != platform.partition_of(&mug)).unwrap();
    platform.append(&mug, received(1)).await;
    platform.append(&cup, received(2)).await;
    let projector = log_projector(&platform).await;
    assert_eq!(projector.apply_stream(&cup, Position(2)).await.unwrap(), 3);
    assert_eq!(platform.number("select sum(on_hand)::bigint from stock").await, 2);
    assert_eq!(projector.apply_stream(&mug, Position(2)).await.unwrap(), 3);
    assert_eq!(platform.number("select sum(on_hand)::bigint from stock").await, 3);
}

#[tokio::test]
async fn a_worker_continues_after_the_log_was_projected_without_kafka() {
    let mut platform = Platform::new().await;
    let first = platform.append(&stock_stream("MUG"), received(1)).await;
    log_projector(&platform).await.apply_all(Position(1)).await.unwrap();
    platform.send(&first).await;
    platform.publish(&stock_stream("MUG"), received(2)).await;
    let mut worker = platform.worker::<Stock>();
    platform.catch_up(&mut worker).await;
    assert_eq!(platform.number("select on_hand from stock").await, 3);
    assert_eq!(platform.number("select count(*) from stock_ledger").await, 2);
}
