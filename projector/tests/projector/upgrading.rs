//! Upgrades to a build with higher versions of projections.

use std::sync::Arc;

use projector::operate::{Done, Operation, operate};
use projector::rebuild::progress::Progress;
use projector::upgrade::{OtherVersion, list};
use read_model::{Generation, Projection};

use crate::operations::*;
use crate::platform::{Platform, now};
use crate::samples::*;

const OLDER: &str = "update projection_generations set version = 0 where projection = 'orders'";
const NEWER: &str = "update projection_generations set version = 9 where projection = 'orders'";
const FIRST: Generation = Generation::first(Projection::ORDERS);

/// A log whose orders were projected by a build with another version, which has stopped; one more order was placed since.
async fn projected_by(build: &'static str) -> Platform {
    let mut platform = with_history().await;
    platform.execute(build).await;
    let (id, stream) = order_at(now(), 250);
    platform.publish(&stream, placed(id, 250)).await;
    platform
}

async fn upgrade(platform: &Platform) -> Generation {
    let operation = Operation::Upgrade(rebuild_options(platform), Arc::new(Progress::default()));
    match operate(Projection::ORDERS.name(), operation).await.unwrap() {
        Done::Upgraded(live) => live,
        other => panic!("{other:?}"),
    }
}

async fn is_upgraded(platform: &mut Platform) {
    assert_eq!(list(&platform.database()).await.unwrap(), []);
    let states = "select generation || ' ' || state from projection_generations where projection = 'orders' order by 1";
    assert_eq!(platform.texts(states).await, ["1 retained", "2 live"]);
    assert_eq!(platform.number("select count(*) from public.orders where code = 'SON000250'").await, 1);
    assert!(verify(platform, Projection::ORDERS, Some(2)).await.is_equal());
}

#[tokio::test]
async fn a_live_generation_with_an_older_version_is_replaced_by_one_that_contains_the_whole_log() {
    let mut platform = projected_by(OLDER).await;
    let found = list(&platform.database()).await.unwrap();
    assert_eq!(found, [OtherVersion { live: FIRST, version: 0, build: 2 }]);
    assert!(found[0].is_older());
    assert_eq!(upgrade(&platform).await.number, 2);
    is_upgraded(&mut platform).await;
}

#[tokio::test]
async fn an_interrupted_upgrade_is_continued() {
    let mut platform = projected_by(OLDER).await;
    kill_after_first_step(Projection::ORDERS, rebuild_options(&platform)).await;
    continue_rebuild(Projection::ORDERS, rebuild_options(&platform)).await.unwrap();
    // An order that arrives after the rebuild and before the promotion.
    let (id, stream) = order_at(now(), 251);
    platform.publish(&stream, placed(id, 251)).await;
    assert_eq!(upgrade(&platform).await.number, 2, "the rebuilt generation is used");
    is_upgraded(&mut platform).await;
    assert_eq!(platform.number("select count(*) from public.orders where code = 'SON000251'").await, 1);
}

#[tokio::test]
async fn a_live_generation_of_a_newer_build_is_not_older() {
    let platform = projected_by(NEWER).await;
    let found = list(&platform.database()).await.unwrap();
    assert_eq!(found, [OtherVersion { live: FIRST, version: 9, build: 2 }]);
    assert!(!found[0].is_older());
}
