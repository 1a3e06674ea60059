//! Two workers have the same partition assigned: only the worker with the last claim writes.

use projector::projections::Stock;
use projector::step::{Outcome, StepError};
use projector::worker::Worker;

use crate::platform::{Platform, step_until};
use crate::samples::*;

/// A worker in its own consumer group, so that Kafka assigns all partitions to it.
fn worker_in_group(platform: &Platform, name: &str) -> Worker<Stock> {
    let mut feed = platform.feed();
    feed.group += name;
    platform.worker_with(feed, None)
}

fn has_applied(outcome: &Result<Outcome, StepError>) -> bool {
    matches!(outcome, Ok(Outcome::Applied(_)))
}

fn is_claim_lost(outcome: &Result<Outcome, StepError>) -> bool {
    matches!(outcome, Err(StepError::ClaimLost))
}

#[tokio::test]
async fn a_worker_whose_partition_was_claimed_writes_nothing() {
    let mut platform = Platform::new().await;
    platform.publish(&stock_stream("MUG"), received(1)).await;
    let (mut old, mut new) = (worker_in_group(&platform, "-old"), worker_in_group(&platform, "-new"));
    step_until(&mut old, has_applied).await.unwrap();
    step_until(&mut new, has_applied).await.unwrap();

    platform.publish(&stock_stream("MUG"), received(10)).await;
    step_until(&mut old, is_claim_lost).await.unwrap_err();
    assert_eq!(platform.number("select on_hand from stock").await, 1);
    platform.catch_up(&mut new).await;
    assert_eq!(platform.number("select on_hand from stock").await, 11);
}

#[tokio::test]
async fn two_workers_that_keep_claiming_the_same_partitions_apply_everything_once() {
    let mut platform = Platform::new().await;
    let (mut one, mut other) = (worker_in_group(&platform, "-one"), worker_in_group(&platform, "-other"));
    for round in 0..30 {
        platform.publish(&stock_stream("MUG"), received(1)).await;
        let worker = if round % 2 == 0 { &mut one } else { &mut other };
        let applied = async {
            while platform.number("select coalesce(max(version), 0)::bigint from stock").await <= round {
                // A step fails when it finds that the other worker has claimed the partition.
                let _ = worker.step().await;
            }
        };
        tokio::time::timeout(testbed::PATIENCE, applied).await.expect("the event is not applied");
    }
    assert_eq!(platform.number("select on_hand from stock").await, 30);
    assert_eq!(platform.number("select count(*) from stock_ledger").await, 30);
    assert_eq!(platform.number("select version::bigint from stock").await, 30);
}

#[tokio::test]
async fn workers_of_one_group_share_the_partitions() {
    let mut platform = Platform::new().await;
    let (mut one, mut other) = (platform.worker::<Stock>(), platform.worker::<Stock>());
    for number in 0..60 {
        platform.publish(&stock_stream(&format!("MUG-{number}")), received(1)).await;
    }
    let both = async {
        while platform.number("select count(*) from stock").await < 60 {
            let (first, second) = tokio::join!(one.step(), other.step());
            for lost in [first, second].into_iter().filter_map(Result::err) {
                assert!(matches!(lost, StepError::ClaimLost), "{lost}");
            }
        }
    };
    tokio::time::timeout(testbed::PATIENCE, both).await.unwrap();
    assert_eq!(platform.number("select count(*) from stock where on_hand = 1").await, 60);
}
